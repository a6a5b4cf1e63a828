//! `σ(x) = 1 / (1 + e⁻ˣ)`
//!
//! Method: with `e = exp(−|x|) ≤ 1`, `σ(x) = 1/(1 + e)` for `x ≥ 0` and `e/(1 + e)` for `x < 0`. Nothing overflows, and for large
//! negative x the result keeps its relative accuracy down to the subnormals. The rounding error of `1 + e` is known exactly (Dekker
//! 1971). The quotient q is corrected for it to first order: `q − q·lost/(1 + e)`, where `1/(1 + e)` is q or `1 − q`.
//!
//! Maximum error over all floats: 1.967 ULP, at −6.237699. For 1 of 6800 floats, the result at the next float is smaller by one float;
//! most of them lie between 1.5 and 3. `|σ(−x) + σ(x) − 1| ≤ 2⁻²⁴`.
//!
//! Range: all floats, with results in [0, 1]. Special values: `σ(−∞) = 0`, `σ(∞) = 1`, `σ(±0) = ½`; NaN gives NaN.

use super::exp;
use crate::simd::Simd;

/// `1 / (1 + e⁻ˣ)`
#[inline(always)]
pub fn sigmoid<S: Simd>(simd: S, x: S::V) -> S::V {
    let one = simd.splat(1.0);
    let e = exp(simd, simd.neg(simd.abs(x)));
    let negative = simd.less(x, simd.splat(0.0));
    let denominator = simd.add(one, e);
    let lost = simd.sub(e, simd.sub(denominator, one));
    let q = simd.div(simd.select(negative, e, one), denominator);
    let inverse = simd.select(negative, simd.sub(one, q), q);
    simd.neg_mul_add(simd.mul(q, inverse), lost, q)
}
