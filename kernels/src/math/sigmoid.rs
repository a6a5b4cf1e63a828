//! `σ(x) = 1 / (1 + e⁻ˣ)`
//!
//! Method: with `e = exp(−|x|) ≤ 1`, `σ(x) = 1/(1 + e)` for `x ≥ 0` and `e/(1 + e)` for `x < 0`: nothing overflows, and far
//! to the left the result keeps its relative accuracy down into the subnormals.
//!
//! Range: all numbers. Special values: `σ(−∞) = 0`, `σ(∞) = 1`, `σ(±0) = ½`, NaN gives NaN.

use super::exp;
use crate::simd::Simd;

/// `1 / (1 + e⁻ˣ)`
#[inline(always)]
pub fn sigmoid<S: Simd>(simd: S, x: S::V) -> S::V {
    let one = simd.splat(1.0);
    let e = exp(simd, simd.neg(simd.abs(x)));
    let numerator = simd.select(simd.less(x, simd.splat(0.0)), e, one);
    simd.div(numerator, simd.add(one, e))
}
