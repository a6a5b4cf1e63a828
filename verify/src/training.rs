//! Training on handwritten digits: the options and the results of a run.
//!
//! The same options, seed and instruction set give the same bits, except for the time. A run diverges if a loss is not finite, or if a
//! parameter or an output is not finite when accuracy is measured. This ends the run, and is a result, not an error.

mod algorithm;
pub mod name;
mod schedules;

pub use self::algorithm::{Algorithm, HyperParameters};
pub use self::schedules::{LEARNING_RATES, MOMENTA};
pub use crate::objective::Loss;

use crate::data::{DataSet, Examples, idx::CLASSES};
use crate::objective::Objective;
use lanegrad::{
    Activation, Backend, Clip, Error, Initialization, LayerOptions, LearningRate, MatRef, Method, Network, Optimizer,
    Rule, Scratch,
};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};
use serde::Serialize;
use std::time::{Duration, Instant};
use std::{error, fmt};

/// Points of the curve per epoch, if it has that many mini-batches.
const POINTS_PER_EPOCH: usize = 5;
/// The training accuracy of a point is measured on this many examples, the first ones: a fixed sample makes smooth curves.
const SAMPLE: usize = 5_000;
/// Examples in one forward pass when accuracy is measured.
const CHUNK: usize = 1_000;
/// The maximum number of elements of a run's parameters, gradients, state and outputs: 1 GiB.
const MAX_NUMBERS: u128 = 1 << 28;

/// The options of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Experiment {
    /// The update rule.
    pub method: Method,
    /// The schedule of its step size.
    pub learning_rate: LearningRate,
    /// The number of units, from the pixels of an image through the hidden layers to the classes.
    pub layers: Vec<usize>,
    /// h of the hidden layers.
    pub hidden: Activation,
    /// h of the last layer.
    pub output: Activation,
    /// The loss; the squared error compares with one-hot targets.
    pub loss: Loss,
    /// How weights are drawn; `None`: [`default_initialization`] of each layer.
    pub initialization: Option<Initialization>,
    /// How gradients are clipped, or `None`.
    pub clip: Option<Clip>,
    /// How often each example is seen.
    pub epochs: u32,
    /// The maximum number of examples in a mini-batch. An epoch is split into as few mini-batches as that allows, of one size except
    /// the last: a last one of only a few examples would end each epoch with a step in a noisy direction.
    pub batch: usize,
    /// Draws the weights and shuffles the examples.
    pub seed: u64,
}

/// An experiment with its result.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// The optimizer's name.
    pub algorithm: Algorithm,
    /// The options.
    pub experiment: Experiment,
    /// The result.
    pub outcome: Outcome,
}

/// The result of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// The learning curve, [`Point`] by point; the first one is before the first step.
    pub curve: Vec<Point>,
    /// One entry per finished epoch.
    pub epochs: Vec<Epoch>,
    /// Whether a loss, a parameter or an output was not finite, which ended the run.
    pub diverged: bool,
    /// Examples trained on.
    pub examples: u64,
    /// The time of the training itself, without that of measuring accuracy.
    pub time: Duration,
}

/// A point of the learning curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Point {
    /// Examples seen.
    pub examples: u64,
    /// Mean loss of the examples since the previous point, as in [`Epoch::loss`]; `None` at the first point.
    pub loss: Option<f64>,
    /// Accuracy on the first 5,000 training examples, or on all if there are fewer.
    pub training_accuracy: f64,
}

/// The state after an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Epoch {
    /// 1, 2, …
    #[serde(rename = "epoch")]
    pub number: u32,
    /// Mean loss of the epoch's examples, each computed before the update of its mini-batch.
    pub loss: f64,
    /// Accuracy on all training examples.
    pub training_accuracy: f64,
    /// Accuracy on all test examples.
    pub test_accuracy: f64,
}

/// Invalid options of a run.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Unfit {
    /// The size of the first layer is not that of an image, or that of the last is not the number of classes.
    Layers {
        /// The number of pixels of an image, and of classes.
        expected: (usize, usize),
        /// The requested layers.
        found: Vec<usize>,
    },
    /// The layers and mini-batch take too much memory.
    TooLarge {
        /// The number of elements they need.
        numbers: u128,
    },
    /// The number of epochs is 0.
    NoEpochs,
    /// A mini-batch is empty.
    EmptyBatch,
    /// An option is out of range, or two options do not fit together.
    Option(Error),
}

/// He uniform for a layer with ReLU, Glorot uniform for any other: the cases for which they were derived.
pub fn default_initialization(activation: Activation) -> Initialization {
    match activation {
        Activation::Relu => Initialization::HeUniform,
        _ => Initialization::GlorotUniform,
    }
}

