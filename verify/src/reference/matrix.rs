//! A row-major matrix.

/// rows × cols elements.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix<R = f64> {
    rows: usize,
    cols: usize,
    data: Vec<R>,
}

impl<R: Copy> Matrix<R> {
    /// The matrix whose element (i, j) is `element(i, j)`.
    pub fn from_fn(rows: usize, cols: usize, mut element: impl FnMut(usize, usize) -> R) -> Self {
        let mut data = Vec::with_capacity(rows * cols);
        for i in 0..rows {
            data.extend((0..cols).map(|j| element(i, j)));
        }
        Self { rows, cols, data }
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The number of columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Element (i, j).
    pub fn at(&self, i: usize, j: usize) -> R {
        self.data[i * self.cols + j]
    }

    /// The elements, row by row.
    pub fn numbers(&self) -> &[R] {
        &self.data
    }

    /// The elements, row by row, for modification.
    pub fn numbers_mut(&mut self) -> &mut [R] {
        &mut self.data
    }

    /// The matrix of `f` of every element.
    pub fn map<T: Copy>(&self, f: impl FnMut(R) -> T) -> Matrix<T> {
        Matrix { rows: self.rows, cols: self.cols, data: self.data.iter().copied().map(f).collect() }
    }
}
