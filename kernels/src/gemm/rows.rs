//! One row, or few terms: each row of C as a sum of B's rows, `c[i] = c₀[i] + Σ a[i][p]·b[p]`.
//!
//! ```text
//!            ┌───── B's rows p … p+3, contiguous ─────┐
//!   a[i][p]· │ ████████ → → →                         │
//!         +· │ ████████ → → →                         │   four rows are read side by side, from one end to the other;
//!         +· │ ████████ → → →                         │   C's row is read and written once in four steps
//!         +· │ ████████ → → →                         │
//!            └────────────────────────────────────────┘
//! ```
//! With one row of A (the delta of one example) nothing of B is used again, so that the speed is that of reading B
//! from one end to the other. With few terms (the gradient of a tiny mini-batch) it is that of writing C. Neither pays for
//! packing, nor for the ends of many short tiles.

use super::Product;
use crate::epilogue::Store;
use crate::simd::Simd;

/// Up to so many rows of A.
const MAX_M: usize = 1;
/// Up to so many terms.
const MAX_K: usize = 4;
/// Columns at a time with one row, and with one term: those of C's row, and of B's, stay in L1. With more terms as many less.
pub const ROWS_PIECE: usize = 4096;

/// Whether this is the way to compute the product.
pub(super) fn suits<E>(product: &Product<'_, E>) -> bool {
    let Product { m, k, b, .. } = product;
    b.col_stride == 1 && (*m <= MAX_M || *k <= MAX_K)
}

/// `C = C₀ + A·B`, row by row.
pub(super) fn multiply<S: Simd>(simd: S, product: Product<'_, Store>) {
    let Product { m, n, k, a, b, c, c_stride, accumulate, .. } = product;
    let piece = if m <= MAX_M { ROWS_PIECE } else { ROWS_PIECE / k.max(1) };
    for jc in (0..n).step_by(piece) {
        let columns = jc..n.min(jc + piece);
        for i in 0..m {
            let row = &mut c[i * c_stride..][columns.clone()];
            if k == 0 && !accumulate {
                row.fill(0.0);
            }
            let mut p = 0;
            while p < k {
                let from_c = accumulate || p > 0;
                let factor = |q: usize| a.at(i, p + q);
                let term = |q: usize| b.row(p + q, columns.clone());
                p += match k - p {
                    4.. => add_rows(simd, row, from_c, [0, 1, 2, 3].map(factor), [0, 1, 2, 3].map(term)),
                    2.. => add_rows(simd, row, from_c, [0, 1].map(factor), [0, 1].map(term)),
                    _ => add_rows(simd, row, from_c, [factor(0)], [term(0)]),
                };
            }
        }
    }
}

/// `c ← c₀ + Σ factor·row`, in order; returns the number of terms.
fn add_rows<S: Simd, const TERMS: usize>(
    simd: S,
    c: &mut [f32],
    from_c: bool,
    factors: [f32; TERMS],
    rows: [&[f32]; TERMS],
) -> usize {
    simd.vectorize(
        #[inline(always)]
        move || {
            let mut splat = [simd.splat(0.0); TERMS];
            for q in 0..TERMS {
                splat[q] = simd.splat(factors[q]);
            }
            let len = c.len();
            let rows = rows.map(|row| &row[..len]);
            let mut at = 0;
            while at + S::LANES <= len {
                let target = &mut c[at..at + S::LANES];
                let mut sum = if from_c { simd.load(target) } else { simd.splat(0.0) };
                for q in 0..TERMS {
                    sum = simd.mul_add(splat[q], simd.load(&rows[q][at..at + S::LANES]), sum);
                }
                simd.store(sum, target);
                at += S::LANES;
            }
            if at < len {
                let target = &mut c[at..];
                let mut sum = if from_c { simd.load_partial(target) } else { simd.splat(0.0) };
                for q in 0..TERMS {
                    sum = simd.mul_add(splat[q], simd.load_partial(&rows[q][at..]), sum);
                }
                simd.store_partial(sum, target);
            }
            TERMS
        },
    )
}
