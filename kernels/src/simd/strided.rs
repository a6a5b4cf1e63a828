//! Parts of a slice, equally long and equally far apart: rows of a matrix, from some column on.
//!
//! `chunks` would look at the slice's end before each of them, which takes a tile of few rows or few steps a tenth of its time.

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
        expect_inside(slice, count, width, stride);
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

/// That the last part, and so each one before it, lies in the slice.
#[inline(always)]
fn expect_inside(slice: &[f32], count: usize, width: usize, stride: usize) {
    let end = count.saturating_sub(1).saturating_mul(stride).saturating_add(width);
    assert!(count == 0 || end <= slice.len(), "strided: the slice is shorter than its parts");
}
