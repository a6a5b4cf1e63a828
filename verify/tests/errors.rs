//! Whatever a caller can get wrong is an error with a message that says what, and leaves every buffer as it was.

use lanegrad::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

/// No number that a computation would leave by chance: it tells whether a buffer was touched.
const CANARY: f32 = f32::from_bits(0x7fc0_1234);

fn canaries<const N: usize>() -> [f32; N] {
    [CANARY; N]
}

#[track_caller]
fn assert_untouched(buffer: &[f32]) {
    assert!(buffer.iter().all(|x| x.to_bits() == CANARY.to_bits()), "a failed call wrote {buffer:?}");
}

#[track_caller]
fn assert_error<T>(result: Result<T, Error>, message: &str) {
    match result {
        Ok(_) => panic!("accepted, expected: {message}"),
        Err(error) => assert_eq!(error.to_string(), message),
    }
}

fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|x| x.to_bits()).collect()
}

fn backends() -> impl Iterator<Item = Backend> {
    Isa::available().map(Backend::with_isa)
}

#[test]
fn views_that_reach_out_of_their_slice() {
    let data = [0.0; 6];
    assert_error(MatRef::new(&data, 2, 4), "matrix view: the slice holds 6 numbers, expected at least 8");
    let error = "matrix view: the slice holds 6 numbers, expected at least 7";
    assert_error(MatRef::with_strides(&data, 3, 2, 2, 2), error);
    assert_error(MatRef::with_strides(&data, 2, 3, 0, 3), error);
    assert_error(MatRef::new(&[], 1, 1), "matrix view: the slice holds 0 numbers, expected at least 1");
    assert!(MatRef::with_strides(&data, 3, 2, 2, 1).is_ok());

    let mut data = canaries::<6>();
    assert_error(MatMut::new(&mut data, 2, 4), "matrix view: the slice holds 6 numbers, expected at least 8");
    assert_error(MatMut::with_row_stride(&mut data, 2, 3, 4), error);
    let error = "matrix view: the row stride of an output is 2, expected at least 3";
    assert_error(MatMut::with_row_stride(&mut data, 2, 3, 2), error);
    // Two rows in one place, whether there is one row or none.
    assert_error(MatMut::with_row_stride(&mut data, 1, 3, 2), error);
    assert_error(MatMut::with_row_stride(&mut data, 0, 3, 2), error);
    assert_untouched(&data);
}

#[test]
fn views_whose_offsets_overflow() {
    const HALF: usize = usize::MAX / 2 + 1;
    let error = |rows: usize, cols: usize, row: usize, col: usize| {
        format!("matrix view: the offsets of {rows}×{cols} with strides {row} and {col} overflow")
    };
    for (rows, cols, row, col) in [
        (3, 1, HALF, 1),
        (1, 3, 1, HALF),
        (2, 2, HALF, HALF),
        (2, 2, usize::MAX, 0),
        (usize::MAX, usize::MAX, 1, 1),
        (usize::MAX, 2, usize::MAX, 1),
    ] {
        assert_error(MatRef::with_strides(&[0.0], rows, cols, row, col), &error(rows, cols, row, col));
    }
    assert_error(MatRef::new(&[0.0], HALF, 4), &error(HALF, 4, 4, 1));
    let mut data = canaries::<4>();
    assert_error(MatMut::new(&mut data, HALF, 4), &error(HALF, 4, 4, 1));
    assert_error(MatMut::with_row_stride(&mut data, 3, 1, HALF), &error(3, 1, HALF, 1));
    assert_untouched(&data);

    // Nothing is addressed where there are no elements, nor where a stride is zero.
    assert!(MatRef::with_strides(&[], 0, usize::MAX, HALF, HALF).is_ok());
    assert!(MatRef::with_strides(&[0.0], usize::MAX, usize::MAX, 0, 0).is_ok());
}

