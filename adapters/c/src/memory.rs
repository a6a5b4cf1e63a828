//! Pointers become views here, after every check that a pointer permits: NULL, alignment, sizes that overflow, outputs that overlap.
//!
//! What a pointer cannot show is guaranteed by the C caller, as the header says: the elements exist, and no other thread accesses them.

use crate::status::lanegrad_status::LANEGRAD_OK;
use crate::status::{Fault, report, report_panic};
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::panic::AssertUnwindSafe;
use lanegrad::raw::{View, ViewMut};
use lanegrad::{Error, MatMut, MatRef};

/// A matrix to read: element (i, j) is data[i * row_stride + j * col_stride]. Strides count elements. They may be negative, or 0 to repeat
/// a row or column. Without rows or columns, data may be NULL.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct lanegrad_matrix {
    /// Points to element (0, 0).
    pub data: *const f32,
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
    /// Elements from one row to the next.
    pub row_stride: isize,
    /// Elements from one column to the next.
    pub col_stride: isize,
}

/// A matrix to write. Its rows or its columns are contiguous (a stride of 1) and do not overlap. What lies between them is not written.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct lanegrad_matrix_mut {
    /// Points to element (0, 0).
    pub data: *mut f32,
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
    /// Elements from one row to the next.
    pub row_stride: isize,
    /// Elements from one column to the next.
    pub col_stride: isize,
}

/// Runs the body of an exported function, and returns its code. Nothing unwinds out of it.
pub(crate) fn call(operation: &'static str, body: impl for<'m> FnOnce(&mut Memory<'m>) -> Result<(), Fault>) -> i32 {
    let mut memory = Memory { operands: [None; OPERANDS], count: 0, call: PhantomData };
    match std::panic::catch_unwind(AssertUnwindSafe(|| body(&mut memory))) {
        Ok(Ok(())) => LANEGRAD_OK as i32,
        Ok(Err(fault)) => report(operation, &fault),
        Err(payload) => report_panic(operation, &*payload),
    }
}

/// No call has more.
const OPERANDS: usize = 8;

/// The memory that the C caller lends to one call. It exists only inside [`call`], and `'m` ends with the call.
///
/// Every operand is recorded, so that none overlaps an output.
pub(crate) struct Memory<'m> {
    operands: [Option<Operand>; OPERANDS],
    count: usize,
    call: PhantomData<&'m mut f32>,
}

/// A name, and the bytes from `low` to `high`, where the elements of a matrix with these strides are.
#[derive(Clone, Copy, Debug)]
struct Operand {
    name: &'static str,
    output: bool,
    low: usize,
    high: usize,
    /// The bytes from the first row to the last, and to the next.
    rows: (isize, isize),
    /// The bytes from the first column to the last, and to the next.
    cols: (isize, isize),
}

