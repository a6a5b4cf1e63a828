//! Nothing is allocated after the first call with a shape; the first call shows that the counter counts.

#[expect(unsafe_code, reason = "the one way to count allocations is a global allocator")]
mod counting_allocator;

use counting_allocator::{LARGEST, allocations};
use lanegrad::*;
use lanegrad_verify::objective::Objective;
use lanegrad_verify::random::uniform;
use lanegrad_verify::training::Loss;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const METHODS: [Method; 8] = [
    Method::Sgd,
    Method::Momentum { momentum: Momentum::Constant(0.9) },
    Method::Nesterov { momentum: Momentum::Rising { from: 0.5, to: 0.9, steps: 10 } },
    Method::Adagrad { epsilon: 1e-7 },
    Method::RmsProp { decay: 0.9, epsilon: 1e-6 },
    Method::RmsPropOutside { decay: 0.9, epsilon: 1e-6 },
    Method::RmsPropNesterov { decay: 0.9, epsilon: 1e-6, momentum: Momentum::Constant(0.9) },
    Method::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
];

const CLIPS: [Option<Clip>; 3] = [None, Some(Clip::Value(0.1)), Some(Clip::GlobalNorm(0.1))];

const INPUTS: usize = 19;
const OUTPUTS: usize = 5;

fn numbers(len: usize) -> Vec<f32> {
    let mut rng = StdRng::seed_from_u64(len as u64);
    (0..len).map(|_| rng.random_range(-1.0..1.0)).collect()
}

/// A network whose last layer goes with `loss`.
fn network(loss: Loss) -> Network {
    let last = match loss {
        Loss::SquaredError { .. } => Activation::Sigmoid,
        Loss::SoftmaxCrossEntropy => Activation::Identity,
    };
    let layer = |units, activation| LayerOptions { units, activation, initialization: Initialization::GlorotUniform };
    let layers = [layer(33, Activation::Relu), layer(17, Activation::Tanh), layer(OUTPUTS, last)];
    Network::new(INPUTS, &layers, uniform(1)).unwrap()
}

struct Examples {
    x: Vec<f32>,
    y: Vec<f32>,
    labels: Vec<u32>,
}

impl Examples {
    fn new(count: usize) -> Self {
        let labels = (0..count).map(|i| (i % OUTPUTS) as u32).collect();
        Self { x: numbers(count * INPUTS), y: numbers(count * OUTPUTS), labels }
    }

    fn x(&self, rows: usize) -> MatRef<'_> {
        MatRef::new(&self.x, rows, INPUTS).unwrap()
    }

    /// What the first `rows` examples should be.
    fn objective(&self, rows: usize, loss: Loss) -> Objective<'_> {
        Objective::new(loss, MatRef::new(&self.y, rows, OUTPUTS).unwrap(), &self.labels[..rows])
    }
}

#[test]
fn the_second_training_step_allocates_nothing() {
    let examples = Examples::new(40);
    let mut checked = 0;
    for isa in Isa::available() {
        for method in METHODS {
            for loss in [Loss::SquaredError { c: 0.5 }, Loss::SoftmaxCrossEntropy] {
                for clip in CLIPS {
                    let mut backend = Backend::with_isa(isa);
                    let mut network = network(loss);
                    let mut optimizer = Optimizer::new(Rule::new(method, LearningRate::Constant(0.01)).unwrap());
                    let mut step = |rows| {
                        let (x, objective) = (examples.x(rows), examples.objective(rows, loss));
                        let (count, result) =
                            allocations(|| objective.train_step(&mut network, &mut backend, &mut optimizer, x, clip));
                        result.unwrap();
                        count
                    };
                    assert!(step(40) > 0, "the first step must allocate, or nothing is counted");
                    // The last mini-batch of an epoch is a smaller one.
                    for rows in [40, 40, 7, 1, 40] {
                        assert_eq!(step(rows), 0, "{isa}, {method:?}, {loss:?}, {clip:?}, {rows} rows");
                        checked += 1;
                    }
                }
            }
        }
    }
    assert!(checked >= 2 * 8 * 2 * 3 * 5);
}

