//! `tanh x`
//!
//! Method: for `|x| < 0.625`, `x + x·(x²·p(x²))` with p of degree 4 (the coefficients are those of Moshier's Cephes, `tanhf`). The
//! second term is small compared with x, and so are its errors. Elsewhere `±(1 − 2/(exp(2|x|) + 1))`.
//!
//! Maximum error over all floats: 1.331 ULP, at ±0.6283096. The result never decreases from one float to the next.
//!
//! Range: all floats, with results in [−1, 1]. Special values: `tanh(±∞) = ±1`, `tanh(±0) = ±0`; NaN gives NaN. The function is odd to
//! the last bit.

use super::exp;
use crate::simd::Simd;

/// `tanh x`
#[inline(always)]
pub fn tanh<S: Simd>(simd: S, x: S::V) -> S::V {
    let one = simd.splat(1.0);
    let magnitude = simd.abs(x);

    let square = simd.mul(x, x);
    let mut p = simd.splat(-5.704_988_7e-3);
    for coefficient in [2.063_909e-2, -5.373_971_6e-2, 1.333_144_2e-1, -3.333_328e-1] {
        p = simd.mul_add(p, square, simd.splat(coefficient));
    }
    // Adding 0 turns the −0 that the product may be into +0, so that the result for −0 stays −0.
    let change = simd.mul_add(square, p, simd.splat(0.0));
    let small = simd.mul_add(x, change, x);

    let e = exp(simd, simd.add(magnitude, magnitude));
    let large = simd.sub(one, simd.div(simd.splat(2.0), simd.add(e, one)));
    let large = simd.select(simd.less(x, simd.splat(0.0)), simd.neg(large), large);

    simd.select(simd.less(magnitude, simd.splat(0.625)), small, large)
}
