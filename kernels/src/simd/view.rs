//! An input matrix, and its rows and columns taken in order with one bounds check before the first.
//!
//! `chunks` would check the slice's end before each row, which costs a tile of few rows or few steps a tenth of its time.

use super::Simd;
use super::layout::{Layout, Misfit};
use super::parts::Parts;
use core::fmt;
use core::marker::PhantomData;
use core::ops::Range;

/// An input matrix: elements that are borrowed from a slice, or that a pointer leads to.
///
/// No slice of it spans several rows, because what lies between them may belong to someone else.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// Element (0, 0). Every element of the layout is readable for `'a`, and none is written meanwhile.
    start: *const f32,
    layout: Layout,
    elements: PhantomData<&'a [f32]>,
}

// SAFETY: a view is a shared borrow of `f32`s.
unsafe impl Send for View<'_> {}
// SAFETY: as above.
unsafe impl Sync for View<'_> {}

impl<'a> View<'a> {
    /// A matrix whose element (i, j) is `slice[origin + i · row_stride + j · col_stride]`: the slice starts with the element that is lowest
    /// in memory, so that the origin is 0 if no stride is negative. The slice may be longer.
    ///
    /// # Errors
    /// If the slice is too short, or an offset overflows.
    #[inline]
    pub fn new(
        slice: &'a [f32],
        rows: usize,
        cols: usize,
        row_stride: isize,
        col_stride: isize,
    ) -> Result<Self, Misfit> {
        let layout = Layout::new(rows, cols, row_stride, col_stride);
        let origin = layout.place(slice.len())?;
        Ok(Self { start: slice.as_ptr().wrapping_add(origin), layout, elements: PhantomData })
    }

    /// A matrix row by row, without gaps. The slice may be longer.
    ///
    /// # Errors
    /// If the slice is too short, or the sizes overflow.
    #[inline(always)]
    pub fn row_major(slice: &'a [f32], rows: usize, cols: usize) -> Result<Self, Misfit> {
        expect_len(slice.len(), rows, cols)?;
        let layout = Layout::new(rows, cols, cols as isize, 1);
        Ok(Self { start: slice.as_ptr(), layout, elements: PhantomData })
    }

    /// `len` rows that are all this slice.
    #[inline(always)]
    pub fn repeated_row(slice: &'a [f32], rows: usize) -> Self {
        let layout = Layout { rows, cols: slice.len(), row_stride: 0, col_stride: 1 };
        Self { start: slice.as_ptr(), layout, elements: PhantomData }
    }

    /// A matrix with the same element everywhere.
    #[inline(always)]
    pub fn constant(element: &'a f32, rows: usize, cols: usize) -> Self {
        let layout = Layout { rows, cols, row_stride: 0, col_stride: 0 };
        Self { start: element, layout, elements: PhantomData }
    }

