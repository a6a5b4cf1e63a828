//! Matrices that the caller owns: validated, strided views over slices.

use crate::Error;
use core::ops::Range;
use lanegrad_kernels::simd::{Misfit, View, ViewMut};

/// An input matrix with any row and column stride, negative and zero included. Transposing and broadcasting are free.
#[derive(Clone, Copy, Debug)]
pub struct MatRef<'a>(View<'a>);

/// An output matrix with contiguous rows or contiguous columns that do not overlap. The gaps between them are never written.
///
/// A column-major matrix is the transpose of a row-major one: `MatMut::new(data, cols, rows)?.t()`.
#[derive(Debug)]
pub struct MatMut<'a>(ViewMut<'a>);

impl Error {
    fn misfit(misfit: Misfit, shape: (usize, usize), strides: (isize, isize)) -> Self {
        match misfit {
            Misfit::TooShort { expected, found } => Self::TooShort { expected, found },
            Misfit::Overflow => Self::Overflow { shape, strides },
            Misfit::Strides => Self::Strides { shape, strides },
        }
    }
}

impl<'a> MatRef<'a> {
    /// Creates a view of rows × cols, row by row without gaps. The slice may be longer.
    ///
    /// # Errors
    /// If the slice is too short, or the sizes overflow.
    #[inline]
    pub fn new(data: &'a [f32], rows: usize, cols: usize) -> Result<Self, Error> {
        match View::row_major(data, rows, cols) {
            Ok(view) => Ok(Self(view)),
            Err(misfit) => Err(Error::misfit(misfit, (rows, cols), (cols as isize, 1))),
        }
    }

    /// Creates a view whose element (i, j) is `data[origin + i · row_stride + j · col_stride]`. The slice begins with the element that is
    /// lowest in memory: the origin is 0 if no stride is negative, and in general the sum of `(rows − 1) · |row_stride|` and
    /// `(cols − 1) · |col_stride|` over the negative strides.
    ///
    /// # Errors
    /// If the slice is too short, or the offsets overflow.
    ///
    /// ```
    /// use lanegrad::MatRef;
    /// // The rows of a matrix from the last to the first.
    /// let reversed = MatRef::with_strides(&[1.0, 2.0, 3.0, 4.0], 2, 2, -2, 1)?;
    /// assert_eq!((reversed.get(0, 0), reversed.get(1, 1)), (Some(3.0), Some(2.0)));
    /// # Ok::<(), lanegrad::Error>(())
    /// ```
    #[inline]
    pub fn with_strides(
        data: &'a [f32],
        rows: usize,
        cols: usize,
        row_stride: isize,
        col_stride: isize,
    ) -> Result<Self, Error> {
        let view = View::new(data, rows, cols, row_stride, col_stride);
        view.map(Self).map_err(|misfit| Error::misfit(misfit, (rows, cols), (row_stride, col_stride)))
    }

    /// The transposed matrix.
    #[inline]
    pub fn t(self) -> Self {
        Self(self.0.t())
    }

    /// Some rows and columns, or `None` if they do not exist.
    #[inline]
    pub fn block(self, rows: Range<usize>, cols: Range<usize>) -> Option<Self> {
        let exists = |range: &Range<usize>, count| range.start <= range.end && range.end <= count;
        (exists(&rows, self.rows()) && exists(&cols, self.cols())).then(|| Self(self.0.block(rows, cols)))
    }

    /// Number of rows.
    #[inline]
    pub fn rows(&self) -> usize {
        self.0.rows()
    }

    /// Number of columns.
    #[inline]
    pub fn cols(&self) -> usize {
        self.0.cols()
    }

    /// Elements from one row to the next. That of a single row is unspecified.
    #[inline]
    pub fn row_stride(&self) -> isize {
        self.0.row_stride()
    }

    /// Elements from one column to the next. That of a single column is unspecified.
    #[inline]
    pub fn col_stride(&self) -> isize {
        self.0.col_stride()
    }

    /// Element (i, j), or `None` if it does not exist.
    pub fn get(&self, i: usize, j: usize) -> Option<f32> {
        (i < self.rows() && j < self.cols()).then(|| self.0.at(i, j))
    }

    /// The elements of row i, or `None` if there is no such row, or if they are not contiguous.
    pub fn row(&self, i: usize) -> Option<&'a [f32]> {
        (i < self.rows() && self.0.col_stride() == 1).then(|| self.0.row(i, 0..self.0.cols()))
    }

    /// All elements, row by row, or `None` if there are gaps or another order.
    #[inline]
    pub fn as_slice(&self) -> Option<&'a [f32]> {
        self.0.as_slice()
    }

    /// Points to element (0, 0), if there is one: for passing the matrix to foreign code, with its strides.
    #[inline]
    pub fn as_ptr(&self) -> *const f32 {
        self.0.as_ptr()
    }

    #[inline]
    pub(crate) fn view(&self) -> View<'a> {
        self.0
    }

    #[inline]
    pub(crate) fn expect(
        &self,
        operation: &'static str,
        operand: &'static str,
        expected: (usize, usize),
    ) -> Result<(), Error> {
        expect(operation, operand, expected, (self.rows(), self.cols()))
    }
}

