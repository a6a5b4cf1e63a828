//! Squared error: `L = c/m · Σ ‖y − ŷ‖²`, `∂L/∂a = (2c/m)(ŷ − y) ⊙ h'(a)`.
//!
//! With `c = ½` it is the mean of the lecture's `E = ½ Σ (y − ŷ)²`, and the delta is `−Δ/m`.
//!
//! The delta is computed as `2·(c/m·((ŷ − y) ⊙ h'(a)))`: a factor 2c/m might overflow, and `∞·0` is NaN. The loss is finite wherever ŷ
//! and y are: where squares overflow or underflow in `f32`, a row is summed again in `f64`.

use super::Delta;
use crate::isa::Kernel;
use crate::math::Activation;
use crate::reduce::{Sum, in_range};
use crate::simd::Simd;
use crate::view::View;
use core::marker::PhantomData;

/// Writes the delta and returns the loss; each row is summed in `f32` if that is in range, the rows in `f64`.
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
    fn run<S: Simd>(self, simd: S) -> f64 {
        let Self { predicted, target, rows, columns, c, mut delta, .. } = self;
        let c = f64::from(c);
        let m = sabotage!(rows, 20 => rows * columns);
        let scale = simd.splat((c / m as f64) as f32);
        let mut total = 0.0;
        for i in 0..rows {
            let mut terms = Terms { simd, scale, sum: Sum::new(simd), activation: PhantomData::<H> };
            let delta = delta.row(i, 0..columns);
            // All vectors of the sums at a time, while there are whole ones in place.
            let whole = if predicted.col_stride == 1 && target.col_stride == 1 { columns / 16 * 16 } else { 0 };
            let (vectors, rest) = delta.split_at_mut(whole);
            if whole > 0 {
                let (y_hat, y) = (predicted.row(i, 0..whole), target.row(i, 0..whole));
                let rows = y_hat.as_chunks::<16>().0.iter().zip(y.as_chunks::<16>().0);
                for ((y_hat, y), delta) in rows.zip(vectors.as_chunks_mut::<16>().0) {
                    for index in 0..16 / S::LANES {
                        let at = index * S::LANES;
                        simd.store(terms.add(index, simd.load(&y_hat[at..]), simd.load(&y[at..])), &mut delta[at..]);
                    }
                }
            }
            for (index, delta) in rest.chunks_mut(S::LANES).enumerate() {
                let from = whole + index * S::LANES;
                let lanes = from..from + delta.len();
                let (y_hat, y) = (predicted.load(simd, i, lanes.clone()), target.load(simd, i, lanes));
                simd.store_partial(terms.add(index, y_hat, y), delta);
            }
            let sum = terms.sum.total();
            let wide = if in_range(sum, columns) { f64::from(sum) } else { wide_row(predicted, target, i, columns) };
            total += sabotage!(wide, 29 b => f64::from(total as f32 + sum) - total);
        }
        total * c / rows as f64
    }
}

/// A row's squared errors, summed, and its deltas.
struct Terms<S: Simd, H> {
    simd: S,
    /// c/m
    scale: S::V,
    sum: Sum<S>,
    activation: PhantomData<H>,
}

impl<S: Simd, H: Activation> Terms<S, H> {
    /// Adds the vector number `index`; returns its deltas.
    #[inline(always)]
    fn add(&mut self, index: usize, y_hat: S::V, y: S::V) -> S::V {
        let Self { simd, scale, sum, .. } = self;
        let error = simd.sub(y_hat, y);
        sum.add_product(index, error, error);
        let half = simd.mul(*scale, H::times_derivative(*simd, error, y_hat));
        simd.add(half, half)
    }
}

/// `‖y − ŷ‖²` of a row, in `f64`.
#[cold]
#[inline(never)]
fn wide_row(predicted: View<'_>, target: View<'_>, i: usize, columns: usize) -> f64 {
    let errors = (0..columns).map(|j| f64::from(predicted.at(i, j)) - f64::from(target.at(i, j)));
    errors.map(|error| error * error).sum()
}