    /// A matrix whose element (i, j) is `start` offset by `i · row_stride + j · col_stride` elements. Strides may be negative or zero.
    ///
    /// # Safety
    /// For `'a`, every element must be readable and aligned, must not be written, and must belong to the allocation that `start` points
    /// into. Without rows or columns there are no elements, and `start` may be any pointer.
    #[inline]
    pub unsafe fn from_raw_parts(
        start: *const f32,
        rows: usize,
        cols: usize,
        row_stride: isize,
        col_stride: isize,
    ) -> Self {
        Self { start, layout: Layout::new(rows, cols, row_stride, col_stride), elements: PhantomData }
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

    /// Points to element (0, 0), if there is one.
    #[inline(always)]
    pub fn as_ptr(&self) -> *const f32 {
        self.start
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

    /// The same matrix, whose row stride is 1, so that the compiler knows it.
    ///
    /// # Panics
    /// If it is not, and there are several rows, in every build.
    #[inline(always)]
    pub fn with_adjacent_rows(self) -> Self {
        assert!(self.layout.row_stride == 1 || self.layout.rows == 1, "matrix: the rows are not adjacent");
        Self { layout: Layout { row_stride: 1, ..self.layout }, ..self }
    }

    /// Element (i, j).
    ///
    /// # Panics
    /// If it does not exist, in every build.
    #[inline(always)]
    pub fn at(&self, i: usize, j: usize) -> f32 {
        assert!(i < self.layout.rows && j < self.layout.cols, "matrix: there is no such element");
        // SAFETY: the element exists, so it is readable.
        unsafe { *self.start.offset(self.layout.offset(i, j)) }
    }

    /// The elements of row i in `cols`.
    ///
    /// # Panics
    /// If they do not exist or are not contiguous, in every build.
    #[inline(always)]
    pub fn row(&self, i: usize, cols: Range<usize>) -> &'a [f32] {
        self.layout.expect_contiguous(i, &cols);
        let start = self.start.wrapping_offset(self.layout.offset(i, cols.start));
        // SAFETY: these elements exist and lie side by side, so they are readable for `'a`.
        unsafe { core::slice::from_raw_parts(start, cols.end - cols.start) }
    }

    /// All elements, row by row, if there are no gaps.
    #[inline]
    pub fn as_slice(&self) -> Option<&'a [f32]> {
        let Layout { rows, cols, row_stride, col_stride } = self.layout;
        if rows == 0 || cols == 0 {
            return Some(&[]);
        }
        let contiguous = col_stride == 1 && (rows == 1 || row_stride == cols as isize);
        // SAFETY: the elements lie side by side, so they are readable for `'a`.
        contiguous.then(|| unsafe { core::slice::from_raw_parts(self.start, rows * cols) })
    }

    /// Loads the elements of row i in `cols`, at most `LANES` of them, followed by zeros.
    #[inline(always)]
    pub fn load<S: Simd>(&self, simd: S, i: usize, cols: Range<usize>) -> S::V {
        match self.layout.col_stride {
            1 => simd.load_partial(self.row(i, cols)),
            0 if cols.len() == S::LANES => simd.splat(self.at(i, cols.start)),
            _ => simd.load_partial(&self.gather(i, cols.clone())[..cols.len()]),
        }
    }

    /// Loads four columns of the rows in `rows`, at most `LANES` of them, followed by zeros.
    ///
    /// # Panics
    /// If there are fewer rows or columns, or a row is not contiguous, in every build.
    #[inline(always)]
    pub fn load_columns<S: Simd>(&self, simd: S, rows: Range<usize>, from: usize) -> [S::V; 4] {
        if rows.len() >= S::LANES {
            return simd.load_columns(self.block(rows, from..from + 4));
        }
        let mut some = [0.0; 64];
        for (i, some) in rows.zip(some.as_chunks_mut::<4>().0) {
            some.copy_from_slice(self.row(i, from..from + 4));
        }
        simd.load_columns(View::row_major(&some, S::LANES, 4).expect("an array of as many"))
    }

    /// Never inlined: otherwise it would be inlined into every vector of every epilogue.
    #[inline(never)]
    fn gather(&self, i: usize, cols: Range<usize>) -> [f32; 16] {
        let mut lanes = [0.0; 16];
        for (lane, j) in lanes.iter_mut().zip(cols) {
            *lane = self.at(i, j);
        }
        lanes
    }

    /// The first `width` elements of rows, `N` rows at a time: `count` groups, starting with row `from`.
    ///
    /// # Panics
    /// If there are fewer rows or columns, or rows are not contiguous, in every build.
    #[inline(always)]
    pub fn row_groups<const N: usize>(self, from: usize, count: usize, width: usize) -> RowGroups<'a, N> {
        let Layout { rows, cols, row_stride, col_stride } = self.layout;
        assert!(from <= rows && count <= (rows - from) / N && width <= cols, "matrix: there are no more rows");
        assert!(col_stride == 1 || width <= 1, "matrix: the rows are not contiguous");
        let next = self.start.wrapping_offset(self.layout.offset(from, 0));
        RowGroups { next, count, width, stride: row_stride, elements: PhantomData }
    }

    /// The elements of the first `ROWS` rows, `N` columns at a time: `count` groups, starting with column `from`.
    ///
    /// # Panics
    /// If there are fewer rows or columns, in every build.
    #[inline(always)]
    pub fn column_groups<const ROWS: usize, const N: usize>(
        self,
        from: usize,
        count: usize,
    ) -> ColumnGroups<'a, ROWS, N> {
        let Layout { rows, cols, .. } = self.layout;
        assert!(ROWS <= rows && from <= cols && count <= (cols - from) / N, "matrix: there are no more columns");
        ColumnGroups { next: self.block(0..ROWS, from..cols), count }
    }
}

