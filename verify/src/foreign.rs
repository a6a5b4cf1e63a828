//! Products by kernels of other libraries: an oracle that shares no code with ours, and a peer for comparisons.

#![expect(unsafe_code, reason = "other people's kernels take pointers; the views that these come from are validated")]

use lanegrad::{MatMut, MatRef};

/// `C = A·B`, or `C ← C + A·B`, by the crate `matrixmultiply`, in an unspecified order.
///
/// # Panics
/// If the shapes do not fit.
pub fn matrixmultiply(a: MatRef<'_>, b: MatRef<'_>, c: MatMut<'_>, accumulate: bool) {
    let (m, n, k) = (c.rows(), c.cols(), a.cols());
    assert_eq!((a.rows(), b.rows(), b.cols()), (m, k, n), "the shapes fit");
    let stride = |stride: usize| isize::try_from(stride).expect("a stride inside a slice");
    // Without elements, strides are meaningless and may have any value.
    let strides =
        |(data, row, col), elements| if elements > 0 { (data, stride(row), stride(col)) } else { (data, 0, 0) };
    let (a, a_row, a_col) = strides(a.parts(), m * k);
    let (b, b_row, b_col) = strides(b.parts(), k * n);
    let (c, c_row) = c.into_parts();
    let c_row = if m * n > 0 { stride(c_row) } else { 0 };
    let beta = if accumulate { 1.0 } else { 0.0 };
    // SAFETY: the views' constructors have checked that every element (i, j) of A, B and C lies inside its slice; those of C
    // are distinct, since its row stride is at least its columns, and borrowed for writing. With β = 0, C is not read.
    unsafe {
        ::matrixmultiply::sgemm(
            m,
            k,
            n,
            1.0,
            a.as_ptr(),
            a_row,
            a_col,
            b.as_ptr(),
            b_row,
            b_col,
            beta,
            c.as_mut_ptr(),
            c_row,
            1,
        );
    }
}
