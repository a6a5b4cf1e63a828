//! Whole training steps on numbers at the ends of `f32` and beyond: what the documentation of `Network` says about them.

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "reads the processor's floating-point control register")]
mod control_register;

use lanegrad::*;
use lanegrad_verify::check::update::methods;
use lanegrad_verify::objective::Objective;
use lanegrad_verify::random::uniform;
use lanegrad_verify::shapes::Edges;
use lanegrad_verify::training::Loss;
use lanegrad_verify::training::name::ACTIVATIONS;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

const METHODS: [Method; 8] = methods(Momentum::Constant(0.75));
const CLIPS: [Option<Clip>; 3] = [None, Some(Clip::Value(0.5)), Some(Clip::GlobalNorm(0.5))];

const INPUTS: usize = 21;
const OUTPUTS: usize = 3;
const BATCH: usize = 5;
/// A class for each example.
const LABELS: &[u32] = &[0, 1, 2, 1, 0];

fn network(seed: u64, hidden: Activation, last: Activation) -> Network {
    let layer = |units, activation| LayerOptions { units, activation, initialization: Initialization::HeNormal };
    let layers = [layer(19, hidden), layer(OUTPUTS, last)];
    Network::new(INPUTS, &layers, uniform(seed)).unwrap()
}

fn parameters(network: &mut Network) -> Vec<&mut [f32]> {
    network.parameters_mut().flatten().collect()
}

fn set(network: &mut Network, mut numbers: &[f32]) {
    for tensor in parameters(network) {
        let (first, behind) = numbers.split_at(tensor.len());
        tensor.copy_from_slice(first);
        numbers = behind;
    }
    assert!(numbers.is_empty());
}

fn numbers(network: &mut Network) -> Vec<f32> {
    parameters(network).concat()
}

/// Bits; all NaNs count as equal.
fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|x| if x.is_nan() { f32::NAN.to_bits() } else { x.to_bits() }).collect()
}

fn examples(x: &[f32]) -> MatRef<'_> {
    MatRef::new(x, BATCH, INPUTS).unwrap()
}

fn ordinary(rng: &mut StdRng, len: usize) -> Vec<f32> {
    (0..len).map(|_| rng.random_range(-1.0..1.0)).collect()
}

/// A subnormal is counted in the smallest of them.
const SMALLEST: f32 = f32::from_bits(1);

/// Two layers, the first of subnormal parameters: all that is computed is a whole multiple of the smallest subnormal, and so exact.
/// If any were flushed, z, delta, the gradient or the new parameters would show it.
#[test]
fn subnormal_numbers_are_kept_through_a_step() {
    let mut rng = StdRng::seed_from_u64(5);
    let mut steps = 0;
    for isa in Isa::available() {
        let lanes = Edges::of(isa).lanes;
        for hidden in [Activation::Identity, Activation::Relu] {
            for (inputs, units) in [(1, 1), (lanes - 1, lanes + 1), (2 * lanes + 1, lanes), (33, 2 * lanes + 3)] {
                let inputs = inputs.max(1);
                let mut backend = Backend::with_isa(isa);
                let mut integers =
                    |len: usize, most: i64| -> Vec<i64> { (0..len).map(|_| rng.random_range(-most..=most)).collect() };
                let [mut w1, mut b1, w2, mut b2] =
                    [(units * inputs, 8), (units, 8), (OUTPUTS * units, 1), (OUTPUTS, 8)]
                        .map(|(len, most)| integers(len, most));
                let (x, y) = (integers(BATCH * inputs, 2), integers(BATCH * OUTPUTS, 50));
                let small = |n: &i64| *n as f32 * SMALLEST;
                let whole = |n: &i64| *n as f32;
                let theta = |w1: &[i64], b1: &[i64], w2: &[i64], b2: &[i64]| -> Vec<f32> {
                    [small as fn(&i64) -> f32, small, whole, small]
                        .into_iter()
                        .zip([w1, b1, w2, b2])
                        .flat_map(|(number, integers)| integers.iter().map(number).collect::<Vec<_>>())
                        .collect()
                };

                let layer = |units, activation| {
                    let initialization = Initialization::HeNormal;
                    LayerOptions { units, activation, initialization }
                };
                let layers = [layer(units, hidden), layer(OUTPUTS, Activation::Identity)];
                let mut network = Network::new(inputs, &layers, uniform(0)).unwrap();
                let start = theta(&w1, &b1, &w2, &b2);
                set(&mut network, &start);
                let (inputs_x, targets): (Vec<f32>, Vec<f32>) =
                    (x.iter().map(whole).collect(), y.iter().map(small).collect());
                let batch = Batch {
                    x: MatRef::new(&inputs_x, BATCH, inputs).unwrap(),
                    target: MatRef::new(&targets, BATCH, OUTPUTS).unwrap(),
                };
                // 2c/m = 1
                let options = TrainOptions { loss: SquaredErrorLoss { c: BATCH as f32 / 2.0 }, clip: None };
                let mut optimizer = Optimizer::new(Rule::new(Method::Sgd, LearningRate::Constant(1.0)).unwrap());
                network.train_step(&mut backend, &mut optimizer, options, batch).unwrap();

                // The same in integers. The second layer's weights stay: their gradient is a product of two subnormals, 0.
                let h = |a: i64| if hidden == Activation::Relu { a.max(0) } else { a };
                let mut largest = 0;
                let mut layer = |x: &[i64], w: &[i64], b: &[i64], inputs: usize| -> Vec<i64> {
                    let net = |i: usize, j: usize| {
                        let terms = (0..inputs).map(|p| x[i * inputs + p] * w[j * inputs + p]);
                        b[j] + terms.sum::<i64>()
                    };
                    let a: Vec<i64> =
                        (0..BATCH).flat_map(|i| (0..b.len()).map(move |j| (i, j))).map(|(i, j)| net(i, j)).collect();
                    largest = a.iter().fold(largest, |most: i64, a| most.max(a.abs()));
                    a
                };
                let z1: Vec<i64> = layer(&x, &w1, &b1, inputs).into_iter().map(h).collect();
                let z2 = layer(&z1, &w2, &b2, units);
                let delta2: Vec<i64> = z2.iter().zip(&y).map(|(z, y)| z - y).collect();
                for i in 0..BATCH {
                    for j in 0..OUTPUTS {
                        b2[j] -= delta2[i * OUTPUTS + j];
                    }
                    for unit in 0..units {
                        let passes = hidden == Activation::Identity || z1[i * units + unit] > 0;
                        let delta: i64 = (0..OUTPUTS).map(|j| delta2[i * OUTPUTS + j] * w2[j * units + unit]).sum();
                        let delta = if passes { delta } else { 0 };
                        b1[unit] -= delta;
                        for p in 0..inputs {
                            w1[unit * inputs + p] -= delta * x[i * inputs + p];
                        }
                    }
                }
                assert!(largest < 1 << 23 && w1.iter().all(|w| w.abs() < 1 << 23), "not all of it is subnormal");
                let expected = theta(&w1, &b1, &w2, &b2);
                let found = numbers(&mut network);
                assert!(found != start || units == 1, "{isa}: the step changed nothing");
                for (number, (found, expected)) in found.iter().zip(&expected).enumerate() {
                    assert!(
                        found == expected,
                        "{isa}, {inputs}→{units}: parameter {number}: {found:e}, not {expected:e}"
                    );
                }
                steps += 1;
            }
        }
    }
    assert!(steps >= 2 * 2 * 4);
}

