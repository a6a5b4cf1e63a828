//! Functions of one number, in units in the last place.

use super::dense::{ACTIVATION_ULP, reference};
use crate::bound::ulp;
use crate::shapes::Edges;
use crate::tally::Tally;
use lanegrad::{Activation, Backend, Isa};
use lanegrad_kernels::elementwise::{Map, MapInPlace};
use lanegrad_kernels::math;
use lanegrad_kernels::simd::Simd;

/// Every 1,009th of all 2³² floats, and all floats of this many around each boundary.
const STRIDE: usize = 1009;
const AROUND: u32 = 10_000;

/// Where a function changes its method, saturates, or its argument is special.
const BOUNDARIES: [f32; 16] = [
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
    f32::MAX,
];

/// `eˣ`, on which the others rest; it is not an activation function of the API.
#[derive(Clone, Copy)]
struct Exp;

impl Map for Exp {
    #[inline(always)]
    fn apply<S: Simd>(self, simd: S, x: S::V) -> S::V {
        math::exp(simd, x)
    }
}

pub(super) fn exp(isa: Isa, tally: &mut Tally) {
    function(isa, &mut |x| isa.run(MapInPlace { map: Exp, x }), &f64::exp, tally);
}

pub(super) fn sigmoid(isa: Isa, tally: &mut Tally) {
    by_name(isa, Activation::Sigmoid, tally);
}

pub(super) fn tanh(isa: Isa, tally: &mut Tally) {
    by_name(isa, Activation::Tanh, tally);
}

/// Exactly right, NaN included.
pub(super) fn relu(isa: Isa, tally: &mut Tally) {
    let backend = Backend::with_isa(isa);
    let expected = |x: f32| if x > 0.0 || x.is_nan() { x } else { 0.0 };
    for x in inputs() {
        let mut found = x.clone();
        Activation::Relu.apply(&backend, &mut found);
        for (&x, found) in x.iter().zip(found) {
            tally.same(found + 0.0, expected(x), || format!("at {x:e}"));
        }
    }
}

fn by_name(isa: Isa, activation: Activation, tally: &mut Tally) {
    let backend = Backend::with_isa(isa);
    function(isa, &mut |x| activation.apply(&backend, x), &|x| reference(activation).value(x), tally);
}

/// Within [`ACTIVATION_ULP`] everywhere; special values in every lane of every tail; the neighbours do not matter.
fn function(isa: Isa, apply: &mut dyn FnMut(&mut [f32]), expected: &dyn Fn(f64) -> f64, tally: &mut Tally) {
    let mut compare = |x: f32, found: f32, place: &dyn Fn() -> String| {
        let expected = expected(x.into());
        // What rounds to infinity is infinite.
        let expected = if (expected as f32).is_infinite() { f64::from(expected as f32) } else { expected };
        tally.within(found.into(), expected, ACTIVATION_ULP * ulp(expected), || format!("at {x:e}{}", place()));
    };
    for x in inputs() {
        let mut found = x.clone();
        apply(&mut found);
        for (&x, found) in x.iter().zip(found) {
            compare(x, found, &String::new);
        }
    }
    for special in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0, 1e-45, -1e-45, 200.0, -200.0, f32::MIN] {
        for len in 1..=2 * Edges::of(isa).lanes + 1 {
            for at in 0..len {
                let mut x = vec![0.75; len];
                x[at] = special;
                let mut found = x.clone();
                apply(&mut found);
                for (i, (&x, found)) in x.iter().zip(found).enumerate() {
                    compare(x, found, &|| format!(", number {i} of {len} with {special:e} at {at}"));
                }
            }
        }
    }
}

/// The strided subset, then the boundaries' surroundings, of either sign, in parts that fit the cache.
fn inputs() -> impl Iterator<Item = Vec<f32>> {
    let strided = (0..=u32::MAX).step_by(STRIDE).map(f32::from_bits);
    let boundaries = BOUNDARIES.into_iter().flat_map(|boundary| {
        let bits = boundary.to_bits();
        (bits.saturating_sub(AROUND)..=bits + AROUND).flat_map(|bits| [f32::from_bits(bits), -f32::from_bits(bits)])
    });
    let mut all = strided.chain(boundaries);
    core::iter::from_fn(move || {
        let part: Vec<f32> = all.by_ref().take(4099).collect();
        (!part.is_empty()).then_some(part)
    })
}
