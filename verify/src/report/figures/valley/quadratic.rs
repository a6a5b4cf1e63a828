//! The valley, and descent in it.

use lanegrad::{Activation, Backend, Error, MatMut, MatRef, Rule, State, dense};

/// A point, or a gradient.
pub(super) type Point = [f32; 2];

/// The angle of the valley's floor to the first axis. A rule with a step size per parameter would find a valley along an axis easy.
const ANGLE: f64 = std::f64::consts::FRAC_PI_6;
/// Where descent starts: along the floor and across it, from the minimum.
const START: [f64; 2] = [-1.0, 0.15];

/// `L(θ) = ½ θᵀHθ`, where H has the eigenvalues 1 along the floor of a valley and κ across it. The minimum is at 0.
pub(super) struct Quadratic {
    hessian: [f64; 4],
    /// The same for the library, 2 × 2.
    h: [f32; 4],
}

impl Quadratic {
    pub(super) fn new(condition: f64) -> Self {
        let (sin, cos) = ANGLE.sin_cos();
        let across = (1.0 - condition) * sin * cos;
        let hessian = [cos * cos + condition * sin * sin, across, across, sin * sin + condition * cos * cos];
        Self { hessian, h: hessian.map(|element| element as f32) }
    }

    pub(super) fn start() -> Point {
        let (sin, cos) = ANGLE.sin_cos();
        let [along, across] = START;
        [(cos * along - sin * across) as f32, (sin * along + cos * across) as f32]
    }

    /// `L(θ)`
    pub(super) fn value(&self, [x, y]: [f64; 2]) -> f64 {
        let [a, b, c, d] = self.hessian;
        0.5 * (a * x * x + (b + c) * x * y + d * y * y)
    }

    /// `∇L(θ) = Hθ`: what a dense layer with the weights H makes of θ.
    pub(super) fn gradient(&self, backend: &mut Backend, theta: Point) -> Result<Point, Error> {
        let (x, w) = (MatRef::new(&theta, 1, 2)?, MatRef::new(&self.h, 2, 2)?);
        let mut gradient = [0.0; 2];
        let layer = dense::Forward { x, w, bias: None, activation: Activation::Identity };
        dense::forward(backend, layer, MatMut::new(&mut gradient, 1, 2)?)?;
        Ok(gradient)
    }

    /// Descends by a rule from `theta`, and shows each new point to `go_on`, which says whether there is another step.
    pub(super) fn descend(
        &self,
        backend: &mut Backend,
        rule: &Rule,
        mut theta: Point,
        mut go_on: impl FnMut(Point) -> bool,
    ) -> Result<(), Error> {
        let mut state = State::new(rule.method(), theta.len())?;
        for step in 1.. {
            state.look_ahead(backend, rule, step, &mut theta)?;
            let gradient = self.gradient(backend, theta)?;
            state.update(backend, rule, step, &mut theta, &gradient)?;
            if !go_on(theta) {
                break;
            }
        }
        Ok(())
    }
}

/// The distance to the minimum.
pub(super) fn distance([x, y]: Point) -> f64 {
    f64::from(x).hypot(y.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use lanegrad::Isa;

    #[test]
    fn the_gradient_is_the_slope() {
        let valley = Quadratic::new(100.0);
        for isa in Isa::available() {
            let gradient = valley.gradient(&mut Backend::with_isa(isa), [0.5, -0.25]).unwrap();
            // Central differences of a quadratic are exact.
            let slope = |dx, dy| valley.value([0.5 + dx, -0.25 + dy]) - valley.value([0.5 - dx, -0.25 - dy]);
            for (found, expected) in gradient.into_iter().zip([slope(0.5, 0.0), slope(0.0, 0.5)]) {
                assert!((f64::from(found) - expected).abs() < 1e-5, "{isa}: {found}, expected {expected}");
            }
        }
    }

    #[test]
    fn the_condition_number_is_that_of_the_hessian() {
        use crate::reference::{Matrix, singular_values};
        for condition in [1.0, 100.0, 1e4] {
            let hessian = Quadratic::new(condition).hessian;
            let values = singular_values(&Matrix::from_fn(2, 2, |i, j| hessian[2 * i + j]));
            assert!((values[0] / values[1] / condition - 1.0).abs() < 1e-9, "{values:?}");
        }
    }
}
