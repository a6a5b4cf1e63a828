//! What must hold of update rules, whatever their twins say: on every instruction set, each with the rules and the tolerance
//! it holds for; and how far 10⁴ steps drift from the lecture's formulas in f64.

mod averages;
mod drift;
mod lists;
mod rounded;
mod special_cases;
mod symmetries;

use lanegrad::{Backend, Isa, LearningRate, Method, Momentum, Optimizer, Parameter, Rule};
use lanegrad_verify::shapes::Edges;
use rand::RngExt;
use rand::rngs::StdRng;

const RATE: LearningRate = LearningRate::Constant(0.01);
const RISING: Momentum = Momentum::Rising { from: 0.3, to: 0.95, steps: 50 };

/// Every rule, with this δ.
fn methods(epsilon: f64) -> [Method; 8] {
    [
        Method::Sgd,
        Method::Momentum { momentum: RISING },
        Method::Nesterov { momentum: RISING },
        Method::Adagrad { epsilon },
        Method::RmsProp { decay: 0.9, epsilon },
        Method::RmsPropOutside { decay: 0.9, epsilon },
        Method::RmsPropNesterov { decay: 0.9, epsilon, momentum: RISING },
        Method::Adam { beta1: 0.9, beta2: 0.999, epsilon },
    ]
}

/// Those that divide by a root of squared gradients.
fn adaptive(epsilon: f64) -> impl Iterator<Item = Method> {
    methods(epsilon)
        .into_iter()
        .filter(|method| !matches!(method, Method::Sgd | Method::Momentum { .. } | Method::Nesterov { .. }))
}

/// An optimizer and its parameters, in one tensor.
struct Run {
    backend: Backend,
    optimizer: Optimizer,
    theta: Vec<f32>,
}

impl Run {
    fn new(isa: Isa, method: Method, rate: LearningRate, theta: &[f32]) -> Self {
        Self::with_rule(isa, Rule::new(method, rate).unwrap(), theta)
    }

    fn with_rule(isa: Isa, rule: Rule, theta: &[f32]) -> Self {
        Self { backend: Backend::with_isa(isa), optimizer: Optimizer::new(rule), theta: theta.to_vec() }
    }

    /// One step; the gradient may depend on where it is taken.
    fn step(&mut self, gradient: impl FnOnce(&[f32]) -> Vec<f32>) -> &[f32] {
        let mut parameters = Parameter::numbered([&mut self.theta]);
        let step = self.optimizer.begin(&self.backend, &mut parameters).unwrap();
        let gradient = gradient(step.parameters()[0].values);
        step.finish(&[&gradient]).unwrap();
        &self.theta
    }
}

/// Of either sign, with magnitudes from 2^−`spread` to 2^`spread`.
fn numbers(len: usize, spread: f32, rng: &mut StdRng) -> Vec<f32> {
    (0..len).map(|_| rng.random_range(-spread..spread).exp2() * [1.0, -1.0][rng.random_range(0..2)]).collect()
}

fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|x| x.to_bits()).collect()
}

/// A tail of every length.
fn len(isa: Isa) -> usize {
    5 * Edges::of(isa).lanes - 1
}
