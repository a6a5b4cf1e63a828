//! How a tile reads its operands: packed, or where they are.
//!
//! | operand | where it is | here |
//! |---|---|---|
//! | A | contiguous along k, its rows far apart | [`InPlace`] |
//! | A | contiguous across | [`Across`] |
//! | A | in panels | [`Packed`] |
//! | B | contiguous across, read by one tile alone | [`Steps`] |
//! | B | the same, and copied for the tiles behind the first | [`Copied`] |
//! | B | in a panel | [`PackedColumns`] |

use crate::simd::{Simd, Strided};
use crate::view::View;

/// An operand whose numbers lie side by side in each step along k: packed, or where they are. The first step begins where the slice
/// does.
#[derive(Clone, Copy)]
pub(super) struct Steps<'a> {
    pub(super) numbers: &'a [f32],
    /// From one step to the next.
    pub(super) stride: usize,
}

/// How a strip reads A.
pub(super) trait Read: Copy {
    /// The rows of a tile.
    fn rows<const ROWS: usize>(self, place: Place) -> impl Left<ROWS>;
}

/// Where a tile reads A.
pub(super) trait Left<const ROWS: usize>: Copy {
    /// What tells one step from another.
    type Step: Copy;
    fn steps(self, depth: usize) -> impl Iterator<Item = Self::Step>;
    /// Row i's element.
    fn at(self, step: Self::Step, i: usize) -> f32;
}

/// Rows that are contiguous along k, where they are.
#[derive(Clone, Copy)]
pub(super) struct InPlace<'a>(pub(super) View<'a>);

impl Read for InPlace<'_> {
    /// Rows behind the last one repeat it; their sums are not stored.
    #[inline(always)]
    fn rows<const ROWS: usize>(self, place: Place) -> impl Left<ROWS> {
        let Self(a) = self;
        let Place { row, rows, step, depth, .. } = place;
        let mut slices = [[].as_slice(); ROWS];
        // Without a step there may be no numbers.
        for (i, slice) in slices.iter_mut().enumerate().take(if depth > 0 { ROWS } else { 0 }) {
            *slice = &a.data[(row + i.min(rows - 1)) * a.row_stride + step..][..depth];
        }
        slices
    }
}

impl<const ROWS: usize> Left<ROWS> for [&[f32]; ROWS] {
    type Step = usize;
    #[inline(always)]
    fn steps(self, depth: usize) -> impl Iterator<Item = usize> {
        0..depth
    }
    #[inline(always)]
    fn at(self, step: usize, i: usize) -> f32 {
        self[i][step]
    }
}

/// Rows that are contiguous across, where they are.
#[derive(Clone, Copy)]
pub(super) struct Across<'a>(pub(super) View<'a>);

impl Read for Across<'_> {
    #[inline(always)]
    fn rows<const ROWS: usize>(self, place: Place) -> impl Left<ROWS> {
        let Self(a) = self;
        Steps { numbers: &a.data[place.step * a.col_stride + place.row..], stride: a.col_stride }
    }
}

impl<'a, const ROWS: usize> Left<ROWS> for Steps<'a> {
    type Step = &'a [f32];
    #[inline(always)]
    fn steps(self, depth: usize) -> impl Iterator<Item = Self::Step> {
        Strided::new(self.numbers, depth, ROWS, self.stride)
    }
    #[inline(always)]
    fn at(self, step: Self::Step, i: usize) -> f32 {
        let rows: &[f32; ROWS] = step.first_chunk().expect("a step has all rows of the tile");
        rows[i]
    }
}

/// Panels of packed rows.
#[derive(Clone, Copy)]
pub(super) struct Packed<'a>(pub(super) &'a [f32]);

impl Read for Packed<'_> {
    #[inline(always)]
    fn rows<const ROWS: usize>(self, place: Place) -> impl Left<ROWS> {
        let (panel, _) = self.0[place.packed..].as_chunks::<ROWS>();
        &panel[..place.depth]
    }
}

impl<'a, const ROWS: usize> Left<ROWS> for &'a [[f32; ROWS]] {
    type Step = &'a [f32; ROWS];
    #[inline(always)]
    fn steps(self, depth: usize) -> impl Iterator<Item = Self::Step> {
        self[..depth].iter()
    }
    #[inline(always)]
    fn at(self, step: Self::Step, i: usize) -> f32 {
        step[i]
    }
}

/// Where a tile reads B. The steps are slices, and what becomes of one is a function of its own: a closure in an iterator's adapter is
/// not always inlined, and then it has no vector instructions.
pub(super) trait Right {
    /// What tells one step from another.
    type Step;
    fn steps(self, depth: usize, width: usize) -> impl Iterator<Item = Self::Step>;
    /// The vectors of a step.
    fn load<S: Simd, const NV: usize>(simd: S, step: Self::Step) -> [S::V; NV];
}

impl<'a> Right for Steps<'a> {
    type Step = &'a [f32];
    #[inline(always)]
    fn steps(self, depth: usize, width: usize) -> impl Iterator<Item = Self::Step> {
        Strided::new(self.numbers, depth, width, self.stride)
    }
    #[inline(always)]
    fn load<S: Simd, const NV: usize>(simd: S, step: Self::Step) -> [S::V; NV] {
        load(simd, step)
    }
}

/// A packed panel of B.
pub(super) struct PackedColumns<'a> {
    pub(super) panel: &'a [f32],
}

impl<'a> Right for PackedColumns<'a> {
    type Step = &'a [f32];
    #[inline(always)]
    fn steps(self, depth: usize, width: usize) -> impl Iterator<Item = Self::Step> {
        self.panel[..depth * width].chunks_exact(width)
    }
    #[inline(always)]
    fn load<S: Simd, const NV: usize>(simd: S, step: Self::Step) -> [S::V; NV] {
        load(simd, step)
    }
}

/// Columns of B, read where they are, and copied into a panel on the way: the other tiles of the strip read that.
pub(super) struct Copied<'a> {
    pub(super) source: Steps<'a>,
    pub(super) panel: &'a mut [f32],
}

/// So many steps before it is read, a row is asked for.
const STEPS_AHEAD: usize = 16;

impl<'a> Right for Copied<'a> {
    type Step = (&'a [f32], &'a mut [f32], usize);
    #[inline(always)]
    fn steps(self, depth: usize, width: usize) -> impl Iterator<Item = Self::Step> {
        let Steps { numbers, stride } = self.source;
        // Rows lie too far apart for the processor to foresee where the next one is. Of a few rows, the next strip's part.
        let ahead = if depth > STEPS_AHEAD { STEPS_AHEAD * stride } else { width };
        numbers
            .chunks(stride)
            .zip(self.panel[..depth * width].chunks_exact_mut(width))
            .map(move |(row, copy)| (row, copy, ahead))
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
pub(super) fn load<S: Simd, const NV: usize>(simd: S, row: &[f32]) -> [S::V; NV] {
    let row = &row[..NV * S::LANES];
    let mut vectors = [simd.splat(0.0); NV];
    for j in 0..NV {
        vectors[j] = simd.load(&row[j * S::LANES..]);
    }
    vectors
}

/// Where a tile's rows of A are.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// The first of them.
    pub(super) row: usize,
    pub(super) rows: usize,
    /// Numbers of packed panels before them.
    pub(super) packed: usize,
    /// The first step.
    pub(super) step: usize,
    /// Steps along k.
    pub(super) depth: usize,
}
