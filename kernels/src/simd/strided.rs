//! Parts of a slice, equally long and equally spaced: rows of a matrix, starting at some column.
//!
//! `chunks` would check the slice's end before each part, which costs a tile of few rows or few steps a tenth of its time.

use super::parts::Parts;
use core::marker::PhantomData;

/// `count` parts of a slice, each `width` elements long, `stride` elements apart.
#[derive(Clone, Copy, Debug)]
pub struct Strided<'a> {
    slice: &'a [f32],
    /// The start of the next part.
    at: usize,
    left: usize,
    width: usize,
    stride: usize,
}

impl<'a> Strided<'a> {
    /// Creates the parts. The first one starts at the beginning of the slice.
    ///
    /// # Panics
    /// If the last part reaches beyond the slice, in every build.
    #[inline(always)]
    pub fn new(slice: &'a [f32], count: usize, width: usize, stride: usize) -> Self {
        expect_inside(slice, count, width, stride);
        Self { slice, at: 0, left: count, width, stride }
    }

    /// Groups the parts by `N`: `count` groups, starting with part `from`.
    ///
    /// # Panics
    /// If there are fewer parts, in every build.
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
        // SAFETY: `new` checked that the last part lies in the slice, and so does every part before it.
        let part = unsafe { self.slice.get_unchecked(self.at..self.at + self.width) };
        self.at = self.at.wrapping_add(self.stride);
        self.left -= 1;
        Some(part)
    }
}

/// The mutable counterpart of [`Strided`]. The parts are returned one at a time, and may overlap.
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
    /// Creates the parts. The first one starts at the beginning of the slice.
    ///
    /// # Panics
    /// If the last part reaches beyond the slice, in every build.
    #[inline(always)]
    pub fn new(slice: &'a mut [f32], count: usize, width: usize, stride: usize) -> Self {
        expect_inside(slice, count, width, stride);
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

/// Groups of `N` parts: see [`Strided::groups`].
#[derive(Clone, Copy, Debug)]
pub struct Groups<'a, const N: usize> {
    /// The parts from the next one on.
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
            // SAFETY: `groups` checked that there are enough parts, and `new` that each lies in the slice.
            *part = unsafe { slice.get_unchecked(at..at + width) };
        }
        // An addition instead of a multiplication by the index, so that the compiler keeps a single pointer.
        self.parts.at = at.wrapping_add(N.wrapping_mul(stride));
        group
    }
}

/// `ROWS` × `count` elements of a slice, with a row stride and a column stride.
#[derive(Clone, Copy, Debug)]
pub struct Grid<'a, const ROWS: usize> {
    slice: &'a [f32],
    count: usize,
    row_stride: usize,
    col_stride: usize,
}

impl<'a, const ROWS: usize> Grid<'a, ROWS> {
    /// Creates the grid. Element (0, 0) is the first element of the slice.
    ///
    /// # Panics
    /// If the last element is outside the slice, in every build.
    #[inline(always)]
    pub fn new(slice: &'a [f32], count: usize, row_stride: usize, col_stride: usize) -> Self {
        let last_row = (ROWS - 1).saturating_mul(row_stride);
        expect_inside(slice, count, last_row.saturating_add(1), col_stride);
        Self { slice, count, row_stride, col_stride }
    }

    /// Groups the columns by `N`: `count` groups, starting with column `from`.
    ///
    /// # Panics
    /// If there are fewer columns, in every build.
    #[inline(always)]
    pub fn groups<const N: usize>(self, from: usize, count: usize) -> GridGroups<'a, ROWS, N> {
        assert!(from <= self.count && count <= (self.count - from) / N, "strided: there are no more columns");
        GridGroups { grid: self, at: from.wrapping_mul(self.col_stride), count }
    }
}

/// Groups of `N` columns: see [`Grid::groups`].
#[derive(Clone, Copy, Debug)]
pub struct GridGroups<'a, const ROWS: usize, const N: usize> {
    grid: Grid<'a, ROWS>,
    /// The start of the next group.
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
    /// The element in row `row` and in column `column` of the group.
    ///
    /// # Panics
    /// If there is no such row or column, in every build.
    #[inline(always)]
    pub fn at(&self, row: usize, column: usize) -> f32 {
        assert!(row < ROWS && column < N, "strided: there is no such element");
        let Grid { slice, row_stride, col_stride, .. } = self.grid;
        // SAFETY: `groups` checked that the columns exist, and `new` that their elements lie in the slice. Only `part` creates a group,
        // and its caller guarantees that the number is less than the count.
        unsafe { *slice.get_unchecked(self.at + row * row_stride + column * col_stride) }
    }
}

/// Like [`StridedMut`], but the parts are disjoint, so several can be held at once.
#[derive(Debug)]
pub struct DisjointMut<'a> {
    /// Not a slice: borrowing it again would invalidate the parts that were already returned.
    start: *mut f32,
    slice: PhantomData<&'a mut [f32]>,
    count: usize,
    width: usize,
    stride: usize,
}

impl<'a> DisjointMut<'a> {
    /// Creates the parts. The first one starts at the beginning of the slice.
    ///
    /// # Panics
    /// If the last part reaches beyond the slice, or if two parts overlap, in every build.
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
        // SAFETY: `new` checked that the last part lies in the slice, and so does every part before it, and that the parts are
        // disjoint. Each is returned once.
        unsafe { core::slice::from_raw_parts_mut(self.start.add(number * self.stride), self.width) }
    }
}

/// Panics unless the last part, and so every part before it, lies in the slice.
#[inline(always)]
fn expect_inside(slice: &[f32], count: usize, width: usize, stride: usize) {
    let end = count.saturating_sub(1).saturating_mul(stride).saturating_add(width);
    assert!(count == 0 || end <= slice.len(), "strided: the slice is shorter than its parts");
}