impl Experiment {
    /// The defaults of an optimizer: 784-128-10, ReLU, softmax and cross-entropy, mini-batches of 128, 10 epochs, seed 1.
    pub fn new(algorithm: Algorithm) -> Self {
        let method = algorithm.method();
        let learning_rate = method.default_learning_rate();
        Self {
            method,
            learning_rate: LearningRate::Constant(learning_rate),
            layers: vec![784, 128, CLASSES],
            hidden: Activation::Relu,
            output: Activation::Identity,
            loss: Loss::SoftmaxCrossEntropy,
            initialization: None,
            clip: None,
            epochs: 10,
            batch: 128,
            seed: 1,
        }
    }

    /// Makes one step on one example, and discards it: invalid options are found before the long work begins.
    ///
    /// # Errors
    /// If the options are invalid for this data.
    pub fn try_out(&self, backend: &mut Backend, data: &DataSet) -> Result<(), Unfit> {
        Trainer::new(self, backend, data, &mut StdRng::seed_from_u64(self.seed))?.step(&[0])?;
        Ok(())
    }

    /// Trains a new network, and reports each epoch to `progress`.
    ///
    /// # Errors
    /// If the options are invalid for this data.
    pub fn run(
        &self,
        backend: &mut Backend,
        data: &DataSet,
        progress: &mut dyn FnMut(&Epoch),
    ) -> Result<Outcome, Unfit> {
        let mut rng = StdRng::seed_from_u64(self.seed);
        let mut trainer = Trainer::new(self, backend, data, &mut rng)?;
        let mut order: Vec<usize> = (0..data.train.count()).collect();
        let steps = order.len().div_ceil(self.batch);
        let batch = order.len().div_ceil(steps);
        let window = batch * steps.div_ceil(POINTS_PER_EPOCH);

        let mut outcome = Outcome::default();
        let diverged = |outcome| Ok(Outcome { diverged: true, ..outcome });
        let Some(accuracy) = trainer.accuracy(&data.train, SAMPLE)? else { return diverged(outcome) };
        outcome.mark(None, accuracy);
        for number in 1..=self.epochs {
            order.shuffle(&mut rng);
            let mut loss = 0.0;
            for window in order.chunks(window) {
                let mut window_loss = 0.0;
                for indices in window.chunks(batch) {
                    let start = Instant::now();
                    let mean = trainer.step(indices)?;
                    outcome.time += start.elapsed();
                    outcome.examples += indices.len() as u64;
                    if !mean.is_finite() {
                        return diverged(outcome);
                    }
                    window_loss += mean * indices.len() as f64;
                }
                let Some(accuracy) = trainer.accuracy(&data.train, SAMPLE)? else { return diverged(outcome) };
                outcome.mark(Some(window_loss / window.len() as f64), accuracy);
                loss += window_loss;
            }
            let (train, test) = (trainer.accuracy(&data.train, usize::MAX)?, trainer.accuracy(&data.test, usize::MAX)?);
            let Some((training_accuracy, test_accuracy)) = train.zip(test) else { return diverged(outcome) };
            let epoch = Epoch { number, loss: loss / order.len() as f64, training_accuracy, test_accuracy };
            progress(&epoch);
            outcome.epochs.push(epoch);
        }
        Ok(outcome)
    }

    /// The checks that a step does not make itself.
    fn check(&self, data: &DataSet) -> Result<(), Unfit> {
        let expected = (data.train.pixels(), CLASSES);
        if !matches!(*self.layers, [first, .., last] if (first, last) == expected) {
            return Err(Unfit::Layers { expected, found: self.layers.clone() });
        }
        if self.epochs == 0 {
            return Err(Unfit::NoEpochs);
        }
        if self.batch == 0 {
            return Err(Unfit::EmptyBatch);
        }
        match self.numbers(data.train.count()) {
            numbers if numbers > MAX_NUMBERS => Err(Unfit::TooLarge { numbers }),
            _ => Ok(()),
        }
    }

    /// An upper bound of the number of elements of a run: each parameter has a gradient and two states, and each unit has an output and
    /// a delta for each example of a mini-batch or a measurement.
    fn numbers(&self, examples: usize) -> u128 {
        let outputs = 2 * self.batch.min(examples).max(CHUNK) as u128;
        let of_layer = |inputs: usize, units: usize| {
            let parameters = (inputs as u128 + 1).saturating_mul(units as u128);
            parameters.saturating_mul(4).saturating_add(outputs.saturating_mul(units as u128))
        };
        self.layers.windows(2).map(|pair| of_layer(pair[0], pair[1])).fold(0, u128::saturating_add)
    }

    fn network(&self, rng: &mut StdRng) -> Result<Network, Error> {
        let last = self.layers.len() - 1;
        let layers = self.layers.iter().enumerate().skip(1).map(|(index, &units)| {
            let activation = if index == last { self.output } else { self.hidden };
            let initialization = self.initialization.unwrap_or_else(|| default_initialization(activation));
            LayerOptions { units, activation, initialization }
        });
        Network::new(self.layers[0], &layers.collect::<Vec<_>>(), || rng.random())
    }
}

/// A network in training.
struct Trainer<'a> {
    options: &'a Experiment,
    backend: &'a mut Backend,
    data: &'a DataSet,
    network: Network,
    scratch: Scratch,
    optimizer: Optimizer,
    mini_batch: MiniBatch,
}

