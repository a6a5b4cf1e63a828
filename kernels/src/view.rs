//! How a kernel sees an input matrix: elements with a row stride and a column stride.

use crate::simd::Simd;
use core::ops::Range;

/// An input matrix. Element (i, j) is `data[i · row_stride + j · col_stride]`. The sizes belong to the operation; its caller has
/// checked that every element lies inside `data`. The stride of a single row or column is unused and may have any value.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The elements.
    pub data: &'a [f32],
    /// Elements from one row to the next.
    pub row_stride: usize,
    /// Elements from one column to the next.
    pub col_stride: usize,
}

/// An output matrix: element (i, j) is `data[i · row_stride + j]`, and rows do not overlap. The sizes belong to the operation, as those of a
/// [`View`] do.
#[derive(Debug)]
pub struct ViewMut<'a> {
    /// The elements, and those between the rows.
    pub data: &'a mut [f32],
    /// From one row to the next.
    pub row_stride: usize,
}

impl ViewMut<'_> {
    /// The part of row i in `columns`.
    #[inline(always)]
    pub fn row(&mut self, i: usize, columns: Range<usize>) -> &mut [f32] {
        &mut self.data[i * self.row_stride..][columns]
    }
}

impl<'a> View<'a> {
    /// Element (i, j).
    #[inline(always)]
    pub fn at(&self, i: usize, j: usize) -> f32 {
        self.data[i * self.row_stride + j * self.col_stride]
    }

    /// The elements of row i in `columns`. The columns must be contiguous.
    #[inline(always)]
    pub fn row(&self, i: usize, columns: Range<usize>) -> &'a [f32] {
        debug_assert!(self.col_stride == 1);
        &self.data[i * self.row_stride..][columns]
    }

    /// Loads the elements of row i in `columns`, at most `LANES` of them, followed by zeros.
    #[inline(always)]
    pub fn load<S: Simd>(&self, simd: S, i: usize, columns: Range<usize>) -> S::V {
        if self.col_stride == 1 {
            simd.load_partial(self.row(i, columns))
        } else {
            simd.load_partial(&self.gather(i, columns.clone())[..columns.len()])
        }
    }

    /// Never inlined: otherwise it would be inlined into every vector of every epilogue.
    #[inline(never)]
    fn gather(&self, i: usize, columns: Range<usize>) -> [f32; 16] {
        let mut lanes = [0.0; 16];
        for (lane, j) in lanes.iter_mut().zip(columns) {
            *lane = self.at(i, j);
        }
        lanes
    }

    /// The transposed matrix.
    pub fn t(self) -> Self {
        Self { row_stride: self.col_stride, col_stride: self.row_stride, ..self }
    }
}

/// Splits the columns `0..columns` into vectors. The last one may be shorter.
#[inline(always)]
pub fn vectors<S: Simd>(_: S, columns: usize) -> impl Iterator<Item = Range<usize>> {
    (0..columns).step_by(S::LANES).map(
        #[inline(always)]
        move |from| from..columns.min(from + S::LANES),
    )
}
