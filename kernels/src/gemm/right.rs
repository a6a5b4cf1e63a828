//! How a tile reads B: rows of the tile's width, in place or in a micro-panel; or in place and copied into a micro-panel on the way.

use crate::simd::{DisjointMut, Parts, Same, Simd, Strided};

/// Elements that are contiguous in each step along k. The first step begins where the slice does.
#[derive(Clone, Copy)]
pub(super) struct Steps<'a> {
    pub(super) elements: &'a [f32],
    /// From one step to the next.
    pub(super) stride: usize,
}

/// A strip's columns of B over a block of k.
pub(super) enum Columns<'a> {
    /// In place, or in a micro-panel.
    InPlace(Steps<'a>),
    /// In place, to be copied into a micro-panel by the first tile.
    Copied(Steps<'a>, &'a mut [f32]),
}

impl Columns<'_> {
    /// After the first tile, the micro-panel is read.
    #[inline(always)]
    pub(super) fn copied(&mut self, width: usize) {
        if let Self::Copied(_, panel) = self {
            let elements = core::mem::take(panel);
            *self = Self::InPlace(Steps { elements, stride: width });
        }
    }
}

/// Where a tile reads B.
pub(super) trait Right {
    /// `depth` steps from `from` on, `U` at a time, `width` elements each.
    fn steps<const U: usize>(&mut self, from: usize, depth: usize, width: usize) -> impl Parts<Part: RightSteps>;
}

/// Some steps of B.
pub(super) trait RightSteps {
    /// The vectors of the u-th of the steps.
    fn load<S: Simd, const NV: usize>(&mut self, simd: S, u: usize) -> [S::V; NV];
}

/// A row is prefetched this many steps before it is read: rows far apart are not foreseen by the processor.
const STEPS_AHEAD: usize = 4;

impl Right for Steps<'_> {
    #[inline(always)]
    fn steps<const U: usize>(&mut self, from: usize, depth: usize, width: usize) -> impl Parts<Part: RightSteps> {
        let rows = Strided::new(self.elements, from + depth, width, self.stride).groups::<U>(from, depth / U);
        (rows, Same(self.stride.wrapping_mul(STEPS_AHEAD)))
    }
}

impl<const U: usize> RightSteps for ([&[f32]; U], usize) {
    #[inline(always)]
    fn load<S: Simd, const NV: usize>(&mut self, simd: S, u: usize) -> [S::V; NV] {
        let (rows, ahead) = self;
        prefetch(simd, rows[u], *ahead, NV * S::LANES);
        load(simd, rows[u])
    }
}

/// See [`Columns::Copied`].
pub(super) struct Copied<'a>(pub(super) Steps<'a>, pub(super) &'a mut [f32]);

/// The same for rows that are copied, mostly of a B that does not lie in L2.
const COPIED_STEPS_AHEAD: usize = 16;

impl Right for Copied<'_> {
    #[inline(always)]
    fn steps<const U: usize>(&mut self, from: usize, depth: usize, width: usize) -> impl Parts<Part: RightSteps> {
        let Self(Steps { elements, stride }, panel) = self;
        // With few rows, the next strip's part.
        let ahead = if from + depth > COPIED_STEPS_AHEAD { stride.wrapping_mul(COPIED_STEPS_AHEAD) } else { width };
        let rows = Strided::new(elements, from + depth, width, *stride).groups::<U>(from, depth / U);
        let copies = DisjointMut::new(&mut panel[from * width..], depth / U, U * width, U * width);
        ((rows, copies), Same(ahead))
    }
}

impl<const U: usize> RightSteps for (([&[f32]; U], &mut [f32]), usize) {
    #[inline(always)]
    fn load<S: Simd, const NV: usize>(&mut self, simd: S, u: usize) -> [S::V; NV] {
        let ((rows, copy), ahead) = self;
        prefetch(simd, rows[u], *ahead, NV * S::LANES);
        let vectors: [S::V; NV] = load(simd, rows[u]);
        let copy = &mut copy[u * NV * S::LANES..][..NV * S::LANES];
        for j in 0..NV {
            simd.store(vectors[j], &mut copy[j * S::LANES..]);
        }
        vectors
    }
}

/// Prefetches the cache lines `ahead` of the first `width` elements of a row, but for the first of them, which the strip before this one
/// has read. The distance may wrap: a stride that is not used may be any.
#[inline(always)]
pub(super) fn prefetch<S: Simd>(simd: S, row: &[f32], ahead: usize, width: usize) {
    for line in (0..width).step_by(16) {
        simd.prefetch(row, ahead.wrapping_add(line + 15));
    }
}

/// The first `NV` vectors of a row.
#[inline(always)]
pub(super) fn load<S: Simd, const NV: usize>(simd: S, row: &[f32]) -> [S::V; NV] {
    let row = &row[..NV * S::LANES];
    let mut vectors = [simd.splat(0.0); NV];
    for j in 0..NV {
        vectors[j] = simd.load(&row[j * S::LANES..]);
    }
    vectors
}
