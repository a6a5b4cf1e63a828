//! Eight lanes of `wide`, with the vector instructions of the build's target (SSE2, NEON, wasm, …).
//!
//! `wide` chooses its instructions at compile time, not at run time. So does its `mul_add`: it rounds once if the target has FMA,
//! otherwise twice.

use super::{Simd, View, fold_halves};
use wide::{f32x8, i32x8};

/// The vocabulary, implemented with `wide::f32x8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Portable;

/// As `wide` does: fused if the build's target has FMA for its registers.
const FUSED: bool = cfg!(all(target_feature = "fma", target_feature = "avx"))
    || cfg!(all(target_feature = "neon", target_arch = "aarch64"));

impl Simd for Portable {
    type V = f32x8;
    type M = f32x8;
    const LANES: usize = 8;
    /// `f32x8` takes two registers if the target's registers have 128 bits.
    const REGISTERS: usize = if cfg!(target_feature = "avx") || cfg!(target_arch = "aarch64") { 16 } else { 8 };
    const VARIANTS: bool = false;
    const FUSED: bool = FUSED;

    /// Never inlined: its contents are compiled once, as for lowerings with features to enable.
    #[inline(never)]
    fn vectorize<R>(self, f: impl FnOnce() -> R) -> R {
        f()
    }

    #[inline(always)]
    fn load(self, source: &[f32]) -> f32x8 {
        f32x8::new(*source.first_chunk().expect("load: the slice is shorter than a vector"))
    }
    #[inline(always)]
    fn load_partial(self, source: &[f32]) -> f32x8 {
        let mut lanes = [0.0; 8];
        let count = source.len().min(8);
        lanes[..count].copy_from_slice(&source[..count]);
        f32x8::new(lanes)
    }
    #[inline(always)]
    fn store(self, v: f32x8, target: &mut [f32]) {
        *target.first_chunk_mut().expect("store: the slice is shorter than a vector") = v.to_array();
    }
    #[inline(always)]
    fn store_partial(self, v: f32x8, target: &mut [f32]) {
        let count = target.len().min(8);
        target[..count].copy_from_slice(&v.to_array()[..count]);
    }
    #[inline(always)]
    fn splat(self, x: f32) -> f32x8 {
        f32x8::splat(x)
    }

    #[inline(always)]
    fn add(self, a: f32x8, b: f32x8) -> f32x8 {
        a + b
    }
    #[inline(always)]
    fn sub(self, a: f32x8, b: f32x8) -> f32x8 {
        a - b
    }
    #[inline(always)]
    fn mul(self, a: f32x8, b: f32x8) -> f32x8 {
        a * b
    }
    #[inline(always)]
    fn div(self, a: f32x8, b: f32x8) -> f32x8 {
        a / b
    }
    #[inline(always)]
    fn sqrt(self, a: f32x8) -> f32x8 {
        a.sqrt()
    }
    #[inline(always)]
    fn neg(self, a: f32x8) -> f32x8 {
        -a
    }
    #[inline(always)]
    fn abs(self, a: f32x8) -> f32x8 {
        a.abs()
    }
    #[inline(always)]
    fn mul_add(self, a: f32x8, b: f32x8, c: f32x8) -> f32x8 {
        a.mul_add(b, c)
    }
    #[inline(always)]
    fn neg_mul_add(self, a: f32x8, b: f32x8, c: f32x8) -> f32x8 {
        a.mul_neg_add(b, c)
    }
    // `wide`'s own `min` and `max` treat NaN differently on different targets.
    #[inline(always)]
    fn min(self, a: f32x8, b: f32x8) -> f32x8 {
        a.simd_lt(b).select(a, b)
    }
    #[inline(always)]
    fn max(self, a: f32x8, b: f32x8) -> f32x8 {
        a.simd_gt(b).select(a, b)
    }
    #[inline(always)]
    fn round_ties_even(self, a: f32x8) -> f32x8 {
        // Adding 1.5·2²³ leaves no room for a fraction. The addition itself rounds ties to even.
        let magic = f32x8::splat(12_582_912.0);
        (a + magic) - magic
    }
    #[inline(always)]
    fn mul_pow2(self, a: f32x8, n: f32x8) -> f32x8 {
        // Two factors, because 2ⁿ itself may be out of range. The first product is exact.
        let n = n.fast_round_int();
        let half: i32x8 = n >> 1;
        let power = |n: i32x8| {
            let bits: i32x8 = (n + i32x8::splat(127)) << 23;
            f32x8::new(bits.to_array().map(|bits| f32::from_bits(bits as u32)))
        };
        a * power(half) * power(n - half)
    }

    #[inline(always)]
    fn less(self, a: f32x8, b: f32x8) -> f32x8 {
        a.simd_lt(b)
    }
    #[inline(always)]
    fn less_equal(self, a: f32x8, b: f32x8) -> f32x8 {
        a.simd_le(b)
    }
    #[inline(always)]
    fn select(self, mask: f32x8, yes: f32x8, no: f32x8) -> f32x8 {
        mask.select(yes, no)
    }

    #[inline(always)]
    fn reduce_add(self, a: f32x8) -> f32 {
        fold_halves(a.to_array())
    }
    #[inline(always)]
    fn load_columns(self, rows: View<'_>) -> [f32x8; 4] {
        let row = |r: usize| -> &[f32; 4] { rows.row(r, 0..4).first_chunk().expect("it has four elements") };
        let rows = [row(0), row(1), row(2), row(3), row(4), row(5), row(6), row(7)];
        core::array::from_fn(|c| f32x8::new(rows.map(|row| row[c])))
    }
}
