//! Packing: copies operands into the order in which a tile reads them.
//!
//! ```text
//!   B: a panel holds nr columns, p runs slowest       A: a panel holds the mr rows of a tile, p runs slowest
//!      b00 b01 … b0(nr−1)                                a00 a10 … a(mr−1)0
//!      b10 b11 … b1(nr−1)                                a01 a11 … a(mr−1)1
//!      …                                                 …
//! ```
//! So packing A is packing Aᵀ as a B, and there is one way to pack. Missing elements at the edge are zeros. The last panel of B is only
//! as many vectors wide as it needs to be.

use super::blocks;
use super::plan::{PACKED_STEPS, STEPS_AHEAD, Tiles, row_tiles};
use crate::cache::LINE;
use crate::simd::{Simd, StridedMut, View, ViewMut, each};
use core::ops::Range;

/// Packs B into a panel of `width` columns. Compiled once per lowering, not once per epilogue.
pub(super) fn panel<S: Simd>(simd: S, b: View<'_>, width: usize, prefetch: bool, panel: &mut [f32]) {
    simd.vectorize(
        #[inline(always)]
        move || Packing { simd, b, columns: b.cols(), width, prefetch, panel }.run(),
    );
}

/// Packs a B of four strips, each as wide as a cache line, into their micro-panels. Compiled once per lowering.
pub(super) fn four_lines<S: Simd>(simd: S, b: View<'_>, panels: &mut [f32]) {
    simd.vectorize(
        #[inline(always)]
        || {
            let (depth, ahead) = (b.rows(), (b.row_stride() as usize).wrapping_mul(STEPS_AHEAD));
            let mut panels = panels.chunks_exact_mut(LINE * depth);
            let mut rows = || {
                let panel = panels.next().and_then(|panel| ViewMut::row_major(panel, depth, LINE).ok());
                panel.expect("the panels were cut so").into_rows()
            };
            let panels = ((rows(), rows()), (rows(), rows()));
            each(
                (b.row_groups::<1>(0, depth, 4 * LINE), panels),
                #[inline(always)]
                |([row], ((first, second), (third, fourth)))| {
                    for (line, panel) in [first, second, third, fourth].into_iter().enumerate() {
                        let row = &row[line * LINE..][..LINE];
                        simd.prefetch(row, ahead.wrapping_add(LINE - 1));
                        panel.copy_from_slice(row);
                    }
                },
            );
        },
    );
}

/// Packs A into the micro-panels of its tiles, one after another. Compiled once per lowering.
pub(super) fn rows<S: Simd>(simd: S, plan: &Tiles, a: View<'_>, panels: &mut [f32]) {
    simd.vectorize(
        #[inline(always)]
        move || {
            let (m, k) = (a.rows(), a.cols());
            // If the columns of A are contiguous, a few steps are packed for all panels before the next ones. A is then read almost
            // sequentially.
            for steps in blocks(0..k, if a.row_stride() == 1 { PACKED_STEPS } else { k }) {
                for tile in row_tiles(plan.mr, m) {
                    let width = tile.len();
                    let panel = &mut panels[tile.start * k + steps.start * width..][..steps.len() * width];
                    let b = a.block(tile.start..m, steps.clone()).t();
                    Packing { simd, b, columns: width, width, prefetch: plan.prefetch_a, panel }.run();
                }
            }
        },
    );
}

struct Packing<'a, S> {
    simd: S,
    /// The columns to pack, and any number after them, which may be loaded with them.
    b: View<'a>,
    columns: usize,
    width: usize,
    /// Whether a B that is contiguous along k is prefetched.
    prefetch: bool,
    panel: &'a mut [f32],
}

