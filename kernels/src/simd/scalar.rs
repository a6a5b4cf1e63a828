//! One lane: separates the mistakes of an algorithm from those of a lowering, and runs everywhere.

use super::{Simd, View};

/// Plain `f32` arithmetic. Its `mul_add` always rounds once; without an FMA instruction, it is a library call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scalar;

impl Simd for Scalar {
    type V = f32;
    type M = bool;
    const LANES: usize = 1;
    const REGISTERS: usize = 16;
    const VARIANTS: bool = false;
    const FUSED: bool = true;

    /// Never inlined: its contents are compiled once, as for lowerings with features to enable.
    #[inline(never)]
    fn vectorize<R>(self, f: impl FnOnce() -> R) -> R {
        f()
    }

    #[inline(always)]
    fn load(self, source: &[f32]) -> f32 {
        source[0]
    }
    #[inline(always)]
    fn load_partial(self, source: &[f32]) -> f32 {
        source.first().copied().unwrap_or(0.0)
    }
    #[inline(always)]
    fn store(self, v: f32, target: &mut [f32]) {
        target[0] = v;
    }
    #[inline(always)]
    fn store_partial(self, v: f32, target: &mut [f32]) {
        if let Some(first) = target.first_mut() {
            *first = v;
        }
    }
    #[inline(always)]
    fn splat(self, x: f32) -> f32 {
        x
    }

    #[inline(always)]
    fn add(self, a: f32, b: f32) -> f32 {
        a + b
    }
    #[inline(always)]
    fn sub(self, a: f32, b: f32) -> f32 {
        a - b
    }
    #[inline(always)]
    fn mul(self, a: f32, b: f32) -> f32 {
        a * b
    }
    #[inline(always)]
    fn div(self, a: f32, b: f32) -> f32 {
        a / b
    }
    #[inline(always)]
    fn sqrt(self, a: f32) -> f32 {
        a.sqrt()
    }
    #[inline(always)]
    fn neg(self, a: f32) -> f32 {
        -a
    }
    #[inline(always)]
    fn abs(self, a: f32) -> f32 {
        a.abs()
    }
    #[inline(always)]
    #[expect(clippy::disallowed_methods, reason = "one rounding is what this lowering is for")]
    fn mul_add(self, a: f32, b: f32, c: f32) -> f32 {
        a.mul_add(b, c)
    }
    #[inline(always)]
    #[expect(clippy::disallowed_methods, reason = "one rounding is what this lowering is for")]
    fn neg_mul_add(self, a: f32, b: f32, c: f32) -> f32 {
        (-a).mul_add(b, c)
    }
    #[inline(always)]
    fn min(self, a: f32, b: f32) -> f32 {
        if a < b { a } else { b }
    }
    #[inline(always)]
    fn max(self, a: f32, b: f32) -> f32 {
        if a > b { a } else { b }
    }
    #[inline(always)]
    fn round_ties_even(self, a: f32) -> f32 {
        a.round_ties_even()
    }
    #[inline(always)]
    fn mul_pow2(self, a: f32, n: f32) -> f32 {
        // Two factors, because 2ⁿ itself may be out of range. The first product is exact. `as` saturates and maps NaN to 0.
        let n = (n as i32).clamp(-250, 250);
        let half = n >> 1;
        let power = |n: i32| f32::from_bits(((n + 127) as u32) << 23);
        a * power(half) * power(n - half)
    }

    #[inline(always)]
    fn less(self, a: f32, b: f32) -> bool {
        a < b
    }
    #[inline(always)]
    fn less_equal(self, a: f32, b: f32) -> bool {
        a <= b
    }
    #[inline(always)]
    fn select(self, mask: bool, yes: f32, no: f32) -> f32 {
        if mask { yes } else { no }
    }

    #[inline(always)]
    fn reduce_add(self, a: f32) -> f32 {
        a
    }
    #[inline(always)]
    fn load_columns(self, rows: View<'_>) -> [f32; 4] {
        *rows.row(0, 0..4).first_chunk().expect("it has four elements")
    }
}
