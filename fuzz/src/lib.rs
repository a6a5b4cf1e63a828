//! Operands for the fuzz targets: the fuzzer chooses shapes, strides and places; the numbers come from a seed.
//!
//! The numbers are small integers, so that every sum is exact: whatever the order and the instruction set, a product must be
//! the one that `i64` has.

#![forbid(unsafe_code)]

pub mod products;

use arbitrary::{Result, Unstructured};
use lanegrad::{Backend, Isa, MatMut, MatRef};
use lanegrad_verify::eager::Eager;
use std::sync::{Arc, LazyLock};

/// A bit pattern that no product leaves behind.
const CANARY: u32 = 0x7fc0_1234;

/// An instruction set of this processor, on one thread or on several, which share even the smallest operation.
pub fn backend(u: &mut Unstructured<'_>) -> Result<Backend> {
    static POOLS: LazyLock<[Arc<Eager>; 3]> =
        LazyLock::new(|| [2, 3, 7].map(|threads| Arc::new(Eager::new(threads).expect("a few threads are started"))));
    let available: Vec<_> = Isa::available().collect();
    let builder = Backend::builder().isa(*u.choose(&available)?);
    let builder = if u.ratio(1, 4)? { builder.pool(u.choose(&*POOLS)?.clone()) } else { builder };
    Ok(builder.build().expect("the instruction set is there"))
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
pub fn strides(u: &mut Unstructured<'_>, (rows, cols): (usize, usize), used: (isize, isize)) -> Result<(isize, isize)> {
    let empty = rows == 0 || cols == 0;
    let mut stride = |size, stride| match (empty || size == 1) && u.ratio(1, 2)? {
        // So that small multiples of it wrap to small numbers, too.
        true => {
            Ok((*u.choose(&[isize::MAX, isize::MIN])? / u.int_in_range(1..=32)?).wrapping_sub(u.int_in_range(0..=16)?))
        }
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
    strides: (isize, isize),
}

/// Where element (i, j) is: the slice begins with the one that is lowest in memory.
fn place((rows, cols): (usize, usize), (row, col): (isize, isize), (i, j): (usize, usize)) -> usize {
    let along = |index: usize, count: usize, stride: isize| match if stride < 0 { count - 1 - index } else { index } {
        // The stride is not used.
        0 => 0,
        steps => steps * stride.unsigned_abs(),
    };
    along(i, rows, row) + along(j, cols, col)
}

/// The number of elements from the lowest to the highest of a matrix.
fn reach(shape @ (rows, cols): (usize, usize), (row, col): (isize, isize)) -> usize {
    let last = |count: usize, stride: isize| if stride < 0 { 0 } else { count - 1 };
    if rows == 0 || cols == 0 { 0 } else { place(shape, (row, col), (last(rows, row), last(cols, col))) + 1 }
}

impl Input {
    /// Row by row, column by column, with gaps, with steps, broadcast, or backwards.
    pub fn new(u: &mut Unstructured<'_>, numbers: &mut Numbers, (rows, cols): (usize, usize)) -> Result<Self> {
        let (gap, sides) = (u.int_in_range(0..=3)?, [rows, cols].map(|side| side as isize));
        let strides = match u.int_in_range(0..=5)? {
            0 => (sides[1] + gap, 1),
            1 => (1, sides[0] + gap),
            2 => (2 * sides[1] + gap, 2),
            3 => (0, 1),
            4 => (1, 0),
            _ => (gap, gap),
        };
        let mut turned = |stride: isize| Ok(if u.ratio(1, 4)? { -stride } else { stride });
        let strides = (turned(strides.0)?, turned(strides.1)?);
        let strides = self::strides(u, (rows, cols), strides)?;
        let offset = u.int_in_range(0..=16)?;
        let len = reach((rows, cols), strides);
        Ok(Self { data: numbers.take(offset + len), offset, shape: (rows, cols), strides })
    }

    /// The view whose slice ends with its last element.
    pub fn view(&self) -> MatRef<'_> {
        let ((rows, cols), (row, col)) = (self.shape, self.strides);
        MatRef::with_strides(&self.data[self.offset..], rows, cols, row, col).expect("the view fits its buffer")
    }

    /// Element (i, j).
    pub fn at(&self, i: usize, j: usize) -> i64 {
        self.data[self.offset + place(self.shape, self.strides, (i, j))] as i64
    }
}

/// An output amid canaries: before, after and between its rows.
pub struct Output {
    data: Vec<f32>,
    before: Vec<f32>,
    offset: usize,
    shape: (usize, usize),
    strides: (isize, isize),
    /// Elements of the view's slice after its last element.
    after: usize,
}

impl Output {
    /// Row by row, filled with numbers if it is to be read, otherwise with canaries too.
    pub fn new(u: &mut Unstructured<'_>, numbers: &mut Numbers, shape: (usize, usize), read: bool) -> Result<Self> {
        Self::in_order(u, numbers, shape, read, false)
    }

    /// Row by row or column by column, forwards or backwards.
    pub fn in_any_order(
        u: &mut Unstructured<'_>,
        numbers: &mut Numbers,
        shape: (usize, usize),
        read: bool,
    ) -> Result<Self> {
        let by_columns = u.arbitrary()?;
        Self::in_order(u, numbers, shape, read, by_columns)
    }

    fn in_order(
        u: &mut Unstructured<'_>,
        numbers: &mut Numbers,
        shape @ (rows, cols): (usize, usize),
        read: bool,
        by_columns: bool,
    ) -> Result<Self> {
        let (count, len) = if by_columns { (cols, rows) } else { (rows, cols) };
        let stride = (len as isize + u.int_in_range(0..=3)?) * *u.choose(&[1, 1, 1, -1])?;
        // The unit stride of a single column may be that of rows, which do not overlap.
        let unused = if count == 1 && len > 0 { strides(u, (1, 2), (stride, 1))?.0 } else { stride };
        let stride = if unused.unsigned_abs() < len { stride } else { unused };
        let (strides, offset) = (if by_columns { (1, stride) } else { (stride, 1) }, u.int_in_range(0..=16)?);
        let after = *u.choose(&[0, 1, 32])?;
        let mut data = vec![f32::from_bits(CANARY); offset + reach(shape, strides) + 32];
        if read {
            for (i, j) in (0..rows).flat_map(|i| (0..cols).map(move |j| (i, j))) {
                data[offset + place(shape, strides, (i, j))] = numbers.draw();
            }
        }
        Ok(Self { before: data.clone(), data, offset, shape, strides, after })
    }

    /// The view.
    pub fn view(&mut self) -> MatMut<'_> {
        let ((rows, cols), (row, col)) = (self.shape, self.strides);
        let slice = &mut self.data[self.offset..][..reach(self.shape, self.strides) + self.after];
        MatMut::with_strides(slice, rows, cols, row, col).expect("the view fits")
    }

    /// The only row of an output that is a slice.
    pub fn slice(&mut self) -> &mut [f32] {
        &mut self.data[self.offset..][..self.shape.1]
    }

    /// What element (i, j) is.
    pub fn at(&self, i: usize, j: usize) -> f32 {
        self.data[self.offset + place(self.shape, self.strides, (i, j))]
    }

    /// What element (i, j) was.
    pub fn was(&self, i: usize, j: usize) -> i64 {
        self.before[self.offset + place(self.shape, self.strides, (i, j))] as i64
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
        let mut others = self.data.clone();
        for (i, j) in (0..self.shape.0).flat_map(|i| (0..self.shape.1).map(move |j| (i, j))) {
            others[self.offset + place(self.shape, self.strides, (i, j))] = f32::from_bits(CANARY);
        }
        for (at, x) in others.iter().enumerate() {
            assert!(x.to_bits() == CANARY, "number {at}, outside the matrix, was written");
        }
    }
}

/// Equal bits; all NaNs count as equal.
pub fn same(a: f32, b: f32) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}
