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

use super::plan::{Lanes, lanes_stride, row_tiles};
use super::{Operands, aligned, blocks, pack};
use crate::simd::{Simd, View, ViewMut, each};

/// Lanes of a sum, on every instruction set.
const LANES: usize = 16;

/// `C = A·B`.
pub(super) fn multiply<S: Simd>(simd: S, plan: Lanes, operands: Operands<'_>) {
    let [m, n, k] = operands.sizes();
    let Operands { mut a, b, mut c, workspace, .. } = operands;
    let b = b.t();
    let stride = lanes_stride(k).expect("the workspace has workspace_len elements");
    let workspace = aligned(workspace);
    let (a_rows, b_rows) = workspace.split_at_mut(if plan.pack_a { m * stride } else { 0 });
    if plan.pack_a {
        a = packed(simd, a, stride, false, a_rows);
    }
    for columns in blocks(0..n, plan.columns) {
        let mut rows_of_b = b.block(columns.clone(), 0..k);
        if plan.pack_b {
            rows_of_b = packed(simd, rows_of_b, stride, plan.prefetch, b_rows);
        }
        for rows in row_tiles(plan.rows, m) {
            let c = c.reborrow().block(rows.clone(), columns.clone());
            Block { a: a.block(rows, 0..k), b: rows_of_b, c }.sum(simd);
        }
    }
}

/// The same matrix, copied so that its rows are contiguous.
fn packed<'p, S: Simd>(simd: S, rows: View<'_>, stride: usize, prefetch: bool, target: &'p mut [f32]) -> View<'p> {
    pack::panel(simd, rows, 0..rows.rows(), 0..rows.cols(), stride, prefetch, target);
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
                (1, 1) => self.rows::<S, 1, 1, 1, 4>(simd),
                (1, 2) => self.rows::<S, 1, 1, 2, 8>(simd),
                (1, 3) => self.rows::<S, 1, 1, 3, 4>(simd),
                (1, 4) => self.rows::<S, 1, 1, 4, 4>(simd),
                (2, 1) => self.rows::<S, 2, 2, 1, 4>(simd),
                (2, 2) => self.rows::<S, 2, 2, 2, 3>(simd),
                (2, 3) => self.rows::<S, 2, 1, 3, 4>(simd),
                (2, 4) => self.rows::<S, 2, 1, 4, 3>(simd),
                (16, 1) => self.rows::<S, 16, 4, 1, 1>(simd),
                (16, 2) => self.rows::<S, 16, 4, 2, 1>(simd),
                (16, 3) => self.rows::<S, 16, 4, 3, 1>(simd),
                (16, 4) => self.rows::<S, 16, 4, 4, 1>(simd),
                (vectors, rows) => unreachable!("no function for {rows} rows and {vectors} vectors"),
            },
        );
    }

    /// The `VECTORS` vectors of each sixteen, `NV` of them per pass over k.
    #[inline(always)]
    fn rows<S: Simd, const VECTORS: usize, const NV: usize, const ROWS: usize, const COLUMNS: usize>(
        &mut self,
        simd: S,
    ) {
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
            let mut vectors = [[[simd.splat(0.0); VECTORS]; COLUMNS]; ROWS];
            for pass in (0..VECTORS).step_by(NV) {
                let sums = sums::<S, NV, ROWS, COLUMNS>(simd, a, b, pass * S::LANES);
                for i in 0..ROWS {
                    for j in 0..COLUMNS {
                        vectors[i][j][pass..][..NV].copy_from_slice(&sums[i][j]);
                    }
                }
            }
            let mut lanes = [[simd.splat(0.0); COLUMNS]; ROWS];
            for i in 0..ROWS {
                for j in 0..COLUMNS {
                    lanes[i][j] = halve(simd, vectors[i][j]);
                }
            }
            self.store(simd, lanes, from);
        }
    }

    /// Stores the sums of lanes, in which all sixteen are.
    #[inline(always)]
    fn store<S: Simd, const ROWS: usize, const COLUMNS: usize>(
        &mut self,
        simd: S,
        lanes: [[S::V; COLUMNS]; ROWS],
        from: usize,
    ) {
        let lanes = lanes.as_flattened();
        let mut sums = [[0.0; COLUMNS]; ROWS];
        let (quads, rest) = lanes.as_chunks::<4>();
        let (quad_sums, rest_sums) = sums.as_flattened_mut().as_chunks_mut::<4>();
        for (quad, sums) in quads.iter().zip(quad_sums) {
            *sums = simd.reduce_add_quad(*quad);
        }
        for (lanes, sum) in rest.iter().zip(rest_sums) {
            *sum = simd.reduce_add(*lanes);
        }
        let count = COLUMNS.min(self.c.cols() - from);
        for i in 0..ROWS {
            for j in 0..count {
                self.c.set(i, from + j, sums[i][j]);
            }
        }
    }
}

/// `NV` vectors of the sixteen lanes, from `lane` on, of each row and column.
#[inline(always)]
fn sums<S: Simd, const NV: usize, const ROWS: usize, const COLUMNS: usize>(
    simd: S,
    a: [&[f32]; ROWS],
    b: [&[f32]; COLUMNS],
    lane: usize,
) -> [[[S::V; NV]; COLUMNS]; ROWS] {
    let mut sums = [[[simd.splat(0.0); NV]; COLUMNS]; ROWS];
    let whole = a[0].len() / LANES;
    let (mut a_steps, mut a_rest) = ([[].as_slice(); ROWS], [[].as_slice(); ROWS]);
    let (mut b_steps, mut b_rest) = ([[].as_slice(); COLUMNS], [[].as_slice(); COLUMNS]);
    // Loops, not `map`, which is not always inlined.
    for i in 0..ROWS {
        let (steps, rest) = a[i].as_chunks::<LANES>();
        (a_steps[i], a_rest[i]) = (&steps[..whole], rest);
    }
    for j in 0..COLUMNS {
        let (steps, rest) = b[j].as_chunks::<LANES>();
        (b_steps[j], b_rest[j]) = (&steps[..whole], rest);
    }
    each(
        (a_steps, b_steps),
        #[inline(always)]
        |(a, b)| {
            for v in 0..NV {
                let lane = lane + v * S::LANES;
                let mut columns = [simd.splat(0.0); COLUMNS];
                for j in 0..COLUMNS {
                    columns[j] = simd.load(&b[j][lane..]);
                }
                for i in 0..ROWS {
                    let row = simd.load(&a[i][lane..]);
                    for j in 0..COLUMNS {
                        sums[i][j][v] = simd.mul_add(row, columns[j], sums[i][j][v]);
                    }
                }
            }
        },
    );
    let rest = a_rest[0].len();
    for v in 0..NV {
        let from = lane + v * S::LANES;
        if from < rest {
            for i in 0..ROWS {
                let row = simd.load_partial(&a_rest[i][from..]);
                for j in 0..COLUMNS {
                    sums[i][j][v] = simd.mul_add(row, simd.load_partial(&b_rest[j][from..]), sums[i][j][v]);
                }
            }
        }
    }
    sums
}

/// The upper half of vectors is added to the lower until one remains.
#[inline(always)]
fn halve<S: Simd, const N: usize>(simd: S, mut lanes: [S::V; N]) -> S::V {
    let mut half = N / 2;
    while half > 0 {
        for v in 0..half {
            lanes[v] = simd.add(lanes[v], lanes[v + half]);
        }
        half /= 2;
    }
    lanes[0]
}