#[test]
fn forward() {
    let (data, weights) = ([1.0; 8], [1.0; 15]);
    for mut backend in backends() {
        let mut run = |w: (usize, usize), bias: usize, z: (usize, usize), message: &str| {
            let mut buffer = canaries::<12>();
            let layer = dense::Forward {
                x: MatRef::new(&data, 2, 4).unwrap(),
                w: MatRef::new(&weights, w.0, w.1).unwrap(),
                bias: Some(&data[..bias]),
                activation: Activation::Relu,
            };
            let z = MatMut::new(&mut buffer, z.0, z.1).unwrap();
            assert_error(dense::forward(&mut backend, layer, z), message);
            assert_untouched(&buffer);
        };
        run((3, 5), 3, (2, 3), "dense forward: weights are 3×5, expected 3×4");
        run((3, 3), 3, (2, 3), "dense forward: weights are 3×3, expected 3×4");
        run((3, 4), 4, (2, 3), "dense forward: bias has length 4, expected 3");
        run((3, 4), 0, (2, 3), "dense forward: bias has length 0, expected 3");
        run((3, 4), 3, (3, 2), "dense forward: outputs are 3×2, expected 2×3");
        run((3, 4), 3, (2, 4), "dense forward: outputs are 2×4, expected 2×3");
    }
}

#[test]
fn backward() {
    let data = [1.0; 20];
    for mut backend in backends() {
        let mut run = |w: (usize, usize), z: (usize, usize), below: (usize, usize), message: &str| {
            let mut buffer = canaries::<12>();
            let layer = dense::Backward {
                delta: MatRef::new(&data, 2, 3).unwrap(),
                w: MatRef::new(&data, w.0, w.1).unwrap(),
                below: Some((Activation::Tanh, MatRef::new(&data, z.0, z.1).unwrap())),
            };
            let below = MatMut::new(&mut buffer, below.0, below.1).unwrap();
            assert_error(dense::backward(&mut backend, layer, below), message);
            assert_untouched(&buffer);
        };
        run((4, 3), (2, 3), (2, 3), "dense backward: weights are 4×3, expected 3×3");
        run((3, 4), (2, 3), (2, 4), "dense backward: outputs of the layer below are 2×3, expected 2×4");
        run((3, 4), (2, 4), (2, 5), "dense backward: deltas of the layer below are 2×5, expected 2×4");
        run((3, 4), (2, 4), (3, 4), "dense backward: deltas of the layer below are 3×4, expected 2×4");
    }
}

#[test]
fn gradient() {
    let data = [1.0; 20];
    for mut backend in backends() {
        let mut run = |x: (usize, usize), dw: (usize, usize), db: usize, message: &str| {
            let (mut weights, mut bias) = (canaries::<20>(), canaries::<8>());
            for accumulate in [false, true] {
                let layer = dense::Gradient {
                    delta: MatRef::new(&data, 2, 3).unwrap(),
                    x: MatRef::new(&data, x.0, x.1).unwrap(),
                    accumulate,
                };
                let dw = MatMut::new(&mut weights, dw.0, dw.1).unwrap();
                assert_error(dense::gradient(&mut backend, layer, dw, Some(&mut bias[..db])), message);
            }
            assert_untouched(&weights);
            assert_untouched(&bias);
        };
        run((3, 4), (3, 4), 3, "dense gradient: inputs are 3×4, expected 2×4");
        run((2, 4), (4, 3), 3, "dense gradient: weight gradients are 4×3, expected 3×4");
        run((2, 4), (3, 4), 4, "dense gradient: bias gradient has length 4, expected 3");
        run((2, 4), (3, 4), 2, "dense gradient: bias gradient has length 2, expected 3");
    }
}

