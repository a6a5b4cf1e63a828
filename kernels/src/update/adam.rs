//! Adam: `s ← ρ₁ s + (1−ρ₁) g; r ← ρ₂ r + (1−ρ₂) g²; ŝ = s/(1−ρ₁ᵗ); r̂ = r/(1−ρ₂ᵗ); θ ← θ − η/(δ + √r̂) · ŝ`.
//! Source: Kingma & Ba 2015.
//!
//! The bias corrections are two scalars, computed in `f64` once a step: `η/(1−ρ₁ᵗ)` and `1/√(1−ρ₂ᵗ)`. What is left for a
//! parameter is one root and one division: `θ ← θ − [η/(1−ρ₁ᵗ)] / (δ + √r·[1/√(1−ρ₂ᵗ)]) · s`.

use super::Rule;
use super::rmsprop::decayed_square;
use crate::simd::Simd;

/// Adam at step t; states s and r. With δ = 0, a parameter whose gradients were all 0 becomes NaN (0/0).
#[derive(Clone, Copy, Debug)]
pub struct Adam {
    learning_rate: f32,
    first_decay: f32,
    first_rest: f32,
    second_decay: f32,
    second_rest: f32,
    root_correction: f32,
    epsilon: f32,
}

impl Adam {
    /// η, ρ₁, ρ₂, δ, and the step's number t = 1, 2, …
    pub fn new(learning_rate: f64, decays: [f64; 2], epsilon: f64, t: u64) -> Self {
        let [first_decay, second_decay] = sabotage!(decays, 34 => [decays[1], decays[0]]);
        // 1 − ρᵗ without cancellation.
        let correction = |decay: f64| {
            sabotage!(
                -(t as f64 * decay.ln()).exp_m1(),
                32 => -((t + 1) as f64 * decay.ln()).exp_m1(),
                33 => 1.0,
                35 => 1.0 - f64::from((0..t).fold(1.0, |power, _| power * decay as f32))
            )
        };
        Self {
            learning_rate: (learning_rate / correction(first_decay)) as f32,
            first_decay: first_decay as f32,
            first_rest: (1.0 - first_decay) as f32,
            second_decay: second_decay as f32,
            second_rest: (1.0 - second_decay) as f32,
            root_correction: correction(second_decay).sqrt().recip() as f32,
            epsilon: epsilon as f32,
        }
    }
}

impl Rule<2> for Adam {
    #[inline(always)]
    fn step<S: Simd>(self, simd: S, theta: S::V, gradient: S::V, [s, r]: [S::V; 2]) -> (S::V, [S::V; 2]) {
        let s = simd.mul(simd.splat(self.first_decay), s);
        let s = simd.mul_add(simd.splat(self.first_rest), gradient, s);
        let r = decayed_square(simd, self.second_decay, self.second_rest, gradient, r);
        let root = sabotage!(
            simd.mul_add(simd.sqrt(r), simd.splat(self.root_correction), simd.splat(self.epsilon)),
            31 c => simd.mul(simd.sqrt(simd.add(r, simd.splat(self.epsilon))), simd.splat(self.root_correction))
        );
        let rate = simd.div(simd.splat(self.learning_rate), root);
        (simd.neg_mul_add(rate, s, theta), [s, r])
    }
}
