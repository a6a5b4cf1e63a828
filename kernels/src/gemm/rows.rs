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
//! from one end to the other. With few terms (the gradient of a small mini-batch) it is that of writing C: two or four of its rows
//! at a time, vectors that begin where a vector of memory does. Neither pays for packing, nor for the ends of many short tiles.
//!
//! One row of a small or narrow B is summed in registers instead.

use super::plan::{Rows, pieces};
use super::{Operands, blocks};
use crate::simd::{Simd, Sums, View, ViewMut, each, zip};
use core::ops::Range;

/// `C = C₀ + A·B`, a few rows at a time.
pub(super) fn multiply<S: Simd>(simd: S, plan: &Rows, operands: &mut Operands<'_>) {
    let ([m, n, k], accumulate) = (operands.sizes(), operands.accumulate());
    let Operands { a, b, c, .. } = operands;
    for columns in blocks(0..n, plan.columns) {
        // The rows that are left are computed one at a time.
        for rows in pieces(0..m, plan.rows, |rows, left| if left < rows { left.min(1) } else { rows }) {
            let c = c.reborrow().block(rows.clone(), columns.clone());
            let mut c = Piece { a: a.block(rows.clone(), 0..k), b: b.block(0..k, columns.clone()), c };
            for terms in blocks(0..k, plan.terms) {
                let (from_c, p) = (accumulate || terms.start > 0, terms.start);
                match (rows.len(), terms.len()) {
                    (4, 1) => c.add::<S, 4, 1>(simd, from_c, p),
                    (4, 2) => c.add::<S, 4, 2>(simd, from_c, p),
                    (4, 3) => c.add::<S, 4, 3>(simd, from_c, p),
                    (3, 4) => c.add::<S, 3, 4>(simd, from_c, p),
                    (2, 1) => c.add::<S, 2, 1>(simd, from_c, p),
                    (2, 2) => c.add::<S, 2, 2>(simd, from_c, p),
                    (2, 3) => c.add::<S, 2, 3>(simd, from_c, p),
                    (2, 4) => c.add::<S, 2, 4>(simd, from_c, p),
                    (1, 1) => c.add::<S, 1, 1>(simd, from_c, p),
                    (1, 2) => c.add::<S, 1, 2>(simd, from_c, p),
                    (1, 3) => c.add::<S, 1, 3>(simd, from_c, p),
                    (1, 4) => c.add::<S, 1, 4>(simd, from_c, p),
                    (rows, terms) => unreachable!("no function for {rows} rows and {terms} terms"),
                }
            }
        }
    }
}

/// Some columns of rows of C.
struct Piece<'a> {
    /// The rows of A.
    a: View<'a>,
    /// The columns of B.
    b: View<'a>,
    c: ViewMut<'a>,
}

impl Piece<'_> {
    /// `c ← c₀ + Σ a·b` for `ROWS` rows and terms `p`, `p + 1`, …, in this order.
    fn add<S: Simd, const ROWS: usize, const TERMS: usize>(&mut self, simd: S, from_c: bool, p: usize) {
        let Self { a, b, c } = self;
        // One row is written too seldom to pay for two partial vectors more.
        let head = if ROWS == 1 { 0 } else { unaligned_head::<S>(c) };
        simd.vectorize(
            #[inline(always)]
            || {
                let mut factors = [[simd.splat(0.0); TERMS]; ROWS];
                for r in 0..ROWS {
                    for q in 0..TERMS {
                        factors[r][q] = simd.splat(a.at(r, p + q));
                    }
                }
                for columns in [0..head, head..c.cols()].into_iter().filter(|columns| !columns.is_empty()) {
                    let mut terms = [[].as_slice(); TERMS];
                    for q in 0..TERMS {
                        terms[q] = b.row(p + q, columns.clone());
                    }
                    let slices = c.reborrow().block(0..ROWS, columns.clone()).into_row_array();
                    zip::<1, _, _>(
                        simd,
                        columns.len(),
                        (terms, Sums { slices, add: from_c }),
                        #[inline(always)]
                        |_, (terms, mut sums): ([S::V; TERMS], [S::V; ROWS])| {
                            // Term by term, so that one of the terms is in a register beside factors and sums, not all.
                            for q in 0..TERMS {
                                for r in 0..ROWS {
                                    sums[r] = simd.mul_add(factors[r][q], terms[q], sums[r]);
                                }
                            }
                            ((), sums)
                        },
                    );
                }
            },
        );
    }
}

/// The columns before the first vector that begins where one of memory does; none if the next row's vectors would not. A store across
/// two cache lines costs two.
fn unaligned_head<S: Simd>(c: &mut ViewMut<'_>) -> usize {
    if c.row_stride().unsigned_abs().is_multiple_of(S::LANES) {
        (c.as_mut_ptr().align_offset(4 * S::LANES) % S::LANES).min(c.cols())
    } else {
        0
    }
}

/// `C = C₀ + A·B` for one row, up to eight vectors of it at a time over all terms: their sums stay in registers.
pub(super) fn one<S: Simd>(simd: S, operands: &mut Operands<'_>) {
    let from_c = operands.accumulate();
    let Operands { a, b, c, .. } = operands;
    let n = c.cols();
    simd.vectorize(
        #[inline(always)]
        || {
            let mut at = 0;
            while at < n {
                // Ranges whose lengths are constants, but for the last.
                at += match (n - at) / S::LANES {
                    8.. => one_row::<S, 8>(simd, from_c, *a, *b, c, at..at + 8 * S::LANES),
                    4.. => one_row::<S, 4>(simd, from_c, *a, *b, c, at..at + 4 * S::LANES),
                    2.. => one_row::<S, 2>(simd, from_c, *a, *b, c, at..at + 2 * S::LANES),
                    1 => one_row::<S, 1>(simd, from_c, *a, *b, c, at..at + S::LANES),
                    _ => one_row::<S, 1>(simd, from_c, *a, *b, c, at..n),
                };
            }
        },
    );
}

/// Sums at most `NV` vectors of columns; returns the number of columns.
#[inline(always)]
fn one_row<S: Simd, const NV: usize>(
    simd: S,
    from_c: bool,
    a: View<'_>,
    b: View<'_>,
    c: &mut ViewMut<'_>,
    columns: Range<usize>,
) -> usize {
    let (k, width) = (b.rows(), columns.len());
    let b = b.block(0..k, columns.clone());
    let c = c.row(0, columns);
    let mut sums = if from_c { simd.load_vectors(c) } else { [simd.splat(0.0); NV] };
    each(
        (a.column_groups::<1, 1>(0, k), b.row_groups::<1>(0, k, width)),
        #[inline(always)]
        |(factor, [row])| {
            let (factor, vectors) = (simd.splat(factor.at(0, 0)), simd.load_vectors::<NV>(row));
            for j in 0..NV {
                sums[j] = simd.mul_add(factor, vectors[j], sums[j]);
            }
        },
    );
    simd.store_vectors(sums, c);
    width
}
