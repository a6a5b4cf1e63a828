//! Momentum: `v ← α v − η g; θ ← θ + v`. Source: Polyak 1964; Sutskever et al. 2013.

use super::Rule;
use crate::simd::Simd;

/// `v ← α v − η g; θ ← θ + v`, with state v.
#[derive(Clone, Copy, Debug)]
pub struct Momentum {
    /// η
    pub learning_rate: f32,
    /// α
    pub momentum: f32,
}

impl Rule<1> for Momentum {
    const NAMES: &'static [&'static str; 1] = &["velocity"];

    #[inline(always)]
    fn step<S: Simd>(self, simd: S, theta: S::V, gradient: S::V, [v]: [S::V; 1]) -> (S::V, [S::V; 1]) {
        let v = simd.mul(simd.splat(self.momentum), v);
        let v = simd.neg_mul_add(simd.splat(self.learning_rate), gradient, v);
        (simd.add(theta, v), [v])
    }
}
