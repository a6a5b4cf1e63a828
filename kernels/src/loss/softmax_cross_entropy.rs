//! Softmax and cross-entropy on class labels: `L = 1/m · Σ_i (ln Σ_j exp a[i][j] − a[i][label_i])`,
//! `∂L/∂a = (softmax(a) − onehot(label))/m`.
//!
//! The row's largest logit is subtracted first: no exponential overflows, and their sum is at least 1. A row with NaN or +∞
//! among its logits has NaN for its delta and makes the loss NaN.

use super::{Delta, row_max};
use crate::isa::Kernel;
use crate::math::exp;
use crate::reduce::Sum;
use crate::simd::Simd;
use crate::view::{View, vectors};

/// Writes the delta and returns the loss; the rows' losses are computed and summed in `f64` from `f32` exponentials.
#[derive(Debug)]
pub struct SoftmaxCrossEntropy<'a> {
    /// m × classes
    pub logits: View<'a>,
    /// m labels, each below the number of classes.
    pub labels: &'a [u32],
    /// Classes.
    pub classes: usize,
    /// m × classes
    pub delta: Delta<'a>,
}

impl Kernel for SoftmaxCrossEntropy<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) -> f64 {
        let m = sabotage!(self.labels.len(), 20 b => self.labels.len() * self.classes) as f64;
        let scale = (1.0 / m) as f32;
        let mut total = 0.0;
        for (i, &label) in self.labels.iter().enumerate() {
            let label = label as usize;
            // The row is copied to the delta first: the logits may have any strides.
            let row = self.delta.row(i, 0..self.classes);
            for columns in vectors(simd, self.classes) {
                simd.store_partial(self.logits.load(simd, i, columns.clone()), &mut row[columns]);
            }
            let max = sabotage!(row_max(simd, row), 26 => 0.0);

            let mut sum = Sum::new(simd);
            for (index, columns) in vectors(simd, self.classes).enumerate() {
                let part = &mut row[columns];
                simd.store_partial(exp(simd, simd.sub(simd.load_partial(part), simd.splat(max))), part);
                sum.add(index, simd.load_partial(part));
            }
            let sum = sum.total();
            let surprise = f64::from(sum).ln() - (f64::from(self.logits.at(i, label)) - f64::from(max));
            total += sabotage!(surprise, 27 => -f64::from(row[label] / sum).ln(), 29 c => f64::from(total as f32 + surprise as f32) - total);

            for columns in vectors(simd, self.classes) {
                let part = &mut row[columns];
                let softmax = simd.div(simd.load_partial(part), simd.splat(sum));
                simd.store_partial(softmax, part);
            }
            row[label] -= 1.0;
            for columns in vectors(simd, self.classes) {
                let part = &mut row[columns];
                simd.store_partial(simd.mul(simd.load_partial(part), simd.splat(scale)), part);
            }
        }
        total / m
    }
}
