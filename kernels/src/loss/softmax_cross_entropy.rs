//! Softmax and cross-entropy on class labels: `L = 1/m · Σ_i (ln Σ_j exp a[i][j] − a[i][label_i])`,
//! `∂L/∂a = (softmax(a) − onehot(label))/m`.
//!
//! The row's largest logit is subtracted first, so no exponential overflows and their sum is at least 1. A row that contains NaN or +∞,
//! or only −∞, makes its delta and the loss NaN.
//!
//! The exponentials of the other classes are summed separately, `O = Σ_{j≠label} exp(a[i][j] − max)`: where the label has nearly all of
//! the probability, they determine loss and delta, and 1 − softmax would cancel. The row's loss is
//! `max − a[i][label] + ln(1 + (O + exp(a[i][label] − max) − 1))`, in `f64`; the label's delta is `−O/Σ/m`. Both keep their relative
//! accuracy. Where O is below the range of `f32`, the loss computes it in `f64`.

use super::row_max;
use crate::isa::Kernel;
use crate::math::exp;
use crate::reduce::{Sum, in_range};
use crate::simd::{Out, Row, Simd, View, ViewMut, zip};

/// Writes the delta and returns the loss. The losses of the rows are computed and summed in `f64` from `f32` exponentials.
#[derive(Debug)]
pub struct SoftmaxCrossEntropy<'a> {
    /// m × classes
    pub logits: View<'a>,
    /// m labels, each less than the number of classes.
    pub labels: &'a [u32],
    /// m × classes
    pub delta: ViewMut<'a>,
}

impl Kernel for SoftmaxCrossEntropy<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> f64 {
        let Self { logits, labels, mut delta } = self;
        let classes = delta.cols();
        let m = labels.len() as f64;
        let scale = (1.0 / m) as f32;
        let mut total = 0.0;
        for (i, &label) in labels.iter().enumerate() {
            let label = label as usize;
            // The row is copied to the delta first, because the logits may have any strides.
            let row = delta.row(i, 0..classes);
            zip::<1, _, _>(
                simd,
                classes,
                (Row(logits, i), Out(row)),
                #[inline(always)]
                |_, (a, ())| ((), a),
            );
            let max = row_max(simd, row);

            zip::<1, _, _>(
                simd,
                classes,
                &mut *row,
                #[inline(always)]
                |_, a| exp(simd, simd.sub(a, simd.splat(max))),
            );
            let likely = core::mem::take(&mut row[label]);
            let mut others = Sum::new(simd);
            others.add_slice(row);
            let others = others.total();
            let sum = others + likely;
            row[label] = 0.0 - others;
            zip::<1, _, _>(
                simd,
                classes,
                row,
                #[inline(always)]
                |_, e| simd.mul(simd.div(e, simd.splat(sum)), simd.splat(scale)),
            );

            let lead = f64::from(max) - f64::from(logits.at(i, label));
            let wide =
                if in_range(others, classes) { f64::from(others) } else { wide_others(logits, i, classes, label, max) };
            let surprise = lead + (wide + (f64::from(likely) - 1.0)).ln_1p();
            total += surprise;
        }
        total / m
    }
}

/// `Σ_{j≠label} exp(a[i][j] − max)` of a row, in `f64`.
#[cold]
#[inline(never)]
fn wide_others(logits: View<'_>, i: usize, classes: usize, label: usize, max: f32) -> f64 {
    let others = (0..classes).filter(|&j| j != label);
    others.map(|j| (f64::from(logits.at(i, j)) - f64::from(max)).exp()).sum()
}
