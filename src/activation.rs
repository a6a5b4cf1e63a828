//! Activation functions by name.

/// The activation function h of a layer.
///
/// | h | h(a) | h'(a), from z = h(a) |
/// |---|---|---|
/// | identity | a | 1 |
/// | sigmoid | 1/(1 + e⁻ᵃ) | z(1 − z) |
/// | tanh | tanh a | 1 − z² |
/// | softsign | a/(1 + \|a\|) | (1 − \|z\|)² |
/// | ReLU | a < 0 ? 0 : a | z ≤ 0 ? 0 : 1 |
///
/// Source of softsign: Bergstra et al. 2009; Glorot & Bengio 2010.
///
/// All take every `f32`; NaN passes. Of ReLU follows: −0 stays −0, ReLU'(±0) = 0, and the derivative of a unit whose output is NaN
/// is 1. A delta is 0 where ReLU' is 0, whatever it was; where sigmoid', tanh' or softsign' is 0, `∞·0` is NaN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Activation {
    /// `h(a) = a`
    Identity,
    /// `h(a) = 1 / (1 + e⁻ᵃ)`
    Sigmoid,
    /// `h(a) = tanh a`
    Tanh,
    /// `h(a) = a / (1 + |a|)`
    Softsign,
    /// `h(a) = a < 0 ? 0 : a`
    Relu,
}

/// Evaluates an expression with `$h` bound to the kernel of an [`Activation`]: the one place where the name becomes a type.
macro_rules! with_activation {
    ($activation:expr, $h:ident => $body:expr) => {
        match $activation {
            $crate::Activation::Identity => {
                let $h = lanegrad_kernels::math::Identity;
                $body
            }
            $crate::Activation::Sigmoid => {
                let $h = lanegrad_kernels::math::Sigmoid;
                $body
            }
            $crate::Activation::Tanh => {
                let $h = lanegrad_kernels::math::Tanh;
                $body
            }
            $crate::Activation::Softsign => {
                let $h = lanegrad_kernels::math::Softsign;
                $body
            }
            $crate::Activation::Relu => {
                let $h = lanegrad_kernels::math::Relu;
                $body
            }
        }
    };
}
pub(crate) use with_activation;

use crate::Backend;
use lanegrad_kernels::elementwise::{Activate, MapInPlace};

impl Activation {
    /// `x ← h(x)` for all of a slice.
    pub fn apply(self, backend: &Backend, x: &mut [f32]) {
        with_activation!(self, h => backend.share(MapInPlace { map: Activate(h), x }));
    }
}
