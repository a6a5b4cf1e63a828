//! An output matrix, and disjoint parts of it.

use super::layout::{Layout, Misfit};
use super::parts::Parts;
use super::view::{View, expect_len};
use core::marker::PhantomData;
use core::ops::Range;

/// An output matrix: elements that are mutably borrowed from a slice, or that a pointer leads to. No two are the same, and rows or columns
/// are contiguous.
#[derive(Debug)]
pub struct ViewMut<'a> {
    /// Element (0, 0). The elements of the layout are distinct, and nobody else has access to them for `'a`.
    start: *mut f32,
    layout: Layout,
    elements: PhantomData<&'a mut [f32]>,
}

// SAFETY: a view is an exclusive borrow of `f32`s.
unsafe impl Send for ViewMut<'_> {}
// SAFETY: shared access only reads.
unsafe impl Sync for ViewMut<'_> {}

impl<'a> ViewMut<'a> {
    /// A matrix whose element (i, j) is `slice[origin + i · row_stride + j · col_stride]`: the slice starts with the element that is lowest
    /// in memory, so that the origin is 0 if no stride is negative. The slice may be longer.
    ///
    /// # Errors
    /// If the slice is too short, an offset overflows, or neither rows nor columns are contiguous without overlap.
    #[inline]
    pub fn new(
        slice: &'a mut [f32],
        rows: usize,
        cols: usize,
        row_stride: isize,
        col_stride: isize,
    ) -> Result<Self, Misfit> {
        let layout = Layout::new(rows, cols, row_stride, col_stride);
        if !layout.is_disjoint() {
            return Err(Misfit::Strides);
        }
        let origin = layout.place(slice.len())?;
        Ok(Self { start: slice.as_mut_ptr().wrapping_add(origin), layout, elements: PhantomData })
    }

    /// A matrix row by row, without gaps. The slice may be longer.
    ///
    /// # Errors
    /// If the slice is too short, or the sizes overflow.
    #[inline(always)]
    pub fn row_major(slice: &'a mut [f32], rows: usize, cols: usize) -> Result<Self, Misfit> {
        expect_len(slice.len(), rows, cols)?;
        let layout = Layout::new(rows, cols, cols as isize, 1);
        Ok(Self { start: slice.as_mut_ptr(), layout, elements: PhantomData })
    }

    /// A matrix whose element (i, j) is `start` offset by `i · row_stride + j · col_stride` elements.
    ///
    /// # Errors
    /// If neither rows nor columns are contiguous without overlap.
    ///
    /// # Safety
    /// For `'a`, every element must be readable, writable and aligned, must be accessed by nobody else, and must belong to the allocation
    /// that `start` points into. Without rows or columns there are no elements, and `start` may be any pointer.
    #[inline]
    pub unsafe fn from_raw_parts(
        start: *mut f32,
        rows: usize,
        cols: usize,
        row_stride: isize,
        col_stride: isize,
    ) -> Result<Self, Misfit> {
        let layout = Layout::new(rows, cols, row_stride, col_stride);
        if layout.is_disjoint() { Ok(Self { start, layout, elements: PhantomData }) } else { Err(Misfit::Strides) }
    }

    /// Number of rows.
    #[inline(always)]
    pub fn rows(&self) -> usize {
        self.layout.rows
    }

    /// Number of columns.
    #[inline(always)]
    pub fn cols(&self) -> usize {
        self.layout.cols
    }

    /// Elements from one row to the next. That of a single row is unspecified.
    #[inline(always)]
    pub fn row_stride(&self) -> isize {
        self.layout.row_stride
    }

    /// Elements from one column to the next. That of a single column is 1.
    #[inline(always)]
    pub fn col_stride(&self) -> isize {
        self.layout.col_stride
    }

    /// Whether the elements of a row are contiguous. Otherwise those of a column are.
    #[inline(always)]
    pub fn has_contiguous_rows(&self) -> bool {
        self.layout.col_stride == 1
    }

    /// Points to element (0, 0), if there is one.
    #[inline(always)]
    pub fn as_mut_ptr(&mut self) -> *mut f32 {
        self.start
    }

