//! The tile: `MR × NV` vectors of sums, held in registers while k runs; and the strips that tiles are the parts of.
//!
//! ```text
//!                     panel of B: kc × (NV vectors)
//!                     ┌────────┬────────┐
//!                   p │  b[0]  │  b[1]  │            for each p:
//!                     └────────┴────────┘              load NV vectors of B
//!   rows of A   ┌──┐  ┌────────┬────────┐              for each of MR rows:
//!   MR × kc     │a0│  │  sum   │  sum   │                broadcast a[i][p]
//!               │a1│  │  sum   │  sum   │                NV times sum ← a·b + sum
//!               │… │  │   …    │   …    │
//!               └──┘  └────────┴────────┘
//! ```

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

/// Where a tile reads A.
trait Left: Copy {
    /// Element p of row i.
    fn at(&self, i: usize, p: usize) -> f32;
}

/// Rows of A, read where they are.
#[derive(Clone, Copy)]
struct UnpackedRows<'a, const ROWS: usize> {
    rows: [&'a [f32]; ROWS],
}

impl<'a, const ROWS: usize> UnpackedRows<'a, ROWS> {
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

impl<const ROWS: usize> Left for UnpackedRows<'_, ROWS> {
    #[inline(always)]
    fn at(&self, i: usize, p: usize) -> f32 {
        self.rows[i][p]
    }
}

/// A panel of `MR` packed rows.
#[derive(Clone, Copy)]
struct PackedRows<'a, const MR: usize> {
    panel: &'a [[f32; MR]],
}

impl<const MR: usize> Left for PackedRows<'_, MR> {
    #[inline(always)]
    fn at(&self, i: usize, p: usize) -> f32 {
        self.panel[p][i]
    }
}

/// Some rows of A, for all of a block of k.
#[derive(Clone, Copy)]
pub(super) enum Rows<'a> {
    /// Where they are; they are contiguous along k.
    InPlace(View<'a>),
    /// In panels, the first of which holds the first of the rows.
    Packed(&'a [f32]),
}

/// Some columns of B, for all of a block of k: row p starts at `data[p · stride]`.
#[derive(Clone, Copy)]
pub(super) struct Panel<'a> {
    data: &'a [f32],
    stride: usize,
}

impl<'a> Panel<'a> {
    /// A panel of `width` columns that lies behind `before` others in the packed block.
    #[inline(always)]
    pub(super) fn packed(panels: &'a [f32], before: usize, width: usize, depth: usize) -> Self {
        Self { data: &panels[before * depth..][..width * depth], stride: width }
    }

    /// The columns from `column` on where they are; they are contiguous, and `depth` is not empty.
    #[inline(always)]
    pub(super) fn in_place(b: View<'a>, depth: &Range<usize>, column: usize) -> Self {
        Self { data: &b.data[depth.start * b.row_stride + column..], stride: b.row_stride }
    }
}

/// A strip of C, no wider than a tile: `c ← c₀ + rows·panel` over a block of k.
pub(super) struct Strip<'a> {
    pub(super) a: Rows<'a>,
    pub(super) panel: Panel<'a>,
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
            || {
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
        for ir in self.rows.clone().step_by(MR) {
            let rows = ir..self.rows.end.min(ir + MR);
            // Few rows get a tile of few rows: those of a whole one would be summed in vain.
            match rows.len() {
                1 if MR > 1 => self.tile::<S, MR, 1, NV>(simd, rows),
                2 if MR > 2 => self.tile::<S, MR, 2, NV>(simd, rows),
                3 | 4 if MR > 4 => self.tile::<S, MR, 4, NV>(simd, rows),
                _ => self.tile::<S, MR, MR, NV>(simd, rows),
            }
        }
    }

    #[inline(always)]
    fn tile<S: Simd, const MR: usize, const ROWS: usize, const NV: usize>(&mut self, simd: S, rows: Range<usize>) {
        let before = rows.start - self.rows.start;
        let c = &mut self.c[before * self.c_stride..];
        let tile = Tile {
            panel: self.panel,
            depth: self.depth.len(),
            c,
            c_stride: self.c_stride,
            rows: rows.len(),
            columns: self.columns,
            from_c: self.from_c,
        };
        match self.a {
            Rows::InPlace(a) => {
                tile.sum::<S, ROWS, NV>(simd, UnpackedRows::<ROWS>::new(a, rows, self.depth.clone()));
            }
            Rows::Packed(panels) => {
                let depth = self.depth.len();
                let (panel, _) = panels[before * depth..][..MR * depth].as_chunks::<MR>();
                tile.sum::<S, ROWS, NV>(simd, PackedRows { panel });
            }
        }
    }
}

/// A tile of C, of as many rows and columns as there are.
struct Tile<'a> {
    panel: Panel<'a>,
    depth: usize,
    c: &'a mut [f32],
    c_stride: usize,
    rows: usize,
    columns: usize,
    from_c: bool,
}

impl Tile<'_> {
    #[inline(always)]
    fn sum<S: Simd, const ROWS: usize, const NV: usize>(mut self, simd: S, a: impl Left) {
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

        for p in 0..sabotage!(self.depth, 4 => self.depth.saturating_sub(1)) {
            let b = &self.panel.data[p * self.panel.stride..][..NV * S::LANES];
            let mut vectors = [simd.splat(0.0); NV];
            for j in 0..NV {
                vectors[j] = simd.load(&b[j * S::LANES..]);
            }
            for i in 0..ROWS {
                let a = simd.splat(a.at(i, p));
                for j in 0..NV {
                    sums[i][j] = simd.mul_add(a, vectors[j], sums[i][j]);
                }
            }
        }

        // Index loops: iterating over the sums by value would spill them all.
        for i in 0..ROWS {
            if i < self.rows {
                let row = self.row(i, sabotage!(self.columns, 2 => self.columns + 1));
                for j in 0..NV {
                    simd.store_partial(sums[i][j], &mut row[j * S::LANES..]);
                }
            }
        }
    }

    #[inline(always)]
    fn row(&mut self, i: usize, columns: usize) -> &mut [f32] {
        &mut self.c[i * self.c_stride..][..columns]
    }
}
