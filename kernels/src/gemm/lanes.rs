//! Few rows: dot products, summed in sixteen lanes.
//!
//! ```text
//!   row j of Bᵀ, contiguous along k   │ 0 1 2 … 15 │ 16 17 … 31 │ 32 …          c[i][j] = Σ a[i][p]·b[p][j]
//!   row i of A, contiguous along k    │ 0 1 2 … 15 │ 16 17 … 31 │ 32 …
//!                                       └───┬────┘
//!   sixteen sums: lane l has p = l, l + 16, l + 32, …, in this order
//!   then the upper half of the lanes is added to the lower until one remains
//! ```
//! A chain of all of k's steps would make each of them wait for the one before: with one or a few rows there is nothing else to do
//! meanwhile. A few rows and columns at a time, all of their sums stay in registers from the first step to the last, and B is read once
//! from beyond L1. The order is a matter of the operation and its shape alone ([`Order::of_forward`](super::Order::of_forward)): operands
//! that are not contiguous along k are packed so that they are. There are sixteen lanes on every instruction set, and so the same bits.

use super::plan::{LANES_COLUMNS, LANES_ROWS, Lanes, lanes_stride, row_tiles};
use super::{Operands, aligned, blocks, pack};
use crate::reduce::Sum;
use crate::simd::{Simd, View, ViewMut, zip};

/// Lanes of a sum, on every instruction set.
const LANES: usize = 16;

/// `C = A·B`.
pub(super) fn multiply<S: Simd>(simd: S, plan: &Lanes, operands: &mut Operands<'_>) {
    let [m, n, k] = operands.sizes();
    let Operands { a, b, c, workspace, .. } = operands;
    let (mut a, b) = (*a, b.t());
    let stride = lanes_stride(k).expect("the workspace has workspace_len elements");
    let workspace = aligned(workspace);
    let (a_rows, b_rows) = workspace.split_at_mut(if plan.pack_a { m * stride } else { 0 });
    if plan.pack_a {
        a = packed(simd, a, stride, false, a_rows);
    }
    for columns in blocks(0..n, LANES_COLUMNS) {
        let mut rows_of_b = b.block(columns.clone(), 0..k);
        if plan.pack_b {
            rows_of_b = packed(simd, rows_of_b, stride, plan.prefetch, b_rows);
        }
        for rows in row_tiles(LANES_ROWS, m) {
            let c = c.reborrow().block(rows.clone(), columns.clone());
            Block { a: a.block(rows, 0..k), b: rows_of_b, c }.sum(simd);
        }
    }
}

/// The same matrix, copied so that its rows are contiguous.
fn packed<'p, S: Simd>(simd: S, rows: View<'_>, stride: usize, prefetch: bool, target: &'p mut [f32]) -> View<'p> {
    pack::panel(simd, rows, stride, prefetch, target);
    let target = View::new(target, rows.rows(), rows.cols(), stride as isize, 1);
    target.expect("the workspace has workspace_len elements")
}

/// A few rows of A and columns of C.
struct Block<'a> {
    a: View<'a>,
    /// The columns of B, as rows.
    b: View<'a>,
    c: ViewMut<'a>,
}

impl Block<'_> {
    /// As many columns at a time as there are registers for their sums. With eight lanes and three or four rows, each half of the sixteen
    /// has a pass of its own over k: B is then read twice, the second time from L1.
    fn sum<S: Simd>(mut self, simd: S) {
        simd.vectorize(
            #[inline(always)]
            move || match (LANES / S::LANES, self.a.rows()) {
                (1, 1) => self.rows::<S, 1, 1, 4>(simd),
                (1, 2) => self.rows::<S, 1, 2, 8>(simd),
                (1, 3) => self.rows::<S, 1, 3, 4>(simd),
                (1, 4) => self.rows::<S, 1, 4, 4>(simd),
                (2, 1) => self.rows::<S, 1, 1, 4>(simd),
                (2, 2) => self.rows::<S, 1, 2, 3>(simd),
                (2, 3) => self.rows::<S, 2, 3, 3>(simd),
                (2, 4) => self.rows::<S, 2, 4, 3>(simd),
                (16, 1) => self.rows::<S, 2, 1, 1>(simd),
                (16, 2) => self.rows::<S, 2, 2, 1>(simd),
                (16, 3) => self.rows::<S, 2, 3, 1>(simd),
                (16, 4) => self.rows::<S, 2, 4, 1>(simd),
                (vectors, rows) => unreachable!("no function for {rows} rows and {vectors} vectors"),
            },
        );
    }

    /// `COLUMNS` columns at a time. Each of the sums' `PASSES` parts has a pass over k.
    #[inline(always)]
    fn rows<S: Simd, const PASSES: usize, const ROWS: usize, const COLUMNS: usize>(&mut self, simd: S) {
        let (columns, k) = (self.b.rows(), self.b.cols());
        let mut a = [[].as_slice(); ROWS];
        for i in 0..ROWS {
            a[i] = self.a.row(i, 0..k);
        }
        for from in (0..columns).step_by(COLUMNS) {
            // After the last column it is taken again.
            let mut b = [[].as_slice(); COLUMNS];
            for j in 0..COLUMNS {
                b[j] = self.b.row(columns.min(from + j + 1) - 1, 0..k);
            }
            let mut sums = [[Sum::new(simd); COLUMNS]; ROWS];
            add::<S, PASSES, ROWS, COLUMNS>(&mut sums, simd, a, b, 0);
            if PASSES == 2 {
                add::<S, PASSES, ROWS, COLUMNS>(&mut sums, simd, a, b, 1);
            }
            let mut totals = [[0.0; COLUMNS]; ROWS];
            Sum::totals(sums.as_flattened(), totals.as_flattened_mut());
            for i in 0..ROWS {
                for j in 0..COLUMNS.min(columns - from) {
                    self.c.set(i, from + j, totals[i][j]);
                }
            }
        }
    }
}

/// Adds what belongs to every `PASSES`-th vector of the sums, starting with vector `pass`.
#[inline(always)]
fn add<S: Simd, const PASSES: usize, const ROWS: usize, const COLUMNS: usize>(
    sums: &mut [[Sum<S>; COLUMNS]; ROWS],
    simd: S,
    a: [&[f32]; ROWS],
    b: [&[f32]; COLUMNS],
    pass: usize,
) {
    // The rows of A first: they stay in registers while the columns of B are loaded one by one.
    zip::<LANES, _, _>(
        simd,
        a[0].len(),
        (a, b),
        #[inline(always)]
        |index, (a, b)| {
            if index % PASSES == pass {
                for i in 0..ROWS {
                    for j in 0..COLUMNS {
                        sums[i][j].add_product(index, a[i], b[j]);
                    }
                }
            }
            ((), ())
        },
    );
}
