//! How a tile reads its operands: packed, or where they are.
//!
//! | operand | where it is | here |
//! |---|---|---|
//! | A | contiguous along k, its rows far apart | [`Rows::InPlace`] |
//! | A | contiguous across | [`Rows::Across`] |
//! | A | in panels | [`Rows::Packed`] |
//! | B | contiguous across | [`Columns::InPlace`] |
//! | B | the same, and copied for the tiles behind the first | [`Columns::Copied`] |
//! | B | in a panel | [`Columns::Packed`] |
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

/// The columns of B of a strip, for all of a block of k.
pub(super) enum Columns<'a> {
    /// Where they are, as many as a whole tile has.
    InPlace(Steps<'a>),
    /// The same, to be copied into a panel on the way.
    Copied(Steps<'a>, &'a mut [f32]),
    /// In a panel.
    Packed(&'a [f32]),
}

impl Columns<'_> {
    /// The same columns, for a while.
    pub(super) fn by_ref(&mut self) -> Columns<'_> {
        match self {
            Self::InPlace(steps) => Columns::InPlace(*steps),
            Self::Copied(steps, panel) => Columns::Copied(*steps, panel),
            Self::Packed(panel) => Columns::Packed(panel),
        }
    }

    /// How they are read when they have been read once.
    #[inline(always)]
    pub(super) fn copied(self) -> Self {
        match self {
            Self::Copied(_, panel) => Self::Packed(panel),
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

/// Columns of B, read where they are, and copied into a panel on the way: the other tiles of the strip read that.
pub(super) struct Copied<'a> {
    pub(super) source: Steps<'a>,
    pub(super) panel: &'a mut [f32],
}

/// So many steps before it is read, a row is asked for.
const STEPS_AHEAD: usize = 16;

impl Right for Copied<'_> {
    #[inline(always)]
    fn steps<const U: usize>(&mut self, from: usize, depth: usize, width: usize) -> impl Parts<Part: RightSteps> {
        let Self { source, panel } = self;
        // Rows lie too far apart for the processor to foresee where the next one is. Of a few rows, the next strip's part.
        let ahead = if from + depth > STEPS_AHEAD { STEPS_AHEAD * source.stride } else { width };
        let rows = Strided::new(source.numbers, from + depth, width, source.stride).groups::<U>(from, depth / U);
        let copies = DisjointMut::new(&mut panel[from * width..], depth / U, U * width, U * width);
        ((rows, copies), Same(ahead))
    }
}

impl<const U: usize> RightSteps for (([&[f32]; U], &mut [f32]), usize) {
    #[inline(always)]
    fn load<S: Simd, const NV: usize>(&mut self, simd: S, u: usize) -> [S::V; NV] {
        let ((rows, copy), ahead) = self;
        let row = rows[u];
        for line in (0..NV * S::LANES).step_by(16) {
            simd.prefetch(row, *ahead + line + 15);
        }
        let vectors: [S::V; NV] = load(simd, row);
        let copy = &mut copy[u * NV * S::LANES..][..NV * S::LANES];
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
