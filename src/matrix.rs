//! Matrices that the caller owns: validated, strided views over slices.

use crate::Error;
use lanegrad_kernels::view::{View, ViewMut};

// An empty view keeps nothing of its slice, and no stride of a view is longer than its slice. The check allows a longer stride only
// along a side of at most one element, where it is never used. So kernels need not check for empty matrices before they compute a row's
// offset, and small multiples of a stride do not overflow.

/// An input matrix with any row and column stride, including zero. Transposing and broadcasting are free.
#[derive(Clone, Copy, Debug)]
pub struct MatRef<'a> {
    view: View<'a>,
    rows: usize,
    cols: usize,
}

/// An output matrix with unit column stride and rows that do not overlap. The gaps between its rows are never written.
#[derive(Debug)]
pub struct MatMut<'a> {
    data: &'a mut [f32],
    rows: usize,
    cols: usize,
    row_stride: usize,
}

/// The same without gaps: the number of elements is the product of the sizes.
#[inline]
fn check_contiguous(len: usize, rows: usize, cols: usize) -> Result<(), Error> {
    match rows.checked_mul(cols) {
        Some(needed) if needed <= len => Ok(()),
        _ => check(len, (rows, cols), (cols, 1)),
    }
}

/// Checks that the last element of a view lies inside a slice of `len` elements.
fn check(len: usize, shape: (usize, usize), strides: (usize, usize)) -> Result<(), Error> {
    let (rows, cols) = shape;
    if rows == 0 || cols == 0 {
        return Ok(());
    }
    let last = (rows - 1).checked_mul(strides.0).zip((cols - 1).checked_mul(strides.1));
    let needed = last.and_then(|(row, col)| row.checked_add(col)?.checked_add(1));
    match needed.ok_or(Error::Overflow { shape, strides })? {
        needed if needed <= len => Ok(()),
        needed => Err(Error::TooShort { expected: needed, found: len }),
    }
}

impl<'a> MatRef<'a> {
    /// Creates a view of rows × cols, row by row without gaps. The slice may be longer.
    ///
    /// # Errors
    /// If the slice is too short, or the sizes overflow.
    #[inline]
    pub fn new(data: &'a [f32], rows: usize, cols: usize) -> Result<Self, Error> {
        check_contiguous(data.len(), rows, cols)?;
        let data = if rows == 0 || cols == 0 { &[] } else { data };
        Ok(Self { view: View { data, row_stride: cols.min(data.len()), col_stride: data.len().min(1) }, rows, cols })
    }

    /// Creates a view whose element (i, j) is `data[i · row_stride + j · col_stride]`.
    ///
    /// # Errors
    /// If the slice is too short, or the offsets overflow.
    #[inline]
    pub fn with_strides(
        data: &'a [f32],
        rows: usize,
        cols: usize,
        row_stride: usize,
        col_stride: usize,
    ) -> Result<Self, Error> {
        check(data.len(), (rows, cols), (row_stride, col_stride))?;
        let data = if rows == 0 || cols == 0 { &[] } else { data };
        let [row_stride, col_stride] = [row_stride, col_stride].map(|stride| stride.min(data.len()));
        Ok(Self { view: View { data, row_stride, col_stride }, rows, cols })
    }

    /// The transposed matrix.
    #[inline]
    pub fn t(self) -> Self {
        Self { view: self.view.t(), rows: self.cols, cols: self.rows }
    }

    /// Number of rows.
    #[inline]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    #[inline]
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Element (i, j), or `None` if it does not exist.
    pub fn get(&self, i: usize, j: usize) -> Option<f32> {
        (i < self.rows && j < self.cols).then(|| self.view.at(i, j))
    }

    /// The elements, the row stride and the column stride, for passing the matrix to other code.
    ///
    /// No stride is longer than the slice: the stride of a single row or column may be shorter than the one given. Without elements,
    /// the slice is empty and the strides are 0.
    #[inline]
    pub fn parts(&self) -> (&'a [f32], usize, usize) {
        (self.view.data, self.view.row_stride, self.view.col_stride)
    }

    #[inline]
    pub(crate) fn view(&self) -> View<'a> {
        self.view
    }

    #[inline]
    pub(crate) fn expect(
        &self,
        operation: &'static str,
        operand: &'static str,
        expected: (usize, usize),
    ) -> Result<(), Error> {
        expect(operation, operand, expected, (self.rows, self.cols))
    }
}

impl<'a> MatMut<'a> {
    /// Creates a view of rows × cols, row by row without gaps. The slice may be longer.
    ///
    /// # Errors
    /// If the slice is too short, or the sizes overflow.
    #[inline]
    pub fn new(data: &'a mut [f32], rows: usize, cols: usize) -> Result<Self, Error> {
        check_contiguous(data.len(), rows, cols)?;
        let data = if rows == 0 || cols == 0 { &mut [] } else { data };
        let row_stride = cols.min(data.len());
        Ok(Self { data, rows, cols, row_stride })
    }

    /// Creates a view whose element (i, j) is `data[i · row_stride + j]`.
    ///
    /// # Errors
    /// If the slice is too short, the offsets overflow, or `row_stride < cols`.
    #[inline]
    pub fn with_row_stride(data: &'a mut [f32], rows: usize, cols: usize, row_stride: usize) -> Result<Self, Error> {
        if row_stride < cols {
            return Err(Error::RowStride { expected: cols, found: row_stride });
        }
        check(data.len(), (rows, cols), (row_stride, 1))?;
        let data = if rows == 0 || cols == 0 { &mut [] } else { data };
        let row_stride = row_stride.min(data.len());
        Ok(Self { data, rows, cols, row_stride })
    }

    /// Number of rows.
    #[inline]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    #[inline]
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// The elements and the row stride, for passing the matrix to other code.
    ///
    /// The stride is not longer than the slice: that of a single row may be shorter than the one given. Without elements, the slice is
    /// empty and the stride is 0.
    #[inline]
    pub fn into_parts(self) -> (&'a mut [f32], usize) {
        (self.data, self.row_stride)
    }

    #[inline]
    pub(crate) fn into_view(self) -> ViewMut<'a> {
        let (data, row_stride) = self.into_parts();
        ViewMut { data, row_stride }
    }

    #[inline]
    pub(crate) fn expect(
        &self,
        operation: &'static str,
        operand: &'static str,
        expected: (usize, usize),
    ) -> Result<(), Error> {
        expect(operation, operand, expected, (self.rows, self.cols))
    }
}

#[inline]
fn expect(
    operation: &'static str,
    operand: &'static str,
    expected: (usize, usize),
    found: (usize, usize),
) -> Result<(), Error> {
    if found == expected { Ok(()) } else { Err(Error::Shape { operation, operand, expected, found }) }
}

/// Checks the length of a slice or list.
#[inline]
pub(crate) fn expect_len(
    operation: &'static str,
    operand: &'static str,
    expected: usize,
    found: usize,
) -> Result<(), Error> {
    if found == expected { Ok(()) } else { Err(Error::Length { operation, operand, expected, found }) }
}
