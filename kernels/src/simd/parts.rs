//! Several slices traversed together, with one counter and one bounds check before the first step.
//!
//! A chain of iterators checks in every step whether each has ended, which costs an inner loop of few instructions a tenth of its time.

use super::Simd;
use core::ops::Range;

/// Parts that are taken in order.
pub trait Parts {
    /// One part.
    type Part;

    /// The number of parts.
    fn count(&self) -> usize;

    /// Returns part `number`, which is the next one.
    ///
    /// # Safety
    /// `number` must be less than the count. The parts must be taken in order, each once.
    unsafe fn part(&mut self, number: usize) -> Self::Part;
}

/// Calls `f` with each part, in order.
#[inline(always)]
pub fn each<P: Parts>(mut parts: P, mut f: impl FnMut(P::Part)) {
    for number in 0..parts.count() {
        // SAFETY: `number` is less than the count; the parts are taken in order, each once.
        f(unsafe { parts.part(number) });
    }
}

/// The parts of both, in pairs. The count is the smaller of the two.
impl<P: Parts, Q: Parts> Parts for (P, Q) {
    type Part = (P::Part, Q::Part);
    #[inline(always)]
    fn count(&self) -> usize {
        self.0.count().min(self.1.count())
    }
    #[inline(always)]
    unsafe fn part(&mut self, number: usize) -> Self::Part {
        // SAFETY: the caller upholds it; neither count is smaller than that of the pair.
        unsafe { (self.0.part(number), self.1.part(number)) }
    }
}

/// The same value for every part.
#[derive(Clone, Copy, Debug)]
pub struct Same<T>(pub T);

impl<T: Copy> Parts for Same<T> {
    type Part = T;
    #[inline(always)]
    fn count(&self) -> usize {
        usize::MAX
    }
    #[inline(always)]
    unsafe fn part(&mut self, _: usize) -> T {
        self.0
    }
}

/// The parts of a slice, each `width` elements long, `stride` elements apart. They are returned one at a time, and may overlap.
#[derive(Debug)]
pub struct StridedMut<'a> {
    slice: &'a mut [f32],
    /// The start of the next part.
    at: usize,
    left: usize,
    width: usize,
    stride: usize,
}

impl<'a> StridedMut<'a> {
    /// Creates `count` parts. The first one starts at the beginning of the slice.
    ///
    /// # Panics
    /// If the last part reaches beyond the slice, in every build.
    #[inline(always)]
    pub fn new(slice: &'a mut [f32], count: usize, width: usize, stride: usize) -> Self {
        let end = count.saturating_sub(1).saturating_mul(stride).saturating_add(width);
        assert!(count == 0 || end <= slice.len(), "strided: the slice is shorter than its parts");
        Self { slice, at: 0, left: count, width, stride }
    }

    /// Returns the next part.
    ///
    /// # Panics
    /// If no part is left, in every build.
    #[inline(always)]
    pub fn part(&mut self) -> &mut [f32] {
        assert!(self.left > 0, "strided: there are no more parts");
        let at = self.at;
        self.at = at.wrapping_add(self.stride);
        self.left -= 1;
        // SAFETY: `new` checked that the last part lies in the slice, and so does every part before it.
        unsafe { self.slice.get_unchecked_mut(at..at + self.width) }
    }
}

/// Splits the columns `0..columns` into vectors. The last one may be shorter.
#[inline(always)]
pub fn vectors<S: Simd>(_: S, columns: usize) -> impl Iterator<Item = Range<usize>> {
    (0..columns).step_by(S::LANES).map(
        #[inline(always)]
        move |from| from..columns.min(from + S::LANES),
    )
}
