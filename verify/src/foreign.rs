//! Products by other people's kernels: an oracle that shares no code with ours, and a peer to be measured beside.

#![expect(unsafe_code, reason = "other people's kernels take pointers; every extent is checked before they are called")]

/// The crate `matrixmultiply`.
pub mod matrixmultiply {
    use lanegrad_kernels::view::View;

    /// The sizes of a product: m×k times k×n.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Sizes {
        /// Rows of A and C.
        pub m: usize,
        /// Columns of B and C.
        pub n: usize,
        /// Columns of A, rows of B.
        pub k: usize,
    }

    /// `C = A·B`, or `C ← C + A·B`; C has unit column stride and `c_stride` from one row to the next. In no promised order.
    ///
    /// # Panics
    /// When an element that the sizes name lies outside its slice, or the rows of C overlap.
    pub fn product(
        Sizes { m, n, k }: Sizes,
        a: View<'_>,
        b: View<'_>,
        accumulate: bool,
        c: &mut [f32],
        c_stride: usize,
    ) {
        assert!(reaches(m, k, a.row_stride, a.col_stride) <= a.data.len(), "A reaches out of its slice");
        assert!(reaches(k, n, b.row_stride, b.col_stride) <= b.data.len(), "B reaches out of its slice");
        assert!(reaches(m, n, c_stride, 1) <= c.len(), "C reaches out of its slice");
        assert!(c_stride >= n || m <= 1, "the rows of C overlap");
        let stride = |stride: usize| isize::try_from(stride).expect("a stride inside a slice");
        let strides = [a.row_stride, a.col_stride, b.row_stride, b.col_stride, c_stride].map(stride);
        let [a_row, a_col, b_row, b_col, c_row] = strides;
        let beta = if accumulate { 1.0 } else { 0.0 };
        let (a, b, c) = (a.data.as_ptr(), b.data.as_ptr(), c.as_mut_ptr());
        // SAFETY: every element (i, j) of A, B and C lies inside its slice, as was checked; those of C are distinct and
        // borrowed for writing. With β = 0, C is not read.
        unsafe { ::matrixmultiply::sgemm(m, k, n, 1.0, a, a_row, a_col, b, b_row, b_col, beta, c, c_row, 1) }
    }

    /// The length of the shortest slice that holds every element.
    fn reaches(rows: usize, cols: usize, row_stride: usize, col_stride: usize) -> usize {
        if rows == 0 || cols == 0 {
            return 0;
        }
        let last = (rows - 1).checked_mul(row_stride).zip((cols - 1).checked_mul(col_stride));
        let reaches = last.and_then(|(row, col)| row.checked_add(col)?.checked_add(1));
        reaches.expect("the offsets fit the address space")
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        const SIZES: Sizes = Sizes { m: 2, n: 2, k: 3 };

        fn view(data: &[f32], row_stride: usize, col_stride: usize) -> View<'_> {
            View { data, row_stride, col_stride }
        }

        #[test]
        fn strides_transposes_gaps_and_accumulation() {
            let a = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
            let b = [1.0, 0.0, 2.0, 1.0, 0.0, 3.0];
            let mut c = [f32::NAN; 5];
            product(SIZES, view(&a, 3, 1), view(&b, 2, 1), false, &mut c, 3);
            assert_eq!((&c[..2], &c[3..]), (&[5.0, 11.0][..], &[14.0, 23.0][..]));
            assert!(c[2].is_nan());
            product(SIZES, view(&a, 1, 2), view(&b, 1, 3), true, &mut c, 3);
            assert_eq!((&c[..2], &c[3..]), (&[16.0, 27.0][..], &[28.0, 43.0][..]));
        }

        #[test]
        #[should_panic(expected = "A reaches out")]
        fn a_too_short() {
            product(SIZES, view(&[0.0; 5], 3, 1), view(&[0.0; 6], 2, 1), false, &mut [0.0; 4], 2);
        }

        #[test]
        #[should_panic(expected = "B reaches out")]
        fn b_too_short() {
            product(SIZES, view(&[0.0; 6], 3, 1), view(&[0.0; 5], 2, 1), false, &mut [0.0; 4], 2);
        }

        #[test]
        #[should_panic(expected = "C reaches out")]
        fn c_too_short() {
            product(SIZES, view(&[0.0; 6], 3, 1), view(&[0.0; 6], 2, 1), false, &mut [0.0; 3], 2);
        }

        #[test]
        #[should_panic(expected = "rows of C overlap")]
        fn c_overlapping() {
            product(SIZES, view(&[0.0; 6], 3, 1), view(&[0.0; 6], 2, 1), false, &mut [0.0; 4], 1);
        }

        #[test]
        #[should_panic(expected = "address space")]
        fn offsets_overflow() {
            product(SIZES, view(&[0.0; 6], usize::MAX, 1), view(&[0.0; 6], 2, 1), false, &mut [0.0; 4], 2);
        }
    }
}
