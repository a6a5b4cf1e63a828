//! The tile: `ROWS × NV` vectors of sums, held in registers while k runs; and the strips that tiles are the parts of.
//!
//! ```text
//!                     panel of B: kc × (NV vectors)
//!                     ┌────────┬────────┐
//!                   p │  b[0]  │  b[1]  │            for each p:
//!                     └────────┴────────┘              load NV vectors of B
//!   rows of A   ┌──┐  ┌────────┬────────┐              for each row:
//!   ROWS × kc   │a0│  │  sum   │  sum   │                broadcast a[i][p]
//!               │a1│  │  sum   │  sum   │                NV times sum ← a·b + sum
//!               │… │  │   …    │   …    │
//!               └──┘  └────────┴────────┘
//! ```

use super::blocking::row_tiles;
use crate::simd::Simd;
use crate::view::View;
use core::ops::Range;

/// The largest tile of a lowering: rows and columns.
pub fn tile_shape<S: Simd>(_: S) -> (usize, usize) {
    let (rows, vectors) = match S::REGISTERS {
        32.. => (6, 4),
        16.. => (6, 2),
        _ => (4, 1),
    };
    (rows, vectors * S::LANES)
}

/// Where a tile reads A, step by step along k.
trait Left<const ROWS: usize>: Copy {
    /// What tells one step from another.
    type Step: Copy;
    fn steps(self) -> impl Iterator<Item = Self::Step>;
    /// Row i's element.
    fn at(self, step: Self::Step, i: usize) -> f32;
}

/// Rows of A, contiguous along k, read where they are.
#[derive(Clone, Copy)]
struct RowsInPlace<'a, const ROWS: usize> {
    rows: [&'a [f32]; ROWS],
}

impl<'a, const ROWS: usize> RowsInPlace<'a, ROWS> {
    /// Rows behind the last one repeat it; their sums are not stored.
    #[inline(always)]
    fn new(a: View<'a>, rows: Range<usize>, depth: Range<usize>) -> Self {
        let mut slices = [[].as_slice(); ROWS];
        for (i, slice) in slices.iter_mut().enumerate() {
            if !depth.is_empty() {
                *slice = a.row((rows.start + i).min(rows.end - 1), depth.clone());
            }
        }
        Self { rows: slices }
    }
}

impl<const ROWS: usize> Left<ROWS> for RowsInPlace<'_, ROWS> {
    type Step = usize;
    #[inline(always)]
    fn steps(self) -> impl Iterator<Item = usize> {
        0..self.rows[0].len()
    }
    #[inline(always)]
    fn at(self, step: usize, i: usize) -> f32 {
        self.rows[i][step]
    }
}

/// A panel of packed rows.
#[derive(Clone, Copy)]
struct PackedRows<'a, const ROWS: usize> {
    panel: &'a [[f32; ROWS]],
}

impl<'a, const ROWS: usize> Left<ROWS> for PackedRows<'a, ROWS> {
    type Step = &'a [f32; ROWS];
    #[inline(always)]
    fn steps(self) -> impl Iterator<Item = Self::Step> {
        self.panel.iter()
    }
    #[inline(always)]
    fn at(self, step: Self::Step, i: usize) -> f32 {
        step[i]
    }
}

/// Rows of A, contiguous across, read where they are: from one step to the next it is a row of Aᵀ.
#[derive(Clone, Copy)]
struct RowsAcross<'a> {
    steps: &'a [f32],
    stride: usize,
}

impl<'a, const ROWS: usize> Left<ROWS> for RowsAcross<'a> {
    type Step = &'a [f32];
    #[inline(always)]
    fn steps(self) -> impl Iterator<Item = Self::Step> {
        self.steps.chunks(self.stride)
    }
    #[inline(always)]
    fn at(self, step: Self::Step, i: usize) -> f32 {
        let rows: &[f32; ROWS] = step.first_chunk().expect("a step has all rows of the tile");
        rows[i]
    }
}

/// Where a tile reads B, step by step along k. The steps are slices, and what becomes of one is a function of its own: a closure in
/// an iterator's adapter is not always inlined, and then it has no vector instructions.
trait Right {
    /// What tells one step from another.
    type Step;
    fn steps(self, width: usize) -> impl Iterator<Item = Self::Step>;
    /// The vectors of a step.
    fn load<S: Simd, const NV: usize>(simd: S, step: Self::Step) -> [S::V; NV];
}

/// A packed panel of B.
struct PackedColumns<'a> {
    panel: &'a [f32],
}

impl<'a> Right for PackedColumns<'a> {
    type Step = &'a [f32];
    #[inline(always)]
    fn steps(self, width: usize) -> impl Iterator<Item = Self::Step> {
        self.panel.chunks_exact(width)
    }
    #[inline(always)]
    fn load<S: Simd, const NV: usize>(simd: S, step: Self::Step) -> [S::V; NV] {
        load(simd, step)
    }
}

