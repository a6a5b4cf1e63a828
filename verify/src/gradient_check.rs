//! Link B: checks that claimed derivatives are those of the reference's forward function.
//!
//! | oracle | shares | agrees within |
//! |---|---|---|
//! | forward-mode duals, one coordinate at a time or along ±1 directions | the forward's code | 64 ε Σ\|terms\| |
//! | Richardson's extrapolation of central differences | only the forward's values | 2⁻³⁰ of the scale below |
//!
//! Central differences with step h = 2^(−52/5)·max(1, |x|) and 2h, extrapolated: `(4 D(h) − D(2h))/3`. What is left is of the
//! order of h⁴ and ε/h, 3·10⁻¹³ of the objective each; the scale is the sum of the derivative's absolute terms plus the
//! objective's own size. Where a function bends, a difference quotient means nothing: layers of ReLU, and of softsign, whose
//! derivative bends, are only compared where none of their net inputs changes its sign between the points evaluated, which the end
//! points tell.

use crate::reference::{Activation, Dual, Gradient, Layer, Loss, Matrix, Network, Real, Target};
use core::fmt;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// The function that is differentiated.
#[derive(Clone, Copy, Debug)]
pub enum Objective<'a> {
    /// The loss of the mini-batch.
    Loss(Loss, &'a Target),
    /// One output of one example: a row of the Jacobian.
    Output {
        /// The example.
        row: usize,
        /// The output.
        unit: usize,
    },
}

/// The partial derivatives with respect to all parameters, [numbered](Network::map), and then all inputs, row by row.
pub type Derivatives = Vec<f64>;

/// What was compared, if there was no disagreement.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Agreement {
    /// Partial and directional derivatives compared with duals.
    pub duals: usize,
    /// The largest error against duals, as a fraction of its bound.
    pub largest_dual_ratio: f64,
    /// Partial derivatives compared with differences.
    pub differences: usize,
    /// The largest error against differences, as a fraction of its bound.
    pub largest_difference_ratio: f64,
}

/// The first derivative that is wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Disagreement {
    /// The oracle that disagrees.
    pub oracle: &'static str,
    /// The index of the parameter, or of the first one of a direction.
    pub index: usize,
    /// The value of the oracle.
    pub expected: f64,
    /// The claimed value.
    pub found: f64,
    /// The bound of their difference.
    pub bound: f64,
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { oracle, index, expected, found, bound } = self;
        write!(f, "derivative {index} is {found:e}, expected {expected:e} ± {bound:e} by {oracle}")
    }
}

impl core::error::Error for Disagreement {}

impl Objective<'_> {
    fn value<R: Real>(self, network: &Network<R>, x: &Matrix<R>) -> R {
        match self {
            Self::Loss(loss, target) => network.loss(x, loss, target),
            Self::Output { row, unit } => network.forward(x)[network.layers.len() - 1].at(row, unit),
        }
    }

    /// The derivatives by the hand-written backward.
    pub fn derivatives(self, network: &Network, x: &Matrix) -> Derivatives {
        match self {
            Self::Loss(loss, target) => flatten(network.backward(x, loss, target)),
            Self::Output { .. } => self.propagate(network, x, &network.forward(x), Activation::derivative),
        }
    }

    /// The sums of the absolute values of the derivatives' terms: the backward of absolute values.
    fn terms(self, network: &Network, x: &Matrix) -> Derivatives {
        let outputs = network.forward(x);
        let absolute = network.map(|_, w| w.abs());
        let outputs: Vec<_> = outputs.iter().map(|z| z.map(f64::abs)).collect();
        match self {
            Self::Loss(loss, target) => {
                let last = network.layers.len() - 1;
                let delta = loss.delta_terms(&network.forward(x)[last], network.layers[last].activation, target);
                let factor = -loss.factor(x.rows());
                flatten(absolute.propagate(&x.map(f64::abs), &outputs, delta, factor, Activation::derivative_terms))
            }
            Self::Output { .. } => self.propagate(&absolute, &x.map(f64::abs), &outputs, Activation::derivative_terms),
        }
    }

    /// The backward of a one-hot output.
    fn propagate(
        self,
        network: &Network,
        x: &Matrix,
        outputs: &[Matrix],
        derivative: fn(Activation, f64) -> f64,
    ) -> Derivatives {
        let last = network.layers.len() - 1;
        let delta = Matrix::from_fn(x.rows(), network.layers[last].b.len(), |i, k| match self {
            Self::Output { row, unit } if (i, k) == (row, unit) => {
                derivative(network.layers[last].activation, outputs[last].at(i, k))
            }
            _ => 0.0,
        });
        flatten(network.propagate(x, outputs, delta, -1.0, derivative))
    }
}

