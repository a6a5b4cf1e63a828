//! The same bits in every run, wherever the operands are in memory, and whatever is computed beside them.

use super::platform::Platform;
use super::update::METHODS;
use crate::shapes::Edges;
use crate::tally::Tally;
use lanegrad::dense::{self, Backward, Forward, Gradient};
use lanegrad::{Activation, LearningRate, MatMut, MatRef, Optimizer, Parameter, Rule, loss};
use lanegrad_kernels::gemm;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

fn random(len: usize, seed: u64) -> Vec<f32> {
    let mut rng = StdRng::seed_from_u64(seed);
    (0..len).map(|_| 2.0 * rng.random::<f32>() - 1.0).collect()
}

/// The elements, `offset` elements later in memory.
fn shifted(numbers: &[f32], offset: usize) -> Vec<f32> {
    let mut shifted = vec![f32::NAN; offset];
    shifted.extend(numbers);
    shifted
}

fn same(found: &[f32], expected: &[f32], tally: &mut Tally, place: impl Fn() -> String) {
    tally.holds(found.len() == expected.len(), || format!("{}: another length", place()));
    for (i, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        tally.same(found, expected, || format!("{}, number {i}", place()));
    }
}

/// Products and losses for every alignment, twice.
pub(super) fn place(platform: &Platform, tally: &mut Tally) {
    let mut backend = platform.backend();
    let Edges { mr, nr, lanes, .. } = platform.edges();
    for (batch, outputs, inputs) in [(mr + 1, nr + 1, 2 * lanes + 3), (3, lanes + 1, 70)] {
        let (x, w) = (random(batch * inputs, 1), random(outputs * inputs, 2));
        let (delta, bias) = (random(batch * outputs, 3), random(outputs, 4));
        let labels: Vec<u32> = (0..batch).map(|i| (i * 7 % outputs) as u32).collect();
        let mut run = |offset: usize| {
            let [x, w, delta] = [&x, &w, &delta].map(|numbers| shifted(numbers, offset));
            let x = MatRef::new(&x[offset..], batch, inputs).expect("it fits");
            let w = MatRef::new(&w[offset..], outputs, inputs).expect("it fits");
            let delta = MatRef::new(&delta[offset..], batch, outputs).expect("it fits");
            let mut results = Vec::new();
            let mut keep = |rows: usize, cols: usize, write: &mut dyn FnMut(MatMut<'_>)| {
                let mut output = vec![f32::NAN; offset + rows * cols];
                write(MatMut::new(&mut output[offset..], rows, cols).expect("it fits"));
                results.extend_from_slice(&output[offset..]);
            };
            keep(batch, outputs, &mut |z| {
                let layer = Forward { x, w, bias: Some(&bias), activation: Activation::Tanh };
                dense::forward(&mut backend, layer, z).expect("the shapes fit");
            });
            keep(batch, inputs, &mut |below| {
                let layer = Backward { delta, w, below: Some((Activation::Sigmoid, x)) };
                dense::backward(&mut backend, layer, below).expect("the shapes fit");
            });
            let mut db = vec![f32::NAN; outputs];
            keep(outputs, inputs, &mut |dw| {
                let layer = Gradient { delta, x, accumulate: false };
                dense::gradient(&mut backend, layer, dw, Some(&mut db)).expect("the shapes fit");
            });
            let mut losses = [0.0; 2];
            keep(batch, outputs, &mut |out| {
                let target = MatRef::with_strides(&bias, batch, outputs, 0, 1).expect("it fits");
                let operands = loss::SquaredError { predicted: delta, target, c: 0.5, activation: Activation::Tanh };
                losses[0] = loss::squared_error(&backend, operands, out).expect("the shapes fit");
            });
            keep(batch, outputs, &mut |out| {
                let operands = loss::SoftmaxCrossEntropy { logits: delta, labels: &labels };
                losses[1] = loss::softmax_cross_entropy(&backend, operands, out).expect("the shapes fit");
            });
            results.extend(db);
            (results, losses)
        };
        let (first, losses) = run(0);
        for offset in 0..17 {
            let place = || format!("{batch}×{inputs}→{outputs}, offset {offset}");
            let (again, losses_again) = run(offset);
            same(&again, &first, tally, place);
            tally.holds(losses_again == losses, || format!("{}: the losses differ", place()));
        }
    }
}

