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
    /// Row by row from the last to the first, with a gap of three elements between the rows.
    RowsReversed,
    /// Row by row from the last to the first, and each from its end to its start.
    Reversed,
}

impl Layout {
    /// All layouts.
    pub const ALL: [Self; 7] = [
        Self::Rows,
        Self::RowsWithGaps,
        Self::Columns,
        Self::ColumnsWithGaps,
        Self::Scattered,
        Self::RowsReversed,
        Self::Reversed,
    ];

    /// A layout for each turn.
    pub fn in_turn(turn: usize) -> Self {
        Self::ALL[turn % Self::ALL.len()]
    }

    /// Two layouts for each turn: every pair in turn.
    pub fn pair_in_turn(turn: usize) -> (Self, Self) {
        (Self::in_turn(turn), Self::in_turn(turn / Self::ALL.len()))
    }

    /// Row stride and column stride.
    fn strides(self, rows: usize, cols: usize) -> (isize, isize) {
        let (rows, cols) = (rows as isize, cols as isize);
        match self {
            Self::Rows => (cols, 1),
            Self::RowsWithGaps => (cols + 3, 1),
            Self::Columns => (1, rows),
            Self::ColumnsWithGaps => (1, rows + 3),
            Self::Scattered => (2 * cols + 1, 2),
            Self::RowsReversed => (-cols - 3, 1),
            Self::Reversed => (-cols, -1),
        }
    }
}

/// An input. Elements in gaps are NaN, so that reading one shows in the result.
#[derive(Clone, Debug)]
pub struct Operand {
    data: Vec<f32>,
    rows: usize,
    cols: usize,
    strides: (isize, isize),
}

impl Operand {
    /// The matrix whose element (i, j) is `element(i, j)`.
    pub fn from_fn(rows: usize, cols: usize, layout: Layout, mut element: impl FnMut(usize, usize) -> f32) -> Self {
        let strides = layout.strides(rows, cols);
        let mut operand = Self { data: vec![], rows, cols, strides };
        if rows > 0 && cols > 0 {
            let reach = |count: usize, stride: isize| (count - 1) * stride.unsigned_abs();
            operand.data = vec![f32::NAN; reach(rows, strides.0) + reach(cols, strides.1) + 1];
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

    /// Row stride and column stride of the layout. Those of a view of one row or column may be others.
    pub fn strides(&self) -> (isize, isize) {
        self.strides
    }

    /// Where element (i, j) is: the slice begins with the one that is lowest in memory.
    fn offset(&self, i: usize, j: usize) -> usize {
        let along = |index: usize, count: usize, stride: isize| {
            stride.unsigned_abs() * if stride < 0 { count - 1 - index } else { index }
        };
        along(i, self.rows, self.strides.0) + along(j, self.cols, self.strides.1)
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

/// An output. It starts as NaN, so that reading it before writing shows. The gaps between its rows or columns, and the elements before and
/// after it, are watched.
#[derive(Clone, Debug)]
pub struct Output {
    data: Vec<f32>,
    rows: usize,
    cols: usize,
    /// From one row to the next or, column by column, from one column to the next.
    stride: usize,
    by_columns: bool,
}

/// Elements before the first and after the last row.
const MARGIN: usize = 19;
/// The value of the elements in gaps.
const CANARY: u32 = 0x7fc0_cafe;

impl Output {
    /// A matrix with a gap of `gap` elements between its rows, which may be any number if there are no two rows.
    pub fn new(rows: usize, cols: usize, gap: usize) -> Self {
        Self::in_order(false, rows, cols, gap)
    }

    /// A matrix column by column, with a gap of `gap` elements between its columns.
    pub fn by_columns(rows: usize, cols: usize, gap: usize) -> Self {
        Self::in_order(true, rows, cols, gap)
    }

    /// Row by row, and every third time column by column.
    pub fn in_turn(turn: usize, rows: usize, cols: usize, gap: usize) -> Self {
        Self::in_order(turn % 3 == 2, rows, cols, gap)
    }

    fn in_order(by_columns: bool, rows: usize, cols: usize, gap: usize) -> Self {
        let (count, len) = if by_columns { (cols, rows) } else { (rows, cols) };
        let stride = len.saturating_add(gap).min(isize::MAX as usize);
        let reach = if rows == 0 || cols == 0 { 0 } else { (count - 1) * stride + len };
        let mut output =
            Self { data: vec![f32::from_bits(CANARY); reach + 2 * MARGIN], rows, cols, stride, by_columns };
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
                let at = self.offset(i, j);
                self.data[at] = element(i, j);
            }
        }
    }

    fn offset(&self, i: usize, j: usize) -> usize {
        MARGIN + if self.by_columns { j * self.stride + i } else { i * self.stride + j }
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
        self.data[self.offset(i, j)]
    }

    /// The matrix for a kernel. Its slice is longer than it needs; without elements it is empty.
    pub fn view(&mut self) -> MatMut<'_> {
        let data = if self.rows == 0 || self.cols == 0 { &mut [] } else { &mut self.data[MARGIN..] };
        let stride = self.stride as isize;
        let strides = if self.by_columns { (1, stride) } else { (stride, 1) };
        MatMut::with_strides(data, self.rows, self.cols, strides.0, strides.1).expect("the slice was made for it")
    }

    /// The first element in a gap that was written, relative to the first element.
    pub fn stray_write(&self) -> Option<isize> {
        let (count, len) = if self.by_columns { (self.cols, self.rows) } else { (self.rows, self.cols) };
        (0..self.data.len())
            .filter(|&at| {
                let stride = self.stride.max(1);
                let inside = at.checked_sub(MARGIN).is_some_and(|at| at / stride < count && at % stride < len);
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
        for clean in [Output::new(3, 4, 2), Output::by_columns(4, 3, 2)] {
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
}
