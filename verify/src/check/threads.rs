//! The same bits on any number of threads, however kernels are split.

use super::platform::Platform;
use super::update::METHODS;
use crate::eager::Eager;
use crate::operand::{Layout, Operand, Output};
use crate::random::uniform;
use crate::shapes::Edges;
use crate::tally::Tally;
use lanegrad::dense::{self, ActivationBackward, Backward, Forward, Gradient};
use lanegrad::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::sync::Arc;

/// The numbers of threads.
const THREADS: [usize; 5] = [2, 3, 4, 7, 16];

/// A backend with one thread, and one for each number of threads.
fn backends(isa: Isa) -> (Backend, impl Iterator<Item = Backend>) {
    let many = THREADS.into_iter().map(move |threads| {
        let threads = Eager::new(threads).expect("the system starts a few threads");
        Backend::builder().isa(isa).pool(Arc::new(threads)).build().expect("the instruction set is there")
    });
    (Backend::with_isa(isa), many)
}

/// Mini-batches, inputs and outputs that are cut into rows, into columns, and into both, at tiles and beside them.
fn layers(isa: Isa) -> Vec<[usize; 3]> {
    let Edges { mr, nr, lanes, .. } = Edges::of(isa);
    let mut layers =
        vec![[1, 1, 1], [1, 3 * nr + 1, 70], [8, 40, 5 * lanes + 3], [9, 2 * nr, 3], [12, 33, 40], [40, 1, 9]];
    layers.extend([
        [5 * mr + 1, 2 * nr + 3, 3 * nr + 1],
        [2 * mr, 70, nr],
        [130, 17, 30],
        [16, 3 * nr + lanes, 3 * mr],
    ]);
    layers
}

/// Every operation of a layer, whatever its operands are: all outputs, one after the other.
fn operations(backend: &mut Backend, turn: usize, [batch, inputs, outputs]: [usize; 3]) -> Vec<(&'static str, Output)> {
    let mut rng = StdRng::seed_from_u64(turn as u64);
    let mut random = |rows, cols, layout| Operand::from_fn(rows, cols, layout, |_, _| 2.0 * rng.random::<f32>() - 1.0);
    let x = random(batch, inputs, Layout::in_turn(turn));
    let w = random(outputs, inputs, Layout::in_turn(turn + 1));
    let delta = random(batch, outputs, Layout::in_turn(turn + 2));
    let (x, w, delta) = (x.view(), w.view(), delta.view());
    let bias: Vec<f32> = (0..outputs).map(|j| j as f32 / 8.0 - 1.0).collect();
    let mut results = Vec::new();
    let mut keep = |what, rows, cols, write: &mut dyn FnMut(&mut Backend, MatMut<'_>) -> Result<(), Error>| {
        let mut output = Output::in_turn(turn, rows, cols, turn % 2);
        output.fill(|i, j| (i + 2 * j) as f32 / 16.0);
        write(backend, output.view()).expect("the shapes fit");
        results.push((what, output));
    };
    keep("x·wᵀ", batch, outputs, &mut |backend, z| {
        dense::forward(backend, Forward { x, w, bias: None, activation: Activation::Identity }, z)
    });
    keep("h(x·wᵀ + b)", batch, outputs, &mut |backend, z| {
        dense::forward(backend, Forward { x, w, bias: Some(&bias), activation: Activation::Tanh }, z)
    });
    keep("delta·w", batch, inputs, &mut |backend, below| {
        dense::backward(backend, Backward { delta, w, below: None }, below)
    });
    keep("(delta·w) ⊙ h'(x)", batch, inputs, &mut |backend, below| {
        dense::backward(backend, Backward { delta, w, below: Some((Activation::Sigmoid, x)) }, below)
    });
    keep("delta ⊙ h'(z)", batch, outputs, &mut |backend, output| {
        let operands = ActivationBackward { gradient: delta, z: delta, activation: Activation::Softsign };
        dense::activation_backward(backend, operands, output)
    });
    for (what, accumulate) in [("deltaᵀ·x", false), ("dw + deltaᵀ·x", true)] {
        keep(what, outputs, inputs, &mut |backend, dw| {
            dense::gradient(backend, Gradient { delta, x, accumulate }, dw, None)
        });
    }
    for (what, accumulate) in [("db", false), ("db + sums", true)] {
        let mut db = bias.clone();
        dense::gradient(backend, Gradient { delta, x, accumulate }, None, Some(&mut db)).expect("the shapes fit");
        results.push((what, Output::from_fn(1, outputs, |_, j| db[j])));
    }
    results
}

/// All operations of layers.
pub(super) fn layer(platform: &Platform, tally: &mut Tally) {
    let isa = platform.isa();
    let (mut one, many) = backends(isa);
    for mut many in many {
        for (turn, sizes @ [batch, inputs, outputs]) in layers(isa).into_iter().enumerate() {
            let (expected, found) = (operations(&mut one, turn, sizes), operations(&mut many, turn, sizes));
            for ((what, expected), (_, found)) in expected.iter().zip(&found) {
                let place = || format!("{what}, {batch}×{inputs}→{outputs}, {} threads", many.threads());
                for (i, j) in (0..expected.rows()).flat_map(|i| (0..expected.cols()).map(move |j| (i, j))) {
                    tally.same(found.at(i, j), expected.at(i, j), || format!("{}, element ({i}, {j})", place()));
                }
                if let Some(at) = found.stray_write() {
                    tally.wrong(|| format!("{}: number {at} was written, which is not the output's", place()));
                }
            }
        }
    }
}

/// Steps of training with every method, and the maps over slices.
pub(super) fn training(platform: &Platform, tally: &mut Tally) {
    let (mut one, many) = backends(platform.isa());
    let (batch, inputs) = (30, 19);
    let x: Vec<f32> = (0..batch * inputs).map(|at| (at * 7 % 31) as f32 / 16.0 - 1.0).collect();
    let x = MatRef::new(&x, batch, inputs).expect("it was made so");
    let labels: Vec<u32> = (0..batch as u32).map(|i| i % 3).collect();
    let train = |backend: &mut Backend, method| -> Result<Vec<f32>, Error> {
        let hidden =
            LayerOptions { units: 70, activation: Activation::Tanh, initialization: Initialization::GlorotNormal };
        let layers = [hidden, LayerOptions { units: 3, activation: Activation::Identity, ..hidden }];
        let mut network = Network::new(inputs, &layers, uniform(5))?;
        let mut optimizer = Optimizer::new(Rule::new(method, LearningRate::Constant(0.01))?);
        let options = TrainOptions { loss: CrossEntropyLoss, clip: Some(Clip::GlobalNorm(0.5)) };
        let mut results = Vec::new();
        for _ in 0..5 {
            let batch = Batch { x, target: &labels[..] };
            results.push(network.train_step(backend, &mut optimizer, options, batch)? as f32);
        }
        for layer in network.layers() {
            results.extend(layer.weights().as_slice().expect("weights have no gaps"));
            results.extend(layer.bias());
        }
        for activation in [Activation::Sigmoid, Activation::Relu] {
            activation.apply(backend, &mut results);
        }
        clip::by_value(backend, &mut [&mut results], 0.75)?;
        Ok(results)
    };
    for mut many in many {
        for (name, method) in METHODS {
            let [expected, found] =
                [&mut one, &mut many].map(|backend| train(backend, method).expect("all shapes fit"));
            for (at, (found, expected)) in found.iter().zip(&expected).enumerate() {
                tally.same(*found, *expected, || format!("{name}, number {at}, {} threads", many.threads()));
            }
        }
    }
}
