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
        Groups { parts: Self { at: self.at.wrapping_add(from.wrapping_mul(self.stride)), ..self }, count }
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
    /// From the next part on.
    parts: Strided<'a>,
    count: usize,
}

impl<'a, const N: usize> Parts for Groups<'a, N> {
    type Part = [&'a [f32]; N];
    #[inline(always)]
    fn count(&self) -> usize {
        self.count
    }
    #[inline(always)]
    unsafe fn part(&mut self, _: usize) -> Self::Part {
        let Strided { slice, at, width, stride, .. } = self.parts;
        let mut group = [slice; N];
        for (i, part) in group.iter_mut().enumerate() {
            let at = at + i * stride;
            // SAFETY: `groups` saw that there are as many parts, and `new` that each lies in the slice.
            *part = unsafe { slice.get_unchecked(at..at + width) };
        }
        // A sum instead of a product with the number: the compiler keeps one pointer.
        self.parts.at = at.wrapping_add(N.wrapping_mul(stride));
        group
    }
}

/// `ROWS` × `count` elements of a slice, with a stride for the rows and one for the columns.
#[derive(Clone, Copy, Debug)]
pub struct Grid<'a, const ROWS: usize> {
    slice: &'a [f32],
    count: usize,
    row_stride: usize,
    col_stride: usize,
}

impl<'a, const ROWS: usize> Grid<'a, ROWS> {
    /// Element (0, 0) is the slice's first.
    ///
    /// # Panics
    /// When the last element does not lie in the slice, in every build.
    #[inline(always)]
    pub fn new(slice: &'a [f32], count: usize, row_stride: usize, col_stride: usize) -> Self {
        let last_row = (ROWS - 1).saturating_mul(row_stride);
        expect_inside(slice, count, last_row.saturating_add(1), col_stride);
        Self { slice, count, row_stride, col_stride }
    }

    /// `count` times `N` columns, from column `from` on.
    ///
    /// # Panics
    /// When there are fewer, in every build.
    #[inline(always)]
    pub fn groups<const N: usize>(self, from: usize, count: usize) -> GridGroups<'a, ROWS, N> {
        assert!(from <= self.count && count <= (self.count - from) / N, "strided: there are no more columns");
        GridGroups { grid: self, at: from.wrapping_mul(self.col_stride), count }
    }
}

/// Several columns at a time: [`Grid::groups`].
#[derive(Clone, Copy, Debug)]
pub struct GridGroups<'a, const ROWS: usize, const N: usize> {
    grid: Grid<'a, ROWS>,
    /// Where the next columns begin.
    at: usize,
    count: usize,
}

/// `ROWS` × `N` elements of a [`Grid`].
#[derive(Clone, Copy, Debug)]
pub struct GridGroup<'a, const ROWS: usize, const N: usize> {
    grid: Grid<'a, ROWS>,
    at: usize,
}

impl<'a, const ROWS: usize, const N: usize> Parts for GridGroups<'a, ROWS, N> {
    type Part = GridGroup<'a, ROWS, N>;
    #[inline(always)]
    fn count(&self) -> usize {
        self.count
    }
    #[inline(always)]
    unsafe fn part(&mut self, _: usize) -> Self::Part {
        let group = GridGroup { grid: self.grid, at: self.at };
        self.at = self.at.wrapping_add(N.wrapping_mul(self.grid.col_stride));
        group
    }
}

impl<const ROWS: usize, const N: usize> GridGroup<'_, ROWS, N> {
    /// The element of a row and of the group's columns.
    ///
    /// # Panics
    /// When there is no such row or column, in every build.
    #[inline(always)]
    pub fn at(&self, row: usize, column: usize) -> f32 {
        assert!(row < ROWS && column < N, "strided: there is no such element");
        let Grid { slice, row_stride, col_stride, .. } = self.grid;
        // SAFETY: `groups` saw that there are these columns, and `new` that their elements lie in the slice. A part is made only by
        // `part`, whose caller has seen that its number is less than the count.
        unsafe { *slice.get_unchecked(self.at + row * row_stride + column * col_stride) }
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
