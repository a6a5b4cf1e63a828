//! RMSprop with Nesterov momentum: g at `θ̃ = θ + α v`; `r ← ρ r + (1−ρ) g²; v ← α v − η/√(δ + r) · g; θ ← θ + v`.
//! Source: Goodfellow, Bengio & Courville 2016, algorithm 8.6.
//!
//! As in [`Nesterov`](super::Nesterov), the buffer holds θ̃, and `θ̃ − η/√(δ + r) · g` is rounded.

use super::{RmsProp, Rule};
use crate::simd::Simd;

/// From θ̃: `r ← ρ r + (1−ρ) g²; v ← α v − η/√(δ + r) · g; θ ← θ̃ − η/√(δ + r) · g`; states v and r.
#[derive(Clone, Copy, Debug)]
pub struct RmsPropNesterov {
    /// η, ρ and δ.
    pub rmsprop: RmsProp,
    /// α, the one that the look-ahead used.
    pub momentum: f32,
}

impl Rule<2> for RmsPropNesterov {
    #[inline(always)]
    fn step<S: Simd>(self, simd: S, ahead: S::V, gradient: S::V, [v, r]: [S::V; 2]) -> (S::V, [S::V; 2]) {
        let (r, rate) = self.rmsprop.rate(simd, gradient, r);
        let v = simd.mul(simd.splat(self.momentum), v);
        let v = simd.neg_mul_add(rate, gradient, v);
        (simd.neg_mul_add(rate, gradient, ahead), [v, r])
    }
}
