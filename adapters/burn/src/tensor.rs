//! Tensors of burn's Flex backend as lanegrad's views, and the other way round.

use burn::backend::flex::{FlexTensor, Layout};
use burn::tensor::{DType, ExecutionError, Shape, TensorData};
use lanegrad::{Error, MatRef};

/// Our message in burn's error type.
pub(crate) fn error(operation: &str, message: impl core::fmt::Display) -> ExecutionError {
    ExecutionError::WithContext { reason: format!("lanegrad: {operation}: {message}") }
}

/// An error of lanegrad's, which names the operation itself.
pub(crate) fn from_lanegrad(error: Error) -> ExecutionError {
    ExecutionError::WithContext { reason: format!("lanegrad: {error}") }
}

/// A tensor as a matrix: the last dimension becomes the columns, and all others together become the rows.
///
/// It shares the tensor's elements, in whatever layout burn has them. Only rows that are not equally spaced are copied.
#[derive(Clone, Debug)]
pub(crate) struct Matrix {
    tensor: FlexTensor,
    rows: usize,
    cols: usize,
    strides: (isize, isize),
}

impl Matrix {
    /// The tensor must have at least one dimension.
    pub(crate) fn new(tensor: FlexTensor) -> Self {
        let (tensor, strides) = match strides(tensor.layout()) {
            Some(strides) => (tensor, strides),
            None => {
                let tensor = tensor.to_contiguous();
                let cols = tensor.layout().shape().last().copied().unwrap_or(1);
                (tensor, (cols as isize, 1))
            }
        };
        let [rows, cols] = sizes(tensor.layout().shape());
        Self { tensor, rows, cols, strides }
    }

    pub(crate) fn view(&self) -> Result<MatRef<'_>, Error> {
        // The view's slice begins with the element that is lowest in memory.
        let before = |count: usize, stride: isize| match stride {
            ..0 => count.saturating_sub(1).saturating_mul(stride.unsigned_abs()),
            0.. => 0,
        };
        let before = before(self.rows, self.strides.0).saturating_add(before(self.cols, self.strides.1));
        let lowest = self.tensor.layout().start_offset().saturating_sub(before);
        let elements = self.tensor.storage().get(lowest..).unwrap_or_default();
        MatRef::with_strides(elements, self.rows, self.cols, self.strides.0, self.strides.1)
    }

    /// The shape of the tensor.
    pub(crate) fn shape(&self) -> &Shape {
        self.tensor.layout().shape()
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn cols(&self) -> usize {
        self.cols
    }
}

/// The rows and columns of a tensor of this shape, seen as a matrix.
fn sizes(shape: &Shape) -> [usize; 2] {
    match shape.split_last() {
        Some((&cols, rest)) => [rest.iter().product(), cols],
        None => [1, 1],
    }
}

/// The row stride and the column stride, if a matrix can have them.
fn strides(layout: &Layout) -> Option<(isize, isize)> {
    let (_, outer_sizes) = layout.shape().split_last()?;
    let (&col_stride, outer_strides) = layout.strides().split_last()?;
    // The dimensions of size 1 are never stepped along. Each of the others has to be a multiple of the next.
    let mut outer = outer_sizes.iter().zip(outer_strides).rev().filter(|(size, _)| **size != 1);
    let (&size, &row_stride) = outer.next().unwrap_or((&1, &0));
    let mut expected = row_stride.checked_mul(isize::try_from(size).ok()?)?;
    for (&size, &stride) in outer {
        if stride != expected {
            return None;
        }
        expected = stride.checked_mul(isize::try_from(size).ok()?)?;
    }
    Some((row_stride, col_stride))
}

/// The elements of a tensor in order, copied only if they lie elsewise in memory.
pub(crate) fn contiguous(tensor: FlexTensor) -> FlexTensor {
    if tensor.is_contiguous() { tensor } else { tensor.to_contiguous() }
}

/// The elements of a contiguous tensor.
pub(crate) fn elements(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().unwrap_or_default()
}

/// A tensor of these elements.
pub(crate) fn from_elements(elements: Vec<f32>, shape: Shape) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(elements, shape))
}

/// Zeros for an output of this many elements; `None` overflows.
pub(crate) fn zeros(operation: &'static str, len: Option<usize>) -> Result<Vec<f32>, Error> {
    let mut elements = Vec::new();
    let no_memory = Error::OutOfMemory { operation, numbers: len };
    let len = len.ok_or(no_memory)?;
    elements.try_reserve_exact(len).map_err(|_| no_memory)?;
    elements.resize(len, 0.0);
    Ok(elements)
}

/// The name of a type of elements in messages.
pub(crate) fn dtype_name(dtype: DType) -> String {
    format!("{dtype:?}").to_lowercase()
}