#[test]
fn squared_error() {
    let data = [1.0; 12];
    for backend in backends() {
        let run = |predicted: (usize, usize), y: (usize, usize), c: f32, delta: (usize, usize), message: &str| {
            let mut buffer = canaries::<12>();
            let squared = loss::SquaredError {
                predicted: MatRef::new(&data, predicted.0, predicted.1).unwrap(),
                target: MatRef::new(&data, y.0, y.1).unwrap(),
                c,
                activation: Activation::Identity,
            };
            let delta = MatMut::new(&mut buffer, delta.0, delta.1).unwrap();
            assert_error(loss::squared_error(&backend, squared, delta), message);
            assert_untouched(&buffer);
        };
        run((0, 3), (0, 3), 0.5, (0, 3), "squared error: there are no examples, expected at least one");
        run((2, 3), (3, 2), 0.5, (2, 3), "squared error: targets are 3×2, expected 2×3");
        run((2, 3), (2, 3), 0.5, (2, 4), "squared error: deltas are 2×4, expected 2×3");
        run((2, 3), (2, 3), 0.0, (2, 3), "the factor c is 0, expected a positive f32");
        run((2, 3), (2, 3), -1.5, (2, 3), "the factor c is -1.5, expected a positive f32");
        run((2, 3), (2, 3), f32::NAN, (2, 3), "the factor c is NaN, expected a positive f32");
        run((2, 3), (2, 3), f32::INFINITY, (2, 3), "the factor c is inf, expected a positive f32");
    }
}

#[test]
fn softmax_cross_entropy() {
    let data = [1.0; 12];
    for backend in backends() {
        let run = |logits: (usize, usize), labels: &[u32], delta: (usize, usize), message: &str| {
            let mut buffer = canaries::<12>();
            let logits = MatRef::new(&data, logits.0, logits.1).unwrap();
            let softmax = loss::SoftmaxCrossEntropy { logits, labels };
            let delta = MatMut::new(&mut buffer, delta.0, delta.1).unwrap();
            assert_error(loss::softmax_cross_entropy(&backend, softmax, delta), message);
            assert_untouched(&buffer);
        };
        run((0, 3), &[], (0, 3), "softmax cross-entropy: there are no examples, expected at least one");
        run((2, 3), &[0], (2, 3), "softmax cross-entropy: list of labels has length 1, expected 2");
        run((2, 3), &[0, 1, 2], (2, 3), "softmax cross-entropy: list of labels has length 3, expected 2");
        run((2, 3), &[0, 1], (3, 3), "softmax cross-entropy: deltas are 3×3, expected 2×3");
        run((2, 3), &[2, 3], (2, 3), "loss: the label of row 1 is 3, expected less than 3");
        run((2, 3), &[u32::MAX, 7], (2, 3), "loss: the label of row 0 is 4294967295, expected less than 3");
        run((2, 0), &[0, 0], (2, 0), "loss: the label of row 0 is 0, expected less than 0");
    }
}

#[test]
fn clipping() {
    for backend in backends() {
        for (limit, shown) in [(0.0, "0"), (-2.0, "-2"), (f32::NAN, "NaN"), (f32::INFINITY, "inf")] {
            let (mut a, mut b) = (canaries::<5>(), [1e30; 3]);
            let mut gradients = [&mut a[..], &mut b[..]];
            let error = format!("the clipping value is {shown}, expected a positive f32");
            assert_error(clip::by_value(&backend, &mut gradients, limit), &error);
            let error = format!("the clipping norm is {shown}, expected a positive f32");
            assert_error(clip::by_global_norm(&backend, &mut gradients, limit), &error);
            assert_untouched(&a);
            assert_eq!(b, [1e30; 3]);
        }
    }
}