/// Columns of B, contiguous, read where they are: the strip's only tile needs no panel.
struct ColumnsInPlace<'a> {
    source: Source<'a>,
}

impl<'a> Right for ColumnsInPlace<'a> {
    type Step = &'a [f32];
    #[inline(always)]
    fn steps(self, _: usize) -> impl Iterator<Item = Self::Step> {
        self.source.rows.chunks(self.source.stride)
    }
    #[inline(always)]
    fn load<S: Simd, const NV: usize>(simd: S, step: Self::Step) -> [S::V; NV] {
        load(simd, step)
    }
}

/// Columns of B, contiguous, read where they are, and copied into a panel on the way: the other tiles of the strip read that.
struct CopiedColumns<'a> {
    source: Source<'a>,
    panel: &'a mut [f32],
}

/// So many steps before it is read, a row is asked for.
const STEPS_AHEAD: usize = 16;

impl<'a> Right for CopiedColumns<'a> {
    type Step = (&'a [f32], &'a mut [f32], usize);
    #[inline(always)]
    fn steps(self, width: usize) -> impl Iterator<Item = Self::Step> {
        let Source { rows, stride } = self.source;
        // Rows lie too far apart for the processor to foresee where the next one is. Of a few rows, the next strip's part.
        let ahead = if rows.len() > STEPS_AHEAD * stride { STEPS_AHEAD * stride } else { width };
        rows.chunks(stride).zip(self.panel.chunks_exact_mut(width)).map(move |(row, copy)| (row, copy, ahead))
    }
    #[inline(always)]
    fn load<S: Simd, const NV: usize>(simd: S, (row, copy, ahead): Self::Step) -> [S::V; NV] {
        for line in (0..NV * S::LANES).step_by(16) {
            simd.prefetch(row, ahead + line + 15);
        }
        let vectors: [S::V; NV] = load(simd, row);
        let copy = &mut copy[..NV * S::LANES];
        for j in 0..NV {
            simd.store(vectors[j], &mut copy[j * S::LANES..]);
        }
        vectors
    }
}

#[inline(always)]
fn load<S: Simd, const NV: usize>(simd: S, row: &[f32]) -> [S::V; NV] {
    let row = &row[..NV * S::LANES];
    let mut vectors = [simd.splat(0.0); NV];
    for j in 0..NV {
        vectors[j] = simd.load(&row[j * S::LANES..]);
    }
    vectors
}

/// Some rows of A, for all of a block of k.
#[derive(Clone, Copy)]
pub(super) enum Rows<'a> {
    /// Where they are; they are contiguous along k.
    InPlace(View<'a>),
    /// Where they are; they are contiguous across.
    Across(View<'a>),
    /// In panels, the first of which holds the first of the rows.
    Packed(&'a [f32]),
}

/// Rows of B where they are, from a strip's first column on.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) rows: &'a [f32],
    /// From one row to the next.
    pub(super) stride: usize,
}

/// A strip of C, no wider than a tile: `c ← c₀ + rows·columns` over a block of k.
pub(super) struct Strip<'a> {
    pub(super) a: Rows<'a>,
    /// The packed columns of B, or room for them.
    pub(super) panel: &'a mut [f32],
    /// From where the first tile is to copy them, if they are not packed yet. As many as a whole tile has.
    pub(super) source: Option<Source<'a>>,
    /// Whether no other strip uses these columns.
    pub(super) alone: bool,
    /// The block of k, as columns of A.
    pub(super) depth: Range<usize>,
    /// Rows of A and C.
    pub(super) rows: Range<usize>,
    /// C from the strip's first element on.
    pub(super) c: &'a mut [f32],
    pub(super) c_stride: usize,
    pub(super) columns: usize,
    /// Whether c₀ is what C holds; otherwise it is zero.
    pub(super) from_c: bool,
}

