//! The same bits whatever the other rows of the batch hold, and however many they are.

use crate::{SHAPES, bits, numbers};
use lanegrad::*;
use lanegrad_verify::random::uniform;
use lanegrad_verify::training::name::ACTIVATIONS;

/// Fills all rows but `kept` with what spreads if anything does.
fn disturb(values: &mut [f32], cols: usize, kept: usize) {
    let wild = [f32::NAN, f32::INFINITY, -1e38, 0.0, f32::NEG_INFINITY, 1e-45];
    for (i, row) in values.chunks_mut(cols).enumerate().filter(|&(i, _)| i != kept) {
        row.fill(wild[i % wild.len()]);
    }
}

#[test]
fn a_row_does_not_depend_on_the_other_rows() {
    let mut compared = 0;
    for isa in Isa::available() {
        let mut backend = Backend::with_isa(isa);
        for (batch, inputs, outputs) in SHAPES.into_iter().filter(|&(batch, inputs, _)| batch > 1 && inputs > 0) {
            let (x, w) = (numbers(batch * inputs, 1), numbers(outputs * inputs, 2));
            let (delta, bias) = (numbers(batch * outputs, 3), numbers(outputs, 4));
            let w = MatRef::new(&w, outputs, inputs).unwrap();
            let mut run = |x: &[f32], delta: &[f32], activation| {
                let (mut z, mut below) = (vec![0.0; batch * outputs], vec![0.0; batch * inputs]);
                let x = MatRef::new(x, batch, inputs).unwrap();
                let forward = dense::Forward { x, w, bias: Some(&bias), activation };
                dense::forward(&mut backend, forward, MatMut::new(&mut z, batch, outputs).unwrap()).unwrap();
                let delta = MatRef::new(delta, batch, outputs).unwrap();
                let backward = dense::Backward { delta, w, below: Some((activation, x)) };
                dense::backward(&mut backend, backward, MatMut::new(&mut below, batch, inputs).unwrap()).unwrap();
                (z, below)
            };
            for &(_, activation) in ACTIVATIONS {
                let (z, below) = run(&x, &delta, activation);
                for kept in [0, batch / 2, batch - 1] {
                    let (mut x, mut delta) = (x.clone(), delta.clone());
                    disturb(&mut x, inputs, kept);
                    disturb(&mut delta, outputs, kept);
                    let (other_z, other_below) = run(&x, &delta, activation);
                    let row = kept * outputs..(kept + 1) * outputs;
                    assert_eq!(bits(&z[row.clone()]), bits(&other_z[row]), "{isa}, {activation:?}, row {kept}");
                    let row = kept * inputs..(kept + 1) * inputs;
                    assert_eq!(bits(&below[row.clone()]), bits(&other_below[row]), "{isa}, {activation:?}, row {kept}");
                    compared += inputs + outputs;
                }
            }
        }
    }
    assert!(compared > 10_000);
}

