//! Parts of a slice, equally long and equally far apart: rows of a matrix, from some column on.
//!
//! `chunks` would look at the slice's end before each of them, which takes a tile of few rows or few steps a tenth of its time.

use super::parts::Parts;
use core::marker::PhantomData;

/// `count` parts of a slice, `width` numbers each, from one to the next `stride` numbers.
#[derive(Clone, Copy, Debug)]
pub struct Strided<'a> {
    slice: &'a [f32],
    /// Where the next part begins.
    at: usize,
    left: usize,
    width: usize,
    stride: usize,
}

impl<'a> Strided<'a> {
    /// The first part begins where the slice does.
    ///
    /// # Panics
    /// When the last part does not lie in the slice, in every build.
    #[inline(always)]
    pub fn new(slice: &'a [f32], count: usize, width: usize, stride: usize) -> Self {
        expect_inside(slice, count, width, stride);
        Self { slice, at: 0, left: count, width, stride }
    }

    /// `count` times `N` parts, from the part of number `from` on.
    ///
    /// # Panics
    /// When there are fewer, in every build.
    #[inline(always)]
    pub fn groups<const N: usize>(self, from: usize, count: usize) -> Groups<'a, N> {
        assert!(from <= self.left && count <= (self.left - from) / N, "strided: there are no more parts");
        Groups { parts: self, from, count }
    }
}

impl<'a> Iterator for Strided<'a> {
    type Item = &'a [f32];

    #[inline(always)]
    fn next(&mut self) -> Option<&'a [f32]> {
        if self.left == 0 {
            return None;
        }
        // SAFETY: `new` saw that the last part, and so each one before it, lies in the slice.
        let part = unsafe { self.slice.get_unchecked(self.at..self.at + self.width) };
        self.at = self.at.wrapping_add(self.stride);
        self.left -= 1;
        Some(part)
    }
}

/// The same, to be written. The parts are handed out one at a time, and may overlap.
#[derive(Debug)]
pub struct StridedMut<'a> {
    slice: &'a mut [f32],
    /// Where the next part begins.
    at: usize,
    left: usize,
    width: usize,
    stride: usize,
}

impl<'a> StridedMut<'a> {
    /// The first part begins where the slice does.
    ///
    /// # Panics
    /// When the last part does not lie in the slice, in every build.
    #[inline(always)]
    pub fn new(slice: &'a mut [f32], count: usize, width: usize, stride: usize) -> Self {
        expect_inside(slice, count, width, stride);
        Self { slice, at: 0, left: count, width, stride }
    }

    /// The next part.
    ///
    /// # Panics
    /// When all have been handed out, in every build.
    #[inline(always)]
    pub fn part(&mut self) -> &mut [f32] {
        assert!(self.left > 0, "strided: there are no more parts");
        let at = self.at;
        self.at = at.wrapping_add(self.stride);
        self.left -= 1;
        // SAFETY: `new` saw that the last part, and so each one before it, lies in the slice.
        unsafe { self.slice.get_unchecked_mut(at..at + self.width) }
    }
}

/// Several parts at a time: [`Strided::groups`].
#[derive(Clone, Copy, Debug)]
pub struct Groups<'a, const N: usize> {
    parts: Strided<'a>,
    from: usize,
    count: usize,
}

impl<'a, const N: usize> Parts for Groups<'a, N> {
    type Part = [&'a [f32]; N];
    #[inline(always)]
    fn count(&self) -> usize {
        self.count
    }
    #[inline(always)]
    unsafe fn part(&mut self, number: usize) -> Self::Part {
        let Strided { slice, at, width, stride, .. } = self.parts;
        let mut group = [slice; N];
        for (i, part) in group.iter_mut().enumerate() {
            let at = at + (self.from + number * N + i) * stride;
            // SAFETY: `groups` saw that there is a part of that number, and `new` that it lies in the slice.
            *part = unsafe { slice.get_unchecked(at..at + width) };
        }
        group
    }
}

/// The same as [`StridedMut`], but none overlaps another.
#[derive(Debug)]
pub struct DisjointMut<'a> {
    /// Not a slice: borrowing that once more would end the parts that have been handed out.
    start: *mut f32,
    slice: PhantomData<&'a mut [f32]>,
    count: usize,
    width: usize,
    stride: usize,
}

impl<'a> DisjointMut<'a> {
    /// The first part begins where the slice does.
    ///
    /// # Panics
    /// When the last part does not lie in the slice, or one begins before the end of another, in every build.
    #[inline(always)]
    pub fn new(slice: &'a mut [f32], count: usize, width: usize, stride: usize) -> Self {
        expect_inside(slice, count, width, stride);
        assert!(count <= 1 || width <= stride, "strided: parts overlap");
        Self { start: slice.as_mut_ptr(), slice: PhantomData, count, width, stride }
    }
}

impl<'a> Parts for DisjointMut<'a> {
    type Part = &'a mut [f32];
    #[inline(always)]
    fn count(&self) -> usize {
        self.count
    }
    #[inline(always)]
    unsafe fn part(&mut self, number: usize) -> Self::Part {
        // SAFETY: `new` saw that the last part, and so each one before it, lies in the slice, and that no other part has these
        // numbers; each is handed out once.
        unsafe { core::slice::from_raw_parts_mut(self.start.add(number * self.stride), self.width) }
    }
}

/// That the last part, and so each one before it, lies in the slice.
#[inline(always)]
fn expect_inside(slice: &[f32], count: usize, width: usize, stride: usize) {
    let end = count.saturating_sub(1).saturating_mul(stride).saturating_add(width);
    assert!(count == 0 || end <= slice.len(), "strided: the slice is shorter than its parts");
}
