//! Shape and strides of a matrix, and the check that its elements lie inside a slice.

use core::ops::Range;

/// Rows, columns and the distance between them, in elements. Strides are signed: rows or columns may run backwards in memory.
///
/// A stride that is never used, of a single row or column, is chosen so that rows are contiguous, or else columns: no kernel has to ask
/// whether a stride is used. Every element's offset fits in an `isize` four times over, because in bytes it fits once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) row_stride: isize,
    pub(super) col_stride: isize,
}

/// Why a matrix does not fit its slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// The last element is outside the slice.
    TooShort {
        /// The number of elements that the matrix needs.
        expected: usize,
        /// The number of elements in the slice.
        found: usize,
    },
    /// The offset of the last element overflows.
    Overflow,
    /// An output has neither contiguous rows nor contiguous columns, or they overlap.
    Strides,
}

impl Layout {
    #[inline(always)]
    pub(super) fn new(rows: usize, cols: usize, row_stride: isize, col_stride: isize) -> Self {
        if rows == 0 || cols == 0 {
            return Self { rows, cols, row_stride: 0, col_stride: 1 };
        }
        let col_stride = if cols == 1 { 1 } else { col_stride };
        let unused = if col_stride == 1 { cols as isize } else { 1 };
        Self { rows, cols, row_stride: if rows == 1 { unused } else { row_stride }, col_stride }
    }

    /// The transposed layout.
    #[inline(always)]
    pub(super) fn t(self) -> Self {
        Self::new(self.cols, self.rows, self.col_stride, self.row_stride)
    }

    /// The offset of element (i, j) from element (0, 0).
    #[inline(always)]
    pub(super) fn offset(self, i: usize, j: usize) -> isize {
        (i as isize).wrapping_mul(self.row_stride).wrapping_add((j as isize).wrapping_mul(self.col_stride))
    }

    /// The layout of some rows and columns of this one.
    ///
    /// # Panics
    /// If they do not exist, in every build.
    #[inline(always)]
    pub(super) fn block(self, rows: &Range<usize>, cols: &Range<usize>) -> Self {
        let inside = rows.start <= rows.end && rows.end <= self.rows && cols.start <= cols.end && cols.end <= self.cols;
        assert!(inside, "matrix: there are no such rows or columns");
        Self { rows: rows.end - rows.start, cols: cols.end - cols.start, ..self }
    }

    /// Checks that row i has elements in `cols`, and that they are contiguous.
    ///
    /// # Panics
    /// If not, in every build.
    #[inline(always)]
    pub(super) fn expect_contiguous(self, i: usize, cols: &Range<usize>) {
        let inside = i < self.rows && cols.start <= cols.end && cols.end <= self.cols;
        assert!(inside, "matrix: there is no such row, or there are no such columns");
        assert!(self.col_stride == 1 || cols.end - cols.start <= 1, "matrix: the row is not contiguous");
    }

    /// The offset of element (0, 0) in a slice of `len` elements whose first element is the lowest in memory.
    #[inline]
    pub(super) fn place(self, len: usize) -> Result<usize, Misfit> {
        let Self { rows, cols, row_stride, col_stride } = self;
        if rows == 0 || cols == 0 {
            return Ok(0);
        }
        let reach = |count: usize, stride: isize| (count - 1).checked_mul(stride.unsigned_abs());
        let (down, across) = reach(rows, row_stride).zip(reach(cols, col_stride)).ok_or(Misfit::Overflow)?;
        let expected = down.checked_add(across).and_then(|last| last.checked_add(1)).ok_or(Misfit::Overflow)?;
        if expected > len {
            return Err(Misfit::TooShort { expected, found: len });
        }
        Ok(if row_stride < 0 { down } else { 0 } + if col_stride < 0 { across } else { 0 })
    }

    /// Whether rows or columns are contiguous and do not overlap.
    #[inline]
    pub(super) fn is_disjoint(self) -> bool {
        let Self { rows, cols, row_stride, col_stride } = self;
        let empty = rows == 0 || cols == 0;
        let by_rows = col_stride == 1 && (rows == 1 || row_stride.unsigned_abs() >= cols);
        empty || by_rows || row_stride == 1 && col_stride.unsigned_abs() >= rows
    }
}