/// A row alone, and among rows of NaN.
pub(super) fn neighbours(platform: &Platform, tally: &mut Tally) {
    let mut backend = platform.backend();
    let Edges { mr, nr, lanes, .. } = platform.edges();
    let (batch, outputs, inputs) = (2 * mr + 1, nr + lanes + 1, 2 * lanes + 3);
    let (x, w) = (random(batch * inputs, 1), random(outputs * inputs, 2));
    let (delta, bias) = (random(batch * outputs, 3), random(outputs, 4));
    let w = MatRef::new(&w, outputs, inputs).expect("it fits");
    let mut run = |x: &[f32], delta: &[f32]| {
        let rows = x.len() / inputs;
        let (mut z, mut below) = (vec![f32::NAN; rows * outputs], vec![f32::NAN; rows * inputs]);
        let x = MatRef::new(x, rows, inputs).expect("it fits");
        let layer = Forward { x, w, bias: Some(&bias), activation: Activation::Relu };
        dense::forward(&mut backend, layer, MatMut::new(&mut z, rows, outputs).expect("it fits"))
            .expect("the shapes fit");
        let delta = MatRef::new(delta, rows, outputs).expect("it fits");
        let layer = Backward { delta, w, below: Some((Activation::Relu, x)) };
        dense::backward(&mut backend, layer, MatMut::new(&mut below, rows, inputs).expect("it fits"))
            .expect("the shapes fit");
        (z, below)
    };
    // Up to this many rows, a forward product has its own order.
    let few = gemm::LANES_MAX_M.min(batch);
    for rows in [few, batch] {
        let (x, delta) = (&x[..rows * inputs], &delta[..rows * outputs]);
        let (z, below) = run(x, delta);
        for row in 0..rows {
            let (from_x, from_delta) = (row * inputs..(row + 1) * inputs, row * outputs..(row + 1) * outputs);
            let alone = |numbers: &[f32], kept: &core::ops::Range<usize>| -> Vec<f32> {
                numbers.iter().enumerate().map(|(at, &x)| if kept.contains(&at) { x } else { f32::NAN }).collect()
            };
            let place = |what: &str| format!("{what} of row {row} of {rows}");
            let (among_z, among_below) = run(&alone(x, &from_x), &alone(delta, &from_delta));
            same(&among_z[from_delta.clone()], &z[from_delta.clone()], tally, || place("among NaN, z"));
            same(&among_below[from_x.clone()], &below[from_x.clone()], tally, || place("among NaN, delta"));
            let (alone_z, alone_below) = run(&x[from_x.clone()], &delta[from_delta.clone()]);
            if rows == few {
                same(&alone_z, &z[from_delta], tally, || place("alone, z"));
            }
            same(&alone_below, &below[from_x], tally, || place("alone, delta"));
        }
    }
}

/// The update of a parameter, at any position: alone, in the first part of a slice, or in the second.
pub(super) fn position(platform: &Platform, tally: &mut Tally) {
    let backend = platform.backend();
    let len = 2 * platform.edges().lanes + 3;
    for (name, method) in METHODS {
        let run = |split: &dyn Fn(usize) -> usize| {
            let mut theta = random(len, 1);
            let mut optimizer = Optimizer::new(
                Rule::new(method, LearningRate::Constant(0.01)).expect("the hyper-parameters are in range"),
            );
            for t in 0..4 {
                let gradient = random(len, 2 + t);
                let (mut parameters, mut gradients) = (Vec::new(), Vec::new());
                let (mut rest, mut gradient) = (&mut theta[..], &gradient[..]);
                while !rest.is_empty() {
                    let size = split(len - rest.len()).min(rest.len());
                    let (part, others) = rest.split_at_mut(size);
                    let (part_of_gradient, rest_of_gradient) = gradient.split_at(size);
                    (rest, gradient) = (others, rest_of_gradient);
                    gradients.push(part_of_gradient);
                    parameters.push(Parameter::new(parameters.len() as u64, part));
                }
                let step = optimizer.begin(&backend, &mut parameters).expect("the tensors are those of the first step");
                step.finish(&gradients).expect("the gradients fit");
            }
            theta
        };
        let whole = run(&|_| len);
        same(&run(&|_| 1), &whole, tally, || format!("{name}, one by one"));
        for at in 1..len {
            same(&run(&|from| if from < at { at } else { len }), &whole, tally, || {
                format!("{name}, cut at {at} of {len}")
            });
        }
    }
}