impl<'m> Memory<'m> {
    /// A matrix to read.
    #[inline]
    pub(crate) fn matrix(&mut self, name: &'static str, matrix: lanegrad_matrix) -> Result<MatRef<'m>, Fault> {
        let lanegrad_matrix { data, rows, cols, row_stride, col_stride } = matrix;
        if rows > 0 && cols > 0 {
            self.record((name, false), data, (rows, cols), (row_stride, col_stride))?;
        }
        // SAFETY: the pointer is aligned and the offsets do not overflow. The caller guarantees that the elements are readable during the
        // call, and no output overlaps them.
        Ok(MatRef::from(unsafe { View::from_raw_parts(data, rows, cols, row_stride, col_stride) }))
    }

    /// A matrix to write.
    #[inline]
    pub(crate) fn matrix_mut(&mut self, name: &'static str, matrix: lanegrad_matrix_mut) -> Result<MatMut<'m>, Fault> {
        let lanegrad_matrix_mut { data, rows, cols, row_stride, col_stride } = matrix;
        let (shape, strides) = ((rows, cols), (row_stride, col_stride));
        if rows > 0 && cols > 0 {
            self.record((name, true), data, shape, strides)?;
        }
        // SAFETY: the pointer is aligned and the offsets do not overflow. The caller guarantees that the elements are writable and used by
        // no other thread during the call, and no other operand overlaps them.
        let view = unsafe { ViewMut::from_raw_parts(data, rows, cols, row_stride, col_stride) };
        Ok(MatMut::from(view.map_err(|_| Error::Strides { shape, strides })?))
    }

    /// A vector to read.
    #[inline]
    pub(crate) fn slice<T>(&mut self, name: &'static str, data: *const T, len: usize) -> Result<&'m [T], Fault> {
        if len == 0 {
            return Ok(&[]);
        }
        self.record((name, false), data, (1, len), (0, 1))?;
        // SAFETY: the pointer is aligned and not NULL, and the length does not overflow. The rest is as for a matrix.
        Ok(unsafe { core::slice::from_raw_parts(data, len) })
    }

    /// A vector to write.
    #[inline]
    pub(crate) fn slice_mut<T>(&mut self, name: &'static str, data: *mut T, len: usize) -> Result<&'m mut [T], Fault> {
        if len == 0 {
            return Ok(&mut []);
        }
        self.record((name, true), data.cast_const(), (1, len), (0, 1))?;
        // SAFETY: the pointer is aligned and not NULL, and the length does not overflow. The rest is as for a matrix.
        Ok(unsafe { core::slice::from_raw_parts_mut(data, len) })
    }

    /// The place for one result.
    pub(crate) fn place<T>(&mut self, name: &'static str, to: *mut T) -> Result<&'m mut MaybeUninit<T>, Fault> {
        let place = self.slice_mut(name, to.cast::<MaybeUninit<T>>(), 1)?;
        Ok(&mut place[0])
    }

    /// An argument passed by a pointer that may be NULL.
    pub(crate) fn optional<T: Copy + 'm>(&mut self, name: &'static str, from: *const T) -> Result<Option<T>, Fault> {
        if from.is_null() {
            return Ok(None);
        }
        Ok(Some(self.slice(name, from, 1)?[0]))
    }

    /// Checks and records an operand that has elements. An output must not overlap any other operand.
    #[inline]
    fn record<T>(
        &mut self,
        (name, output): (&'static str, bool),
        data: *const T,
        shape: (usize, usize),
        strides: (isize, isize),
    ) -> Result<(), Fault> {
        if data.is_null() {
            return Err(Fault::Null { operand: name });
        }
        if !data.is_aligned() {
            return Err(Fault::Misaligned { operand: name, alignment: align_of::<T>() });
        }
        let Some(operand) = Operand::new((name, output), data.addr(), size_of::<T>(), shape, strides) else {
            return Err(Error::Overflow { shape, strides }.into());
        };
        for other in self.operands[..self.count].iter().flatten() {
            let ranges_overlap = operand.low < other.high && other.low < operand.high;
            if ranges_overlap && (output || other.output) && !operand.is_interleaved_with(other) {
                let (output, other) = if output { (name, other.name) } else { (other.name, name) };
                return Err(Fault::Overlap { output, other });
            }
        }
        self.operands[self.count] = Some(operand);
        self.count += 1;
        Ok(())
    }
}

impl Operand {
    /// `None` if a size overflows.
    #[inline]
    fn new(
        (name, output): (&'static str, bool),
        address: usize,
        size: usize,
        (rows, cols): (usize, usize),
        (row_stride, col_stride): (isize, isize),
    ) -> Option<Self> {
        let size = size as isize;
        let distances = |count: usize, stride: isize| -> Option<(isize, isize)> {
            if count == 1 || stride == 0 {
                return Some((0, 0));
            }
            let step = stride.checked_mul(size)?;
            Some((isize::try_from(count - 1).ok()?.checked_mul(step)?, step))
        };
        let (rows, cols) = (distances(rows, row_stride)?, distances(cols, col_stride)?);
        let below = rows.0.min(0).checked_add(cols.0.min(0))?;
        let above = rows.0.max(0).checked_add(cols.0.max(0))?.checked_add(size)?;
        above.checked_sub(below)?;
        let (low, high) = (address.checked_add_signed(below)?, address.checked_add_signed(above)?);
        Some(Self { name, output, low, high, rows, cols })
    }

    /// Whether two operands whose address ranges overlap have no element in common because they are different columns (or rows) of one
    /// matrix.
    #[cold]
    fn is_interleaved_with(&self, other: &Self) -> bool {
        let ((line, pitch), (other_line, other_pitch)) = (self.lines(), other.lines());
        let common = pitch.max(other_pitch);
        if common == 0 || [pitch, other_pitch].iter().any(|&pitch| pitch != 0 && pitch != common) {
            return false;
        }
        let from = (other.low as i128 - self.low as i128).rem_euclid(common as i128) as usize;
        line <= from && from.checked_add(other_line).is_some_and(|end| end <= common)
    }

    /// The length in bytes of a contiguous line of elements, and the distance in bytes between the starts of two lines: 0 if there is one.
    fn lines(&self) -> (usize, usize) {
        let size = (self.high - self.low) - self.rows.0.unsigned_abs() - self.cols.0.unsigned_abs();
        let single = |(distance, step): (isize, isize)| {
            let contiguous = step.unsigned_abs() <= size;
            if contiguous { (distance.unsigned_abs() + size, 0) } else { (size, step.unsigned_abs()) }
        };
        match (self.rows, self.cols) {
            ((0, _), line) | (line, (0, _)) => single(line),
            // Lines run in the direction of the smaller steps.
            (rows, cols) if cols.1.unsigned_abs() <= rows.1.unsigned_abs() => {
                (cols.0.unsigned_abs() + size, rows.1.unsigned_abs())
            }
            (rows, cols) => (rows.0.unsigned_abs() + size, cols.1.unsigned_abs()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// An operand of `f32`.
    fn operand(address: usize, shape: (usize, usize), strides: (isize, isize)) -> Option<Operand> {
        Operand::new(("test", true), address, 4, shape, strides)
    }

    fn overlap(a: Operand, b: Operand) -> bool {
        a.low < b.high && b.low < a.high && !a.is_interleaved_with(&b)
    }

    #[test]
    fn a_panic_becomes_a_code_and_a_message() {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let code = call("test", |_| panic!("on {}", "purpose"));
        std::panic::set_hook(hook);
        // SAFETY: the message is terminated, and no call of this thread changes it meanwhile.
        let message = unsafe { core::ffi::CStr::from_ptr(crate::status::message()) };
        assert_eq!((code, message.to_str()), (199, Ok("test: a bug in lanegrad: on purpose")));
    }

    /// Operands that share an element are never taken to be apart.
    #[test]
    fn overlap_against_enumeration() {
        let shapes = [(1, 1), (1, 3), (3, 1), (2, 2), (3, 2), (2, 3)];
        let strides = [(4, 1), (-4, 1), (1, 4), (4, -1), (8, 2), (5, 1), (0, 1), (1, 0), (0, 0), (-1, -4), (1, 1)];
        let bytes = |at: usize, (rows, cols): (usize, usize), (row, col): (isize, isize)| -> HashSet<usize> {
            let element = |i: usize, j: usize| at.wrapping_add_signed((i as isize * row + j as isize * col) * 4);
            (0..rows).flat_map(|i| (0..cols).map(move |j| (i, j))).map(|(i, j)| element(i, j)).collect()
        };
        let (mut apart, mut shared) = (0, 0);
        for (shape, stride) in shapes.into_iter().flat_map(|shape| strides.map(|stride| (shape, stride))) {
            for (other_shape, other_stride) in shapes.into_iter().flat_map(|s| strides.map(|stride| (s, stride))) {
                for offset in 0..40 {
                    let (at, other_at) = (4000, 4000 - 80 + 4 * offset);
                    let a = operand(at, shape, stride).expect("small");
                    let b = operand(other_at, other_shape, other_stride).expect("small");
                    let common = !bytes(at, shape, stride).is_disjoint(&bytes(other_at, other_shape, other_stride));
                    assert!(overlap(a, b) || !common, "{shape:?} {stride:?}, {other_shape:?} {other_stride:?}");
                    assert_eq!(overlap(a, b), overlap(b, a));
                    shared += usize::from(common);
                    apart += usize::from(!overlap(a, b));
                }
            }
        }
        assert!(apart > 10_000 && shared > 10_000, "{apart} {shared}");
    }

    #[test]
    fn columns_of_one_matrix_do_not_overlap() {
        let columns = |from: usize, count: usize| operand(4096 + 4 * from, (3, count), (10, 1)).expect("small");
        let rows = |from: usize, count: usize| operand(4096 + 4 * from, (count, 3), (1, 10)).expect("small");
        for (a, b, expected) in [
            (columns(0, 4), columns(4, 6), false),
            (columns(0, 5), columns(4, 6), true),
            (rows(0, 4), columns(4, 6), false),
            (rows(9, 1), rows(0, 9), false),
            (columns(9, 1), columns(0, 10), true),
            (operand(4096 + 14 * 4, (1, 6), (99, 1)).expect("small"), columns(0, 4), false),
            (operand(4096 + 14 * 4, (1, 7), (99, 1)).expect("small"), columns(0, 4), true),
            (operand(4096, (3, 1), (20, 1)).expect("small"), columns(1, 9), true), // another pitch: not analysed
        ] {
            assert_eq!((overlap(a, b), overlap(b, a)), (expected, expected), "{a:?} {b:?}");
        }
    }

    #[test]
    fn sizes_that_overflow() {
        let max = usize::MAX;
        for (shape, strides) in [
            ((max, 1), (1, 1)),
            ((max / 8 + 2, 1), (1, 1)),
            ((2, 2), (isize::MAX, 1)),
            ((2, 2), (isize::MIN, 1)),
            ((2, 2), (1, isize::MIN)),
            ((1 << 32, 1 << 32), (1 << 32, 1)),
            ((1 << 30, 2), (-(1 << 31), 1)),
        ] {
            assert!(operand(4096, shape, strides).is_none(), "{shape:?} {strides:?}");
        }
        // Repeated elements take no memory.
        assert!(operand(4096, (max, max), (0, 0)).is_some());
        assert!(operand(max - 7, (1, 2), (0, 1)).is_none(), "beyond the end of the address space");
    }
}
