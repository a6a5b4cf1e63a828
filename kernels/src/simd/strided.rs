//! Parts of a slice, equally long and equally far apart: rows of a matrix, from some column on.
//!
//! `chunks` would look at the slice's end before each of them, which takes a tile of few rows or few steps a tenth of its time.

use core::marker::PhantomData;

/// `count` parts of a slice, `width` numbers each, from one to the next `stride` numbers.
#[derive(Clone, Debug)]
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
        let end = count.saturating_sub(1).saturating_mul(stride).saturating_add(width);
        assert!(count == 0 || end <= slice.len(), "strided: the slice is shorter than its parts");
        Self { slice, at: 0, left: count, width, stride }
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

/// The same, to be written; the parts do not overlap.
#[derive(Debug)]
pub struct StridedMut<'a> {
    start: *mut f32,
    at: usize,
    left: usize,
    width: usize,
    stride: usize,
    slice: PhantomData<&'a mut [f32]>,
}

impl<'a> StridedMut<'a> {
    /// The first part begins where the slice does.
    ///
    /// # Panics
    /// When the last part does not lie in the slice, or two of them overlap, in every build.
    #[inline(always)]
    pub fn new(slice: &'a mut [f32], count: usize, width: usize, stride: usize) -> Self {
        let end = count.saturating_sub(1).saturating_mul(stride).saturating_add(width);
        assert!(count == 0 || end <= slice.len(), "strided: the slice is shorter than its parts");
        assert!(count <= 1 || width <= stride, "strided: the parts overlap");
        Self { start: slice.as_mut_ptr(), at: 0, left: count, width, stride, slice: PhantomData }
    }
}

impl<'a> Iterator for StridedMut<'a> {
    type Item = &'a mut [f32];

    #[inline(always)]
    fn next(&mut self) -> Option<&'a mut [f32]> {
        if self.left == 0 {
            return None;
        }
        // SAFETY: `new` saw that the last part, and so each one before it, lies in the slice, which is borrowed for `'a`, and that no
        // two overlap; each is handed out once.
        let part = unsafe { core::slice::from_raw_parts_mut(self.start.add(self.at), self.width) };
        self.at = self.at.wrapping_add(self.stride);
        self.left -= 1;
        Some(part)
    }
}