/// A row of a prediction is the same, whatever tile it falls into, and whatever strides the operands have: in a mini-batch of at
/// most eight rows, and in a larger one.
#[test]
fn a_row_does_not_depend_on_the_size_of_the_batch_or_the_layout() {
    let mut compared = 0;
    for isa in Isa::available() {
        let mut backend = Backend::with_isa(isa);
        let (batch, inputs, outputs) = (101, 70, 37);
        let (x, w) = (numbers(batch * inputs, 1), numbers(outputs * inputs, 2));
        let across = |values: &[f32], rows: usize, cols: usize| -> Vec<f32> {
            (0..rows * cols).map(|at| values[at % rows * cols + at / rows]).collect()
        };
        let w_across = across(&w, outputs, inputs);
        let layouts = [MatRef::new(&w, outputs, inputs).unwrap(), MatRef::new(&w_across, inputs, outputs).unwrap().t()];
        let mut forward = |rows: std::ops::Range<usize>, w, x_across: bool| {
            let mut z = vec![f32::NAN; rows.len() * outputs];
            let x = &x[rows.start * inputs..rows.end * inputs];
            let columns = across(x, rows.len(), inputs);
            let x = match x_across {
                true => MatRef::new(&columns, inputs, rows.len()).unwrap().t(),
                false => MatRef::new(x, rows.len(), inputs).unwrap(),
            };
            let layer = dense::Forward { x, w, bias: None, activation: Activation::Tanh };
            dense::forward(&mut backend, layer, MatMut::new(&mut z, rows.len(), outputs).unwrap()).unwrap();
            z
        };
        let together = forward(0..batch, layouts[0], false);
        let single: Vec<f32> = (0..batch).flat_map(|row| forward(row..row + 1, layouts[0], false)).collect();
        for (size, expected) in
            [(1, &single), (2, &single), (5, &single), (8, &single), (9, &together), (50, &together)]
        {
            for from in (0..batch - 100 % size).step_by(size).filter(|from| from + size <= batch) {
                for (w, x_across) in [(0, false), (0, true), (1, false), (1, true)] {
                    let found = forward(from..from + size, layouts[w], x_across);
                    let expected = &expected[from * outputs..(from + size) * outputs];
                    assert_eq!(bits(&found), bits(expected), "{isa}, {size} rows from {from}, layout {w} {x_across}");
                    compared += size;
                }
            }
        }
    }
    assert!(compared > 1000);
}

#[test]
fn a_row_of_softmax_does_not_depend_on_the_other_rows() {
    for isa in Isa::available() {
        let backend = Backend::with_isa(isa);
        let (rows, classes) = (7, 37);
        let logits = numbers(rows * classes, 1);
        let delta = |logits: &[f32]| {
            let mut delta = vec![f32::NAN; rows * classes];
            let logits = MatRef::new(logits, rows, classes).unwrap();
            let softmax = loss::SoftmaxCrossEntropy { logits, labels: &[0, 1, 2, 3, 4, 5, 36] };
            loss::softmax_cross_entropy(&backend, softmax, MatMut::new(&mut delta, rows, classes).unwrap()).unwrap();
            delta
        };
        let first = delta(&logits);
        for kept in 0..rows {
            let mut logits = logits.clone();
            disturb(&mut logits, classes, kept);
            let row = kept * classes..(kept + 1) * classes;
            assert_eq!(bits(&delta(&logits)[row.clone()]), bits(&first[row]), "{isa}, row {kept}");
        }
    }
}

/// What a network says of an example is the same among others whatever they are; and alone, or with up to seven others.
#[test]
fn a_prediction_does_not_depend_on_the_other_examples() {
    let (few, batch, inputs, outputs) = (8, 23, 19, 10);
    let layers = [(33, Activation::Relu), (24, Activation::Sigmoid), (17, Activation::Tanh)]
        .into_iter()
        .chain([(outputs, Activation::Identity)])
        .map(|(units, activation)| LayerOptions { units, activation, initialization: Initialization::HeNormal });
    let layers: Vec<_> = layers.collect();
    let x = numbers(batch * inputs, 1);
    for isa in Isa::available() {
        let mut backend = Backend::with_isa(isa);
        let network = Network::new(inputs, &layers, uniform(7)).unwrap();
        let mut scratch = Scratch::default();
        let mut predict = |x: &[f32], rows: usize, row: usize| {
            let z = network.predict(&mut backend, &mut scratch, MatRef::new(x, rows, inputs).unwrap()).unwrap();
            (0..outputs).map(|j| z.get(row, j).unwrap().to_bits()).collect::<Vec<_>>()
        };
        for kept in 0..batch {
            let together = predict(&x, batch, kept);
            let first = kept.min(batch - few);
            let among_few = predict(&x[first * inputs..], few, kept - first);
            assert_eq!(predict(&x[kept * inputs..], 1, 0), among_few, "{isa}, alone, example {kept}");
            let mut disturbed = x.clone();
            disturb(&mut disturbed, inputs, kept);
            assert_eq!(predict(&disturbed, batch, kept), together, "{isa}, example {kept}");
        }
    }
}