#[test]
fn hyper_parameters() {
    let rate = LearningRate::Constant(0.1);
    let momentum = |value| Momentum::Constant(value);
    let method = |method, message: &str| assert_error(Optimizer::new(method, rate), message);
    let in_range = "expected in [0, 1)";
    let not_negative = "expected zero or a positive f32";
    // 1 − 1e-9 is 1 in f32.
    for (value, shown) in [(1.0, "1"), (-0.5, "-0.5"), (f64::NAN, "NaN"), (1.0 - 1e-9, "0.999999999")] {
        let error = format!("the momentum is {shown}, {in_range}");
        method(Method::Momentum { momentum: momentum(value) }, &error);
        method(Method::Nesterov { momentum: momentum(value) }, &error);
        method(Method::RmsPropNesterov { decay: 0.9, epsilon: 1e-6, momentum: momentum(value) }, &error);
        let rising = |from, to| Method::Momentum { momentum: Momentum::Rising { from, to, steps: 5 } };
        method(rising(value, 0.5), &format!("the momentum at the start is {shown}, {in_range}"));
        method(rising(0.5, value), &format!("the momentum at the end is {shown}, {in_range}"));
        let error = format!("the decay is {shown}, {in_range}");
        method(Method::RmsProp { decay: value, epsilon: 1e-6 }, &error);
        method(Method::RmsPropNesterov { decay: value, epsilon: 1e-6, momentum: momentum(0.5) }, &error);
        let error = format!("the first decay is {shown}, {in_range}");
        method(Method::Adam { first_decay: value, second_decay: 0.5, epsilon: 1e-6 }, &error);
        let error = format!("the second decay is {shown}, {in_range}");
        method(Method::Adam { first_decay: 0.5, second_decay: value, epsilon: 1e-6 }, &error);
    }
    let falling = Momentum::Rising { from: 0.5, to: 0.25, steps: 5 };
    let error = "the momentum at the end is 0.25, expected not below that at the start";
    method(Method::Momentum { momentum: falling }, error);

    for (epsilon, shown) in [(-1.0, "-1"), (f64::NAN, "NaN"), (f64::INFINITY, "inf"), (5e39, &5e39.to_string())] {
        let error = format!("epsilon is {shown}, {not_negative}");
        method(Method::Adagrad { epsilon }, &error);
        method(Method::RmsProp { decay: 0.9, epsilon }, &error);
        method(Method::RmsPropNesterov { decay: 0.9, epsilon, momentum: momentum(0.5) }, &error);
        method(Method::Adam { first_decay: 0.9, second_decay: 0.9, epsilon }, &error);
    }

    let mut optimizer = Optimizer::new(Method::Sgd, rate).unwrap();
    let mut rate = |learning_rate, message: &str| {
        assert_error(Optimizer::new(Method::Sgd, learning_rate), message);
        assert_error(optimizer.set_learning_rate(learning_rate), message);
        assert_eq!(optimizer.learning_rate(), LearningRate::Constant(0.1));
    };
    for (value, shown) in [(-0.5, "-0.5"), (f64::NAN, "NaN"), (f64::INFINITY, "inf")] {
        let error = format!("the learning rate is {shown}, {not_negative}");
        rate(LearningRate::Constant(value), &error);
        rate(LearningRate::Inverse { initial: value, gamma: 1.0 }, &error);
        rate(LearningRate::InverseSquareRoot { initial: value, gamma: 1.0 }, &error);
    }
    for (gamma, shown) in [(0.0, "0"), (-1.0, "-1"), (f64::NAN, "NaN"), (f64::INFINITY, "inf")] {
        let error = format!("gamma is {shown}, expected a positive f32");
        rate(LearningRate::Inverse { initial: 1.0, gamma }, &error);
        rate(LearningRate::InverseSquareRoot { initial: 1.0, gamma }, &error);
    }
}

const METHODS: [Method; 7] = [
    Method::Sgd,
    Method::Momentum { momentum: Momentum::Constant(0.75) },
    Method::Nesterov { momentum: Momentum::Constant(0.75) },
    Method::Adagrad { epsilon: 1e-7 },
    Method::RmsProp { decay: 0.9, epsilon: 1e-6 },
    Method::RmsPropNesterov { decay: 0.9, epsilon: 1e-6, momentum: Momentum::Constant(0.75) },
    Method::Adam { first_decay: 0.9, second_decay: 0.999, epsilon: 1e-8 },
];

fn looks_ahead(method: Method) -> bool {
    matches!(method, Method::Nesterov { .. } | Method::RmsPropNesterov { .. })
}

/// An optimizer and the two tensors on which it has made a step, so that its velocity is not zero.
fn after_a_step(backend: &Backend, method: Method) -> (Optimizer, [f32; 37], [f32; 3]) {
    let mut optimizer = Optimizer::new(method, LearningRate::Constant(0.125)).unwrap();
    let (mut w, mut b) = ([0.3; 37], [-0.7; 3]);
    let mut parameters = [&mut w[..], &mut b[..]];
    optimizer.begin(backend, &mut parameters).unwrap().finish(&[&[0.9; 37], &[-1.1; 3]]).unwrap();
    (optimizer, w, b)
}

