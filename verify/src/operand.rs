//! Matrices for tests, in every layout that the kernels accept, with traps around the elements.

use lanegrad::{MatMut, MatRef};

/// The layout of a matrix in its slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Row by row, without gaps.
    Rows,
    /// Row by row, with a gap of three elements between the rows.
    RowsWithGaps,
    /// Column by column, without gaps.
    Columns,
    /// Column by column, with a gap of three elements between the columns.
    ColumnsWithGaps,
    /// Neither rows nor columns are contiguous: every second element is a gap.
    Scattered,
}

impl Layout {
    /// All layouts.
    pub const ALL: [Self; 5] = [Self::Rows, Self::RowsWithGaps, Self::Columns, Self::ColumnsWithGaps, Self::Scattered];

    /// Row stride and column stride.
    fn strides(self, rows: usize, cols: usize) -> (usize, usize) {
        match self {
            Self::Rows => (cols, 1),
            Self::RowsWithGaps => (cols + 3, 1),
            Self::Columns => (1, rows),
            Self::ColumnsWithGaps => (1, rows + 3),
            Self::Scattered => (2 * cols + 1, 2),
        }
    }
}

/// An input. Elements in gaps are NaN, so that reading one shows in the result.
#[derive(Clone, Debug)]
pub struct Operand {
    data: Vec<f32>,
    rows: usize,
    cols: usize,
    strides: (usize, usize),
}

impl Operand {
    /// The matrix whose element (i, j) is `element(i, j)`.
    pub fn from_fn(rows: usize, cols: usize, layout: Layout, mut element: impl FnMut(usize, usize) -> f32) -> Self {
        let strides = layout.strides(rows, cols);
        let mut operand = Self { data: vec![], rows, cols, strides };
        if rows > 0 && cols > 0 {
            operand.data = vec![f32::NAN; operand.offset(rows - 1, cols - 1) + 1];
        }
        for i in 0..rows {
            for j in 0..cols {
                let at = operand.offset(i, j);
                operand.data[at] = element(i, j);
            }
        }
        operand
    }

    /// The matrix with all rows equal and stored once.
    pub fn broadcast(rows: usize, cols: usize, mut element: impl FnMut(usize) -> f32) -> Self {
        Self { data: (0..cols).map(&mut element).collect(), rows, cols, strides: (0, 1) }
    }

    /// Row stride and column stride of the layout. Those of a view of one row or column may be shorter.
    pub fn strides(&self) -> (usize, usize) {
        self.strides
    }

    fn offset(&self, i: usize, j: usize) -> usize {
        i * self.strides.0 + j * self.strides.1
    }

    /// Element (i, j).
    pub fn at(&self, i: usize, j: usize) -> f32 {
        assert!(i < self.rows && j < self.cols, "({i}, {j}) of {}×{}", self.rows, self.cols);
        self.data[self.offset(i, j)]
    }

    /// Element (i, j) in f64.
    pub fn wide(&self, i: usize, j: usize) -> f64 {
        f64::from(self.at(i, j))
    }

    /// The matrix for a kernel.
    pub fn view(&self) -> MatRef<'_> {
        MatRef::with_strides(&self.data, self.rows, self.cols, self.strides.0, self.strides.1)
            .expect("the slice was made for it")
    }
}

/// An output. It starts as NaN, so that reading it before writing shows. The gaps between its rows, and the elements before and after
/// it, are watched.
#[derive(Clone, Debug)]
pub struct Output {
    data: Vec<f32>,
    rows: usize,
    cols: usize,
    row_stride: usize,
}

/// Elements before the first and after the last row.
const MARGIN: usize = 19;
/// The value of the elements in gaps.
const CANARY: u32 = 0x7fc0_cafe;

impl Output {
    /// A matrix with a gap of `gap` elements between its rows, which may be any `usize` if there are no two rows.
    pub fn new(rows: usize, cols: usize, gap: usize) -> Self {
        let row_stride = cols.saturating_add(gap);
        let reach = if rows == 0 || cols == 0 { 0 } else { (rows - 1) * row_stride + cols };
        let mut output = Self { data: vec![f32::from_bits(CANARY); reach + 2 * MARGIN], rows, cols, row_stride };
        output.fill(|_, _| f32::NAN);
        output
    }

    /// The matrix whose element (i, j) is `element(i, j)`, without gaps.
    pub fn from_fn(rows: usize, cols: usize, element: impl FnMut(usize, usize) -> f32) -> Self {
        let mut output = Self::new(rows, cols, 0);
        output.fill(element);
        output
    }

    /// Sets every element.
    pub fn fill(&mut self, mut element: impl FnMut(usize, usize) -> f32) {
        for i in 0..self.rows {
            for j in 0..self.cols {
                self.data[MARGIN + i * self.row_stride + j] = element(i, j);
            }
        }
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
    pub fn at(&self, i: usize, j: usize) -> f32 {
        self.data[MARGIN + i * self.row_stride + j]
    }

    /// The matrix for a kernel. Its slice is longer than it needs; without elements it is empty.
    pub fn view(&mut self) -> MatMut<'_> {
        let data = if self.rows == 0 || self.cols == 0 { &mut [] } else { &mut self.data[MARGIN..] };
        MatMut::with_row_stride(data, self.rows, self.cols, self.row_stride).expect("the slice was made for it")
    }

    /// The first element in a gap that was written, relative to the start of the first row.
    pub fn stray_write(&self) -> Option<isize> {
        (0..self.data.len())
            .filter(|&at| {
                let stride = self.row_stride.max(1);
                let inside =
                    at.checked_sub(MARGIN).is_some_and(|at| at / stride < self.rows && at % stride < self.cols);
                !inside && self.data[at].to_bits() != CANARY
            })
            .map(|at| at as isize - MARGIN as isize)
            .next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layout_holds_the_same_matrix() {
        for layout in Layout::ALL {
            for (rows, cols) in [(0, 0), (0, 3), (3, 0), (1, 1), (3, 5), (5, 3)] {
                let operand = Operand::from_fn(rows, cols, layout, |i, j| (10 * i + j) as f32);
                for i in 0..rows {
                    for j in 0..cols {
                        assert_eq!(operand.view().get(i, j), Some((10 * i + j) as f32), "{layout:?}");
                        assert_eq!(operand.at(i, j), (10 * i + j) as f32);
                    }
                }
            }
        }
    }

    #[test]
    fn a_stray_write_is_seen_wherever_it_is() {
        let clean = Output::new(3, 4, 2);
        assert_eq!(clean.stray_write(), None);
        for at in 0..clean.data.len() {
            let mut output = clean.clone();
            output.data[at] = 0.0;
            let place = at as isize - MARGIN as isize;
            let inside = (0..18).contains(&place) && place % 6 < 4;
            assert_eq!(output.stray_write(), (!inside).then_some(place));
        }
    }
}
