//! What a training step leaves for each layer is what the reference computes, and the gradient of the inputs follows from it.

use lanegrad::*;
use lanegrad_verify::check::network::peer;
use lanegrad_verify::random::uniform;
use lanegrad_verify::reference;

const INPUTS: usize = 5;
const UNITS: [usize; 3] = [17, 9, 3];
const LOSS: SquaredErrorLoss = SquaredErrorLoss { c: 0.5 };

fn network() -> Network {
    let layer = |units| LayerOptions { units, activation: Activation::Tanh, initialization: Initialization::HeNormal };
    Network::new(INPUTS, &UNITS.map(layer), uniform(3)).unwrap()
}

fn numbers(count: usize, seed: u64) -> Vec<f32> {
    std::iter::repeat_with(uniform(seed)).take(count).map(|u| 2.0 * u as f32 - 1.0).collect()
}

fn train(network: &mut Network, backend: &mut Backend, rows: usize, clip: Option<Clip>) -> Result<f64, Error> {
    let (x, y) = (numbers(rows * INPUTS, 1), numbers(rows * UNITS[2], 2));
    let batch = Batch { x: MatRef::new(&x, rows, INPUTS)?, target: MatRef::new(&y, rows, UNITS[2])? };
    let mut optimizer = Optimizer::new(Rule::new(Method::sgd(), LearningRate::Constant(0.5))?);
    network.train_step(backend, &mut optimizer, TrainOptions { loss: LOSS, clip }, batch)
}

fn matrix(numbers: &[f32], cols: usize) -> reference::Matrix {
    reference::Matrix::from_fn(numbers.len() / cols, cols, |i, j| numbers[i * cols + j].into())
}

/// Every element within a few roundings: sums here are short and their terms near 1.
fn close(what: &str, found: MatRef<'_>, expected: &reference::Matrix) {
    assert_eq!((found.rows(), found.cols()), (expected.rows(), expected.cols()), "{what}");
    for i in 0..found.rows() {
        for j in 0..found.cols() {
            let (found, expected) = (f64::from(found.get(i, j).unwrap()), expected.at(i, j));
            assert!((found - expected).abs() < 2e-6, "{what}, ({i}, {j}): {found}, expected {expected}");
        }
    }
}

#[test]
fn it_is_what_the_reference_computes() {
    for isa in Isa::available() {
        let (mut network, mut backend) = (network(), Backend::with_isa(isa));
        assert_eq!(network.last_step().len(), 0, "before the first step");
        // The second mini-batch is smaller than the buffers, which the first has made.
        for rows in [11, 4] {
            let before = peer(&network);
            train(&mut network, &mut backend, rows, None).unwrap();
            let (x, y) = (numbers(rows * INPUTS, 1), numbers(rows * UNITS[2], 2));
            let inputs = MatRef::new(&x, rows, INPUTS).unwrap();
            let (x, target) = (matrix(&x, INPUTS), reference::Target::Values(matrix(&y, UNITS[2])));
            let outputs = before.forward(&x);
            let (gradients, dx) = before.backward(&x, reference::Loss::SquaredError { c: 0.5 }, &target);
            assert_eq!(network.last_step().len(), UNITS.len());
            for (l, layer) in network.last_step().enumerate() {
                let place = |what: &str| format!("{isa}, {rows} examples, {what} of layer {l}");
                close(&place("z"), layer.z, &outputs[l]);
                close(&place("dw"), layer.dw, &gradients[l].dw);
                let db = reference::Matrix::from_fn(1, UNITS[l], |_, j| gradients[l].db[j]);
                close(&place("db"), MatRef::new(layer.db, 1, layer.db.len()).unwrap(), &db);
                for matrix in [layer.z, layer.delta, layer.dw] {
                    let slice = matrix.as_slice().expect("it has no gaps");
                    assert_eq!(slice.len(), matrix.rows() * matrix.cols(), "{isa}");
                }
                let below = network.last_step().nth(l.wrapping_sub(1)).map_or(inputs, |below| below.z);
                let mut dw = vec![f32::NAN; layer.dw.rows() * layer.dw.cols()];
                let gradient = dense::Gradient { delta: layer.delta, x: below, accumulate: false };
                let view = MatMut::new(&mut dw, layer.dw.rows(), layer.dw.cols()).unwrap();
                dense::gradient(&mut backend, gradient, view, None).unwrap();
                assert_eq!(dw, layer.dw.as_slice().unwrap(), "{}", place("deltaᵀ·x"));
            }
            let first = network.last_step().next().unwrap();
            let w: Vec<f32> = before.layers[0].w.numbers().iter().map(|&w| w as f32).collect();
            let w = MatRef::new(&w, UNITS[0], INPUTS).unwrap();
            let mut found = vec![0.0; rows * INPUTS];
            let backward = dense::Backward { delta: first.delta, w, below: None };
            dense::backward(&mut backend, backward, MatMut::new(&mut found, rows, INPUTS).unwrap()).unwrap();
            close("dx", MatRef::new(&found, rows, INPUTS).unwrap(), &dx);
        }
    }
}

/// All gradients of the last step together, in the layers' order.
fn norm(network: &Network, backend: &Backend) -> f64 {
    let gradients: Vec<&[f32]> =
        network.last_step().flat_map(|layer| [layer.dw.as_slice().unwrap(), layer.db]).collect();
    clip::global_norm(backend, &gradients)
}

#[test]
fn gradients_are_those_of_the_update() {
    let mut backend = Backend::new().unwrap();
    let mut free = network();
    train(&mut free, &mut backend, 6, None).unwrap();
    let before = norm(&free, &backend);
    let mut clipped = network();
    train(&mut clipped, &mut backend, 6, Some(Clip::GlobalNorm(before as f32 / 2.0))).unwrap();
    assert!((norm(&clipped, &backend) / before - 0.5).abs() < 1e-6);
}

#[test]
fn a_refused_step_leaves_it_as_it_was() {
    let (mut network, mut backend) = (network(), Backend::new().unwrap());
    train(&mut network, &mut backend, 6, None).unwrap();
    let step = |network: &Network| format!("{:?}", network.last_step().collect::<Vec<_>>());
    let before = step(&network);
    train(&mut network, &mut backend, 0, None).unwrap_err();
    train(&mut network, &mut backend, 40, Some(Clip::Value(f32::NAN))).unwrap_err();
    // Refused by the optimizer alone, after the buffers have grown.
    let mut other = Optimizer::new(Rule::new(Method::sgd(), LearningRate::Constant(0.5)).unwrap());
    other.step(&backend, &mut Parameter::numbered([&mut [0.0]]), &[&[1.0]]).unwrap();
    let (x, y) = (numbers(40 * INPUTS, 1), numbers(40 * UNITS[2], 2));
    let target = MatRef::new(&y, 40, UNITS[2]).unwrap();
    let batch = Batch { x: MatRef::new(&x, 40, INPUTS).unwrap(), target };
    network.train_step(&mut backend, &mut other, TrainOptions { loss: LOSS, clip: None }, batch).unwrap_err();
    assert_eq!(step(&network), before);
}
