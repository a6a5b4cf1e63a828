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

use super::Operands;
use super::plan::Rows;
use crate::simd::{Simd, View, ViewMut, each};
use core::ops::Range;

/// `C = C₀ + A·B`, a few rows at a time.
pub(super) fn multiply<S: Simd>(simd: S, plan: Rows, operands: Operands<'_>) {
    let [m, n, k] = operands.sizes();
    let Operands { a, b, mut c, accumulate, .. } = operands;
    for from in (0..n).step_by(plan.columns) {
        let columns = from..n.min(from + plan.columns);
        let mut i = 0;
        while i < m {
            let rows = if m - i >= plan.rows { plan.rows } else { 1 };
            let c = c.reborrow().block(i..i + rows, columns.clone());
            let (a, b) = (a.block(i..i + rows, 0..k), b.block(0..k, columns.clone()));
            let mut c = Piece { a, b, c };
            let mut p = 0;
            while p < k {
                let from_c = accumulate || p > 0;
                p += match (rows, plan.terms.min(k - p)) {
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
                };
            }
            i += rows;
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
    /// `c ← c₀ + Σ a·b` for `ROWS` rows and terms `p`, `p + 1`, …, in this order; returns their number.
    fn add<S: Simd, const ROWS: usize, const TERMS: usize>(&mut self, simd: S, from_c: bool, p: usize) -> usize {
        let Self { a, b, c } = self;
        let c_stride = c.row_stride();
        let c: [&mut [f32]; ROWS] = c.reborrow().into_row_array();
        let factors: [[f32; TERMS]; ROWS] = core::array::from_fn(|r| core::array::from_fn(|q| a.at(r, p + q)));
        let terms: [&[f32]; TERMS] = core::array::from_fn(|q| b.row(p + q, 0..b.cols()));
        // One row is written too seldom to pay for two partial vectors more.
        let head = if ROWS == 1 { 0 } else { unaligned_head::<S>(c[0], c_stride) };
        simd.vectorize(
            #[inline(always)]
            move || Sums { c, from_c, factors, terms }.run(simd, head),
        );
        TERMS
    }
}

/// The elements before the first vector that begins where one of memory does; none if the next row's vectors would not. A store across
/// two cache lines costs two.
fn unaligned_head<S: Simd>(c: &[f32], c_stride: isize) -> usize {
    if c_stride.unsigned_abs().is_multiple_of(S::LANES) {
        c.as_ptr().align_offset(4 * S::LANES).min(S::LANES) % S::LANES
    } else {
        0
    }
}

/// `ROWS` rows of C, and the terms that are added to them.
struct Sums<'a, const ROWS: usize, const TERMS: usize> {
    c: [&'a mut [f32]; ROWS],
    from_c: bool,
    factors: [[f32; TERMS]; ROWS],
    terms: [&'a [f32]; TERMS],
}

impl<const ROWS: usize, const TERMS: usize> Sums<'_, ROWS, TERMS> {
    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S, head: usize) {
        let len = self.c[0].len();
        self.c = self.c.map(|row| &mut row[..len]);
        self.terms = self.terms.map(|term| &term[..len]);
        let mut factors = [[simd.splat(0.0); TERMS]; ROWS];
        for r in 0..ROWS {
            for q in 0..TERMS {
                factors[r][q] = simd.splat(self.factors[r][q]);
            }
        }
        let mut at = head.min(len);
        if at > 0 {
            self.vector(simd, &factors, 0..at);
        }
        while at + S::LANES <= len {
            self.vector(simd, &factors, at..at + S::LANES);
            at += S::LANES;
        }
        if at < len {
            self.vector(simd, &factors, at..len);
        }
    }

    /// At most `LANES` columns.
    #[inline(always)]
    fn vector<S: Simd>(&mut self, simd: S, factors: &[[S::V; TERMS]; ROWS], lanes: Range<usize>) {
        let mut terms = [simd.splat(0.0); TERMS];
        for q in 0..TERMS {
            terms[q] = simd.load_partial(&self.terms[q][lanes.clone()]);
        }
        for r in 0..ROWS {
            let target = &mut self.c[r][lanes.clone()];
            let mut sum = if self.from_c { simd.load_partial(target) } else { simd.splat(0.0) };
            for q in 0..TERMS {
                sum = simd.mul_add(factors[r][q], terms[q], sum);
            }
            simd.store_partial(sum, target);
        }
    }
}

/// `C = C₀ + A·B` for one row, up to eight vectors of it at a time over all terms: their sums stay in registers.
pub(super) fn one<S: Simd>(simd: S, operands: Operands<'_>) {
    let Operands { a, b, mut c, accumulate, .. } = operands;
    let columns = 0..c.cols();
    let mut row = OneRow { c: c.row(0, columns), from_c: accumulate, a, b };
    simd.vectorize(
        #[inline(always)]
        move || row.run(simd),
    );
}

/// One row of C, and all terms.
struct OneRow<'a> {
    c: &'a mut [f32],
    from_c: bool,
    a: View<'a>,
    b: View<'a>,
}

impl OneRow<'_> {
    #[inline(always)]
    fn run<S: Simd>(&mut self, simd: S) {
        let mut at = 0;
        while at < self.c.len() {
            at += match (self.c.len() - at) / S::LANES {
                8.. => self.whole::<S, 8>(simd, at),
                4.. => self.whole::<S, 4>(simd, at),
                2.. => self.whole::<S, 2>(simd, at),
                1 => self.whole::<S, 1>(simd, at),
                _ => self.rest(simd, at),
            };
        }
    }

    /// Sums `NV` vectors of columns from `at` on; returns the number of columns.
    #[inline(always)]
    fn whole<S: Simd, const NV: usize>(&mut self, simd: S, at: usize) -> usize {
        let c = &mut self.c[at..][..NV * S::LANES];
        let mut sums = [simd.splat(0.0); NV];
        if self.from_c {
            for j in 0..NV {
                sums[j] = simd.load(&c[j * S::LANES..]);
            }
        }
        let (k, width) = (self.b.rows(), NV * S::LANES);
        let columns = self.b.block(0..k, at..at + width);
        each(
            (self.a.column_groups::<1, 1>(0, k), columns.row_groups::<1>(0, k, width)),
            #[inline(always)]
            |(factor, [row])| {
                let factor = simd.splat(factor.at(0, 0));
                for j in 0..NV {
                    sums[j] = simd.mul_add(factor, simd.load(&row[j * S::LANES..]), sums[j]);
                }
            },
        );
        for j in 0..NV {
            simd.store(sums[j], &mut c[j * S::LANES..]);
        }
        NV * S::LANES
    }

    /// The same for fewer columns than a vector has.
    #[inline(always)]
    fn rest<S: Simd>(&mut self, simd: S, at: usize) -> usize {
        let columns = at..self.c.len();
        let c = &mut self.c[at..];
        let mut sum = if self.from_c { simd.load_partial(c) } else { simd.splat(0.0) };
        for p in 0..self.b.rows() {
            let row = simd.load_partial(self.b.row(p, columns.clone()));
            sum = simd.mul_add(simd.splat(self.a.at(0, p)), row, sum);
        }
        simd.store_partial(sum, c);
        columns.len()
    }
}
