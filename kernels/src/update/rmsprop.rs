//! RMSprop: `r ← ρ r + (1−ρ) g²; θ ← θ − η/√(δ + r) · g`, with δ inside the root. Source: Tieleman & Hinton 2012.

use super::Rule;
use crate::simd::Simd;

/// `r ← ρ r + (1−ρ) g²; θ ← θ − η/√(δ + r) · g`; state r. With δ = 0, a parameter whose gradients were all 0 becomes NaN (0/0).
#[derive(Clone, Copy, Debug)]
pub struct RmsProp {
    learning_rate: f32,
    decay: f32,
    rest: f32,
    epsilon: f32,
}

impl RmsProp {
    /// η, ρ and δ.
    pub fn new(learning_rate: f64, decay: f64, epsilon: f64) -> Self {
        Self {
            learning_rate: learning_rate as f32,
            decay: decay as f32,
            rest: (1.0 - decay) as f32,
            epsilon: epsilon as f32,
        }
    }

    /// The new r and the rate `η/√(δ + r)`.
    #[inline(always)]
    pub(super) fn rate<S: Simd>(self, simd: S, gradient: S::V, r: S::V) -> (S::V, S::V) {
        let r = decayed_square(simd, self.decay, self.rest, gradient, r);
        let epsilon = simd.splat(self.epsilon);
        let root = sabotage!(simd.sqrt(simd.add(epsilon, r)), 31 => simd.add(epsilon, simd.sqrt(r)));
        (r, simd.div(simd.splat(self.learning_rate), root))
    }
}

/// `ρ r + (1−ρ) g²`
#[inline(always)]
pub(super) fn decayed_square<S: Simd>(simd: S, decay: f32, rest: f32, gradient: S::V, r: S::V) -> S::V {
    let r = simd.mul(simd.splat(decay), r);
    simd.mul_add(simd.mul(simd.splat(rest), gradient), gradient, r)
}

impl Rule<1> for RmsProp {
    #[inline(always)]
    fn step<S: Simd>(self, simd: S, theta: S::V, gradient: S::V, [r]: [S::V; 1]) -> (S::V, [S::V; 1]) {
        let (r, rate) = self.rate(simd, gradient, r);
        (simd.neg_mul_add(rate, gradient, theta), [r])
    }
}