fn flatten((gradients, dx): (Vec<Gradient>, Matrix)) -> Derivatives {
    gradients.iter().flat_map(Gradient::numbers).chain(dx.numbers().iter().copied()).collect()
}

/// Compares the claimed derivatives of a small network, one by one, with duals and with differences. Differences are left out
/// where a [bend](Activation::bends) is in reach; the caller sees it in their number.
///
/// # Errors
/// The first derivative that is wrong.
pub fn compare(
    network: &Network,
    x: &Matrix,
    objective: Objective<'_>,
    claimed: &Derivatives,
) -> Result<Agreement, Disagreement> {
    let terms = objective.terms(network, x);
    let parameters = network.parameters();
    let variables: Vec<f64> =
        network.layers.iter().flat_map(|l| l.w.numbers().iter().chain(&l.b)).chain(x.numbers()).copied().collect();
    assert_eq!(claimed.len(), variables.len(), "a derivative for every parameter and input");
    let scale = objective.value(network, x).abs();
    let mut agreement = Agreement::default();
    for (index, (&found, &at)) in claimed.iter().zip(&variables).enumerate() {
        let dual = |number, value| Dual { value, derivative: f64::from(u8::from(number == index)) };
        let expected = objective.value(&network.map(dual), &numbered(x, parameters, dual)).derivative;
        let bound = 64.0 * f64::EPSILON * terms[index];
        agreement.largest_dual_ratio = agreement.largest_dual_ratio.max(ratio("duals", index, expected, found, bound)?);
        agreement.duals += 1;

        let moved = |to: f64| {
            let replace = |number, value| if number == index { to } else { value };
            (network.map(replace), numbered(x, parameters, replace))
        };
        let h = 2_f64.powf(-52.0 / 5.0) * at.abs().max(1.0);
        let same_side = [-2.0 * h, 2.0 * h].into_iter().all(|step| {
            let (network_there, x_there) = moved(at + step);
            sides(&network_there, &x_there) == sides(network, x)
        });
        if same_side {
            let value = |to| {
                let (network, x) = moved(to);
                objective.value(&network, &x)
            };
            let expected = richardson(value, at, h);
            let bound = 2_f64.powi(-30) * (terms[index] + scale);
            agreement.largest_difference_ratio =
                agreement.largest_difference_ratio.max(ratio("differences", index, expected, found, bound)?);
            agreement.differences += 1;
        }
    }
    Ok(agreement)
}

/// Compares the claimed derivatives of a network of any size with duals along random ±1 directions, each over one block of
/// `block` parameters or inputs.
///
/// # Errors
/// The first direction along which they are wrong.
pub fn compare_directions(
    network: &Network,
    x: &Matrix,
    objective: Objective<'_>,
    claimed: &Derivatives,
    block: usize,
    rng: &mut StdRng,
) -> Result<Agreement, Disagreement> {
    let terms = objective.terms(network, x);
    let parameters = network.parameters();
    let mut agreement = Agreement::default();
    for from in (0..claimed.len()).step_by(block) {
        let to = claimed.len().min(from + block);
        let direction: Vec<f64> = (from..to).map(|_| if rng.random() { 1.0 } else { -1.0 }).collect();
        let dual = |number: usize, value| Dual {
            value,
            derivative: if (from..to).contains(&number) { direction[number - from] } else { 0.0 },
        };
        let expected = objective.value(&network.map(dual), &numbered(x, parameters, dual)).derivative;
        let found = direction.iter().zip(&claimed[from..to]).map(|(sign, claimed)| sign * claimed).sum();
        let bound = 64.0 * f64::EPSILON * terms[from..to].iter().sum::<f64>();
        agreement.largest_dual_ratio = agreement.largest_dual_ratio.max(ratio("duals", from, expected, found, bound)?);
        agreement.duals += 1;
    }
    Ok(agreement)
}

impl Agreement {
    fn join(&mut self, other: Self) {
        self.duals += other.duals;
        self.differences += other.differences;
        self.largest_dual_ratio = self.largest_dual_ratio.max(other.largest_dual_ratio);
        self.largest_difference_ratio = self.largest_difference_ratio.max(other.largest_difference_ratio);
    }
}

