//! Products by kernels of other libraries: an oracle that shares no code with ours, and a peer for comparisons.

#![expect(unsafe_code, reason = "other people's kernels take pointers; the views that these come from are validated")]

use lanegrad::{MatMut, MatRef};

/// `C = A·B`, or `C ← C + A·B`, by the crate `matrixmultiply`, in an unspecified order.
///
/// # Panics
/// If the shapes do not fit.
pub fn matrixmultiply(a: MatRef<'_>, b: MatRef<'_>, mut c: MatMut<'_>, accumulate: bool) {
    let (m, n, k) = (c.rows(), c.cols(), a.cols());
    assert_eq!((a.rows(), b.rows(), b.cols()), (m, k, n), "the shapes fit");
    let beta = if accumulate { 1.0 } else { 0.0 };
    // SAFETY: the views' constructors have checked that every element (i, j) of A, B and C exists; those of C are distinct, and borrowed
    // for writing. With β = 0, C is not read.
    unsafe {
        ::matrixmultiply::sgemm(
            m,
            k,
            n,
            1.0,
            a.as_ptr(),
            a.row_stride(),
            a.col_stride(),
            b.as_ptr(),
            b.row_stride(),
            b.col_stride(),
            beta,
            c.as_mut_ptr(),
            c.row_stride(),
            c.col_stride(),
        );
    }
}
