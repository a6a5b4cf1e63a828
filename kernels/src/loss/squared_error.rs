//! Squared error: `L = c/m · Σ ‖y − ŷ‖²`, `∂L/∂a = (2c/m)(ŷ − y) ⊙ h'(a)`.
//!
//! With `c = ½` it is the mean of the lecture's `E = ½ Σ (y − ŷ)²`, and the delta is `−Δ/m`.

use super::Delta;
use crate::isa::Kernel;
use crate::math::Activation;
use crate::reduce::Sum;
use crate::simd::Simd;
use crate::view::{View, vectors};

/// Writes the delta and returns the loss; each row is summed in `f32`, the rows in `f64`.
#[derive(Debug)]
pub struct SquaredError<'a, H> {
    /// m × outputs, ŷ = h(a)
    pub predicted: View<'a>,
    /// m × outputs, y
    pub target: View<'a>,
    /// m
    pub rows: usize,
    /// Outputs.
    pub columns: usize,
    /// c
    pub c: f32,
    /// h
    pub activation: H,
    /// m × outputs
    pub delta: Delta<'a>,
}

impl<H: Activation> Kernel for SquaredError<'_, H> {
    type Output = f64;

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) -> f64 {
        let c = f64::from(self.c);
        let m = sabotage!(self.rows, 20 => self.rows * self.columns);
        let scale = simd.splat((2.0 * c / m as f64) as f32);
        let mut total = 0.0;
        for i in 0..self.rows {
            let mut sum = Sum::new(simd);
            for (index, columns) in vectors(simd, self.columns).enumerate() {
                let predicted = self.predicted.load(simd, i, columns.clone());
                let error = simd.sub(predicted, self.target.load(simd, i, columns.clone()));
                sum.add_product(index, error, error);
                let delta = H::times_derivative(simd, simd.mul(scale, error), predicted);
                simd.store_partial(delta, self.delta.row(i, columns));
            }
            let sum = sum.total();
            total += sabotage!(f64::from(sum), 29 b => f64::from(total as f32 + sum) - total);
        }
        total * c / self.rows as f64
    }
}
