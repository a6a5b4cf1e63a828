//! candle's tensors as lanegrad's matrices.

use candle_core::{CpuStorage, DType, Error, Layout, Result, Storage, Tensor};
use lanegrad::MatRef;

/// Checks that a tensor holds `f32` on the CPU.
pub(crate) fn expect_floats(operation: &str, operand: &str, tensor: &Tensor) -> Result<()> {
    if tensor.dtype() == DType::F32 && tensor.device().is_cpu() {
        return Ok(());
    }
    let (dtype, device) = (tensor.dtype().as_str(), tensor.device().location());
    Err(Error::msg(format!("{operation}: {operand} are {dtype} on {device:?}, expected f32 on the CPU")))
}

/// The elements of a storage that [`expect_floats`] accepts.
pub(crate) fn floats<'a>(operation: &str, operand: &str, storage: &'a CpuStorage) -> Result<&'a [f32]> {
    match storage {
        CpuStorage::F32(values) => Ok(values),
        _ => Err(Error::msg(format!("{operation}: {operand} are not f32"))),
    }
}

/// The same, of any device.
pub(crate) fn cpu_floats<'a>(operation: &str, operand: &str, storage: &'a Storage) -> Result<&'a [f32]> {
    match storage {
        Storage::Cpu(storage) => floats(operation, operand, storage),
        _ => Err(Error::msg(format!("{operation}: {operand} are not on the CPU"))),
    }
}

/// Whether all dimensions but the last have one stride, so that the tensor is a strided matrix.
pub(crate) fn is_matrix(layout: &Layout) -> bool {
    sizes(layout).is_some()
}

/// Rows, columns, row stride and column stride. All dimensions but the last count as rows.
fn sizes(layout: &Layout) -> Option<[usize; 4]> {
    let (&cols, leading) = layout.dims().split_last()?;
    let (&col_stride, strides) = layout.stride().split_last()?;
    if cols == 0 || leading.contains(&0) {
        let rows = leading.iter().try_fold(1_usize, |rows, &dim| rows.checked_mul(dim));
        return Some([rows.unwrap_or(0), cols, 0, 0]);
    }
    let (mut rows, mut row_stride) = (1_usize, 0_usize);
    for (&dim, &stride) in leading.iter().zip(strides).rev() {
        if rows == 1 {
            (rows, row_stride) = (dim, stride);
        } else if dim > 1 {
            (stride == row_stride.checked_mul(rows)?).then_some(())?;
            rows = rows.checked_mul(dim)?;
        }
    }
    Some([rows, cols, row_stride, col_stride])
}

/// A tensor as a matrix whose columns are the last dimension.
pub(crate) fn matrix<'a>(operation: &str, operand: &str, data: &'a [f32], layout: &Layout) -> Result<MatRef<'a>> {
    let Some([rows, cols, row_stride, col_stride]) = sizes(layout) else {
        let (dims, strides) = (layout.dims(), layout.stride());
        return Err(Error::msg(format!(
            "{operation}: {operand} have shape {dims:?} and strides {strides:?}, expected a matrix"
        )));
    };
    let data = data.get(layout.start_offset()..).unwrap_or_default();
    // A stride that is never used may be any number.
    let [row_stride, col_stride] = [row_stride, col_stride].map(|stride| isize::try_from(stride).unwrap_or(isize::MAX));
    MatRef::with_strides(data, rows, cols, row_stride, col_stride).map_err(Error::wrap)
}

/// A tensor as a slice.
pub(crate) fn vector<'a>(operation: &str, operand: &str, data: &'a [f32], layout: &Layout) -> Result<&'a [f32]> {
    let slice = layout.contiguous_offsets().and_then(|(start, end)| data.get(start..end));
    slice.ok_or_else(|| {
        let (dims, strides) = (layout.dims(), layout.stride());
        Error::msg(format!("{operation}: {operand} has shape {dims:?} and strides {strides:?}, expected no gaps"))
    })
}

/// A new buffer of zeros.
pub(crate) fn zeros(operation: &str, rows: usize, cols: usize) -> Result<Vec<f32>> {
    let mut values = Vec::new();
    let len = rows.checked_mul(cols).filter(|&len| values.try_reserve_exact(len).is_ok());
    let Some(len) = len else {
        return Err(Error::msg(format!("{operation}: no memory for {rows}×{cols} elements")));
    };
    values.resize(len, 0.0);
    Ok(values)
}

/// Whether two tensors share their storage. Locking it twice for reading in one thread could deadlock with a writer in another one.
pub(crate) fn same_storage(one: &Tensor, other: &Tensor) -> bool {
    let address = |tensor: &Tensor| std::ptr::from_ref::<Storage>(&tensor.storage_and_layout().0).addr();
    address(one) == address(other)
}
