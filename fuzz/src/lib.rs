//! Operands for the fuzz targets: the fuzzer chooses shapes, strides and places; the numbers come from a seed.
//!
//! The numbers are small integers, so that every sum is exact: whatever the order and the instruction set, a product must be
//! the one that `i64` has.

#![forbid(unsafe_code)]

pub mod products;

use arbitrary::{Result, Unstructured};
use lanegrad::{Backend, Isa, MatMut, MatRef};

/// A bit pattern that no product leaves behind.
const CANARY: u32 = 0x7fc0_1234;

/// An instruction set of this processor.
pub fn backend(u: &mut Unstructured<'_>) -> Result<Backend> {
    let available: Vec<_> = Isa::available().collect();
    Ok(Backend::with_isa(*u.choose(&available)?))
}

/// Batch, inputs and outputs: small ones, one or none, and one of them at the edge of a vector, a tile or a block of the sum.
pub fn sizes(u: &mut Unstructured<'_>) -> Result<(usize, usize, usize)> {
    const EDGES: [usize; 17] = [0, 1, 15, 16, 17, 31, 33, 63, 64, 65, 97, 127, 129, 257, 512, 513, 600];
    let mut sizes = [0; 3];
    for size in &mut sizes {
        *size = u.int_in_range(0..=20)?;
    }
    sizes[u.choose_index(3)?] = *u.choose(&EDGES)?;
    Ok(sizes.into())
}

/// The strides, but that of a side of at most one element, which is not used, may become any.
pub fn strides(u: &mut Unstructured<'_>, (rows, cols): (usize, usize), used: (usize, usize)) -> Result<(usize, usize)> {
    let empty = rows == 0 || cols == 0;
    let mut stride = |size, stride| match (empty || size == 1) && u.ratio(1, 2)? {
        // So that small multiples of it wrap to small numbers, too.
        true => Ok((usize::MAX / u.int_in_range(1..=32)?).wrapping_sub(u.int_in_range(0..=16)?)),
        false => Ok(stride),
    };
    Ok((stride(rows, used.0)?, stride(cols, used.1)?))
}

/// Integers from −8 to 8, from a seed.
pub struct Numbers(u64);

impl Numbers {
    /// The seed is the fuzzer's.
    pub fn new(u: &mut Unstructured<'_>) -> Result<Self> {
        Ok(Self(u.arbitrary()?))
    }

    /// The next one. Source of the generator: Knuth's MMIX.
    pub fn draw(&mut self) -> f32 {
        (self.advance() % 17) as f32 - 8.0
    }

    /// A number in [−1, 1) that is no integer.
    pub fn fraction(&mut self) -> f32 {
        (self.advance() & 0x00ff_ffff) as f32 / f32::from(1_u16 << 15) / 256.0 - 1.0
    }

    /// 31 bits.
    fn advance(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    /// As many as asked for.
    pub fn take(&mut self, len: usize) -> Vec<f32> {
        (0..len).map(|_| self.draw()).collect()
    }
}

/// An input with any strides, at any place of its buffer.
pub struct Input {
    data: Vec<f32>,
    offset: usize,
    shape: (usize, usize),
    strides: (usize, usize),
}

impl Input {
    /// Row by row, column by column, with gaps, with steps, or broadcast.
    pub fn new(u: &mut Unstructured<'_>, numbers: &mut Numbers, (rows, cols): (usize, usize)) -> Result<Self> {
        let gap = u.int_in_range(0..=3)?;
        let strides = match u.int_in_range(0..=5)? {
            0 => (cols + gap, 1),
            1 => (1, rows + gap),
            2 => (2 * cols + gap, 2),
            3 => (0, 1),
            4 => (1, 0),
            _ => (gap, gap),
        };
        let strides = self::strides(u, (rows, cols), strides)?;
        let offset = u.int_in_range(0..=16)?;
        let len = match rows.min(cols) {
            0 => 0,
            _ => (rows - 1) * strides.0 + (cols - 1) * strides.1 + 1,
        };
        Ok(Self { data: numbers.take(offset + len), offset, shape: (rows, cols), strides })
    }

    /// The view whose slice ends with its last element.
    pub fn view(&self) -> MatRef<'_> {
        let ((rows, cols), (row, col)) = (self.shape, self.strides);
        MatRef::with_strides(&self.data[self.offset..], rows, cols, row, col).expect("the view fits its buffer")
    }

    /// Element (i, j).
    pub fn at(&self, i: usize, j: usize) -> i64 {
        self.data[self.offset + i * self.strides.0 + j * self.strides.1] as i64
    }
}

/// Numbers from the first to the last of an output.
fn reach((rows, cols): (usize, usize), stride: usize) -> usize {
    if rows == 0 || cols == 0 { 0 } else { (rows - 1) * stride + cols }
}

/// An output amid canaries: before, behind and between its rows.
pub struct Output {
    data: Vec<f32>,
    before: Vec<f32>,
    offset: usize,
    shape: (usize, usize),
    stride: usize,
    /// Numbers of the view's slice behind its last element.
    behind: usize,
}

impl Output {
    /// Filled with numbers if it is to be read, else with canaries too.
    pub fn new(
        u: &mut Unstructured<'_>,
        numbers: &mut Numbers,
        (rows, cols): (usize, usize),
        read: bool,
    ) -> Result<Self> {
        let (stride, offset) = (cols + u.int_in_range(0..=3)?, u.int_in_range(0..=16)?);
        let stride = strides(u, (rows, cols), (stride, 1))?.0.max(cols);
        let behind = *u.choose(&[0, 1, 32])?;
        let mut data = vec![f32::from_bits(CANARY); offset + reach((rows, cols), stride) + 32];
        if read {
            for i in 0..rows {
                data[offset + i * stride..][..cols].copy_from_slice(&numbers.take(cols));
            }
        }
        Ok(Self { before: data.clone(), data, offset, shape: (rows, cols), stride, behind })
    }

    /// The view.
    pub fn view(&mut self) -> MatMut<'_> {
        let (rows, cols) = self.shape;
        let slice = &mut self.data[self.offset..][..reach(self.shape, self.stride) + self.behind];
        MatMut::with_row_stride(slice, rows, cols, self.stride).expect("the view fits")
    }

    /// The only row of an output that is a slice.
    pub fn slice(&mut self) -> &mut [f32] {
        &mut self.data[self.offset..][..self.shape.1]
    }

    /// What element (i, j) is.
    pub fn at(&self, i: usize, j: usize) -> f32 {
        self.data[self.offset + i * self.stride + j]
    }

    /// What element (i, j) was.
    pub fn was(&self, i: usize, j: usize) -> i64 {
        self.before[self.offset + i * self.stride + j] as i64
    }

    /// Every element is what `expected` says, and every canary is in its place.
    pub fn check(&self, expected: impl Fn(usize, usize) -> i64) {
        for i in 0..self.shape.0 {
            for j in 0..self.shape.1 {
                let (found, expected) = (self.at(i, j), expected(i, j));
                assert!(found == expected as f32, "({i}, {j}) is {found}, expected {expected}");
            }
        }
        self.check_canaries();
    }

    /// Nothing was written outside the elements.
    pub fn check_canaries(&self) {
        let ((rows, cols), stride) = (self.shape, self.stride.max(1));
        for (at, x) in self.data.iter().enumerate() {
            let inside = at.checked_sub(self.offset).is_some_and(|at| at / stride < rows && at % stride < cols);
            assert!(inside || x.to_bits() == CANARY, "number {at}, outside the matrix, was written");
        }
    }
}

/// Equal bits; all NaNs count as equal.
pub fn same(a: f32, b: f32) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}
