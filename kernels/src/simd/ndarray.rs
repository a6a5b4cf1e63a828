//! Views of the crate `ndarray`, in any layout: C and F order, steps, negative strides, broadcast.

use super::{Misfit, View, ViewMut};
use ndarray::{ArrayView2, ArrayViewMut2};

impl<'a> From<ArrayView2<'a, f32>> for View<'a> {
    fn from(view: ArrayView2<'a, f32>) -> Self {
        let (rows, cols) = view.dim();
        let [row_stride, col_stride] = [view.strides()[0], view.strides()[1]];
        // SAFETY: for `'a` the array's elements are readable, and nobody writes them; they are where its pointer and strides say.
        unsafe { Self::from_raw_parts(view.as_ptr(), rows, cols, row_stride, col_stride) }
    }
}

/// Fails if neither rows nor columns are contiguous.
impl<'a> TryFrom<ArrayViewMut2<'a, f32>> for ViewMut<'a> {
    type Error = Misfit;

    fn try_from(mut view: ArrayViewMut2<'a, f32>) -> Result<Self, Misfit> {
        let (rows, cols) = view.dim();
        let [row_stride, col_stride] = [view.strides()[0], view.strides()[1]];
        // SAFETY: for `'a` the view alone has access to the array's elements, and it is given up.
        unsafe { Self::from_raw_parts(view.as_mut_ptr(), rows, cols, row_stride, col_stride) }
    }
}
