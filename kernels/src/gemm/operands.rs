//! How a tile reads its operands: packed, or where they are.
//!
//! | operand | where it is | here |
//! |---|---|---|
//! | A | contiguous along k, its rows far apart | [`Rows::InPlace`] |
//! | A | contiguous across | [`Rows::Across`] |
//! | A | in panels | [`Rows::Packed`] |
//! | B | in a panel, or contiguous across and in L1 | [`Columns::Near`] |
//! | B | contiguous across, and read by few tiles | [`Columns::Far`] |
//! | B | contiguous across, and copied for the tiles behind the first | [`Columns::Copied`] |
//!
//! Steps along k are taken in groups of `U`, that a loop has fewer branches.

use crate::simd::{DisjointMut, Parts, Same, Simd, Strided};
use crate::view::View;

/// Some rows of A, for all of a block of k.
#[derive(Clone, Copy)]
pub(super) enum Rows<'a> {
    /// Where they are; they are contiguous along k.
    InPlace(View<'a>),
    /// Where they are; they are contiguous across. But the last tile's are in a panel, if they are fewer than its height.
    Across(View<'a>, &'a [f32]),
    /// In panels, the first of which holds the first of the rows.
    Packed(&'a [f32]),
}

/// The columns of B of a strip, for all of a block of k, as many as a whole tile has.
pub(super) enum Columns<'a> {
    /// In a panel, or where they are.
    Near(Steps<'a>),
    /// Where they are, each row asked for before it is read.
    Far(Steps<'a>),
    /// The same, to be copied into a panel on the way.
    Copied(Steps<'a>, &'a mut [f32]),
}

impl<'a> Columns<'a> {
    /// A panel of so many columns.
    pub(super) fn packed(panel: &'a [f32], width: usize) -> Self {
        Self::Near(Steps { numbers: panel, stride: width })
    }

    /// The same columns, for a while.
    pub(super) fn by_ref(&mut self) -> Columns<'_> {
        match self {
            Self::Near(steps) => Columns::Near(*steps),
            Self::Far(steps) => Columns::Far(*steps),
            Self::Copied(steps, panel) => Columns::Copied(*steps, panel),
        }
    }

    /// How they are read when they have been read once, by a tile of so many columns.
    #[inline(always)]
    pub(super) fn copied(self, width: usize) -> Self {
        match self {
            Self::Copied(_, panel) => Self::packed(panel, width),
            others => others,
        }
    }
}

/// Numbers that lie side by side in each step along k: packed, or where they are. The first step begins where the slice does.
#[derive(Clone, Copy)]
pub(super) struct Steps<'a> {
    pub(super) numbers: &'a [f32],
    /// From one step to the next.
    pub(super) stride: usize,
}

/// Where a tile is.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// The first of its rows of A.
    pub(super) row: usize,
    pub(super) rows: usize,
    /// Numbers of packed panels before them.
    pub(super) packed: usize,
    /// The first step of its block of k.
    pub(super) step: usize,
}

/// How a strip reads A.
pub(super) trait Read: Copy {
    /// The rows of a tile.
    fn rows<const ROWS: usize>(self, place: Place, depth: usize) -> impl Left;
}

/// A tile's rows of A.
pub(super) trait Left: Copy {
    /// `depth` steps from `from` on, `U` at a time.
    fn steps<const U: usize>(self, from: usize, depth: usize) -> impl Parts<Part: LeftSteps>;
}

/// Some steps of a tile's rows of A.
pub(super) trait LeftSteps {
    /// Row i's element in the u-th of the steps.
    fn at(&self, u: usize, i: usize) -> f32;
}

/// See [`Rows::InPlace`].
#[derive(Clone, Copy)]
pub(super) struct InPlace<'a>(pub(super) View<'a>);

impl Read for InPlace<'_> {
    /// Rows behind the last one repeat it; their sums are not stored.
    #[inline(always)]
    fn rows<const ROWS: usize>(self, place: Place, depth: usize) -> impl Left {
        let Self(a) = self;
        let mut rows = [[].as_slice(); ROWS];
        // Without a step there may be no numbers.
        if depth > 0 {
            for i in 0..ROWS {
                rows[i] = &a.data[(place.row + i.min(place.rows - 1)) * a.row_stride + place.step..][..depth];
            }
        }
        rows
    }
}

impl<const ROWS: usize> Left for [&[f32]; ROWS] {
    #[inline(always)]
    fn steps<const U: usize>(self, from: usize, depth: usize) -> impl Parts<Part: LeftSteps> {
        let mut rows: [&[[f32; U]]; ROWS] = [&[]; ROWS];
        for i in 0..ROWS {
            rows[i] = self[i][from..from + depth].as_chunks().0;
        }
        rows
    }
}

impl<const ROWS: usize, const U: usize> LeftSteps for [&[f32; U]; ROWS] {
    #[inline(always)]
    fn at(&self, u: usize, i: usize) -> f32 {
        self[i][u]
    }
}

/// See [`Rows::Across`].
#[derive(Clone, Copy)]
pub(super) struct Across<'a>(pub(super) View<'a>, pub(super) &'a [f32]);

impl Read for Across<'_> {
    #[inline(always)]
    fn rows<const ROWS: usize>(self, place: Place, depth: usize) -> impl Left {
        let Self(a, last) = self;
        let steps = if depth == 0 {
            Steps { numbers: &[], stride: 0 }
        } else if place.rows < ROWS {
            Steps { numbers: last, stride: ROWS }
        } else {
            Steps { numbers: &a.data[place.step * a.col_stride + place.row..], stride: a.col_stride }
        };
        Strided::new(steps.numbers, depth, ROWS, steps.stride)
    }
}