impl Strip<'_> {
    /// Sums the strip tile by tile. Compiled once a lowering, not once an epilogue.
    pub(super) fn sum<S: Simd, const MR: usize, const NV: usize>(self, simd: S) {
        simd.vectorize(
            #[inline(always)]
            move || {
                // No more vectors a row than the columns need. The conditions on NV are constants: no tile is compiled that is
                // wider than the lowering's own.
                match self.columns.div_ceil(S::LANES) {
                    1 if NV > 1 => self.tiles::<S, MR, 1>(simd),
                    2 if NV > 2 => self.tiles::<S, MR, 2>(simd),
                    3 if NV > 3 => self.tiles::<S, MR, 3>(simd),
                    _ => self.tiles::<S, MR, NV>(simd),
                }
            },
        );
    }

    #[inline(always)]
    fn tiles<S: Simd, const MR: usize, const NV: usize>(mut self, simd: S) {
        let first = self.rows.start;
        for (rows, height) in row_tiles(MR, self.rows.len()) {
            let rows = first + rows.start..first + rows.end;
            // Few rows get a tile of few rows: those of a whole one would be summed in vain.
            match height {
                1 if MR > 1 => self.tile::<S, 1, NV>(simd, rows),
                2 if MR > 2 => self.tile::<S, 2, NV>(simd, rows),
                4 if MR > 4 => self.tile::<S, 4, NV>(simd, rows),
                _ => self.tile::<S, MR, NV>(simd, rows),
            }
        }
    }

    #[inline(always)]
    fn tile<S: Simd, const ROWS: usize, const NV: usize>(&mut self, simd: S, rows: Range<usize>) {
        let before = rows.start - self.rows.start;
        let last = self.alone && rows.end == self.rows.end;
        let c = &mut self.c[before * self.c_stride..];
        let tile = Tile { c, c_stride: self.c_stride, rows: rows.len(), columns: self.columns, from_c: self.from_c };
        let depth = sabotage!(self.depth.clone(), 4 => self.depth.start..self.depth.end.max(self.depth.start + 1) - 1);
        let (panel, source) = (&mut *self.panel, self.source.take());
        match self.a {
            Rows::InPlace(a) => {
                tile.with_rows::<S, ROWS, NV>(simd, RowsInPlace::new(a, rows, depth), panel, source, last)
            }
            Rows::Across(a) => {
                let needed = depth.len().saturating_sub(1) * a.col_stride + ROWS;
                let steps = &a.data[depth.start * a.col_stride + rows.start..][..needed];
                tile.with_rows::<S, ROWS, NV>(simd, RowsAcross { steps, stride: a.col_stride }, panel, source, last);
            }
            Rows::Packed(panels) => {
                let (rows, _) = panels[before * self.depth.len()..][..ROWS * depth.len()].as_chunks::<ROWS>();
                tile.with_rows::<S, ROWS, NV>(simd, PackedRows { panel: rows }, panel, source, last);
            }
        }
    }
}

/// A tile of C, of as many rows and columns as there are.
struct Tile<'a> {
    c: &'a mut [f32],
    c_stride: usize,
    rows: usize,
    columns: usize,
    from_c: bool,
}

impl Tile<'_> {
    /// Sums the tile with these rows of A, and columns of B from where they are.
    #[inline(always)]
    fn with_rows<S: Simd, const ROWS: usize, const NV: usize>(
        self,
        simd: S,
        a: impl Left<ROWS>,
        panel: &mut [f32],
        source: Option<Source<'_>>,
        last: bool,
    ) {
        match source {
            Some(source) if last => self.sum_as_function::<S, ROWS, NV, _>(simd, a, ColumnsInPlace { source }),
            Some(source) => self.sum_as_function::<S, ROWS, NV, _>(simd, a, CopiedColumns { source, panel }),
            None => self.sum_as_function::<S, ROWS, NV, _>(simd, a, PackedColumns { panel }),
        }
    }

    /// Each kind of tile is a function of its own: in one function with others the compiler would spill some of its sums, and take
    /// several times as long.
    #[inline(always)]
    fn sum_as_function<S: Simd, const ROWS: usize, const NV: usize, B: Right>(self, simd: S, a: impl Left<ROWS>, b: B) {
        simd.vectorize(
            #[inline(always)]
            move || self.sum::<S, ROWS, NV, B>(simd, a, b),
        );
    }

    #[inline(always)]
    fn sum<S: Simd, const ROWS: usize, const NV: usize, B: Right>(mut self, simd: S, a: impl Left<ROWS>, b: B) {
        let whole = self.columns == NV * S::LANES;
        let mut sums = [[simd.splat(0.0); NV]; ROWS];
        if self.from_c {
            for i in 0..ROWS {
                if i < self.rows {
                    let row = self.row(i, self.columns);
                    for j in 0..NV {
                        sums[i][j] = simd.load_partial(&row[j * S::LANES..]);
                    }
                }
            }
        }

        for (step, columns) in a.steps().zip(b.steps(NV * S::LANES)) {
            let vectors = B::load::<S, NV>(simd, columns);
            for i in 0..ROWS {
                let a = simd.splat(a.at(step, i));
                for j in 0..NV {
                    sums[i][j] = simd.mul_add(a, vectors[j], sums[i][j]);
                }
            }
        }

        // Index loops: iterating over the sums by value would spill them all.
        for i in 0..ROWS {
            if i < self.rows {
                let row = self.row(i, sabotage!(self.columns, 2 => self.columns + 1));
                if sabotage!(whole, 2 => false) {
                    for j in 0..NV {
                        simd.store(sums[i][j], &mut row[j * S::LANES..]);
                    }
                } else {
                    for j in 0..NV {
                        simd.store_partial(sums[i][j], &mut row[j * S::LANES..]);
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn row(&mut self, i: usize, columns: usize) -> &mut [f32] {
        &mut self.c[i * self.c_stride..][..columns]
    }
}
