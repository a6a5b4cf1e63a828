//! RMSprop with Nesterov momentum: g is taken at `θ̃ = θ + α v`; `r ← ρ r + (1−ρ) g²; v ← α v − η · g/√(δ + r); θ ← θ + v`.
//! Source: Goodfellow, Bengio & Courville 2016, algorithm 8.6.
//!
//! As in [`Nesterov`](super::Nesterov), the buffer holds θ̃, and only `θ̃ − η · g/√(δ + r)` is rounded.

use super::{RmsProp, Rule};
use crate::simd::Simd;

/// From θ̃: `r ← ρ r + (1−ρ) g²; v ← α v − η · g/√(δ + r); θ ← θ̃ − η · g/√(δ + r)`, with states v and r.
#[derive(Clone, Copy, Debug)]
pub struct RmsPropNesterov {
    /// η, ρ and δ.
    pub rmsprop: RmsProp,
    /// α, the same as that of the look-ahead.
    pub momentum: f32,
}

impl Rule<2> for RmsPropNesterov {
    const NAMES: &'static [&'static str; 2] = &["velocity", "squares"];

    #[inline(always)]
    fn step<S: Simd>(self, simd: S, ahead: S::V, gradient: S::V, [v, r]: [S::V; 2]) -> (S::V, [S::V; 2]) {
        let learning_rate = simd.splat(self.rmsprop.learning_rate);
        let (r, direction) = self.rmsprop.direction(simd, gradient, r);
        let v = simd.mul(simd.splat(self.momentum), v);
        let v = simd.neg_mul_add(learning_rate, direction, v);
        (simd.neg_mul_add(learning_rate, direction, ahead), [v, r])
    }
}
