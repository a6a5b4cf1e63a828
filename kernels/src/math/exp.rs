//! `eˣ`
//!
//! Method: `x = n·ln 2 + r` with `|r| ≤ ½ ln 2`, then `eˣ = 2ⁿ·eʳ` and `eʳ ≈ 1 + r + r²·q(r)`, with q of degree 5. ln 2 is split into
//! two parts; `n·LN_2_HIGH` is exact because n has at most 8 bits and LN_2_HIGH has 16, so it needs no FMA. Source: Cody & Waite 1980;
//! the coefficients are those of Moshier's Cephes (`expf`).
//!
//! Maximum error over all floats: 1.013 ULP, at 59.306038; where `mul_add` rounds twice, 0.987 ULP. The result never decreases from one
//! float to the next.
//!
//! Range: all floats. Below −104 the result rounds to 0, and above 89 to ∞; subnormal results are rounded once. Special values:
//! `exp(−∞) = 0`, `exp(∞) = ∞`, `exp(±0) = 1`; NaN gives NaN.

use crate::simd::Simd;

const LN_2_HIGH: f32 = 0.693_145_75; // 0x3f317200
const LN_2_LOW: f32 = 1.428_606_8e-6;

/// `eˣ`
#[inline(always)]
pub fn exp<S: Simd>(simd: S, x: S::V) -> S::V {
    // The constant is the first operand, so that NaN is kept.
    let x = simd.max(simd.splat(-104.0), x);
    let x = simd.min(simd.splat(89.0), x);
    let n = simd.round_ties_even(simd.mul(x, simd.splat(core::f32::consts::LOG2_E)));
    let r = simd.neg_mul_add(n, simd.splat(LN_2_HIGH), x);
    let r = simd.neg_mul_add(n, simd.splat(LN_2_LOW), r);
    let mut q = simd.splat(1.987_569_1e-4);
    for coefficient in [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        q = simd.mul_add(q, r, simd.splat(coefficient));
    }
    let power = simd.add(simd.splat(1.0), simd.mul_add(simd.mul(r, r), q, r));
    simd.mul_pow2(power, n)
}
