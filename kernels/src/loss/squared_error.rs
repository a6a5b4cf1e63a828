//! Squared error: `L = c/m · Σ ‖y − ŷ‖²`, `∂L/∂a = (2c/m)(ŷ − y) ⊙ h'(a)`.
//!
//! For `c = ½` it is the mean of the lecture's `E = ½ Σ (y − ŷ)²`, and the delta is `−Δ/m`.
//!
//! The delta is computed as `2c/m·((ŷ − y) ⊙ h'(a))`. If 2c/m overflows, c/m and 2 are separate factors, because `∞·0` is NaN. The loss
//! is finite wherever ŷ and y are: where squares overflow or underflow in `f32`, the row is summed again in `f64`.

use crate::elementwise::zip_row;
use crate::isa::Kernel;
use crate::math::Activation;
use crate::reduce::{Sum, in_range};
use crate::simd::{Simd, View, ViewMut};

/// Writes the delta and returns the loss. Each row is summed in `f32` if that is in range, and the rows are summed in `f64`.
#[derive(Debug)]
pub struct SquaredError<'a, H> {
    /// m × outputs, ŷ = h(a)
    pub predicted: View<'a>,
    /// m × outputs, y
    pub target: View<'a>,
    /// c
    pub c: f32,
    /// h
    pub activation: H,
    /// m × outputs
    pub delta: ViewMut<'a>,
}

impl<H: Activation> Kernel for SquaredError<'_, H> {
    type Output = f64;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> f64 {
        let Self { predicted, target, c, activation, mut delta } = self;
        let (rows, columns) = (delta.rows(), delta.cols());
        let c = f64::from(c);
        let scale = (2.0 * c / rows as f64) as f32;
        let (scale, twice) = if scale.is_finite() { (scale, 1.0) } else { ((c / rows as f64) as f32, 2.0) };
        let (scale, twice) = (simd.splat(scale), simd.splat(twice));
        let mut total = 0.0;
        // Without columns there is nothing to compute, however many rows there are.
        for i in 0..if columns == 0 { 0 } else { rows } {
            let mut sum = Sum::new(simd);
            zip_row(
                simd,
                (predicted, target),
                i,
                delta.row(i, 0..columns),
                #[inline(always)]
                |index, y_hat, y| {
                    let error = simd.sub(y_hat, y);
                    sum.add_product(index, error, error);
                    simd.mul(simd.mul(scale, activation.times_derivative(simd, error, y_hat)), twice)
                },
            );
            let sum = sum.total();
            let wide = if in_range(sum, columns) { f64::from(sum) } else { wide_row(predicted, target, i, columns) };
            total += wide;
        }
        total * c / rows as f64
    }
}

/// `‖y − ŷ‖²` of a row, in `f64`.
#[cold]
#[inline(never)]
fn wide_row(predicted: View<'_>, target: View<'_>, i: usize, columns: usize) -> f64 {
    let errors = (0..columns).map(|j| f64::from(predicted.at(i, j)) - f64::from(target.at(i, j)));
    errors.map(|error| error * error).sum()
}
