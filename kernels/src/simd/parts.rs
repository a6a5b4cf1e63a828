//! Several slices walked together: one counter, and one look at their ends before the first step.
//!
//! A chain of iterators asks each of them in each step whether it has come to its end, which costs an inner loop of few
//! instructions a tenth of its time.

/// Parts that are had in order.
pub trait Parts {
    /// One of them.
    type Part;

    /// How many there are.
    fn count(&self) -> usize;

    /// The next part, whose number this is.
    ///
    /// # Safety
    /// The number is less than the count, and the parts are asked for in order, each once.
    unsafe fn part(&mut self, number: usize) -> Self::Part;
}

/// Calls `f` with each part, in order.
#[inline(always)]
pub fn each<P: Parts>(mut parts: P, mut f: impl FnMut(P::Part)) {
    for number in 0..parts.count() {
        // SAFETY: less than the count, in order, and once.
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
        // SAFETY: the caller's.
        unsafe { self.get_unchecked(number) }
    }
}

/// The elements of several slices at the same place.
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
        // SAFETY: the caller's; no slice is shorter than the count.
        let mut part = [unsafe { self[0].get_unchecked(number) }; N];
        for i in 1..N {
            // SAFETY: the same.
            part[i] = unsafe { self[i].get_unchecked(number) };
        }
        part
    }
}

/// The parts of both, as many as the fewer.
impl<P: Parts, Q: Parts> Parts for (P, Q) {
    type Part = (P::Part, Q::Part);
    #[inline(always)]
    fn count(&self) -> usize {
        self.0.count().min(self.1.count())
    }
    #[inline(always)]
    unsafe fn part(&mut self, number: usize) -> Self::Part {
        // SAFETY: the caller's.
        unsafe { (self.0.part(number), self.1.part(number)) }
    }
}

/// The same thing each time.
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
