//! Training steps of a network, compared with the reference, which has no buffers.

use super::dense::reference;
use super::platform::Platform;
use crate::bound::U;
use crate::objective::Objective;
use crate::reference;
use crate::tally::Tally;
use lanegrad::{
    Activation, Initialization, LayerOptions, LearningRate, MatRef, Method, Momentum, Network, Optimizer, Rule,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const BATCH: usize = 6;
const INPUTS: usize = 3;
/// The units of each layer, each wider than the one before.
const UNITS: [usize; 3] = [5, 18, 19];
const HIDDEN: [Activation; 2] = [Activation::Tanh, Activation::Sigmoid];
const STEPS: usize = 3;

/// Gradient descent with a step size of 1, so that a step is a gradient; then the rules with a velocity, whose gradient differs if it
/// is taken at the wrong point.
pub(super) fn steps(platform: &Platform, tally: &mut Tally) {
    use reference::Momentum::Constant;
    let momentum = Momentum::Constant(0.75);
    for (method, rule, eta) in [
        (Method::Sgd, reference::Rule::Sgd, 1.0),
        (Method::Momentum { momentum }, reference::Rule::Momentum { alpha: Constant(0.75) }, 0.25),
        (Method::Nesterov { momentum }, reference::Rule::Nesterov { alpha: Constant(0.75) }, 0.25),
    ] {
        for labelled in [false, true] {
            train(platform, method, rule, eta, labelled, tally);
        }
    }
}

/// A few steps of both, from the same parameters on the same mini-batch. The sums are short and the steps few: the effect of rounding
/// stays far below [`BOUND`], and that of a fault is far above it.
fn train(platform: &Platform, method: Method, rule: reference::Rule, eta: f64, labelled: bool, tally: &mut Tally) {
    /// Relative to the largest parameter, which is near 1.
    const BOUND: f64 = 16.0 * U;
    let mut rng = StdRng::seed_from_u64(12);
    let output = if labelled { Activation::Identity } else { Activation::Sigmoid };
    let layers: Vec<LayerOptions> = UNITS
        .into_iter()
        .zip(HIDDEN.into_iter().chain([output]))
        .map(|(units, activation)| LayerOptions { units, activation, initialization: Initialization::GlorotUniform })
        .collect();
    let mut network = Network::new(INPUTS, &layers, || rng.random()).expect("there are layers, inputs and units");
    for [_, b] in network.parameters_mut() {
        b.fill_with(|| rng.random::<f32>() - 0.5);
    }
    let mut backend = platform.backend();
    let mut optimizer =
        Optimizer::new(Rule::new(method, LearningRate::Constant(eta)).expect("the hyper-parameters are in range"));
    let mut peer = peer(&network);
    let mut parameters = numbers(&peer);
    let mut peer_optimizer = reference::Optimizer::new(rule, reference::LearningRate::Constant(eta), peer.parameters());

    let outputs = UNITS[UNITS.len() - 1];
    for step in 1..=STEPS {
        let x: Vec<f32> = (0..BATCH * INPUTS).map(|_| 2.0 * rng.random::<f32>() - 1.0).collect();
        let y: Vec<f32> = (0..BATCH * outputs).map(|_| rng.random()).collect();
        let labels: Vec<u32> = (0..BATCH).map(|_| rng.random_range(0..outputs as u32)).collect();
        let matrix = |data: &[f32], cols| reference::Matrix::from_fn(BATCH, cols, |i, j| f64::from(data[i * cols + j]));
        let (objective, peer_loss, peer_target) = if labelled {
            let classes = labels.iter().map(|&label| label as usize).collect();
            (
                Objective::CrossEntropy { labels: &labels },
                reference::Loss::SoftmaxCrossEntropy,
                reference::Target::Labels(classes),
            )
        } else {
            (
                Objective::SquaredError { c: 0.5, target: MatRef::new(&y, BATCH, outputs).expect("it fits") },
                reference::Loss::SquaredError { c: 0.5 },
                reference::Target::Values(matrix(&y, outputs)),
            )
        };
        let batch = MatRef::new(&x, BATCH, INPUTS).expect("it fits");
        let found = objective.train_step(&mut network, &mut backend, &mut optimizer, batch, None);
        let found = found.expect("the shapes fit");

        let x = matrix(&x, INPUTS);
        let mut expected = f64::NAN;
        peer_optimizer.step(&mut parameters, |at| {
            peer = peer.map(|number, _| at[number]);
            expected = peer.loss(&x, peer_loss, &peer_target);
            peer.backward(&x, peer_loss, &peer_target).0.iter().flat_map(reference::Gradient::numbers).collect()
        });

        let place = || format!("{method:?}, labels {labelled}, step {step}");
        tally.within(found, expected, BOUND * expected.abs().max(1.0), || format!("{}, L", place()));
        for (number, (found, &expected)) in numbers(&self::peer(&network)).into_iter().zip(&parameters).enumerate() {
            tally.within(found, expected, BOUND, || format!("{}, parameter {number}", place()));
        }
    }
}

/// The same network in the reference, in f64.
pub fn peer(network: &Network) -> reference::Network {
    let layers = network.layers().iter().map(|layer| {
        let w = layer.weights();
        reference::Layer {
            w: reference::Matrix::from_fn(w.rows(), w.cols(), |j, i| f64::from(w.get(j, i).expect("it is inside"))),
            b: layer.bias().iter().map(|&b| b.into()).collect(),
            activation: reference(layer.activation()),
        }
    });
    reference::Network { layers: layers.collect() }
}

/// The parameters, w row by row before b, in the order of [`reference::Network::map`].
fn numbers(network: &reference::Network) -> Vec<f64> {
    network.layers.iter().flat_map(|layer| layer.w.numbers().iter().chain(&layer.b).copied()).collect()
}