#[test]
fn the_second_prediction_allocates_nothing() {
    for isa in Isa::available() {
        let (mut backend, network) = (Backend::with_isa(isa), network(Loss::SoftmaxCrossEntropy));
        let mut scratch = Scratch::default();
        let x = numbers(40 * INPUTS);
        let mut predict = |rows| {
            let x = MatRef::new(&x, rows, INPUTS).unwrap();
            let (count, result) = allocations(|| network.predict(&mut backend, &mut scratch, x).map(|z| z.rows()));
            assert_eq!(result, Ok(rows));
            count
        };
        assert!(predict(40) > 0);
        for rows in [40, 3, 40] {
            assert_eq!(predict(rows), 0, "{isa}, {rows} rows");
        }
    }
}

/// The three products once, `batch` examples from `inputs` to `outputs`; returns the allocations.
fn products(backend: &mut Backend, batch: usize, inputs: usize, outputs: usize) -> usize {
    let (x, w, delta) = (numbers(batch * inputs), numbers(outputs * inputs), numbers(batch * outputs));
    let bias = numbers(outputs);
    let (mut z, mut below) = (vec![0.0; batch * outputs], vec![0.0; batch * inputs]);
    let (mut dw, mut db) = (vec![0.0; outputs * inputs], vec![0.0; outputs]);
    let x = MatRef::new(&x, batch, inputs).unwrap();
    let w = MatRef::new(&w, outputs, inputs).unwrap();
    let delta = MatRef::new(&delta, batch, outputs).unwrap();
    let (count, result) = allocations(|| {
        let forward = dense::Forward { x, w, bias: Some(&bias), activation: Activation::Sigmoid };
        dense::forward(backend, forward, MatMut::new(&mut z, batch, outputs)?)?;
        let backward = dense::Backward { delta, w, below: Some((Activation::Tanh, x)) };
        dense::backward(backend, backward, MatMut::new(&mut below, batch, inputs)?)?;
        let gradient = dense::Gradient { delta, x, accumulate: true };
        dense::gradient(backend, gradient, MatMut::new(&mut dw, outputs, inputs)?, Some(&mut db))
    });
    result.unwrap();
    count
}

#[test]
fn the_products_allocate_nothing_once_a_shape_was_seen() {
    for isa in Isa::available() {
        let mut backend = Backend::with_isa(isa);
        assert!(products(&mut backend, 65, 131, 67) > 0);
        for (batch, inputs, outputs) in [(65, 131, 67), (65, 130, 1), (1, 1, 1), (0, 3, 2), (64, 131, 67)] {
            assert_eq!(products(&mut backend, batch, inputs, outputs), 0, "{isa}, {batch}, {inputs}, {outputs}");
        }
    }
}

/// 600 is summed in two blocks of 300, 512 in one of 512: the smaller shape has the larger block.
#[test]
fn a_smaller_shape_never_needs_more() {
    for isa in Isa::available() {
        let mut backend = Backend::with_isa(isa);
        assert!(products(&mut backend, 600, 40, 30) > 0);
        assert_eq!(products(&mut backend, 512, 40, 30), 0, "{isa}");
    }
}

#[test]
fn losses_clipping_and_activations_never_allocate() {
    for isa in Isa::available() {
        let backend = Backend::with_isa(isa);
        let (predicted, target) = (numbers(7 * 37), numbers(7 * 37 + 1));
        let predicted = MatRef::new(&predicted, 7, 37).unwrap();
        let target = MatRef::new(&target[1..], 7, 37).unwrap();
        let (mut delta, mut other) = (vec![0.0; 7 * 37], vec![1.0; 5000]);
        let (count, result) = allocations(|| {
            let squared = loss::SquaredError { predicted, target, c: 0.5, activation: Activation::Tanh };
            loss::squared_error(&backend, squared, MatMut::new(&mut delta, 7, 37)?)?;
            let softmax = loss::SoftmaxCrossEntropy { logits: predicted, labels: &[0, 1, 2, 3, 4, 5, 36] };
            loss::softmax_cross_entropy(&backend, softmax, MatMut::new(&mut delta, 7, 37)?)?;
            clip::by_value(&backend, &mut [&mut delta, &mut other], 0.5)?;
            clip::by_global_norm(&backend, &mut [&mut delta, &mut other], 0.5)?;
            Activation::Sigmoid.apply(&backend, &mut other);
            Ok::<_, Error>(())
        });
        assert_eq!((count, result), (0, Ok(())), "{isa}");
    }
}