    /// The same matrix, for a shorter time.
    #[inline(always)]
    pub fn reborrow(&mut self) -> ViewMut<'_> {
        ViewMut { start: self.start, layout: self.layout, elements: PhantomData }
    }

    /// The elements, to read.
    #[inline(always)]
    pub fn as_view(&self) -> View<'_> {
        let Layout { rows, cols, row_stride, col_stride } = self.layout;
        // SAFETY: the elements are readable, and borrowing `self` keeps them from being written.
        unsafe { View::from_raw_parts(self.start, rows, cols, row_stride, col_stride) }
    }

    /// The transposed matrix.
    #[inline(always)]
    pub fn t(self) -> Self {
        Self { layout: self.layout.t(), ..self }
    }

    /// Some rows and columns.
    ///
    /// # Panics
    /// If they do not exist, in every build.
    #[inline(always)]
    pub fn block(self, rows: Range<usize>, cols: Range<usize>) -> Self {
        let layout = self.layout.block(&rows, &cols);
        let start = self.start.wrapping_offset(self.layout.offset(rows.start, cols.start));
        Self { start, layout, ..self }
    }

    /// The rows before `row`, and the others.
    ///
    /// # Panics
    /// If there are fewer rows, in every build.
    #[inline(always)]
    pub fn split_rows(self, row: usize) -> (Self, Self) {
        let Layout { rows, cols, .. } = self.layout;
        let (first, second) = (self.layout.block(&(0..row), &(0..cols)), self.layout.block(&(row..rows), &(0..cols)));
        let start = self.start.wrapping_offset(self.layout.offset(row, 0));
        (Self { layout: first, elements: PhantomData, ..self }, Self { start, layout: second, ..self })
    }

    /// Blocks of at most `rows` × `cols`, from left to right and from top to bottom, each with its rows and columns.
    ///
    /// # Panics
    /// If `rows` or `cols` is zero.
    pub fn into_blocks(self, rows: usize, cols: usize) -> impl Iterator<Item = (Range<usize>, Range<usize>, Self)> {
        let Self { start, layout, .. } = self;
        let ranges = |end: usize, len| (0..end).step_by(len).map(move |from| from..end.min(from.saturating_add(len)));
        let all = ranges(layout.rows, rows).flat_map(move |i| ranges(layout.cols, cols).map(move |j| (i.clone(), j)));
        all.map(move |(rows, cols)| {
            // The blocks are disjoint, and `self` is gone.
            let start = start.wrapping_offset(layout.offset(rows.start, cols.start));
            let block = Self { start, layout: layout.block(&rows, &cols), elements: PhantomData };
            (rows, cols, block)
        })
    }

    /// Sets all elements.
    pub fn fill(&mut self, element: f32) {
        for i in 0..self.rows() {
            for j in 0..self.cols() {
                self.set(i, j, element);
            }
        }
    }

    /// Sets element (i, j).
    ///
    /// # Panics
    /// If it does not exist, in every build.
    #[inline(always)]
    pub fn set(&mut self, i: usize, j: usize, element: f32) {
        assert!(i < self.layout.rows && j < self.layout.cols, "matrix: there is no such element");
        // SAFETY: the element exists, and only `self` has access to it.
        unsafe { *self.start.offset(self.layout.offset(i, j)) = element }
    }

    /// The elements of row i in `cols`.
    ///
    /// # Panics
    /// If they do not exist or are not contiguous, in every build.
    #[inline(always)]
    pub fn row(&mut self, i: usize, cols: Range<usize>) -> &mut [f32] {
        self.layout.expect_contiguous(i, &cols);
        let start = self.start.wrapping_offset(self.layout.offset(i, cols.start));
        // SAFETY: these elements exist and lie side by side, and only `self` has access to them.
        unsafe { core::slice::from_raw_parts_mut(start, cols.end - cols.start) }
    }

    /// All rows, in order.
    ///
    /// # Panics
    /// If their elements are not contiguous, in every build.
    #[inline(always)]
    pub fn into_rows(self) -> RowsMut<'a> {
        assert!(self.layout.col_stride == 1, "matrix: the rows are not contiguous");
        RowsMut(self)
    }

    /// The first `N` rows.
    ///
    /// # Panics
    /// If there are fewer, or their elements are not contiguous, in every build.
    #[inline(always)]
    pub fn into_row_array<const N: usize>(self) -> [&'a mut [f32]; N] {
        assert!(N <= self.layout.rows, "matrix: there are fewer rows");
        let mut rows = self.into_rows();
        // SAFETY: there are N rows, and each is taken once.
        core::array::from_fn(|number| unsafe { rows.part(number) })
    }
}

/// The rows of a [`ViewMut`], which are disjoint, so several can be held at once.
#[derive(Debug)]
pub struct RowsMut<'a>(ViewMut<'a>);

impl<'a> Parts for RowsMut<'a> {
    type Part = &'a mut [f32];
    #[inline(always)]
    fn count(&self) -> usize {
        self.0.layout.rows
    }
    #[inline(always)]
    unsafe fn part(&mut self, number: usize) -> Self::Part {
        let start = self.0.start.wrapping_offset(self.0.layout.offset(number, 0));
        // SAFETY: the caller guarantees that the row exists and is taken once; rows are contiguous and disjoint.
        unsafe { core::slice::from_raw_parts_mut(start, self.0.layout.cols) }
    }
}
