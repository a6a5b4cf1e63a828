//! Products by other Rust crates, beside `lanegrad_verify::foreign`.

#![expect(unsafe_code, reason = "the crate `gemm` takes pointers; the views that these come from are validated")]

use crate::layer::Product;
use faer::Par;
use gemm::Parallelism;
use lanegrad::MatRef;

/// A view's pointer and strides, rows first.
fn parts(matrix: MatRef<'_>) -> (*const f32, isize, isize) {
    (matrix.as_ptr(), matrix.row_stride(), matrix.col_stride())
}

/// `C = A·B` by the crate `gemm`.
pub(crate) fn gemm(Product { a, b, mut c }: Product<'_>, threads: usize) {
    let (m, n, k) = (c.rows(), c.cols(), a.cols());
    assert_eq!((a.rows(), b.rows(), b.cols()), (m, k, n), "the shapes fit");
    let parallelism = if threads > 1 { Parallelism::Rayon(threads) } else { Parallelism::None };
    let ((a, a_row, a_col), (b, b_row, b_col)) = (parts(a), parts(b));
    let c_row = c.row_stride();
    // SAFETY: the views' constructors have checked that every element (i, j) of A, B and C lies inside its slice; those of C
    // are distinct, since its row stride is at least its columns, and borrowed for writing. C is not read (`read_dst`).
    unsafe {
        ::gemm::gemm(
            m,
            n,
            k,
            c.as_mut_ptr(),
            1,
            c_row,
            false,
            a,
            a_col,
            a_row,
            b,
            b_col,
            b_row,
            0.0,
            1.0,
            false,
            false,
            false,
            parallelism,
        );
    }
}

/// `C = A·B` by the crate `faer`.
pub(crate) fn faer(Product { a, b, mut c }: Product<'_>, threads: usize) {
    let (m, n, k) = (c.rows(), c.cols(), a.cols());
    assert_eq!((a.rows(), b.rows(), b.cols()), (m, k, n), "the shapes fit");
    let par = if threads > 1 { Par::rayon(threads) } else { Par::Seq };
    let ((a, a_row, a_col), (b, b_row, b_col)) = (parts(a), parts(b));
    let c_row = c.row_stride();
    // SAFETY: as above; nothing else refers to C while its view is in use.
    let (a, b, c) = unsafe {
        (
            ::faer::MatRef::from_raw_parts(a, m, k, a_row, a_col),
            ::faer::MatRef::from_raw_parts(b, k, n, b_row, b_col),
            ::faer::MatMut::from_raw_parts_mut(c.as_mut_ptr(), m, n, c_row, 1),
        )
    };
    ::faer::linalg::matmul::matmul(c, ::faer::Accum::Replace, a, b, 1.0, par);
}
