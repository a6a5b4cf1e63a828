//! Products by other Rust crates, beside `lanegrad_verify::foreign`.

#![expect(unsafe_code, reason = "crates take pointers; the views that these come from are validated")]

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

/// What `gemmkit` does with the elements of a product before it stores them.
#[derive(Clone, Debug)]
pub(crate) enum Epilogue {
    None,
    /// `relu(c + bias)`, its own.
    BiasRelu(Vec<f32>),
    /// `c ⊙ relu'(below)`, a function that it calls for each element; it has none of its own for that.
    TimesReluDerivative(Vec<f32>),
}

/// `C = epilogue(A·B)` by the crate `gemmkit`.
pub(crate) fn gemmkit(Product { a, b, mut c }: Product<'_>, epilogue: &Epilogue, threads: usize) {
    let parallelism = if threads > 1 { ::gemmkit::Parallelism::Rayon(threads) } else { ::gemmkit::Parallelism::Serial };
    let (rows, cols) = (c.rows(), c.cols());
    assert!(c.as_ref().as_slice().is_some(), "C has no gaps");
    // SAFETY: C's elements are contiguous, row by row, and nothing else refers to them while they are in use.
    let numbers = unsafe { std::slice::from_raw_parts_mut(c.as_mut_ptr(), rows * cols) };
    let (a, b, c) = (gemmkit_view(a), gemmkit_view(b), ::gemmkit::MatMut::from_row_major(numbers, rows, cols));
    match epilogue {
        Epilogue::None => ::gemmkit::gemm(1.0, a, b, 0.0, c, parallelism),
        Epilogue::BiasRelu(bias) => {
            let (bias, relu) = (::gemmkit::Bias::PerCol(bias), ::gemmkit::Activation::Relu);
            ::gemmkit::gemm_fused(1.0, a, b, 0.0, c, Some(bias), Some(relu), parallelism);
        }
        Epilogue::TimesReluDerivative(below) => {
            let times = |element, i, j| if below[i * cols + j] > 0.0 { element } else { 0.0 };
            ::gemmkit::gemm_map(1.0, a, b, 0.0, c, &times, parallelism);
        }
    }
}

fn gemmkit_view(matrix: MatRef<'_>) -> ::gemmkit::MatRef<'_, f32> {
    let (rows, cols) = (matrix.rows(), matrix.cols());
    match matrix.as_slice() {
        Some(numbers) => ::gemmkit::MatRef::from_row_major(numbers, rows, cols),
        None => {
            let numbers = matrix.t().as_slice().expect("A and B have no gaps");
            ::gemmkit::MatRef::from_col_major(numbers, rows, cols)
        }
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
