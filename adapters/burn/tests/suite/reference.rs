//! A reference in f64 that carries a bound of the error of any computation in f32.

use crate::tensors::elements;
use burn::tensor::Tensor;

/// The unit roundoff of `f32`.
const U: f64 = 1.0 / (1 << 24) as f64;

/// `γₙ = nu/(1 − nu)`: after n consecutive roundings, the error is at most this times the sum of the terms' absolute values.
fn gamma(n: usize) -> f64 {
    let nu = n as f64 * U;
    nu / (1.0 - nu)
}

/// A value, and how far a result in `f32` may be from it, in whatever order it is computed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ball {
    pub(crate) value: f64,
    pub(crate) radius: f64,
}

impl Ball {
    pub(crate) fn exact(value: f32) -> Self {
        Self { value: value.into(), radius: 0.0 }
    }

    /// The product without its own rounding, which [`sum`] counts.
    fn times(self, other: Self) -> Self {
        let (a, b) = (self.value.abs(), other.value.abs());
        Self {
            value: self.value * other.value,
            radius: a * other.radius + b * self.radius + self.radius * other.radius,
        }
    }

    fn rounded(self, roundings: usize) -> Self {
        let radius = self.radius + gamma(roundings) * (self.value.abs() + self.radius);
        Self { radius, ..self }
    }

    pub(crate) fn contains(self, computed: f32) -> bool {
        (f64::from(computed) - self.value).abs() <= self.radius
    }
}

/// The sum of products, in any order, with or without FMA.
fn sum(terms: impl Iterator<Item = Ball>) -> Ball {
    let (mut total, mut absolute, mut n) = (Ball { value: 0.0, radius: 0.0 }, 0.0, 0);
    for term in terms {
        total = Ball { value: total.value + term.value, radius: total.radius + term.radius };
        absolute += term.value.abs() + term.radius;
        n += 1;
    }
    Ball { radius: total.radius + gamma(n + 1) * absolute, ..total }
}

/// A matrix of balls, row by row.
#[derive(Clone, Debug)]
pub(crate) struct Balls {
    pub(crate) elements: Vec<Ball>,
    pub(crate) cols: usize,
}

impl Balls {
    pub(crate) fn exact(elements: &[f32], cols: usize) -> Self {
        Self { elements: elements.iter().copied().map(Ball::exact).collect(), cols }
    }

    fn rows(&self) -> usize {
        self.elements.len() / self.cols
    }

    fn at(&self, i: usize, j: usize) -> Ball {
        self.elements[i * self.cols + j]
    }

    fn from_fn(rows: usize, cols: usize, f: impl Fn(usize, usize) -> Ball) -> Self {
        Self { elements: (0..rows * cols).map(|at| f(at / cols, at % cols)).collect(), cols }
    }

    fn zip(&self, other: &Self, f: impl Fn(Ball, Ball) -> Ball) -> Self {
        Self { elements: self.elements.iter().zip(&other.elements).map(|(a, b)| f(*a, *b)).collect(), cols: self.cols }
    }
}

/// The activations of the tests, as burn and this crate both have them.
#[derive(Clone, Copy, Debug)]
pub(crate) enum H {
    Identity,
    Relu,
    Tanh,
    Sigmoid,
}

impl H {
    /// h(a). All of them are within 4 units in the last place. The radius grows by the largest slope in the ball, which is that nearest
    /// to 0.
    fn of(self, a: Ball) -> Ball {
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let nearest = (a.value.abs() - a.radius).max(0.0);
        let (value, slope) = match self {
            Self::Identity => return a,
            Self::Relu => return Ball { value: a.value.max(0.0), ..a },
            Self::Tanh => (a.value.tanh(), 1.0 - nearest.tanh().powi(2)),
            Self::Sigmoid => (sigmoid(a.value), sigmoid(nearest) * sigmoid(-nearest)),
        };
        Ball { value, radius: a.radius * slope }.rounded(8)
    }

    /// h'(a), from z = h(a).
    fn slope(self, a: Ball, z: Ball) -> Ball {
        match self {
            Self::Identity => Ball::exact(1.0),
            // Where a may have either sign, so may the slope be 0 or 1.
            Self::Relu if a.value.abs() <= a.radius => Ball { value: 0.5, radius: 0.5 },
            Self::Relu => Ball::exact(if a.value > 0.0 { 1.0 } else { 0.0 }),
            Self::Tanh => {
                let square = z.times(z).rounded(1);
                Ball { value: 1.0 - square.value, radius: square.radius + U }.rounded(2)
            }
            Self::Sigmoid => {
                let rest = Ball { value: 1.0 - z.value, ..z }.rounded(1);
                z.times(rest).rounded(2)
            }
        }
    }
}

/// What a stack of layers computes: z, and the gradients of `Σ z ⊙ seed`.
pub(crate) struct Reference {
    pub(crate) z: Balls,
    pub(crate) dx: Balls,
    /// dw and db of each layer.
    pub(crate) parameters: Vec<(Balls, Balls)>,
}

/// The stack of layers `(w, b, h)`, w in × out, applied to x.
pub(crate) fn reference(x: Balls, layers: &[(Balls, Balls, H)], seed: Balls) -> Reference {
    let mut xs = vec![x];
    let mut nets = Vec::new();
    for (w, b, h) in layers {
        let x = &xs[xs.len() - 1];
        let a = Balls::from_fn(x.rows(), w.cols, |i, j| {
            sum((0..x.cols).map(|k| x.at(i, k).times(w.at(k, j))).chain([b.elements[j]]))
        });
        xs.push(Balls { elements: a.elements.iter().map(|a| h.of(*a)).collect(), cols: a.cols });
        nets.push(a);
    }
    let z = xs[layers.len()].clone();
    let mut gradient = seed;
    let mut parameters = Vec::new();
    for (l, (w, _, h)) in layers.iter().enumerate().rev() {
        let slopes = nets[l].zip(&xs[l + 1], |a, z| h.slope(a, z));
        let delta = gradient.zip(&slopes, |g, slope| g.times(slope).rounded(2));
        let (x, rows) = (&xs[l], delta.rows());
        let dw = Balls::from_fn(w.rows(), w.cols, |i, j| sum((0..rows).map(|r| x.at(r, i).times(delta.at(r, j)))));
        let db = Balls::from_fn(1, w.cols, |_, j| sum((0..rows).map(|r| delta.at(r, j))));
        gradient = Balls::from_fn(rows, w.rows(), |r, i| sum((0..w.cols).map(|j| delta.at(r, j).times(w.at(i, j)))));
        parameters.push((dw, db));
    }
    parameters.reverse();
    Reference { z, dx: gradient, parameters }
}

/// Checks every element of a computed tensor, and that the bound means something.
pub(crate) fn assert_within<const D: usize>(name: &str, computed: Tensor<D>, expected: &Balls) {
    let computed = elements(computed);
    assert_eq!(computed.len(), expected.elements.len(), "{name}");
    let largest = expected.elements.iter().map(|ball| ball.value.abs()).fold(1.0, f64::max);
    for (at, (computed, ball)) in computed.iter().zip(&expected.elements).enumerate() {
        assert!(ball.contains(*computed), "{name}, element {at}: {computed:e}, expected {ball:?}");
        assert!(ball.radius <= 1e-3 * largest, "{name}, element {at}: the bound is too wide: {ball:?}");
    }
}