/// The examples of a step, one after another.
#[derive(Default)]
struct MiniBatch {
    images: Vec<f32>,
    labels: Vec<u32>,
    one_hot: Vec<f32>,
}

impl<'a> Trainer<'a> {
    fn new(
        options: &'a Experiment,
        backend: &'a mut Backend,
        data: &'a DataSet,
        rng: &mut StdRng,
    ) -> Result<Self, Unfit> {
        options.check(data)?;
        let network = options.network(rng)?;
        let optimizer = Optimizer::new(Rule::new(options.method, options.learning_rate)?);
        Ok(Self {
            options,
            backend,
            data,
            network,
            scratch: Scratch::default(),
            optimizer,
            mini_batch: MiniBatch::default(),
        })
    }

    /// A step on the training examples at `indices`. Returns their mean loss before it.
    fn step(&mut self, indices: &[usize]) -> Result<f64, Error> {
        let examples = &self.data.train;
        self.mini_batch.gather(examples, indices);
        let MiniBatch { images, labels, one_hot } = &self.mini_batch;
        let Experiment { loss, clip, .. } = *self.options;
        let x = MatRef::new(images, indices.len(), examples.pixels())?;
        let objective = Objective::new(loss, MatRef::new(one_hot, indices.len(), CLASSES)?, labels);
        objective.train_step(&mut self.network, self.backend, &mut self.optimizer, x, clip)
    }

    /// The fraction of the first `count` examples whose largest output is that of their label; `None` if a parameter or an output is
    /// not finite. The loss cannot show that, since it was computed before the last step.
    fn accuracy(&mut self, examples: &Examples, count: usize) -> Result<Option<f64>, Error> {
        let finite = |numbers: &[f32]| numbers.iter().all(|number| number.is_finite());
        if !self.network.layers().iter().all(|layer| {
            finite(layer.weights().as_slice().expect("a network's matrices have no gaps")) && finite(layer.bias())
        }) {
            return Ok(None);
        }
        let (count, pixels) = (count.min(examples.count()), examples.pixels());
        let mut right = 0;
        for (index, labels) in examples.labels()[..count].chunks(CHUNK).enumerate() {
            let images = &examples.images()[index * CHUNK * pixels..];
            let outputs =
                self.network.predict(self.backend, &mut self.scratch, MatRef::new(images, labels.len(), pixels)?)?;
            for (row, &label) in labels.iter().enumerate() {
                match largest(outputs, row) {
                    Some(class) => right += usize::from(class == label as usize),
                    None => return Ok(None),
                }
            }
        }
        Ok(Some(right as f64 / count as f64))
    }
}

impl MiniBatch {
    fn gather(&mut self, examples: &Examples, indices: &[usize]) {
        self.images.clear();
        self.labels.clear();
        for &index in indices {
            self.images.extend_from_slice(examples.image(index));
            self.labels.push(examples.labels()[index]);
        }
        self.one_hot.clear();
        self.one_hot.resize(indices.len() * CLASSES, 0.0);
        for (row, &label) in self.one_hot.as_chunks_mut::<CLASSES>().0.iter_mut().zip(&self.labels) {
            row[label as usize] = 1.0;
        }
    }
}

/// The column of a row's first largest element; `None` if an element is not finite.
fn largest(matrix: MatRef<'_>, row: usize) -> Option<usize> {
    let at = |column| matrix.get(row, column).filter(|element| element.is_finite());
    (0..matrix.cols()).try_fold(0, |best, column| Some(if at(column)? > at(best)? { column } else { best }))
}

impl Outcome {
    /// The state after the last epoch; `None` if the run diverged before its end.
    pub fn last(&self) -> Option<&Epoch> {
        self.epochs.last().filter(|_| !self.diverged)
    }

    /// The number of training examples per second; NaN if the run ended before its first step.
    pub fn examples_per_second(&self) -> f64 {
        self.examples as f64 / self.time.as_secs_f64()
    }

    fn mark(&mut self, loss: Option<f64>, training_accuracy: f64) {
        self.curve.push(Point { examples: self.examples, loss, training_accuracy });
    }
}

impl From<Error> for Unfit {
    fn from(error: Error) -> Self {
        Self::Option(error)
    }
}

impl error::Error for Unfit {}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Layers { expected: (pixels, classes), found } => {
                write!(f, "the layers are")?;
                found.iter().try_for_each(|units| write!(f, " {units}"))?;
                write!(f, ", expected {pixels} units in the first (the pixels of an image) and {classes} in the last")
            }
            Self::TooLarge { numbers } => {
                write!(
                    f,
                    "the layers and the batch take {numbers} numbers of memory, at most {MAX_NUMBERS} are granted"
                )
            }
            Self::NoEpochs => write!(f, "the number of epochs is 0, expected at least 1"),
            Self::EmptyBatch => write!(f, "the batch has 0 examples, expected at least 1"),
            Self::Option(error) => error.fmt(f),
        }
    }
}
