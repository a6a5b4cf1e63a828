//! The recurrent net of one unit, and its gradient through all of its steps.

use crate::reference;
use lanegrad::{Activation, Backend, Error, MatMut, MatRef, dense, loss};

/// w and b, or their gradients.
pub(super) type Parameters = [f32; 2];

/// Steps of the unit.
pub(super) const STEPS: usize = 50;
/// What the unit starts from.
const X0: f32 = 0.5;
/// What it is to be after the last step.
const TARGET: f32 = 0.7;

/// The loss `(σ(x_50) − 0.7)²` of `x_t = w σ(x_{t−1}) + b`, `x_0 = 0.5`, and its gradient.
///
/// With `z_t = σ(x_t)`, a step is a dense layer with one input and one unit, `z_t = σ(w z_{t−1} + b)`, fifty times the same one: the
/// gradients of its w and b are summed over the steps.
pub(super) fn loss_and_gradient(backend: &mut Backend, [w, b]: Parameters) -> Result<(f64, Parameters), Error> {
    let mut z = [X0; STEPS + 1];
    Activation::Sigmoid.apply(backend, &mut z[..1]);
    for t in 1..=STEPS {
        let (before, z) = z.split_at_mut(t);
        let layer = dense::Forward {
            x: scalar(&before[t - 1])?,
            w: scalar(&w)?,
            bias: Some(&[b]),
            activation: Activation::Sigmoid,
        };
        dense::forward(backend, layer, MatMut::new(z, 1, 1)?)?;
    }

    let (mut delta, mut dw, mut db) = ([0.0], [0.0], [0.0]);
    let output = loss::SquaredError {
        predicted: scalar(&z[STEPS])?,
        target: scalar(&TARGET)?,
        c: 1.0,
        activation: Activation::Sigmoid,
    };
    let loss = loss::squared_error(backend, output, MatMut::new(&mut delta, 1, 1)?)?;
    for below in z[..STEPS].iter().rev() {
        let (delta_above, x) = (delta, scalar(below)?);
        let above = MatRef::new(&delta_above, 1, 1)?;
        let gradient = dense::Gradient { delta: above, x, accumulate: true };
        dense::gradient(backend, gradient, MatMut::new(&mut dw, 1, 1)?, Some(&mut db))?;
        let backward = dense::Backward { delta: above, w: scalar(&w)?, below: Some((Activation::Sigmoid, x)) };
        dense::backward(backend, backward, MatMut::new(&mut delta, 1, 1)?)?;
    }
    Ok((loss, [dw[0], db[0]]))
}

fn scalar(number: &f32) -> Result<MatRef<'_>, Error> {
    MatRef::new(std::slice::from_ref(number), 1, 1)
}

/// The loss in f64, for the surface.
pub(super) fn exact_loss([w, b]: [f64; 2]) -> f64 {
    let sigmoid = |x| reference::Activation::Sigmoid.value(x);
    let last = (0..STEPS).fold(f64::from(X0), |x, _| w * sigmoid(x) + b);
    (sigmoid(last) - f64::from(TARGET)).powi(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lanegrad::Isa;

    /// Central differences in f64 with one step of Richardson's extrapolation.
    fn slope(f: impl Fn(f64) -> f64) -> f64 {
        let central = |h: f64| (f(h) - f(-h)) / (2.0 * h);
        (4.0 * central(5e-6) - central(1e-5)) / 3.0
    }

    #[test]
    fn the_gradient_is_the_slope_of_the_loss() {
        for isa in Isa::available() {
            let mut backend = Backend::with_isa(isa);
            // On the plateaus, in the valley, and near the cliff on both sides.
            for at in [
                [4.5, -3.0],
                [5.0, -1.5],
                [4.78, -1.82],
                [5.5, -2.5],
                [4.4, -2.2],
                [4.6, -2.3],
                [-3.0, 2.0],
                [0.0, 0.0],
            ] {
                let (loss, gradient) = loss_and_gradient(&mut backend, at).unwrap();
                let [w, b] = at.map(f64::from);
                let expected = [slope(|h| exact_loss([w + h, b])), slope(|h| exact_loss([w, b + h]))];
                assert!((loss - exact_loss([w, b])).abs() < 1e-5, "{isa}, {at:?}: {loss}");
                let norm = expected[0].hypot(expected[1]);
                for (found, expected) in gradient.into_iter().zip(expected) {
                    let found = f64::from(found);
                    assert!(
                        (found - expected).abs() < 1e-4 * norm + 1e-9,
                        "{isa}, {at:?}: {found}, expected {expected}"
                    );
                }
            }
        }
    }
}