#[test]
fn tensors_other_than_those_of_the_first_step() {
    for backend in backends() {
        for method in METHODS {
            let (mut optimizer, mut w, mut b) = after_a_step(&backend, method);
            let before = (bits(&w), bits(&b));
            let error = "optimizer step: list of parameters has length 1, expected 2";
            assert_error(optimizer.begin(&backend, &mut [&mut w]), error);
            let error = "optimizer step: a parameter tensor has length 36, expected 37";
            assert_error(optimizer.begin(&backend, &mut [&mut w[1..], &mut b]), error);
            let error = "optimizer step: a parameter tensor has length 37, expected 3";
            let mut other = [0.0; 37];
            assert_error(optimizer.begin(&backend, &mut [&mut w, &mut other]), error);
            assert_eq!((bits(&w), bits(&b), optimizer.steps()), (before.0, before.1, 1));
        }
    }
}

/// A dropped step takes θ̃ back to θ, exactly or to within the two roundings of `(θ + α v) − α v`.
#[track_caller]
fn assert_taken_back(before: &[f32], ahead: &[f32], after: &[f32], exactly: bool) {
    for ((&before, &ahead), &after) in before.iter().zip(ahead).zip(after) {
        let bound = if exactly { 0.0 } else { 0.5 * f32::EPSILON * (ahead.abs() + before.abs() + f32::EPSILON) };
        assert!((after - before).abs() <= bound, "{before} became {after}, by way of {ahead}");
    }
}

#[test]
fn a_step_that_is_dropped_or_fails_changes_nothing() {
    for backend in backends() {
        for method in METHODS {
            let exactly = !looks_ahead(method);
            let wrong: [(&[&[f32]], Option<&str>); 4] = [
                (&[], None),
                (&[&[1.0; 37]], Some("optimizer step: list of gradients has length 1, expected 2")),
                (&[&[1.0; 36], &[1.0; 3]], Some("optimizer step: a gradient has length 36, expected 37")),
                (&[&[1.0; 37], &[1.0; 4]], Some("optimizer step: a gradient has length 4, expected 3")),
            ];
            for (gradients, message) in wrong {
                let (mut optimizer, mut w, mut b) = after_a_step(&backend, method);
                let (old_w, old_b) = (w, b);
                let mut parameters = [&mut w[..], &mut b[..]];
                let step = optimizer.begin(&backend, &mut parameters).unwrap();
                let (ahead_w, ahead_b) = (step.parameters()[0].to_vec(), step.parameters()[1].to_vec());
                assert_eq!(bits(&ahead_w) != bits(&old_w), looks_ahead(method), "{method:?}");
                match message {
                    Some(message) => assert_error(step.finish(gradients), message),
                    None => drop(step),
                }
                assert_taken_back(&old_w, &ahead_w, &w, exactly);
                assert_taken_back(&old_b, &ahead_b, &b, exactly);
                assert_eq!(optimizer.steps(), 1);

                // The state is as it was too: the next step is the one that would have come.
                let (mut twin, mut twin_w, mut twin_b) = after_a_step(&backend, method);
                (w, b) = (old_w, old_b);
                for (optimizer, w, b) in [(&mut optimizer, &mut w, &mut b), (&mut twin, &mut twin_w, &mut twin_b)] {
                    let mut parameters = [&mut w[..], &mut b[..]];
                    optimizer.begin(&backend, &mut parameters).unwrap().finish(&[&[0.5; 37], &[0.25; 3]]).unwrap();
                }
                assert_eq!((bits(&w), bits(&b)), (bits(&twin_w), bits(&twin_b)), "{method:?}");
            }
        }
    }
}

fn layer(units: usize, activation: Activation) -> LayerOptions {
    LayerOptions { units, activation, initialization: Initialization::HeNormal }
}

