//! Training runs as a JSON document.
//!
//! Fields are never removed; `format` changes if one changes its meaning. Everything but `examples_per_second` is the same for the same
//! options, seed and instruction set. An accuracy is a fraction, from 0 to 1. An option that does not apply to a run is null or an
//! empty list.

use crate::data::DataSet;
use crate::training::Loss;
use crate::training::{Epoch, HyperParameters, Point, Run, name};
use lanegrad::{Clip, Isa, LearningRate, Momentum};
use serde::Serialize;

/// The whole document.
#[derive(Debug, Serialize)]
pub struct Document<'a> {
    /// `lanegrad-training-1`
    pub format: &'static str,
    /// The instruction set in use.
    pub isa: &'static str,
    /// The training data.
    pub data: Data,
    /// One entry per optimizer.
    pub runs: Vec<Record<'a>>,
}

/// The training data.
#[derive(Debug, Serialize)]
pub struct Data {
    /// The directory, or `embedded`.
    pub source: String,
    /// Number of training examples.
    pub training_examples: usize,
    /// Number of test examples.
    pub test_examples: usize,
}

/// A run.
#[derive(Debug, Serialize)]
pub struct Record<'a> {
    /// The optimizer's name on the command line.
    pub optimizer: &'static str,
    /// The options used, defaults included.
    pub options: Options<'a>,
    /// Whether a loss, a parameter or an output was not finite, which ends a run.
    pub diverged: bool,
    /// The state after each epoch.
    pub epochs: &'a [Epoch],
    /// The learning curve, about five points per epoch; the first one is before the first step. A run that diverged has the points
    /// before that.
    pub curve: &'a [Point],
    /// Training speed; null if the run ended before its first step.
    pub examples_per_second: f64,
}

/// The options of a run.
#[derive(Debug, Serialize)]
pub struct Options<'a> {
    /// Units of each layer, the pixels first.
    pub layers: &'a [usize],
    /// h of the hidden layers.
    pub activation: &'static str,
    /// h of the last layer.
    pub output: &'static str,
    /// `cross-entropy` or `squared-error`
    pub loss: &'static str,
    /// The squared error's factor.
    pub c: Option<f32>,
    /// How weights are drawn. If null: He uniform for a layer with ReLU, Glorot uniform for any other.
    pub initialization: Option<&'static str>,
    /// η, or η₀ of a schedule.
    pub learning_rate: f64,
    /// `constant`, `inverse-sqrt` or `inverse`
    pub schedule: &'static str,
    /// γ of the schedule.
    pub gamma: Option<f64>,
    /// α at the first step, at the end of its rise, and the steps of the rise; 0 steps if it is constant.
    pub momentum: Option<Ramp>,
    /// ρ, or ρ₁ and ρ₂.
    pub decay: Vec<f64>,
    /// δ
    pub epsilon: Option<f64>,
    /// The limit of the gradients' global norm.
    pub clip_norm: Option<f32>,
    /// The limit of each element of the gradients.
    pub clip_value: Option<f32>,
    /// How often each example is seen.
    pub epochs: u32,
    /// The maximum number of examples in a mini-batch.
    pub batch: usize,
    /// Draws the weights and shuffles the examples.
    pub seed: u64,
}

/// Momentum over time.
#[derive(Debug, Serialize)]
pub struct Ramp {
    /// α_1
    pub from: f64,
    /// α at the end.
    pub to: f64,
    /// Steps of the rise.
    pub steps: u64,
}

impl<'a> Document<'a> {
    /// The document of `runs` on `data`, which was read from `source`.
    pub fn new(isa: Isa, source: String, data: &DataSet, runs: &'a [Run]) -> Self {
        let data = Data { source, training_examples: data.train.count(), test_examples: data.test.count() };
        Self { format: "lanegrad-training-1", isa: isa.name(), data, runs: runs.iter().map(Record::new).collect() }
    }
}

impl<'a> Record<'a> {
    fn new(run: &'a Run) -> Self {
        let outcome = &run.outcome;
        Self {
            optimizer: run.algorithm.name(),
            options: Options::new(run),
            diverged: outcome.diverged,
            epochs: &outcome.epochs,
            curve: &outcome.curve,
            examples_per_second: outcome.examples_per_second(),
        }
    }
}

impl<'a> Options<'a> {
    fn new(run: &'a Run) -> Self {
        let experiment = &run.experiment;
        let (loss, c) = match experiment.loss {
            Loss::SquaredError { c } => (name::SQUARED_ERROR, Some(c)),
            Loss::SoftmaxCrossEntropy => (name::CROSS_ENTROPY, None),
        };
        let (schedule, learning_rate, gamma) = match experiment.learning_rate {
            LearningRate::Constant(rate) => (name::CONSTANT, rate, None),
            LearningRate::InverseSquareRoot { initial, gamma } => (name::INVERSE_SQRT, initial, Some(gamma)),
            LearningRate::Inverse { initial, gamma } => (name::INVERSE, initial, Some(gamma)),
            other => unreachable!("{other:?} has no name"),
        };
        let mut method = experiment.method;
        let HyperParameters { momentum, decays, epsilon } = HyperParameters::of(&mut method);
        let (clip_norm, clip_value) = match experiment.clip {
            Some(Clip::GlobalNorm(limit)) => (Some(limit), None),
            Some(Clip::Value(limit)) => (None, Some(limit)),
            Some(other) => unreachable!("{other:?} has no field"),
            None => (None, None),
        };
        Self {
            layers: &experiment.layers,
            activation: name::of(name::ACTIVATIONS, &experiment.hidden),
            output: name::of(name::ACTIVATIONS, &experiment.output),
            loss,
            c,
            initialization: experiment.initialization.map(|draw| name::of(name::INITIALIZATIONS, &draw)),
            learning_rate,
            schedule,
            gamma,
            momentum: momentum.map(|momentum| Ramp::new(*momentum)),
            decay: decays.into_iter().map(|decay| *decay).collect(),
            epsilon: epsilon.copied(),
            clip_norm,
            clip_value,
            epochs: experiment.epochs,
            batch: experiment.batch,
            seed: experiment.seed,
        }
    }
}

impl Ramp {
    fn new(momentum: Momentum) -> Self {
        match momentum {
            Momentum::Constant(momentum) => Self { from: momentum, to: momentum, steps: 0 },
            Momentum::Rising { from, to, steps } => Self { from, to, steps },
            other => unreachable!("{other:?} has no fields"),
        }
    }
}