impl Left for Strided<'_> {
    #[inline(always)]
    fn steps<const U: usize>(self, from: usize, depth: usize) -> impl Parts<Part: LeftSteps> {
        self.groups::<U>(from, depth / U)
    }
}

impl<const U: usize> LeftSteps for [&[f32]; U] {
    #[inline(always)]
    fn at(&self, u: usize, i: usize) -> f32 {
        self[u][i]
    }
}

/// See [`Rows::Packed`].
#[derive(Clone, Copy)]
pub(super) struct Packed<'a>(pub(super) &'a [f32]);

impl Read for Packed<'_> {
    #[inline(always)]
    fn rows<const ROWS: usize>(self, place: Place, depth: usize) -> impl Left {
        let (panel, _) = self.0[place.packed..].as_chunks::<ROWS>();
        &panel[..depth]
    }
}

impl<const ROWS: usize> Left for &[[f32; ROWS]] {
    #[inline(always)]
    fn steps<const U: usize>(self, from: usize, depth: usize) -> impl Parts<Part: LeftSteps> {
        self[from..from + depth].as_chunks::<U>().0
    }
}

impl<const ROWS: usize, const U: usize> LeftSteps for &[[f32; ROWS]; U] {
    #[inline(always)]
    fn at(&self, u: usize, i: usize) -> f32 {
        self[u][i]
    }
}

/// Where a tile reads B.
pub(super) trait Right {
    /// `depth` steps from `from` on, `U` at a time, `width` numbers each.
    fn steps<const U: usize>(&mut self, from: usize, depth: usize, width: usize) -> impl Parts<Part: RightSteps>;
}

/// Some steps of B.
pub(super) trait RightSteps {
    /// The vectors of the u-th of the steps.
    fn load<S: Simd, const NV: usize>(&mut self, simd: S, u: usize) -> [S::V; NV];
}

impl Right for Steps<'_> {
    #[inline(always)]
    fn steps<const U: usize>(&mut self, from: usize, depth: usize, width: usize) -> impl Parts<Part: RightSteps> {
        Strided::new(self.numbers, from + depth, width, self.stride).groups::<U>(from, depth / U)
    }
}

impl<const U: usize> RightSteps for [&[f32]; U] {
    #[inline(always)]
    fn load<S: Simd, const NV: usize>(&mut self, simd: S, u: usize) -> [S::V; NV] {
        load(simd, self[u])
    }
}

/// See [`Columns::Far`].
pub(super) struct Far<'a>(pub(super) Steps<'a>);

/// So many steps before it is read, a row is asked for. Rows lie too far apart for the processor to foresee where the next one is.
pub(super) const STEPS_AHEAD: usize = 4;

impl Right for Far<'_> {
    #[inline(always)]
    fn steps<const U: usize>(&mut self, from: usize, depth: usize, width: usize) -> impl Parts<Part: RightSteps> {
        let Self(Steps { numbers, stride }) = *self;
        let rows = Strided::new(numbers, from + depth, width, stride).groups::<U>(from, depth / U);
        (rows, Same(stride.wrapping_mul(STEPS_AHEAD)))
    }
}

impl<const U: usize> RightSteps for ([&[f32]; U], usize) {
    #[inline(always)]
    fn load<S: Simd, const NV: usize>(&mut self, simd: S, u: usize) -> [S::V; NV] {
        let (rows, ahead) = self;
        ask(simd, rows[u], *ahead, NV * S::LANES);
        load(simd, rows[u])
    }
}

/// See [`Columns::Copied`].
pub(super) struct Copied<'a>(pub(super) Steps<'a>, pub(super) &'a mut [f32]);

/// The same for rows that are copied, which takes longer than what comes from L2, and is mostly done where B does not lie in L2.
const COPIED_STEPS_AHEAD: usize = 16;

impl Right for Copied<'_> {
    #[inline(always)]
    fn steps<const U: usize>(&mut self, from: usize, depth: usize, width: usize) -> impl Parts<Part: RightSteps> {
        let Self(Steps { numbers, stride }, panel) = self;
        // Of a few rows, the next strip's part.
        let ahead = if from + depth > COPIED_STEPS_AHEAD { stride.wrapping_mul(COPIED_STEPS_AHEAD) } else { width };
        let rows = Strided::new(numbers, from + depth, width, *stride).groups::<U>(from, depth / U);
        let copies = DisjointMut::new(&mut panel[from * width..], depth / U, U * width, U * width);
        ((rows, copies), Same(ahead))
    }
}

impl<const U: usize> RightSteps for (([&[f32]; U], &mut [f32]), usize) {
    #[inline(always)]
    fn load<S: Simd, const NV: usize>(&mut self, simd: S, u: usize) -> [S::V; NV] {
        let ((rows, copy), ahead) = self;
        ask(simd, rows[u], *ahead, NV * S::LANES);
        let vectors: [S::V; NV] = load(simd, rows[u]);
        let copy = &mut copy[u * NV * S::LANES..][..NV * S::LANES];
        for j in 0..NV {
            simd.store(vectors[j], &mut copy[j * S::LANES..]);
        }
        vectors
    }
}

/// Asks for the cache lines `ahead` of the first `width` numbers of a row, but for the first of them, which the strip before this one
/// has read. The distance may wrap: a stride that is not used may be any.
#[inline(always)]
pub(super) fn ask<S: Simd>(simd: S, row: &[f32], ahead: usize, width: usize) {
    for line in (0..width).step_by(16) {
        simd.prefetch(row, ahead.wrapping_add(line + 15));
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
