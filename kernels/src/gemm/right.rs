//! How a tile reads B: rows of the tile's width, in place or from a micro-panel, or in place while copying them into a micro-panel.

use super::plan::{COPIED_STEPS_AHEAD, STEPS_AHEAD};
use crate::simd::{DisjointMut, Parts, Same, Simd, Strided};

/// The rows of B for the steps along k, each contiguous. The first one starts at the beginning of the slice.
#[derive(Clone, Copy)]
pub(super) struct Steps<'a> {
    pub(super) elements: &'a [f32],
    /// Elements from one step to the next.
    pub(super) stride: usize,
}

/// A strip's columns of B over a block of k.
pub(super) enum Columns<'a> {
    /// Read in place, or from a micro-panel.
    InPlace(Steps<'a>),
    /// Read in place by the first tile, which copies them into a micro-panel.
    Copied(Steps<'a>, &'a mut [f32]),
}

impl Columns<'_> {
    /// Called after the first tile, so that the others read the micro-panel.
    #[inline(always)]
    pub(super) fn copied(&mut self, width: usize) {
        if let Self::Copied(_, panel) = self {
            let elements = core::mem::take(panel);
            *self = Self::InPlace(Steps { elements, stride: width });
        }
    }
}

/// Where a tile reads B from.
pub(super) trait Right {
    /// `depth` steps, starting at `from`, `U` at a time, with `width` elements each.
    fn steps<const U: usize>(&mut self, from: usize, depth: usize, width: usize) -> impl Parts<Part: RightSteps>;
}

/// `U` steps of B.
pub(super) trait RightSteps {
    /// Loads the vectors of step `u` of these steps.
    fn load<S: Simd, const NV: usize>(&mut self, simd: S, u: usize) -> [S::V; NV];
}

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

impl Right for Copied<'_> {
    #[inline(always)]
    fn steps<const U: usize>(&mut self, from: usize, depth: usize, width: usize) -> impl Parts<Part: RightSteps> {
        let Self(Steps { elements, stride }, panel) = self;
        // If there are few rows, the elements of the next strip are prefetched.
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

/// Prefetches the cache lines `ahead` elements after the first `width` elements of a row, except the first line, which was read with
/// the strip before this one. The distance may wrap, because an unused stride may have any value.
#[inline(always)]
pub(super) fn prefetch<S: Simd>(simd: S, row: &[f32], ahead: usize, width: usize) {
    for line in (0..width).step_by(16) {
        simd.prefetch(row, ahead.wrapping_add(line + 15));
    }
}

/// Loads the first `NV` vectors of a row.
#[inline(always)]
pub(super) fn load<S: Simd, const NV: usize>(simd: S, row: &[f32]) -> [S::V; NV] {
    let row = &row[..NV * S::LANES];
    let mut vectors = [simd.splat(0.0); NV];
    for j in 0..NV {
        vectors[j] = simd.load(&row[j * S::LANES..]);
    }
    vectors
}
