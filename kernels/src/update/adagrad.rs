//! Adagrad: `r ← r + g²; θ ← θ − η · g/(δ + √r)`. Source: Duchi, Hazan & Singer 2011.
//!
//! The quotient is computed first: `η/(δ + √r)` may overflow where g is 0, and `∞·0` is NaN.

use super::Rule;
use crate::simd::Simd;

/// `r ← r + g²; θ ← θ − η · g/(δ + √r)`, with state r. If δ = 0, a parameter whose gradients were all 0 becomes NaN (0/0).
#[derive(Clone, Copy, Debug)]
pub struct Adagrad {
    /// η
    pub learning_rate: f32,
    /// δ
    pub epsilon: f32,
}

impl Rule<1> for Adagrad {
    const NAMES: &'static [&'static str; 1] = &["squares"];

    #[inline(always)]
    fn step<S: Simd>(self, simd: S, theta: S::V, gradient: S::V, [r]: [S::V; 1]) -> (S::V, [S::V; 1]) {
        let r = simd.mul_add(gradient, gradient, r);
        let epsilon = simd.splat(self.epsilon);
        let root = simd.add(epsilon, simd.sqrt(r));
        let direction = simd.div(gradient, root);
        (simd.neg_mul_add(simd.splat(self.learning_rate), direction, theta), [r])
    }
}