/// Shape, strides and, of a small matrix, the elements.
impl fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Layout { rows, cols, row_stride, col_stride } = self.layout;
        let mut fields = f.debug_struct("View");
        fields.field("shape", &(rows, cols)).field("strides", &(row_stride, col_stride));
        if rows.saturating_mul(cols) > 1000 {
            return fields.finish_non_exhaustive();
        }
        let row = |i| (0..cols).map(|j| self.at(i, j)).collect::<Vec<_>>();
        fields.field("rows", &(0..rows.min(1000)).map(row).collect::<Vec<_>>()).finish()
    }
}

/// Checks that a slice has all elements of a matrix without gaps.
#[inline(always)]
pub(super) fn expect_len(found: usize, rows: usize, cols: usize) -> Result<(), Misfit> {
    match rows.checked_mul(cols) {
        Some(expected) if expected <= found => Ok(()),
        Some(expected) => Err(Misfit::TooShort { expected, found }),
        None => Err(Misfit::Overflow),
    }
}

/// Groups of `N` rows: see [`View::row_groups`].
#[derive(Clone, Copy, Debug)]
pub struct RowGroups<'a, const N: usize> {
    /// The start of the next group's first row.
    next: *const f32,
    count: usize,
    width: usize,
    stride: isize,
    elements: PhantomData<&'a [f32]>,
}

impl<'a, const N: usize> Parts for RowGroups<'a, N> {
    type Part = [&'a [f32]; N];
    #[inline(always)]
    fn count(&self) -> usize {
        self.count
    }
    #[inline(always)]
    unsafe fn part(&mut self, _: usize) -> Self::Part {
        let mut group = [[].as_slice(); N];
        for (i, part) in group.iter_mut().enumerate() {
            let start = self.next.wrapping_offset(i as isize * self.stride);
            // SAFETY: `row_groups` checked that the view has the rows of all groups, and that their elements are contiguous.
            *part = unsafe { core::slice::from_raw_parts(start, self.width) };
        }
        // An addition instead of a multiplication by the index, so that the compiler keeps a single pointer.
        self.next = self.next.wrapping_offset((N as isize).wrapping_mul(self.stride));
        group
    }
}

/// Groups of `N` columns: see [`View::column_groups`].
#[derive(Clone, Copy, Debug)]
pub struct ColumnGroups<'a, const ROWS: usize, const N: usize> {
    /// The matrix from the next group on.
    next: View<'a>,
    count: usize,
}

/// `ROWS` × `N` elements of a [`View`].
#[derive(Clone, Copy, Debug)]
pub struct ColumnGroup<'a, const ROWS: usize, const N: usize>(View<'a>);

impl<'a, const ROWS: usize, const N: usize> Parts for ColumnGroups<'a, ROWS, N> {
    type Part = ColumnGroup<'a, ROWS, N>;
    #[inline(always)]
    fn count(&self) -> usize {
        self.count
    }
    #[inline(always)]
    unsafe fn part(&mut self, _: usize) -> Self::Part {
        let columns = ColumnGroup(self.next);
        let step = (N as isize).wrapping_mul(self.next.layout.col_stride);
        self.next.start = self.next.start.wrapping_offset(step);
        columns
    }
}

impl<const ROWS: usize, const N: usize> ColumnGroup<'_, ROWS, N> {
    /// The element in row `row` and in column `column` of the group.
    ///
    /// # Panics
    /// If there is no such row or column, in every build.
    #[inline(always)]
    pub fn at(&self, row: usize, column: usize) -> f32 {
        assert!(row < ROWS && column < N, "matrix: there is no such element");
        // SAFETY: `column_groups` checked that the view has these rows and the columns of all groups. Only `part` creates a group, and
        // its caller guarantees that the group's number is less than the count.
        unsafe { *self.0.start.offset(self.0.layout.offset(row, column)) }
    }
}
