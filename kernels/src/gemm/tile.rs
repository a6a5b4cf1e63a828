//! The tile: `MR × NV` vectors of sums, held in registers while k runs.
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

use crate::epilogue::Epilogue;
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
pub(super) trait Left<const MR: usize>: Copy {
    /// The steps of k.
    fn depth(&self) -> usize;
    /// Element p of row i.
    fn at(&self, i: usize, p: usize) -> f32;
}

/// `MR` rows of A, read where they are. Rows behind the last one repeat it; their sums are not stored.
#[derive(Clone, Copy)]
pub(super) struct UnpackedRows<'a, const MR: usize> {
    rows: [&'a [f32]; MR],
}

impl<'a, const MR: usize> UnpackedRows<'a, MR> {
    #[inline(always)]
    pub(super) fn new(a: View<'a>, rows: Range<usize>, depth: Range<usize>) -> Self {
        let mut slices = [[].as_slice(); MR];
        for (i, slice) in slices.iter_mut().enumerate() {
            if !depth.is_empty() {
                *slice = a.row((rows.start + i).min(rows.end - 1), depth.clone());
            }
        }
        Self { rows: slices }
    }
}

impl<const MR: usize> Left<MR> for UnpackedRows<'_, MR> {
    #[inline(always)]
    fn depth(&self) -> usize {
        self.rows[0].len()
    }
    #[inline(always)]
    fn at(&self, i: usize, p: usize) -> f32 {
        self.rows[i][p]
    }
}

/// A panel of `MR` packed rows.
#[derive(Clone, Copy)]
pub(super) struct PackedRows<'a, const MR: usize> {
    panel: &'a [[f32; MR]],
}

impl<'a, const MR: usize> PackedRows<'a, MR> {
    /// The panel that starts at row `from` of the packed block.
    #[inline(always)]
    pub(super) fn new(panels: &'a [f32], from: usize, depth: usize) -> Self {
        Self { panel: panels[from * depth..][..MR * depth].as_chunks().0 }
    }
}

impl<const MR: usize> Left<MR> for PackedRows<'_, MR> {
    #[inline(always)]
    fn depth(&self) -> usize {
        self.panel.len()
    }
    #[inline(always)]
    fn at(&self, i: usize, p: usize) -> f32 {
        self.panel[p][i]
    }
}

/// Columns of B: row p starts at `data[p · stride]`.
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

/// Which part of C a tile computes.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) rows: Range<usize>,
    pub(super) columns: Range<usize>,
}

/// Where in its sums a tile is.
#[derive(Clone, Copy)]
pub(super) struct Stage {
    /// Whether the sums go on from what C holds; otherwise from zero.
    pub(super) from_c: bool,
    /// Whether this is the last block of k: then the epilogue follows.
    pub(super) finish: bool,
}

/// C, and what is done to it.
pub(super) struct Tile<'a, E> {
    pub(super) c: &'a mut [f32],
    pub(super) c_stride: usize,
    pub(super) epilogue: E,
}

impl<E: Epilogue> Tile<'_, E> {
    /// Computes one tile, with no more vectors a row than its columns need.
    #[inline(always)]
    pub(super) fn compute<S: Simd, const MR: usize, const NV: usize, L: Left<MR>>(
        &mut self,
        simd: S,
        left: L,
        panel: Panel<'_>,
        place: Place,
        stage: Stage,
    ) {
        // The conditions on NV are constants: no tile is compiled that is wider than the lowering's own.
        match place.columns.len().div_ceil(S::LANES) {
            1 if NV > 1 => self.sized::<S, MR, 1, L>(simd, left, panel, &place, stage.from_c),
            2 if NV > 2 => self.sized::<S, MR, 2, L>(simd, left, panel, &place, stage.from_c),
            3 if NV > 3 => self.sized::<S, MR, 3, L>(simd, left, panel, &place, stage.from_c),
            _ => self.sized::<S, MR, NV, L>(simd, left, panel, &place, stage.from_c),
        }
        if stage.finish && E::CHANGES {
            self.finish(simd, &place);
        }
    }

    #[inline(always)]
    fn sized<S: Simd, const MR: usize, const NV: usize, L: Left<MR>>(
        &mut self,
        simd: S,
        left: L,
        panel: Panel<'_>,
        place: &Place,
        from_c: bool,
    ) {
        let mut sums = [[simd.splat(0.0); NV]; MR];
        if from_c {
            for i in 0..MR {
                if i < place.rows.len() {
                    let row = self.row(place.rows.start + i, &place.columns);
                    for j in 0..NV {
                        sums[i][j] = simd.load_partial(&row[j * S::LANES..]);
                    }
                }
            }
        }

        for p in 0..left.depth() {
            let b = &panel.data[p * panel.stride..][..NV * S::LANES];
            let mut vectors = [simd.splat(0.0); NV];
            for j in 0..NV {
                vectors[j] = simd.load(&b[j * S::LANES..]);
            }
            for i in 0..MR {
                let a = simd.splat(left.at(i, p));
                for j in 0..NV {
                    sums[i][j] = simd.mul_add(a, vectors[j], sums[i][j]);
                }
            }
        }

        // Index loops: iterating over the sums by value would spill them all.
        for i in 0..MR {
            if i < place.rows.len() {
                let row = self.row(place.rows.start + i, &place.columns);
                for j in 0..NV {
                    simd.store_partial(sums[i][j], &mut row[j * S::LANES..]);
                }
            }
        }
    }

    /// Sends the sums through the epilogue, while they are in L1. Doing that on their way out of the registers would save a load,
    /// but is so much code, once a vector of the tile, that the compiler gives up keeping the sums in registers at all.
    #[inline(always)]
    fn finish<S: Simd>(&mut self, simd: S, place: &Place) {
        let epilogue = self.epilogue;
        let whole = place.columns.len() / S::LANES * S::LANES;
        for i in place.rows.clone() {
            let (vectors, rest) = self.row(i, &place.columns).split_at_mut(whole);
            let mut at = place.columns.start;
            for vector in vectors.chunks_exact_mut(S::LANES) {
                simd.store(epilogue.apply(simd, simd.load(vector), i, at..at + S::LANES), vector);
                at += S::LANES;
            }
            if !rest.is_empty() {
                let sums = simd.load_partial(rest);
                simd.store_partial(epilogue.apply(simd, sums, i, at..at + rest.len()), rest);
            }
        }
    }

    #[inline(always)]
    fn row(&mut self, i: usize, columns: &Range<usize>) -> &mut [f32] {
        &mut self.c[i * self.c_stride..][columns.clone()]
    }
}