fn network(last: Activation) -> Network {
    let layers = [layer(17, Activation::Tanh), layer(3, last)];
    Network::new(5, &layers, &mut StdRng::seed_from_u64(3)).unwrap()
}

fn parameters(network: &Network) -> Vec<u32> {
    let weights = |layer: &Layer| {
        let w = layer.weights();
        (0..w.rows())
            .flat_map(move |i| (0..w.cols()).map(move |j| (i, j)))
            .filter_map(move |(i, j)| w.get(i, j))
            .map(f32::to_bits)
            .collect::<Vec<_>>()
    };
    network.layers().iter().flat_map(|layer| weights(layer).into_iter().chain(bits(layer.bias()))).collect()
}

#[test]
fn networks_that_cannot_be() {
    let new = |inputs, layers: &[LayerOptions], message: &str| {
        assert_error(Network::new(inputs, layers, &mut StdRng::seed_from_u64(0)), message);
    };
    let two = layer(2, Activation::Relu);
    new(3, &[], "network: there are no layers, expected at least one");
    new(0, &[two], "network: there are no inputs, expected at least one");
    new(3, &[two, layer(0, Activation::Relu)], "network: there are no units, expected at least one");
    new(usize::MAX, &[two], "network: the memory needed overflows the address space");
    let many = usize::MAX / 16;
    new(many, &[two], &format!("network: no memory for {} numbers", 2 * many));
}

#[test]
fn predictions_that_cannot_be() {
    for mut backend in backends() {
        let mut network = network(Activation::Sigmoid);
        let before = parameters(&network);
        let x = MatRef::new(&[0.5; 12], 2, 6).unwrap();
        assert_error(network.predict(&mut backend, x), "predict: inputs are 2×6, expected 2×5");
        // Broadcasting makes a mini-batch of any size out of one number.
        let x = MatRef::with_strides(&[0.5], usize::MAX, 5, 0, 0).unwrap();
        assert_error(network.predict(&mut backend, x), "predict: the memory needed overflows the address space");
        let x = MatRef::with_strides(&[0.5], usize::MAX / 64, 5, 0, 0).unwrap();
        let error = format!("predict: no memory for {} numbers", usize::MAX / 64 * 17);
        assert_error(network.predict(&mut backend, x), &error);
        assert_eq!(parameters(&network), before);
        let x = MatRef::new(&[0.5; 10], 2, 5).unwrap();
        assert_eq!(network.predict(&mut backend, x).map(|z| (z.rows(), z.cols())), Ok((2, 3)));
    }
}