/// NaN in one example: its outputs are NaN and no others; the loss is NaN, and so is every parameter after the step, whatever the
/// activations, the rule and the clipping.
#[test]
fn nan_in_an_example_reaches_its_outputs_the_loss_and_every_parameter() {
    let mut rng = StdRng::seed_from_u64(11);
    for isa in Isa::available() {
        for &(_, hidden) in ACTIVATIONS {
            for method in METHODS {
                for clip in CLIPS {
                    let mut backend = Backend::with_isa(isa);
                    let what = format!("{isa}, {hidden:?}, {method:?}, {clip:?}");
                    let mut x = ordinary(&mut rng, BATCH * INPUTS);
                    let mut network = network(3, hidden, Activation::Identity);
                    let without = network
                        .predict(&mut backend, &mut Scratch::default(), examples(&x))
                        .unwrap()
                        .as_slice()
                        .unwrap()
                        .to_vec();
                    x[2 * INPUTS + INPUTS - 1] = f32::NAN;
                    let with = network
                        .predict(&mut backend, &mut Scratch::default(), examples(&x))
                        .unwrap()
                        .as_slice()
                        .unwrap()
                        .to_vec();
                    for (row, (with, without)) in with.chunks(OUTPUTS).zip(without.chunks(OUTPUTS)).enumerate() {
                        match row {
                            2 => assert!(with.iter().all(|z| z.is_nan()), "{what}: {with:?}"),
                            _ => assert_eq!(bits(with), bits(without), "{what}: row {row}"),
                        }
                    }

                    let mut optimizer = Optimizer::new(Rule::new(method, LearningRate::Constant(0.1)).unwrap());
                    let (options, batch) =
                        (TrainOptions { loss: CrossEntropyLoss, clip }, Batch { x: examples(&x), target: LABELS });
                    let loss = network.train_step(&mut backend, &mut optimizer, options, batch).unwrap();
                    assert!(loss.is_nan(), "{what}");
                    assert!(numbers(&mut network).iter().all(|theta| theta.is_nan()), "{what}");
                }
            }
        }
    }
}

/// Zeros, the ends of the subnormals and the normals, numbers whose square or product overflows or underflows, infinities.
const EXTREMES: [f32; 16] = [
    0.0,
    -0.0,
    SMALLEST,
    -SMALLEST,
    f32::MIN_POSITIVE,
    -f32::MIN_POSITIVE / 3.0,
    1.0,
    -1.5,
    3e-20,
    -3e-23,
    1e20,
    -4e18,
    f32::MAX,
    f32::MIN,
    f32::INFINITY,
    f32::NEG_INFINITY,
];

