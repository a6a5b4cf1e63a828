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

use super::plan::{PACKED_STEPS, STEPS_AHEAD, Tiles, row_tiles};
use crate::cache::LINE;
use crate::simd::{Out, Simd, StridedMut, View, ViewMut, each, zip};
use core::ops::Range;

/// Packs B's `depth` × `columns` into a panel of `width` columns. Compiled once per lowering, not once per epilogue.
pub(super) fn panel<S: Simd>(
    simd: S,
    b: View<'_>,
    depth: Range<usize>,
    columns: Range<usize>,
    width: usize,
    prefetch: bool,
    panel: &mut [f32],
) {
    simd.vectorize(
        #[inline(always)]
        move || Packing { simd, b, depth, columns, width, prefetch, panel }.run(),
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
                        zip::<LINE, _, _>(
                            simd,
                            LINE,
                            (row, Out(panel)),
                            #[inline(always)]
                            |_, (row, ())| ((), row),
                        );
                    }
                },
            );
        },
    );
}

/// Packs A's `rows` × `depth` into the micro-panels of their tiles, one after another. Compiled once per lowering.
pub(super) fn rows<S: Simd>(
    simd: S,
    plan: &Tiles,
    a: View<'_>,
    rows: Range<usize>,
    depth: Range<usize>,
    panels: &mut [f32],
) {
    simd.vectorize(
        #[inline(always)]
        move || {
            // If the columns of A are contiguous, a few steps are packed for all panels before the next ones. A is then read almost
            // sequentially.
            let steps = if a.row_stride() == 1 { PACKED_STEPS } else { depth.len() };
            let prefetch = plan.prefetch_a;
            for from in depth.clone().step_by(steps) {
                let steps = from..depth.end.min(from + steps);
                for tile in row_tiles(plan.mr, rows.len()) {
                    let width = tile.len();
                    let panel = &mut panels[tile.start * depth.len()..][..width * depth.len()];
                    let panel = &mut panel[(from - depth.start) * width..][..steps.len() * width];
                    let columns = rows.start + tile.start..rows.start + tile.end;
                    Packing { simd, b: a.t(), depth: steps.clone(), columns, width, prefetch, panel }.run();
                }
            }
        },
    );
}

struct Packing<'a, S> {
    simd: S,
    b: View<'a>,
    depth: Range<usize>,
    columns: Range<usize>,
    width: usize,
    /// Whether a B that is contiguous along k is prefetched.
    prefetch: bool,
    panel: &'a mut [f32],
}

impl<S: Simd> Packing<'_, S> {
    #[inline(always)]
    fn run(mut self) {
        let (depth, columns) = (self.depth.clone(), self.columns.clone());
        if depth.is_empty() {
            return;
        }
        for at in (0..self.width).step_by(S::LANES) {
            let lanes = columns.end.min(columns.start + at)..columns.end.min(columns.start + at + S::LANES);
            let mut p = depth.start;
            if self.b.col_stride() == 1 {
                p += self.whole_rows(lanes.clone(), at);
            } else if self.b.row_stride() == 1 {
                p += self.whole_quads(lanes.clone(), at);
                while p + 4 <= depth.end {
                    let four = self.b.t().load_columns(self.simd, lanes.clone(), p);
                    for step in 0..4 {
                        self.store(four[step], p + step, at);
                    }
                    p += 4;
                }
            }
            for p in p..depth.end {
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
        self.depth.len().saturating_sub(beyond)
    }

    /// Packs whole vectors of rows that are contiguous, with one bounds check for all of them; returns the number of steps.
    #[inline(always)]
    fn whole_rows(&mut self, lanes: Range<usize>, at: usize) -> usize {
        let steps = self.whole(lanes.clone(), at);
        if steps > 0 {
            let source = self.b.block(self.depth.clone(), lanes.start..lanes.start + S::LANES);
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
            let depth = self.depth.start..self.depth.start + steps;
            let source = self.b.t().block(lanes.start..lanes.start + S::LANES, depth);
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
        self.simd.store_partial(v, &mut self.panel[(p - self.depth.start) * self.width + at..]);
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
