//! How a tile reads B: rows of the tile's width, in place or from a micro-panel, or in place while copying them into a micro-panel.

use super::plan::{COPIED_STEPS_AHEAD, STEPS_AHEAD};
use crate::simd::{Parts, Same, Simd, View, ViewMut};

/// A strip's columns of B over a block of k: a row for each step, contiguous.
pub(super) enum Columns<'a> {
    /// Read in place, or from a micro-panel.
    InPlace(View<'a>),
    /// Read in place by the first tile, which copies them into a micro-panel.
    Copied(View<'a>, &'a mut [f32]),
}

impl Columns<'_> {
    /// Called after the first tile, so that the others read the micro-panel.
    #[inline(always)]
    pub(super) fn copied(&mut self) {
        if let Self::Copied(b, panel) = self {
            let panel = core::mem::take(panel);
            *self = Self::InPlace(View::row_major(panel, b.rows(), b.cols()).expect("the panel was cut so"));
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

impl Right for View<'_> {
    #[inline(always)]
    fn steps<const U: usize>(&mut self, from: usize, depth: usize, width: usize) -> impl Parts<Part: RightSteps> {
        let ahead = (self.row_stride() as usize).wrapping_mul(STEPS_AHEAD);
        (self.row_groups::<U>(from, depth / U, width), Same(ahead))
    }
}

impl<const U: usize> RightSteps for ([&[f32]; U], usize) {
    #[inline(always)]
    fn load<S: Simd, const NV: usize>(&mut self, simd: S, u: usize) -> [S::V; NV] {
        let (rows, ahead) = self;
        prefetch(simd, rows[u], *ahead, NV * S::LANES);
        simd.load_vectors(rows[u])
    }
}

/// See [`Columns::Copied`].
pub(super) struct Copied<'a>(pub(super) View<'a>, pub(super) &'a mut [f32]);

impl Right for Copied<'_> {
    #[inline(always)]
    fn steps<const U: usize>(&mut self, from: usize, depth: usize, width: usize) -> impl Parts<Part: RightSteps> {
        let Self(b, panel) = self;
        // If there are few rows, the elements of the next strip are prefetched.
        let stride = b.row_stride() as usize;
        let ahead = if from + depth > COPIED_STEPS_AHEAD { stride.wrapping_mul(COPIED_STEPS_AHEAD) } else { width };
        let copies =
            ViewMut::row_major(&mut panel[from * width..], depth / U, U * width).expect("the panel was cut so");
        ((b.row_groups::<U>(from, depth / U, width), copies.into_rows()), Same(ahead))
    }
}

impl<const U: usize> RightSteps for (([&[f32]; U], &mut [f32]), usize) {
    #[inline(always)]
    fn load<S: Simd, const NV: usize>(&mut self, simd: S, u: usize) -> [S::V; NV] {
        let ((rows, copy), ahead) = self;
        prefetch(simd, rows[u], *ahead, NV * S::LANES);
        let vectors = simd.load_vectors::<NV>(rows[u]);
        simd.store_vectors(vectors, &mut copy[u * NV * S::LANES..][..NV * S::LANES]);
        vectors
    }
}

/// Prefetches the cache lines `ahead` elements after the first `width` elements of a row, except the first line, which was read with
/// the strip before this one. A negative distance wraps.
#[inline(always)]
fn prefetch<S: Simd>(simd: S, row: &[f32], ahead: usize, width: usize) {
    for line in (0..width).step_by(16) {
        simd.prefetch(row, ahead.wrapping_add(line + 15));
    }
}
