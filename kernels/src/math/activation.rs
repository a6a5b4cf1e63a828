//! The activation functions h of a layer and their derivatives h'.
//!
//! | h | h(a) | h'(a), from z = h(a) |
//! |---|---|---|
//! | identity | a | 1 |
//! | sigmoid | 1/(1 + e⁻ᵃ) | z(1 − z) |
//! | tanh | tanh a | 1 − z² |
//! | softsign | a/(1 + \|a\|) | (1 − \|z\|)² |
//! | ReLU | a < 0 ? 0 : a | z ≤ 0 ? 0 : 1 |
//!
//! NaN passes through h. Of ReLU follows: −0 stays −0, ReLU'(±0) = 0, and the derivative of a unit whose output is NaN is 1. A delta
//! is 0 where ReLU' is 0, whatever it was. Sigmoid', tanh' and softsign' are factors: where they are 0, an
//! infinite delta becomes NaN.

use super::{sigmoid, softsign, tanh};
use crate::simd::Simd;

/// An activation function, as a pair of lane functions. Its parameters, if it has any, are those of the value. The derivative is computed
/// from the output alone: a function that is not monotonic, such as Swish, has none of this form, and is a `Map` instead.
pub trait Activation: Copy + Send {
    /// `h(a)`
    fn value<S: Simd>(self, simd: S, a: S::V) -> S::V;
    /// `delta · h'(a)`, with `z = h(a)`.
    fn times_derivative<S: Simd>(self, simd: S, delta: S::V, z: S::V) -> S::V;
}

/// `h(a) = a`
#[derive(Clone, Copy, Debug)]
pub struct Identity;
/// `h(a) = 1 / (1 + e⁻ᵃ)`
#[derive(Clone, Copy, Debug)]
pub struct Sigmoid;
/// `h(a) = tanh a`
#[derive(Clone, Copy, Debug)]
pub struct Tanh;
/// `h(a) = a / (1 + |a|)`
#[derive(Clone, Copy, Debug)]
pub struct Softsign;
/// `h(a) = a < 0 ? 0 : a`
#[derive(Clone, Copy, Debug)]
pub struct Relu;

impl Activation for Identity {
    #[inline(always)]
    fn value<S: Simd>(self, _: S, a: S::V) -> S::V {
        a
    }
    #[inline(always)]
    fn times_derivative<S: Simd>(self, _: S, delta: S::V, _: S::V) -> S::V {
        delta
    }
}

impl Activation for Sigmoid {
    #[inline(always)]
    fn value<S: Simd>(self, simd: S, a: S::V) -> S::V {
        sigmoid(simd, a)
    }
    #[inline(always)]
    fn times_derivative<S: Simd>(self, simd: S, delta: S::V, z: S::V) -> S::V {
        simd.mul(delta, simd.neg_mul_add(z, z, z))
    }
}

impl Activation for Tanh {
    #[inline(always)]
    fn value<S: Simd>(self, simd: S, a: S::V) -> S::V {
        tanh(simd, a)
    }
    #[inline(always)]
    fn times_derivative<S: Simd>(self, simd: S, delta: S::V, z: S::V) -> S::V {
        simd.mul(delta, simd.neg_mul_add(z, z, simd.splat(1.0)))
    }
}

impl Activation for Softsign {
    #[inline(always)]
    fn value<S: Simd>(self, simd: S, a: S::V) -> S::V {
        softsign(simd, a)
    }
    #[inline(always)]
    fn times_derivative<S: Simd>(self, simd: S, delta: S::V, z: S::V) -> S::V {
        // 1 + |a| is 1/(1 − |z|), and h'(a) its square's inverse.
        let root = simd.sub(simd.splat(1.0), simd.abs(z));
        simd.mul(delta, simd.mul(root, root))
    }
}

impl Activation for Relu {
    #[inline(always)]
    fn value<S: Simd>(self, simd: S, a: S::V) -> S::V {
        simd.max(simd.splat(0.0), a)
    }
    #[inline(always)]
    fn times_derivative<S: Simd>(self, simd: S, delta: S::V, z: S::V) -> S::V {
        let zero = simd.splat(0.0);
        simd.zero_where(simd.less_equal(z, zero), delta)
    }
}
