//! Adam: `s ← ρ₁ s + (1−ρ₁) g; r ← ρ₂ r + (1−ρ₂) g²; ŝ = s/(1−ρ₁ᵗ); r̂ = r/(1−ρ₂ᵗ); θ ← θ − η · ŝ/(δ + √r̂)`.
//! Source: Kingma & Ba 2015.
//!
//! The bias corrections are two scalars, computed in `f64` once per step: `δ(1−ρ₁ᵗ)` and `(1−ρ₁ᵗ)/√(1−ρ₂ᵗ)`. Each parameter then needs
//! one root and one division: `θ ← θ − η · s/(δ(1−ρ₁ᵗ) + √r·(1−ρ₁ᵗ)/√(1−ρ₂ᵗ))`. The quotient is computed first, and η is not scaled:
//! `η/(1−ρ₁ᵗ)`, and its quotient by the root, may overflow where g is 0, and `∞·0` is NaN. For the rounding of the averages, see
//! [`MovingAverage`].

use super::{MovingAverage, Rule};
use crate::simd::Simd;

/// Adam at step t, with states s and r. If δ = 0, a parameter whose gradients were all 0 becomes NaN (0/0).
#[derive(Clone, Copy, Debug)]
pub struct Adam {
    learning_rate: f32,
    first: MovingAverage,
    second: MovingAverage,
    root_factor: f32,
    epsilon: f32,
}

impl Adam {
    /// Takes η, ρ₁ and ρ₂, δ, and the step t = 1, 2, …
    pub fn new(learning_rate: f64, decays: [f64; 2], epsilon: f64, t: u64) -> Self {
        let [first_decay, second_decay] = decays;
        // 1 − ρᵗ without cancellation.
        let correction = |decay: f64| -(t as f64 * decay.ln()).exp_m1();
        let corrected = epsilon * correction(first_decay);
        Self {
            learning_rate: learning_rate as f32,
            first: MovingAverage::new(first_decay),
            second: MovingAverage::new(second_decay),
            root_factor: (correction(first_decay) / correction(second_decay).sqrt()) as f32,
            // A positive δ stays positive.
            epsilon: if epsilon > 0.0 { (corrected as f32).max(f32::from_bits(1)) } else { 0.0 },
        }
    }
}

impl Rule<2> for Adam {
    const NAMES: &'static [&'static str; 2] = &["mean", "squares"];

    #[inline(always)]
    fn step<S: Simd>(self, simd: S, theta: S::V, gradient: S::V, [s, r]: [S::V; 2]) -> (S::V, [S::V; 2]) {
        let s = self.first.of(simd, gradient, s);
        let r = self.second.of_squares(simd, gradient, r);
        let root = simd.mul_add(simd.sqrt(r), simd.splat(self.root_factor), simd.splat(self.epsilon));
        let direction = simd.div(s, root);
        (simd.neg_mul_add(simd.splat(self.learning_rate), direction, theta), [s, r])
    }
}