impl<'a> From<View<'a>> for MatRef<'a> {
    #[inline]
    fn from(view: View<'a>) -> Self {
        Self(view)
    }
}

impl<'a> From<MatRef<'a>> for View<'a> {
    #[inline]
    fn from(matrix: MatRef<'a>) -> Self {
        matrix.0
    }
}

impl<'a> MatMut<'a> {
    /// Creates a view of rows × cols, row by row without gaps. The slice may be longer.
    ///
    /// # Errors
    /// If the slice is too short, or the sizes overflow.
    #[inline]
    pub fn new(data: &'a mut [f32], rows: usize, cols: usize) -> Result<Self, Error> {
        match ViewMut::row_major(data, rows, cols) {
            Ok(view) => Ok(Self(view)),
            Err(misfit) => Err(Error::misfit(misfit, (rows, cols), (cols as isize, 1))),
        }
    }

    /// Creates a view whose element (i, j) is where [`MatRef::with_strides`] has it.
    ///
    /// # Errors
    /// If neither rows nor columns are contiguous without overlap, the slice is too short, or the offsets overflow.
    #[inline]
    pub fn with_strides(
        data: &'a mut [f32],
        rows: usize,
        cols: usize,
        row_stride: isize,
        col_stride: isize,
    ) -> Result<Self, Error> {
        let view = ViewMut::new(data, rows, cols, row_stride, col_stride);
        view.map(Self).map_err(|misfit| Error::misfit(misfit, (rows, cols), (row_stride, col_stride)))
    }

    /// The transposed matrix.
    #[inline]
    pub fn t(self) -> Self {
        Self(self.0.t())
    }

    /// Number of rows.
    #[inline]
    pub fn rows(&self) -> usize {
        self.0.rows()
    }

    /// Number of columns.
    #[inline]
    pub fn cols(&self) -> usize {
        self.0.cols()
    }

    /// Elements from one row to the next. That of a single row is unspecified.
    #[inline]
    pub fn row_stride(&self) -> isize {
        self.0.row_stride()
    }

    /// Elements from one column to the next. That of a single column is unspecified.
    #[inline]
    pub fn col_stride(&self) -> isize {
        self.0.col_stride()
    }

    /// The elements, to read.
    #[inline]
    pub fn as_ref(&self) -> MatRef<'_> {
        MatRef(self.0.as_view())
    }

    /// The elements of row i, or `None` if there is no such row, or if they are not contiguous.
    pub fn row_mut(&mut self, i: usize) -> Option<&mut [f32]> {
        let cols = 0..self.cols();
        (i < self.rows() && self.0.col_stride() == 1).then(|| self.0.row(i, cols))
    }

    /// Points to element (0, 0), if there is one: for passing the matrix to foreign code, with its strides.
    #[inline]
    pub fn as_mut_ptr(&mut self) -> *mut f32 {
        self.0.as_mut_ptr()
    }

    #[inline]
    pub(crate) fn into_view(self) -> ViewMut<'a> {
        self.0
    }

    #[inline]
    pub(crate) fn expect(
        &self,
        operation: &'static str,
        operand: &'static str,
        expected: (usize, usize),
    ) -> Result<(), Error> {
        expect(operation, operand, expected, (self.rows(), self.cols()))
    }

    /// Checks that rows are contiguous, as a loss needs them.
    #[inline]
    pub(crate) fn expect_contiguous_rows(&self, operation: &'static str, operand: &'static str) -> Result<(), Error> {
        if self.0.has_contiguous_rows() { Ok(()) } else { Err(Error::Layout { operation, operand }) }
    }
}

impl<'a> From<MatMut<'a>> for ViewMut<'a> {
    #[inline]
    fn from(matrix: MatMut<'a>) -> Self {
        matrix.0
    }
}

impl<'a> From<ViewMut<'a>> for MatMut<'a> {
    #[inline]
    fn from(view: ViewMut<'a>) -> Self {
        Self(view)
    }
}

/// Any layout: C and F order, steps, negative strides, broadcast.
#[cfg(feature = "ndarray")]
impl<'a> From<ndarray::ArrayView2<'a, f32>> for MatRef<'a> {
    fn from(view: ndarray::ArrayView2<'a, f32>) -> Self {
        Self(view.into())
    }
}

/// C or F order, with gaps between rows or columns, or with these reversed. Others are an [`Error::Strides`].
#[cfg(feature = "ndarray")]
impl<'a> TryFrom<ndarray::ArrayViewMut2<'a, f32>> for MatMut<'a> {
    type Error = Error;

    fn try_from(view: ndarray::ArrayViewMut2<'a, f32>) -> Result<Self, Error> {
        let (shape, strides) = (view.dim(), (view.strides()[0], view.strides()[1]));
        view.try_into().map(Self).map_err(|misfit| Error::misfit(misfit, shape, strides))
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
