//! Stochastic gradient descent: `θ ← θ − η g`

use super::Rule;
use crate::simd::Simd;

/// `θ ← θ − η g`
#[derive(Clone, Copy, Debug)]
pub struct Sgd {
    /// η
    pub learning_rate: f32,
}

impl Rule<0> for Sgd {
    const NAMES: &'static [&'static str; 0] = &[];

    #[inline(always)]
    fn step<S: Simd>(self, simd: S, theta: S::V, gradient: S::V, _: [S::V; 0]) -> (S::V, [S::V; 0]) {
        (simd.neg_mul_add(simd.splat(self.learning_rate), gradient, theta), [])
    }
}
