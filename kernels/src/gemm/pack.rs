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

use super::plan::{PACKED_STEPS, Tiles, row_tiles};
use crate::simd::{Simd, StridedMut, View, each};
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
            if self.b.col_stride() == 1 {
                self.contiguous_across(lanes, at);
            } else if self.b.row_stride() == 1 {
                self.contiguous_along_k(lanes, at);
            } else {
                self.gathered(depth.clone(), lanes, at);
            }
        }
    }

    #[inline(always)]
    fn contiguous_across(&mut self, lanes: Range<usize>, at: usize) {
        let whole = if self.whole(&lanes, at) { self.whole_rows(lanes.start, at) } else { 0 };
        for p in self.depth.start + whole..self.depth.end {
            self.store(self.simd.load_partial(self.b.row(p, lanes.clone())), p, at);
        }
    }

    /// Packs the steps that can be stored as whole vectors without leaving the panel. There is one bounds check for all of them. Returns
    /// their number.
    #[inline(always)]
    fn whole_rows(&mut self, column: usize, at: usize) -> usize {
        let panel = &mut self.panel[at..];
        // The vectors of the last steps may reach beyond the panel.
        let stored = (panel.len() + self.width).saturating_sub(S::LANES) / self.width;
        let steps = self.depth.len().min(stored);
        let source = self.b.block(self.depth.clone(), column..column + S::LANES);
        let mut copies = StridedMut::new(panel, steps, S::LANES, self.width);
        each(
            source.row_groups::<1>(0, steps, S::LANES),
            #[inline(always)]
            |[row]| self.simd.store(self.simd.load(row), copies.part()),
        );
        steps
    }

    /// Packs four steps at a time.
    #[inline(always)]
    fn contiguous_along_k(&mut self, lanes: Range<usize>, at: usize) {
        let mut p = self.depth.start;
        if self.whole(&lanes, at) {
            p += self.whole_quads(lanes.start, at);
        }
        while p + 4 <= self.depth.end {
            let four = load_few_columns(self.simd, self.b.t().block(lanes.clone(), p..p + 4));
            for step in 0..4 {
                self.store(four[step], p + step, at);
            }
            p += 4;
        }
        self.gathered(p..self.depth.end, lanes, at);
    }

    /// Packs the steps that can be stored as whole vectors without leaving the panel. There is one bounds check for all of them. Returns
    /// their number, a multiple of four.
    #[inline(always)]
    fn whole_quads(&mut self, column: usize, at: usize) -> usize {
        let panel = &mut self.panel[at..];
        let stored = (panel.len() + self.width).saturating_sub(S::LANES) / (4 * self.width);
        let quads = stored.min(self.depth.len() / 4);
        let panel = StridedMut::new(panel, 4 * quads, S::LANES, self.width);
        let source = self.b.t().block(column..column + S::LANES, self.depth.start..self.depth.start + 4 * quads);
        // Two loops, because a branch in each step would cost more than it saves.
        if self.prefetch {
            transpose::<S, true>(self.simd, source, panel);
        } else {
            transpose::<S, false>(self.simd, source, panel);
        }
        4 * quads
    }

    /// Whether no padding is needed, and a whole vector can be loaded. It may be wider than the panel, because the next row overwrites the
    /// excess.
    #[inline(always)]
    fn whole(&self, lanes: &Range<usize>, at: usize) -> bool {
        lanes.len() == S::LANES.min(self.width - at) && lanes.start + S::LANES <= self.b.cols()
    }

    #[inline(always)]
    fn gathered(&mut self, depth: Range<usize>, lanes: Range<usize>, at: usize) {
        for p in depth {
            self.store(self.b.load(self.simd, p, lanes.clone()), p, at);
        }
    }

    /// Stores a vector, with zeros after the last column, at column `at` of row `p`. In a panel narrower than a vector, the next row
    /// overwrites the excess: rows are stored in order.
    #[inline(always)]
    fn store(&mut self, v: S::V, p: usize, at: usize) {
        let row = &mut self.panel[(p - self.depth.start) * self.width + at..];
        if row.len() >= S::LANES {
            self.simd.store(v, row);
        } else {
            self.simd.store_partial(v, row);
        }
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

/// Loads four columns of at most `LANES` rows. The lanes after the last row are zero.
#[inline(always)]
fn load_few_columns<S: Simd>(simd: S, rows: View<'_>) -> [S::V; 4] {
    let mut some = [0.0; 64];
    for (i, some) in (0..rows.rows()).zip(some.as_chunks_mut::<4>().0) {
        some.copy_from_slice(rows.row(i, 0..4));
    }
    simd.load_columns(View::row_major(&some, S::LANES, 4).expect("an array of as many"))
}
