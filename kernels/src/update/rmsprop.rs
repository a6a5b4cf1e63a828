//! RMSprop: `r ← ρ r + (1−ρ) g²; θ ← θ − η · g/√(δ + r)`, with δ inside the root. Source: Tieleman & Hinton 2012.
//!
//! The quotient is computed first: `η/√(δ + r)` may overflow where g is 0, and `∞·0` is NaN. For the rounding of the average, see
//! [`MovingAverage`].

use super::{MovingAverage, Rule};
use crate::simd::Simd;

/// `r ← ρ r + (1−ρ) g²; θ ← θ − η · g/√(δ + r)`, with state r. If δ = 0, a parameter whose gradients were all 0 becomes NaN (0/0).
#[derive(Clone, Copy, Debug)]
pub struct RmsProp {
    pub(super) learning_rate: f32,
    average: MovingAverage,
    epsilon: f32,
}

impl RmsProp {
    /// Takes η, ρ and δ.
    pub fn new(learning_rate: f64, decay: f64, epsilon: f64) -> Self {
        Self { learning_rate: learning_rate as f32, average: MovingAverage::new(decay), epsilon: epsilon as f32 }
    }

    /// Returns the new r and the direction `g/√(δ + r)`.
    #[inline(always)]
    pub(super) fn direction<S: Simd>(self, simd: S, gradient: S::V, r: S::V) -> (S::V, S::V) {
        let r = self.average.of_squares(simd, gradient, r);
        let epsilon = simd.splat(self.epsilon);
        let root = simd.sqrt(simd.add(epsilon, r));
        (r, simd.div(gradient, root))
    }
}

impl Rule<1> for RmsProp {
    const NAMES: &'static [&'static str; 1] = &["squares"];

    #[inline(always)]
    fn step<S: Simd>(self, simd: S, theta: S::V, gradient: S::V, [r]: [S::V; 1]) -> (S::V, [S::V; 1]) {
        let (r, direction) = self.direction(simd, gradient, r);
        (simd.neg_mul_add(simd.splat(self.learning_rate), direction, theta), [r])
    }
}

/// `r ← ρ r + (1−ρ) g²; θ ← θ − η · g/(δ + √r)`, with δ outside the root as in PyTorch, and with state r. If δ = 0, a parameter whose
/// gradients were all 0 becomes NaN (0/0).
#[derive(Clone, Copy, Debug)]
pub struct RmsPropOutside {
    learning_rate: f32,
    average: MovingAverage,
    epsilon: f32,
}

impl RmsPropOutside {
    /// Takes η, ρ and δ.
    pub fn new(learning_rate: f64, decay: f64, epsilon: f64) -> Self {
        let average = MovingAverage::new(decay);
        Self { learning_rate: learning_rate as f32, average, epsilon: epsilon as f32 }
    }
}

impl Rule<1> for RmsPropOutside {
    const NAMES: &'static [&'static str; 1] = &["squares"];

    #[inline(always)]
    fn step<S: Simd>(self, simd: S, theta: S::V, gradient: S::V, [r]: [S::V; 1]) -> (S::V, [S::V; 1]) {
        let r = self.average.of_squares(simd, gradient, r);
        let direction = simd.div(gradient, simd.add(simd.splat(self.epsilon), simd.sqrt(r)));
        (simd.neg_mul_add(simd.splat(self.learning_rate), direction, theta), [r])
    }
}
