//! Operands at any place, amid canaries.

use lanegrad::{MatMut, MatRef};

/// A bit pattern that no computation leaves by chance.
pub(crate) const CANARY: u32 = 0x7fc0_1234;

/// The longest of the gaps between rows.
pub(crate) const GAP: usize = 3;

/// An input matrix in a buffer of its own: `offset` numbers and gaps of `gap` numbers that are not its own.
pub(crate) struct Input {
    pub(crate) data: Vec<f32>,
    pub(crate) offset: usize,
    rows: usize,
    cols: usize,
    stride: usize,
}

impl Input {
    pub(crate) fn new(values: &[f32], (rows, cols): (usize, usize), offset: usize, gap: usize) -> Self {
        let stride = cols + gap;
        let mut data = vec![f32::from_bits(CANARY); offset + rows * stride];
        for i in 0..rows {
            data[offset + i * stride..][..cols].copy_from_slice(&values[i * cols..][..cols]);
        }
        Self { data, offset, rows, cols, stride }
    }

    pub(crate) fn view(&self) -> MatRef<'_> {
        MatRef::with_strides(&self.data[self.offset..], self.rows, self.cols, self.stride as isize, 1).unwrap()
    }
}

/// An output matrix in a buffer that is otherwise canaries, the matrix itself too unless it has values.
pub(crate) struct Output {
    pub(crate) data: Vec<f32>,
    pub(crate) offset: usize,
    rows: usize,
    cols: usize,
    stride: usize,
}

impl Output {
    pub(crate) fn new(values: Option<&[f32]>, (rows, cols): (usize, usize), offset: usize, gap: usize) -> Self {
        let stride = cols + gap;
        let mut data = vec![f32::from_bits(CANARY); offset + rows * stride + 64];
        for (i, row) in values.into_iter().flat_map(|values| values.chunks(cols.max(1))).enumerate() {
            data[offset + i * stride..][..cols].copy_from_slice(row);
        }
        Self { data, offset, rows, cols, stride }
    }

    pub(crate) fn view(&mut self) -> MatMut<'_> {
        MatMut::with_strides(&mut self.data[self.offset..], self.rows, self.cols, self.stride as isize, 1).unwrap()
    }

    /// The matrix; everything around it must still be canaries.
    #[track_caller]
    pub(crate) fn values(&self) -> Vec<f32> {
        let mut values = Vec::new();
        for (at, &x) in self.data.iter().enumerate() {
            let inside = at >= self.offset
                && (at - self.offset) / self.stride.max(1) < self.rows
                && (at - self.offset) % self.stride.max(1) < self.cols;
            if inside {
                values.push(x);
            } else {
                assert_eq!(x.to_bits(), CANARY, "number {at}, outside the matrix, was written");
            }
        }
        values
    }
}