impl<S: Simd> Packing<'_, S> {
    #[inline(always)]
    fn run(mut self) {
        let depth = self.b.rows();
        for at in (0..self.width).step_by(S::LANES) {
            let lanes = self.columns.min(at)..self.columns.min(at + S::LANES);
            let mut p = 0;
            if self.b.col_stride() == 1 {
                p = self.whole_rows(lanes.clone(), at);
            } else if self.b.row_stride() == 1 {
                p = self.whole_quads(lanes.clone(), at);
                while p + 4 <= depth {
                    let four = self.b.t().load_columns(self.simd, lanes.clone(), p);
                    for step in 0..4 {
                        self.store(four[step], p + step, at);
                    }
                    p += 4;
                }
            }
            for p in p..depth {
                self.store(self.b.load(self.simd, p, lanes.clone()), p, at);
            }
        }
    }

    /// The steps that can be loaded and stored as whole vectors: no padding is needed, and no vector reaches beyond B or the panel. A
    /// vector may be wider than the panel, because the next row overwrites the excess.
    #[inline(always)]
    fn whole(&self, lanes: Range<usize>, at: usize) -> usize {
        if lanes.len() < S::LANES.min(self.width - at) || lanes.start + S::LANES > self.b.cols() {
            return 0;
        }
        let beyond = if self.width < S::LANES { (S::LANES - 1) / self.width } else { 0 };
        self.b.rows().saturating_sub(beyond)
    }

    /// Packs whole vectors of rows that are contiguous, with one bounds check for all of them; returns the number of steps.
    #[inline(always)]
    fn whole_rows(&mut self, lanes: Range<usize>, at: usize) -> usize {
        let steps = self.whole(lanes.clone(), at);
        if steps > 0 {
            let source = self.b.block(0..steps, lanes.start..lanes.start + S::LANES);
            let mut copies = StridedMut::new(&mut self.panel[at..], steps, S::LANES, self.width);
            each(
                source.row_groups::<1>(0, steps, S::LANES),
                #[inline(always)]
                |[row]| self.simd.store(self.simd.load(row), copies.part()),
            );
        }
        steps
    }

    /// The same for columns that are contiguous, four steps at a time.
    #[inline(always)]
    fn whole_quads(&mut self, lanes: Range<usize>, at: usize) -> usize {
        let steps = self.whole(lanes.clone(), at) / 4 * 4;
        if steps > 0 {
            let source = self.b.t().block(lanes.start..lanes.start + S::LANES, 0..steps);
            let panel = StridedMut::new(&mut self.panel[at..], steps, S::LANES, self.width);
            // Two loops, because a branch in each step would cost more than it saves.
            if self.prefetch {
                transpose::<S, true>(self.simd, source, panel);
            } else {
                transpose::<S, false>(self.simd, source, panel);
            }
        }
        steps
    }

    /// Stores a vector, with zeros after the last column, at column `at` of row `p`. In a panel narrower than a vector, the next row
    /// overwrites the excess: rows are stored in order.
    #[inline(always)]
    fn store(&mut self, v: S::V, p: usize, at: usize) {
        self.simd.store_partial(v, &mut self.panel[p * self.width + at..]);
    }
}

/// Packs four steps of `LANES` rows at a time.
#[inline(always)]
fn transpose<S: Simd, const PREFETCH: bool>(simd: S, source: View<'_>, mut panel: StridedMut<'_>) {
    let stride = source.row_stride() as usize;
    let mut quad = 0;
    for from in (0..source.cols()).step_by(4) {
        let rows = source.block(0..S::LANES, from..from + 4);
        // The hardware prefetcher does not anticipate the next rows. While one cache line of these rows is read, one line of each of
        // those is prefetched.
        if PREFETCH {
            for row in quad * S::LANES / 4..(quad + 1) * S::LANES / 4 {
                simd.prefetch(rows.row(0, 0..4), stride.wrapping_mul(S::LANES + row).wrapping_add(16));
            }
            quad = (quad + 1) % 4;
        }
        let columns = simd.load_columns(rows);
        for step in 0..4 {
            simd.store(columns[step], panel.part());
        }
    }
}