/// Checks the reference's own backward: small networks of every activation and loss, derivative by derivative and the full
/// Jacobian; one large network along directions.
///
/// # Errors
/// The first derivative that is wrong.
pub fn run(seed: u64) -> Result<Agreement, Disagreement> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut total = Agreement::default();
    let labels = Target::Labels(vec![2, 0]);
    let values = Target::Values(Matrix::from_fn(2, 3, |_, _| rng.random()));
    for activation in Activation::ALL {
        for output in Activation::ALL {
            let (network, x) = away_from_kinks(&[4, 5, 4, 3], activation, output, 2, &mut rng);
            let mut objectives: Vec<_> =
                (0..2).flat_map(|row| (0..3).map(move |unit| Objective::Output { row, unit })).collect();
            objectives.push(Objective::Loss(Loss::SquaredError { c: 0.5 }, &values));
            if output == Activation::Identity {
                objectives.push(Objective::Loss(Loss::SoftmaxCrossEntropy, &labels));
            }
            for objective in objectives {
                let agreement = compare(&network, &x, objective, &objective.derivatives(&network, &x))?;
                assert_eq!(agreement.differences, agreement.duals, "no kink is in reach");
                total.join(agreement);
            }
        }
    }
    let x = matrix(8, 64, &mut rng);
    let labels = Target::Labels((0..8).map(|_| rng.random_range(0..10)).collect());
    for activation in Activation::ALL {
        let network = network(&[64, 48, 32, 10], activation, Activation::Identity, &mut rng);
        let objective = Objective::Loss(Loss::SoftmaxCrossEntropy, &labels);
        let claimed = objective.derivatives(&network, &x);
        total.join(compare_directions(&network, &x, objective, &claimed, 97, &mut rng)?);
    }
    Ok(total)
}

/// A network and inputs that are resampled until no net input is within 2⁻⁵ of 0, where some activation functions bend.
pub fn away_from_kinks(
    sizes: &[usize],
    activation: Activation,
    output: Activation,
    batch: usize,
    rng: &mut StdRng,
) -> (Network, Matrix) {
    loop {
        let (network, x) = (network(sizes, activation, output, rng), matrix(batch, sizes[0], rng));
        let off_the_kink = |a: &f64| a.abs() > 2_f64.powi(-5);
        if net_inputs(&network, &x).iter().all(|a| a.numbers().iter().all(off_the_kink)) {
            return (network, x);
        }
    }
}

fn network(sizes: &[usize], activation: Activation, output: Activation, rng: &mut StdRng) -> Network {
    let layers = sizes.windows(2).enumerate().map(|(l, size)| {
        let spread = 2.0 / (size[0] as f64).sqrt();
        let mut draw = || spread * (2.0 * rng.random::<f64>() - 1.0);
        Layer {
            w: Matrix::from_fn(size[1], size[0], |_, _| draw()),
            b: (0..size[1]).map(|_| draw()).collect(),
            activation: if l + 2 < sizes.len() { activation } else { output },
        }
    });
    Network { layers: layers.collect() }
}

fn matrix(rows: usize, cols: usize, rng: &mut StdRng) -> Matrix {
    Matrix::from_fn(rows, cols, |_, _| 2.0 * rng.random::<f64>() - 1.0)
}

/// `f` of every element and its index, counted from `first`.
fn numbered<T: Copy>(x: &Matrix, first: usize, f: impl Fn(usize, f64) -> T) -> Matrix<T> {
    Matrix::from_fn(x.rows(), x.cols(), |i, j| f(first + i * x.cols() + j, x.at(i, j)))
}

/// Every layer's a.
fn net_inputs(network: &Network, x: &Matrix) -> Vec<Matrix> {
    let outputs = network.forward(x);
    let below = core::iter::once(x).chain(&outputs);
    network.layers.iter().zip(below).map(|(layer, x)| layer.net_input(x)).collect()
}

/// On which side of 0 each net input is, in the layers whose activation function bends there.
fn sides(network: &Network, x: &Matrix) -> Vec<bool> {
    let layers = network.layers.iter().zip(net_inputs(network, x));
    let bent = layers.filter(|(layer, _)| layer.activation.bends());
    bent.flat_map(|(_, a)| a.numbers().iter().map(|&a| a > 0.0).collect::<Vec<_>>()).collect()
}

/// `(4 D(h) − D(2h))/3` with `D(h) = (f(x + h) − f(x − h))/2h`, divided by the actual distance after rounding.
fn richardson(f: impl Fn(f64) -> f64, x: f64, h: f64) -> f64 {
    let difference = |h: f64| {
        let (above, below) = (x + h, x - h);
        (f(above) - f(below)) / (above - below)
    };
    (4.0 * difference(h) - difference(2.0 * h)) / 3.0
}

/// The error as a fraction of its bound.
fn ratio(oracle: &'static str, index: usize, expected: f64, found: f64, bound: f64) -> Result<f64, Disagreement> {
    let error = (found - expected).abs();
    match error {
        0.0 => Ok(0.0),
        _ if error <= bound => Ok(error / bound),
        _ => Err(Disagreement { oracle, index, expected, found, bound }),
    }
}
