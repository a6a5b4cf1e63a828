//! Several slices traversed together, with one counter and one bounds check before the first step.
//!
//! A chain of iterators checks in every step whether each has ended, which costs an inner loop of few instructions a tenth of its time.

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

/// The elements.
impl<'a, T> Parts for &'a [T] {
    type Part = &'a T;
    #[inline(always)]
    fn count(&self) -> usize {
        self.len()
    }
    #[inline(always)]
    unsafe fn part(&mut self, number: usize) -> Self::Part {
        // SAFETY: the caller upholds it.
        unsafe { self.get_unchecked(number) }
    }
}

/// The elements of several slices at the same index.
impl<'a, T, const N: usize> Parts for [&'a [T]; N] {
    type Part = [&'a T; N];
    #[inline(always)]
    fn count(&self) -> usize {
        let mut count = self[0].len();
        for i in 1..N {
            count = count.min(self[i].len());
        }
        count
    }
    #[inline(always)]
    unsafe fn part(&mut self, number: usize) -> Self::Part {
        // SAFETY: the caller upholds it; no slice is shorter than the count.
        let mut part = [unsafe { self[0].get_unchecked(number) }; N];
        for i in 1..N {
            // SAFETY: as above.
            part[i] = unsafe { self[i].get_unchecked(number) };
        }
        part
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
