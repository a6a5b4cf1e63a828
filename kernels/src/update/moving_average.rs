//! Exponential moving averages: `s ← ρ s + (1−ρ) g` and `r ← ρ r + (1−ρ) g²`.
//!
//! They are computed as `s − (1−ρ) s + (1−ρ) g`, so ρ itself is never rounded to `f32`. That would be off by up to `u/2` and move the
//! average by up to `u/(2(1−ρ))`, with `u = 2⁻²⁴`. `1 − ρ` is computed in `f64` and keeps its relative accuracy. Unlike `s + (1−ρ)(g −
//! s)`, this form cancels nothing for small ρ.
//!
//! Error: two roundings per step, which decay like the average itself. With R the largest term so far, `|r̂ − r| ≤ (2/(1−ρ) + 4) u R`.
//! That is 1.2e-4 R at ρ = 0.999, and R/8 at `1 − 2⁻²⁰`. Beyond that, `f32` cannot represent the average.

use crate::simd::Simd;

/// An exponential moving average with decay ρ.
#[derive(Clone, Copy, Debug)]
pub struct MovingAverage {
    /// 1 − ρ
    rest: f32,
}

impl MovingAverage {
    /// The average with decay ρ in [0, 1).
    pub fn new(decay: f64) -> Self {
        Self { rest: (1.0 - decay) as f32 }
    }

    /// `s − (1−ρ) s + (1−ρ) g`
    #[inline(always)]
    pub fn of<S: Simd>(self, simd: S, gradient: S::V, s: S::V) -> S::V {
        let rest = simd.splat(self.rest);
        simd.mul_add(rest, gradient, simd.neg_mul_add(rest, s, s))
    }

    /// `r − (1−ρ) r + (1−ρ) g²`. An r that has become infinite by an overflow of `(1−ρ) g²` stays infinite.
    #[inline(always)]
    pub fn of_squares<S: Simd>(self, simd: S, gradient: S::V, r: S::V) -> S::V {
        let rest = simd.splat(self.rest);
        // ∞ − ∞ would be NaN. The constant is the first operand, so that NaN is kept.
        let finite = simd.min(simd.splat(f32::MAX), r);
        simd.mul_add(simd.mul(rest, gradient), gradient, simd.neg_mul_add(rest, finite, r))
    }
}
