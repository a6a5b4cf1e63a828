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

use super::plan::{FAR, row_tiles};
use crate::simd::{Simd, Strided, StridedMut};
use crate::view::View;
use core::ops::Range;

/// Packs B's `depth` × `columns` into a panel of `width` columns. Compiled once per lowering, not once per epilogue.
pub(super) fn panel<S: Simd>(
    simd: S,
    b: View<'_>,
    depth: Range<usize>,
    columns: Range<usize>,
    width: usize,
    panel: &mut [f32],
) {
    simd.vectorize(
        #[inline(always)]
        move || Packing { simd, b, depth, columns, width, panel }.run(),
    );
}

/// Packs A's `rows` × `depth` into the micro-panels of their tiles, one after another. Compiled once per lowering.
pub(super) fn rows<S: Simd>(
    simd: S,
    mr: usize,
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
            let steps = if a.row_stride == 1 { 32 } else { depth.len() };
            for from in depth.clone().step_by(steps) {
                let steps = from..depth.end.min(from + steps);
                for tile in row_tiles(mr, rows.len()) {
                    let width = tile.len();
                    let panel = &mut panels[tile.start * depth.len()..][..width * depth.len()];
                    let panel = &mut panel[(from - depth.start) * width..][..steps.len() * width];
                    let columns = rows.start + tile.start..rows.start + tile.end;
                    Packing { simd, b: a.t(), depth: steps.clone(), columns, width, panel }.run();
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
            if self.b.col_stride == 1 {
                self.contiguous_across(lanes, at);
            } else if self.b.row_stride == 1 {
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
            let row = &self.b.data[p * self.b.row_stride + lanes.start..][..lanes.len()];
            self.store(self.simd.load_partial(row), p, at);
        }
    }

    /// Packs the steps that can be loaded and stored as whole vectors without leaving the slice or the panel. There is one bounds check
    /// for all of them. Returns their number.
    #[inline(always)]
    fn whole_rows(&mut self, column: usize, at: usize) -> usize {
        let (stride, width) = (self.b.row_stride, self.width);
        let source = &self.b.data[self.depth.start * stride + column..];
        let panel = &mut self.panel[at..];
        // The vectors of the last steps may reach beyond the slice or the panel.
        let inside = |len: usize, stride: usize, steps: usize| {
            steps.saturating_sub(1).saturating_mul(stride).saturating_add(S::LANES) <= len
        };
        let mut steps = self.depth.len();
        while steps > 0 && !(inside(source.len(), stride, steps) && inside(panel.len(), width, steps)) {
            steps -= 1;
        }
        let rows = Strided::new(source, steps, S::LANES, stride);
        let mut copies = StridedMut::new(panel, steps, S::LANES, width);
        for row in rows {
            self.simd.store(self.simd.load(row), copies.part());
        }
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
            let four = load_few_columns(self.simd, self.b.t(), lanes.clone(), p);
            for step in 0..4 {
                self.store(four[step], p + step, at);
            }
            p += 4;
        }
        self.gathered(p..self.depth.end, lanes, at);
    }

    /// Packs the steps that can be loaded and stored as whole vectors without leaving the slice or the panel. There is one bounds check
    /// for all of them. Returns their number, a multiple of four.
    #[inline(always)]
    fn whole_quads(&mut self, column: usize, at: usize) -> usize {
        let (stride, width) = (self.b.col_stride, self.width);
        let source = &self.b.data[column * stride + self.depth.start..];
        let panel = &mut self.panel[at..];
        let needed = (S::LANES - 1).saturating_mul(stride).saturating_add(4);
        let loaded = (source.len() + 1).saturating_sub(needed).div_ceil(4);
        let stored = (panel.len() + width).saturating_sub(S::LANES) / (4 * width);
        let quads = loaded.min(stored).min(self.depth.len() / 4);
        let source = Strided::new(source, quads, needed, 4);
        let panel = StridedMut::new(panel, 4 * quads, S::LANES, width);
        // Two loops, because a branch in each step would cost more than it saves.
        if self.b.data.len() >= FAR {
            transpose::<S, true>(self.simd, source, stride, panel);
        } else {
            transpose::<S, false>(self.simd, source, stride, panel);
        }
        4 * quads
    }

    /// Whether no padding is needed. Vectors may then be wider than the panel, because the next row overwrites the excess.
    #[inline(always)]
    fn whole(&self, lanes: &Range<usize>, at: usize) -> bool {
        lanes.len() == S::LANES.min(self.width - at)
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
fn transpose<S: Simd, const PREFETCH: bool>(simd: S, source: Strided<'_>, stride: usize, mut panel: StridedMut<'_>) {
    for (quad, four) in source.enumerate() {
        // The hardware prefetcher does not anticipate the next rows. While one cache line of these rows is read, one line of each of
        // those is prefetched.
        if PREFETCH {
            for row in quad % 4 * S::LANES / 4..(quad % 4 + 1) * S::LANES / 4 {
                simd.prefetch(four, stride.wrapping_mul(S::LANES + row).wrapping_add(16));
            }
        }
        let columns = simd.load_columns(four, stride);
        for step in 0..4 {
            simd.store(columns[step], panel.part());
        }
    }
}

/// Loads four columns, starting at `column`, of at most `LANES` rows with contiguous elements. The lanes after the last row are zero or
/// hold the elements that follow in memory.
#[inline(always)]
pub(super) fn load_columns<S: Simd>(simd: S, a: View<'_>, rows: Range<usize>, column: usize) -> [S::V; 4] {
    let source = &a.data[rows.start * a.row_stride + column..];
    if source.len() >= a.row_stride.saturating_mul(S::LANES - 1).saturating_add(4) {
        simd.load_columns(source, a.row_stride)
    } else {
        load_few_columns(simd, a, rows, column)
    }
}

/// Like [`load_columns`], but the lanes after the last row are zero.
#[inline(always)]
fn load_few_columns<S: Simd>(simd: S, a: View<'_>, rows: Range<usize>, column: usize) -> [S::V; 4] {
    let mut some = [0.0; 64];
    for (row, some) in rows.zip(some.as_chunks_mut::<4>().0) {
        some.copy_from_slice(a.row(row, column..column + 4));
    }
    simd.load_columns(&some, 4)
}
