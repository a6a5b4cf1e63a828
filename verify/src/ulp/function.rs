//! A function as it should be; those of the library, with its kernels.

use crate::reference;
use crate::training::name::ACTIVATIONS;
use lanegrad::Backend;
use lanegrad_kernels::elementwise::{Map, MapInPlace};
use lanegrad_kernels::math;
use lanegrad_kernels::simd::Simd;

/// The largest error that a function may have, in ULP.
pub const LIMIT: f64 = 2.0;

/// A function as it should be.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// f in f64, for NaN and infinities too.
    pub exact: fn(f64) -> f64,
    /// Whether it rises everywhere, or at least never falls.
    pub rises: bool,
    /// What f(−x) has to do with f(x).
    pub symmetry: Symmetry,
    /// The smallest and the largest value.
    pub range: [f32; 2],
    /// Magnitudes where the method changes, the result saturates, or the argument is special.
    pub boundaries: &'static [f32],
}

/// What f(−x) has to do with f(x).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Symmetry {
    /// Nothing.
    None,
    /// `f(−x) = −f(x)`, to the last bit.
    Odd,
    /// `f(−x) + f(x) = 1`, as exactly as f is: of f(x) ≥ ½ and f(−x) < ½, an error of [`LIMIT`] ULP is that and half that
    /// in ULP of the former.
    SumIsOne,
}

/// Where the library's functions change their method or saturate, and special magnitudes.
const BOUNDARIES: &[f32] = &[
    0.0,
    1e-45,
    f32::MIN_POSITIVE,
    1e-8,
    0.346_573_6,
    0.625,
    1.0,
    8.5,
    9.01,
    17.33,
    44.0,
    88.72,
    89.0,
    103.97,
    104.0,
    16_777_216.0,
    f32::MAX,
];

/// The library's functions of one number.
pub const FUNCTIONS: [Function; 5] = [EXP, SIGMOID, TANH, SOFTSIGN, RELU];

/// `eˣ`, on which the others rest; it is not an activation function of the API.
pub const EXP: Function = Function {
    name: "exp",
    exact: f64::exp,
    rises: true,
    symmetry: Symmetry::None,
    range: [0.0, f32::INFINITY],
    boundaries: BOUNDARIES,
};

/// `1/(1 + e⁻ˣ)`
pub const SIGMOID: Function = Function {
    name: "sigmoid",
    exact: |x| reference::Activation::Sigmoid.value(x),
    rises: true,
    symmetry: Symmetry::SumIsOne,
    range: [0.0, 1.0],
    boundaries: BOUNDARIES,
};

/// `tanh x`
pub const TANH: Function = Function {
    name: "tanh",
    exact: |x| reference::Activation::Tanh.value(x),
    rises: true,
    symmetry: Symmetry::Odd,
    range: [-1.0, 1.0],
    boundaries: BOUNDARIES,
};

/// `x/(1 + |x|)`
pub const SOFTSIGN: Function = Function {
    name: "softsign",
    exact: |x| reference::Activation::Softsign.value(x),
    rises: true,
    symmetry: Symmetry::Odd,
    range: [-1.0, 1.0],
    boundaries: BOUNDARIES,
};

/// `x > 0 ? x : 0`; −0 stays −0.
pub const RELU: Function = Function {
    name: "relu",
    exact: |x| if x < 0.0 { 0.0 } else { x },
    rises: true,
    symmetry: Symmetry::None,
    range: [0.0, f32::INFINITY],
    boundaries: BOUNDARIES,
};

/// `eˣ` as a map.
#[derive(Clone, Copy)]
struct Exp;

impl Map for Exp {
    #[inline(always)]
    fn apply<S: Simd>(self, simd: S, x: S::V) -> S::V {
        math::exp(simd, x)
    }
}

impl Function {
    /// The library's kernel of that name on a backend.
    ///
    /// # Panics
    /// When the library has none.
    pub fn kernel(&self, backend: Backend) -> impl Fn(&mut [f32]) + Sync + use<> {
        let activation = ACTIVATIONS.iter().find(|(name, _)| *name == self.name).map(|(_, activation)| *activation);
        assert!(activation.is_some() || self.name == EXP.name, "the library has no {}", self.name);
        move |x| match activation {
            None => backend.isa().run(MapInPlace { map: Exp, x }),
            Some(activation) => activation.apply(&backend, x),
        }
    }
}