#[test]
fn training_steps_that_cannot_be() {
    let data = [0.5; 32];
    let good = MatRef::new(&data, 4, 5).unwrap();
    let y = MatRef::new(&data, 4, 3).unwrap();
    let labels = Target::Labels(&[0, 1, 2, 1]);
    let squared = Loss::SquaredError { c: 0.5 };
    let wide = MatRef::new(&data, 4, 6).unwrap();
    let empty = MatRef::new(&data, 0, 5).unwrap();
    let huge = MatRef::with_strides(&data, usize::MAX, 5, 0, 0).unwrap();
    let transposed = MatRef::new(&data, 3, 4).unwrap();
    let batch = |x, target, loss, clip| Batch { x, target, loss, clip };
    let values = Target::Values;
    let none = Target::Values(MatRef::new(&data, 0, 3).unwrap());
    let softmax = Loss::SoftmaxCrossEntropy;
    let (tanh, identity) = (Activation::Tanh, Activation::Identity);
    let cases = [
        (tanh, batch(wide, values(y), squared, None), "train step: inputs are 4×6, expected 4×5"),
        (tanh, batch(good, values(transposed), squared, None), "squared error: targets are 3×4, expected 4×3"),
        (tanh, batch(good, labels, squared, None), "squared error needs values as its target"),
        (identity, batch(good, values(y), softmax, None), "softmax cross-entropy needs labels as its target"),
        (
            tanh,
            batch(good, labels, softmax, None),
            "softmax cross-entropy needs a last layer without activation (identity)",
        ),
        (
            identity,
            batch(good, Target::Labels(&[0, 1]), softmax, None),
            "softmax cross-entropy: list of labels has length 2, expected 4",
        ),
        (
            identity,
            batch(good, Target::Labels(&[0, 1, 3, 9]), softmax, None),
            "loss: the label of row 2 is 3, expected less than 3",
        ),
        (
            tanh,
            batch(good, values(y), Loss::SquaredError { c: 0.0 }, None),
            "the factor c is 0, expected a positive f32",
        ),
        (
            tanh,
            batch(good, values(y), squared, Some(Clip::Value(-1.0))),
            "the clipping value is -1, expected a positive f32",
        ),
        (
            tanh,
            batch(good, values(y), squared, Some(Clip::GlobalNorm(f32::NAN))),
            "the clipping norm is NaN, expected a positive f32",
        ),
        (tanh, batch(empty, none, squared, None), "squared error: there are no examples, expected at least one"),
        (tanh, batch(huge, values(y), squared, None), "train step: the memory needed overflows the address space"),
    ];
    for mut backend in backends() {
        for method in METHODS {
            for (last, batch, message) in cases {
                let mut network = network(last);
                let mut optimizer = Optimizer::new(method, LearningRate::Constant(0.125)).unwrap();
                let (target, loss) = match last {
                    Activation::Identity => (labels, softmax),
                    _ => (values(y), squared),
                };
                let right = Batch { x: good, target, loss, clip: None };
                network.train_step(&mut backend, &mut optimizer, right).unwrap();

                let (before, mut twin, mut twin_optimizer) = (parameters(&network), network.clone(), optimizer.clone());
                assert_error(network.train_step(&mut backend, &mut optimizer, batch), message);
                assert_eq!((parameters(&network), optimizer.steps()), (before, 1), "{method:?}: {message}");

                // The state is as it was too.
                network.train_step(&mut backend, &mut optimizer, right).unwrap();
                twin.train_step(&mut backend, &mut twin_optimizer, right).unwrap();
                assert_eq!(parameters(&network), parameters(&twin), "{method:?}: {message}");
            }
        }
    }
}

#[test]
fn an_optimizer_of_another_network() {
    for mut backend in backends() {
        for method in METHODS {
            let (mut network, mut optimizer) = (network(Activation::Tanh), after_a_step(&backend, method).0);
            let before = parameters(&network);
            let (x, y) = (MatRef::new(&[0.5; 5], 1, 5).unwrap(), MatRef::new(&[0.5; 3], 1, 3).unwrap());
            let batch = Batch { x, target: Target::Values(y), loss: Loss::SquaredError { c: 1.0 }, clip: None };
            let error = "optimizer step: list of parameters has length 4, expected 2";
            assert_error(network.train_step(&mut backend, &mut optimizer, batch), error);
            assert_eq!((parameters(&network), optimizer.steps()), (before, 1));
        }
    }
}

#[test]
fn instruction_sets_by_a_wrong_name() {
    let names: Vec<_> = Isa::available().map(Isa::name).collect();
    let absent: Vec<_> = Isa::NAMES.iter().copied().filter(|name| !names.contains(name)).collect();
    let absent = match absent.is_empty() {
        true => String::new(),
        false => format!(" (not on this CPU: {})", absent.join(" ")),
    };
    // Of a long name, the first sixteen bytes, and never a part of a character.
    for (name, shown) in [("sse2", "sse2"), ("", ""), ("AVX2", "AVX2"), ("123456789012345é7", "123456789012345")] {
        let expected = names.join(", ");
        let error = format!("instruction set {shown:?} is not available here, expected one of {expected}{absent}");
        assert_error(Backend::with_isa_named(name), &error);
    }
}

#[test]
fn an_error_is_small_and_has_a_source_of_none() {
    assert!(size_of::<Error>() <= 9 * size_of::<usize>());
    let error: Box<dyn std::error::Error + Send + Sync> = Box::new(MatRef::new(&[], 1, 1).unwrap_err());
    assert!(error.source().is_none());
}