#[test]
fn the_second_step_of_an_optimizer_allocates_nothing() {
    for isa in Isa::available() {
        for method in METHODS {
            let backend = Backend::with_isa(isa);
            let mut optimizer = Optimizer::new(Rule::new(method, LearningRate::Constant(0.01)).unwrap());
            let (mut w, mut b) = (numbers(1000), numbers(33));
            let (dw, db) = (numbers(1000), numbers(33));
            let mut step = || {
                let mut parameters = Parameter::numbered([&mut w, &mut b]);
                let (count, result) = allocations(|| optimizer.begin(&backend, &mut parameters)?.finish(&[&dw, &db]));
                result.unwrap();
                count
            };
            assert!(step() > 0, "{isa}, {method:?}: the first step must allocate");
            assert_eq!((step(), step()), (0, 0), "{isa}, {method:?}");
        }
    }
}

/// The first update allocates nothing either: state is allocated when it is made, θ's copy when there is a look ahead.
#[test]
fn updates_of_one_tensor_and_whole_steps_allocate_nothing() {
    for isa in Isa::available() {
        for method in METHODS {
            for decay in [WeightDecay::None, WeightDecay::Coupled(0.1), WeightDecay::Decoupled(0.1)] {
                let backend = Backend::with_isa(isa);
                let rule = Rule::new(method, LearningRate::Constant(0.01)).unwrap().with_weight_decay(decay).unwrap();
                let mut state = State::new(method, 1000).unwrap();
                let (mut w, dw) = (numbers(1000), numbers(1000));
                let mut update = |step| {
                    let (count, result) = allocations(|| {
                        state.look_ahead(&backend, &rule, step, &mut w)?;
                        state.update(&backend, &rule, step, &mut w, &dw)
                    });
                    result.unwrap();
                    count
                };
                let first = update(1);
                assert_eq!(first > 0, method.looks_ahead(), "{isa}, {rule:?}");
                assert_eq!((update(2), update(3)), (0, 0), "{isa}, {rule:?}");
                if !method.looks_ahead() {
                    let mut optimizer = Optimizer::new(rule);
                    let mut step = || {
                        let mut parameters = Parameter::numbered([&mut w]);
                        allocations(|| optimizer.step(&backend, &mut parameters, &[&dw])).0
                    };
                    assert!(step() > 0, "{isa}, {rule:?}");
                    assert_eq!((step(), step()), (0, 0), "{isa}, {rule:?}");
                }
            }
        }
    }
}

#[test]
fn a_wrong_call_allocates_nothing() {
    let mut backend = Backend::new().unwrap();
    let (x, mut z) = ([0.0; 4], [0.0; 4]);
    let x = MatRef::new(&x, 2, 2).unwrap();
    let forward = dense::Forward { x, w: x, bias: Some(&[0.0; 3]), activation: Activation::Relu };
    let (count, result) = allocations(|| dense::forward(&mut backend, forward, MatMut::new(&mut z, 2, 2)?));
    assert!(result.is_err());
    assert_eq!(count, 0);
}

/// Bytes of this process that are in memory, not only asked for.
#[cfg(target_os = "linux")]
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// Memory that is handed out but not there ends the process once it is written: what is refused must not be filled in part.
#[cfg(target_os = "linux")]
#[test]
fn a_mini_batch_that_is_too_large_is_refused_before_any_of_it_is_filled() {
    let rows = LARGEST / 8;
    let layer = |units| LayerOptions { units, activation: Activation::Tanh, initialization: Initialization::HeUniform };
    let mut network = Network::new(1, &[layer(1), layer(64)], uniform(1)).unwrap();
    let mut optimizer = Optimizer::new(Rule::new(Method::Sgd, LearningRate::Constant(0.1)).unwrap());
    let mut backend = Backend::new().unwrap();
    let x = MatRef::with_strides(&[0.5], rows, 1, 0, 0).unwrap();
    let target = MatRef::with_strides(&[0.5], rows, 64, 0, 0).unwrap();
    let options = TrainOptions { loss: SquaredErrorLoss { c: 0.5 }, clip: None };
    let before = resident();
    let refused = |operation| Error::OutOfMemory { operation, numbers: Some(64 * rows) };
    assert_eq!(network.predict(&mut backend, &mut Scratch::default(), x).map(drop), Err(refused("predict")));
    assert_eq!(
        network.train_step(&mut backend, &mut optimizer, options, Batch { x, target }),
        Err(refused("train step"))
    );
    assert!(resident().saturating_sub(before) < LARGEST / 8, "from {before} to {} bytes", resident());
}
