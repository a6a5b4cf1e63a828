//! Nesterov momentum: `θ̃ = θ + α v`, g is taken at θ̃; `v ← α v − η g; θ ← θ + v`. Source: Nesterov 1983; Sutskever et al. 2013.
//!
//! The parameter buffer holds θ̃ while the gradient is computed. Since `θ̃ = θ + αv` implies `θ + (αv − ηg) = θ̃ − ηg`, the step needs
//! no copy of θ. Only `θ̃ − ηg` is rounded, once.

use super::Rule;
use crate::simd::Simd;

/// `θ̃ = θ + α v`, the point at which the gradient is taken. v is passed as the gradient.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LookAhead {
    /// α
    pub momentum: f32,
}

/// From θ̃: `v ← α v − η g; θ ← θ̃ − η g`, with state v.
#[derive(Clone, Copy, Debug)]
pub struct Nesterov {
    /// η
    pub learning_rate: f32,
    /// α, the same as that of the look-ahead.
    pub momentum: f32,
}

impl Rule<0> for LookAhead {
    const NAMES: &'static [&'static str; 0] = &[];

    #[inline(always)]
    fn step<S: Simd>(self, simd: S, theta: S::V, velocity: S::V, _: [S::V; 0]) -> (S::V, [S::V; 0]) {
        (simd.mul_add(simd.splat(self.momentum), velocity, theta), [])
    }
}

impl Rule<1> for Nesterov {
    const NAMES: &'static [&'static str; 1] = &["velocity"];

    #[inline(always)]
    fn step<S: Simd>(self, simd: S, ahead: S::V, gradient: S::V, [v]: [S::V; 1]) -> (S::V, [S::V; 1]) {
        let learning_rate = simd.splat(self.learning_rate);
        let v = simd.mul(simd.splat(self.momentum), v);
        let v = simd.neg_mul_add(learning_rate, gradient, v);
        (simd.neg_mul_add(learning_rate, gradient, ahead), [v])
    }
}
