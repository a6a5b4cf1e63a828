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
    data: *const f32,
    /// Number of rows.
    rows: usize,
    /// Number of columns.
    cols: usize,
    /// Elements from one row to the next.
    row_stride: isize,
    /// Elements from one column to the next.
    col_stride: isize,
}

/// A matrix to write. Its rows or its columns are contiguous (a stride of 1) and do not overlap. What lies between them is not written.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct lanegrad_matrix_mut {
    /// Points to element (0, 0).
    data: *mut f32,
    /// Number of rows.
    rows: usize,
    /// Number of columns.
    cols: usize,
    /// Elements from one row to the next.
    row_stride: isize,
    /// Elements from one column to the next.
    col_stride: isize,
}

/// Runs the body of an exported function, and returns its code. Nothing unwinds out of it.
pub(crate) fn call(operation: &'static str, body: impl for<'m> FnOnce(&mut Memory<'m>) -> Result<(), Fault>) -> i32 {
    let mut memory = Memory { spans: [Span::NONE; OPERANDS], count: 0, call: PhantomData };
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
    spans: [Span; OPERANDS],
    count: usize,
    call: PhantomData<&'m mut f32>,
}

/// The bytes of an operand: lines of `line` bytes that begin `pitch` bytes apart (0 if there is one line), from `low` to `high`.
#[derive(Clone, Copy, Debug)]
struct Span {
    operand: &'static str,
    output: bool,
    low: usize,
    high: usize,
    line: usize,
    pitch: usize,
}

impl<'m> Memory<'m> {
    /// A matrix to read.
    pub(crate) fn matrix(&mut self, operand: &'static str, matrix: lanegrad_matrix) -> Result<MatRef<'m>, Fault> {
        let lanegrad_matrix { data, rows, cols, row_stride, col_stride } = matrix;
        self.record(Span::of_matrix(operand, data, (rows, cols), (row_stride, col_stride))?)?;
        // SAFETY: the pointer is aligned and the offsets do not overflow. The caller guarantees that the elements are readable during the
        // call, and no output overlaps them.
        Ok(MatRef::from(unsafe { View::from_raw_parts(data, rows, cols, row_stride, col_stride) }))
    }

    /// A matrix to write.
    pub(crate) fn matrix_mut(
        &mut self,
        operand: &'static str,
        matrix: lanegrad_matrix_mut,
    ) -> Result<MatMut<'m>, Fault> {
        let lanegrad_matrix_mut { data, rows, cols, row_stride, col_stride } = matrix;
        let span = Span::of_matrix(operand, data, (rows, cols), (row_stride, col_stride))?;
        self.record(span.map(Span::output))?;
        // SAFETY: the pointer is aligned and the offsets do not overflow. The caller guarantees that the elements are writable and used by
        // no other thread during the call, and no other operand overlaps them.
        let view = unsafe { ViewMut::from_raw_parts(data, rows, cols, row_stride, col_stride) };
        let (shape, strides) = ((rows, cols), (row_stride, col_stride));
        Ok(MatMut::from(view.map_err(|_| Error::Strides { shape, strides })?))
    }

    /// A vector to read.
    pub(crate) fn slice<T>(&mut self, operand: &'static str, data: *const T, len: usize) -> Result<&'m [T], Fault> {
        let Some(span) = Span::of_slice(operand, data, len)? else { return Ok(&[]) };
        self.record(Some(span))?;
        // SAFETY: the pointer is aligned and not NULL, and the length does not overflow. The rest is as for a matrix.
        Ok(unsafe { core::slice::from_raw_parts(data, len) })
    }

    /// A vector to write.
    pub(crate) fn slice_mut<T>(
        &mut self,
        operand: &'static str,
        data: *mut T,
        len: usize,
    ) -> Result<&'m mut [T], Fault> {
        let Some(span) = Span::of_slice(operand, data, len)? else { return Ok(&mut []) };
        self.record(Some(span.output()))?;
        // SAFETY: the pointer is aligned and not NULL, and the length does not overflow. The rest is as for a matrix.
        Ok(unsafe { core::slice::from_raw_parts_mut(data, len) })
    }

    /// The place for one result.
    pub(crate) fn place<T>(&mut self, operand: &'static str, to: *mut T) -> Result<&'m mut MaybeUninit<T>, Fault> {
        let place = self.slice_mut(operand, to.cast::<MaybeUninit<T>>(), 1)?;
        Ok(&mut place[0])
    }

    /// An argument passed by a pointer that may be NULL.
    pub(crate) fn optional<T: Copy + 'm>(&mut self, operand: &'static str, from: *const T) -> Result<Option<T>, Fault> {
        if from.is_null() {
            return Ok(None);
        }
        Ok(Some(self.slice(operand, from, 1)?[0]))
    }

    /// Records an operand. It must not overlap an output, nor any operand if it is an output itself.
    fn record(&mut self, span: Option<Span>) -> Result<(), Fault> {
        let Some(span) = span else { return Ok(()) };
        for other in &self.spans[..self.count] {
            if (span.output || other.output) && span.overlaps(other) {
                let (output, other) = if span.output { (&span, other) } else { (other, &span) };
                return Err(Fault::Overlap { output: output.operand, other: other.operand });
            }
        }
        self.spans[self.count] = span;
        self.count += 1;
        Ok(())
    }
}

impl Span {
    const NONE: Self = Self { operand: "", output: false, low: 0, high: 0, line: 0, pitch: 0 };

    fn output(self) -> Self {
        Self { output: true, ..self }
    }

    /// The bytes of a vector; `None` if it has no elements.
    fn of_slice<T>(operand: &'static str, data: *const T, len: usize) -> Result<Option<Self>, Fault> {
        if len == 0 {
            return Ok(None);
        }
        expect_pointer(operand, data)?;
        let overflow = Error::Overflow { shape: (len, 1), strides: (1, 1) };
        let bytes = len.checked_mul(size_of::<T>()).filter(|&bytes| isize::try_from(bytes).is_ok()).ok_or(overflow)?;
        let high = data.addr().checked_add(bytes).ok_or(overflow)?;
        Ok(Some(Self { operand, output: false, low: data.addr(), high, line: bytes, pitch: 0 }))
    }

    /// The bytes of a matrix; `None` if it has no elements.
    fn of_matrix(
        operand: &'static str,
        data: *const f32,
        shape: (usize, usize),
        strides: (isize, isize),
    ) -> Result<Option<Self>, Fault> {
        if shape.0 == 0 || shape.1 == 0 {
            return Ok(None);
        }
        expect_pointer(operand, data)?;
        let span = Self::reach(operand, data.addr(), shape, strides);
        Ok(Some(span.ok_or(Error::Overflow { shape, strides })?))
    }

    /// `None` if a size overflows.
    fn reach(
        operand: &'static str,
        address: usize,
        (rows, cols): (usize, usize),
        (row_stride, col_stride): (isize, isize),
    ) -> Option<Self> {
        let distance = |count: usize, stride: isize| -> Option<isize> {
            let last = if stride == 0 { 0 } else { isize::try_from(count - 1).ok()? };
            last.checked_mul(stride)?.checked_mul(size_of::<f32>() as isize)
        };
        let (down, across) = (distance(rows, row_stride)?, distance(cols, col_stride)?);
        let low = address.checked_add_signed(down.min(0).checked_add(across.min(0))?)?;
        let above = down.max(0).checked_add(across.max(0))?.checked_add(size_of::<f32>() as isize)?;
        let high = address.checked_add_signed(above)?;
        isize::try_from(high - low).ok()?;
        // Lines run in the direction of the smaller steps. Elements without neighbours are lines of their own.
        let step = |distance: isize, stride: isize| if distance == 0 { 0 } else { stride.unsigned_abs() };
        let (along, pitch) = match (step(down, row_stride), step(across, col_stride)) {
            (0, step) | (step, 0) if step <= 1 => (down + across, 0),
            (0, step) | (step, 0) => (0, step),
            (row_step, col_step) if col_step <= row_step => (across, row_step),
            (_, col_step) => (down, col_step),
        };
        let line = along.unsigned_abs() + size_of::<f32>();
        Some(Self { operand, output: false, low, high, line, pitch: pitch * size_of::<f32>() })
    }

    /// Whether two operands may have bytes in common. Different columns of one matrix have none, although their address ranges overlap.
    fn overlaps(&self, other: &Self) -> bool {
        let apart = self.high <= other.low || other.high <= self.low;
        let pitch = self.pitch.max(other.pitch);
        let same_pitch = |span: &Self| span.pitch == pitch || span.pitch == 0;
        let interleaved = || {
            let from = (other.low.wrapping_sub(self.low) as isize).rem_euclid(pitch as isize) as usize;
            pitch > 0 && same_pitch(self) && same_pitch(other) && self.line <= from && from + other.line <= pitch
        };
        !(apart || pitch > 0 && interleaved())
    }
}

fn expect_pointer<T>(operand: &'static str, data: *const T) -> Result<(), Fault> {
    if data.is_null() {
        return Err(Fault::Null { operand });
    }
    if !data.is_aligned() {
        return Err(Fault::Misaligned { operand, alignment: align_of::<T>() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

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
                    let a = Span::reach("a", at, shape, stride).expect("small");
                    let b = Span::reach("b", other_at, other_shape, other_stride).expect("small");
                    let common = !bytes(at, shape, stride).is_disjoint(&bytes(other_at, other_shape, other_stride));
                    assert!(a.overlaps(&b) || !common, "{shape:?} {stride:?}, {other_shape:?} {other_stride:?}");
                    assert_eq!(a.overlaps(&b), b.overlaps(&a));
                    shared += usize::from(common);
                    apart += usize::from(!a.overlaps(&b));
                }
            }
        }
        assert!(apart > 10_000 && shared > 10_000, "{apart} {shared}");
    }

    #[test]
    fn columns_of_one_matrix_do_not_overlap() {
        let columns = |from: usize, count: usize| Span::reach("", 4096 + 4 * from, (3, count), (10, 1)).expect("small");
        let rows = |from: usize, count: usize| Span::reach("", 4096 + 4 * from, (count, 3), (1, 10)).expect("small");
        for (a, b, overlap) in [
            (columns(0, 4), columns(4, 6), false),
            (columns(0, 5), columns(4, 6), true),
            (rows(0, 4), columns(4, 6), false),
            (rows(9, 1), rows(0, 9), false),
            (columns(9, 1), columns(0, 10), true),
            (Span::reach("", 4096 + 14 * 4, (1, 6), (99, 1)).expect("small"), columns(0, 4), false),
            (Span::reach("", 4096 + 14 * 4, (1, 7), (99, 1)).expect("small"), columns(0, 4), true),
            (Span::reach("", 4096, (3, 1), (20, 1)).expect("small"), columns(1, 9), true), // another pitch: not analysed
        ] {
            assert_eq!((a.overlaps(&b), b.overlaps(&a)), (overlap, overlap), "{a:?} {b:?}");
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
            assert!(Span::reach("a", 4096, shape, strides).is_none(), "{shape:?} {strides:?}");
        }
        // Repeated elements take no memory.
        assert!(Span::reach("a", 4096, (max, max), (0, 0)).is_some());
        assert!(Span::reach("a", max - 7, (1, 2), (0, 1)).is_none(), "beyond the end of the address space");
    }
}