/// No number is an error, and none is treated differently on one instruction set than on another that has FMA.
#[test]
fn any_numbers_are_a_step_and_the_same_on_every_instruction_set_with_fma() {
    let mut rng = StdRng::seed_from_u64(17);
    let mut finite = 0;
    for trial in 0..40 {
        // How many of the numbers are extreme: from one to all.
        let share = [0.01, 0.1, 0.5, 1.0][trial % 4];
        let some = |len: usize, rng: &mut StdRng| -> Vec<f32> {
            let pick = |rng: &mut StdRng| match rng.random_bool(share) {
                true => *EXTREMES.choose(rng).unwrap(),
                false => rng.random_range(-1.0..1.0),
            };
            (0..len).map(|_| pick(rng)).collect()
        };
        let (x, y) = (some(BATCH * INPUTS, &mut rng), some(BATCH * OUTPUTS, &mut rng));
        let hidden = ACTIVATIONS[trial % ACTIVATIONS.len()].1;
        let theta = some(numbers(&mut network(0, hidden, hidden)).len(), &mut rng);
        for method in METHODS {
            for (loss, last) in
                [(Loss::SquaredError { c: 0.5 }, hidden), (Loss::SoftmaxCrossEntropy, Activation::Identity)]
            {
                for clip in CLIPS {
                    let mut expected = None;
                    for isa in Isa::available() {
                        let mut backend = Backend::with_isa(isa);
                        let mut network = network(0, hidden, last);
                        set(&mut network, &theta);
                        let mut optimizer = Optimizer::new(Rule::new(method, LearningRate::Constant(0.1)).unwrap());
                        let objective = Objective::new(loss, MatRef::new(&y, BATCH, OUTPUTS).unwrap(), LABELS);
                        let x = MatRef::new(&x, BATCH, INPUTS).unwrap();
                        let losses = [(); 3].map(|()| {
                            objective.train_step(&mut network, &mut backend, &mut optimizer, x, clip).unwrap()
                        });
                        let found = numbers(&mut network);
                        finite += found.iter().filter(|theta| theta.is_finite()).count();
                        let losses = losses.map(|loss| if loss.is_nan() { f64::NAN } else { loss }.to_bits());
                        let found = (bits(&found), losses);
                        if Edges::of(isa).fused {
                            let same = expected.get_or_insert_with(|| found.clone()) == &found;
                            assert!(same, "{isa}, trial {trial}, {hidden:?}, {method:?}, {loss:?}, {clip:?}");
                        }
                    }
                }
            }
        }
    }
    // Or all would be NaN, and equal for that.
    assert!(finite > 10_000, "{finite}");
}

/// The largest logits that there are make a loss and a step without NaN.
#[test]
fn huge_logits_make_a_finite_loss() {
    for isa in Isa::available() {
        let mut backend = Backend::with_isa(isa);
        let mut network = network(7, Activation::Tanh, Activation::Identity);
        let [_, bias] = network.parameters_mut().nth(1).unwrap();
        bias.copy_from_slice(&[f32::MAX, f32::MIN, 0.0]);
        let x = vec![f32::MAX / 1e3; BATCH * INPUTS];
        let batch = Batch { x: MatRef::new(&x, BATCH, INPUTS).unwrap(), target: LABELS };
        let options = TrainOptions { loss: CrossEntropyLoss, clip: Some(Clip::GlobalNorm(1.0)) };
        let mut optimizer = Optimizer::new(Rule::new(Method::Sgd, LearningRate::Constant(0.1)).unwrap());
        let loss = network.train_step(&mut backend, &mut optimizer, options, batch).unwrap();
        // Two of five examples have the class whose logit is the smallest, and one that in the middle.
        assert!((loss / (f64::from(f32::MAX) * (2.0 * 2.0 + 1.0) / 5.0) - 1.0).abs() < 1e-6, "{isa}: {loss:e}");
    }
}

/// Rounding, masks and flushing are the caller's: no call changes them, and each number above was computed under them.
#[cfg(target_arch = "x86_64")]
#[test]
fn the_control_register_is_as_it_was() {
    let before = control_register::controls();
    assert_eq!(before, 0x1f80, "to nearest, all exceptions masked, nothing flushed: what a Rust program starts with");
    for isa in Isa::available() {
        for method in METHODS {
            for x in EXTREMES {
                let mut backend = Backend::with_isa(isa);
                let mut network = network(1, Activation::Sigmoid, Activation::Identity);
                let mut optimizer = Optimizer::new(Rule::new(method, LearningRate::Constant(0.1)).unwrap());
                let x = MatRef::with_strides(std::slice::from_ref(&x), BATCH, INPUTS, 0, 0).unwrap();
                let options = TrainOptions { loss: CrossEntropyLoss, clip: Some(Clip::GlobalNorm(1.0)) };
                network.train_step(&mut backend, &mut optimizer, options, Batch { x, target: LABELS }).unwrap();
                network.predict(&mut backend, &mut Scratch::default(), x).unwrap();
                assert_eq!(control_register::controls(), before, "{isa}, {method:?}");
            }
        }
    }
}
