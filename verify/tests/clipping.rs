//! Clipping does what its formula says, compared with plain f64, where squares overflow and underflow too.

use lanegrad::*;
use lanegrad_verify::random::uniform;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

fn backends() -> impl Iterator<Item = Backend> {
    Isa::available().map(Backend::with_isa)
}

fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|x| x.to_bits()).collect()
}

/// Equal bits; all NaNs count as equal.
fn same(a: f32, b: f32) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

/// `√Σg²` in f64: no square of an f32 leaves its range.
fn norm(gradients: &[Vec<f32>]) -> f64 {
    gradients.iter().flatten().map(|&g| f64::from(g) * f64::from(g)).sum::<f64>().sqrt()
}

/// In f32, at most 256 additions to a running sum, 4 to join 16 of them, and a few roundings more; the root halves it.
const NORM_BOUND: f64 = 270.0 / 2.0 * (f32::EPSILON as f64 / 2.0);

/// Lengths around every vector, the sixteen sums and the block of 4096.
const LENGTHS: [usize; 12] = [0, 1, 2, 7, 8, 15, 16, 17, 33, 4095, 4097, 9001];

/// Several tensors of random values around `scale`.
fn tensors(scale: f32, seed: u64) -> Vec<Vec<f32>> {
    let mut rng = StdRng::seed_from_u64(seed);
    LENGTHS.iter().map(|&len| (0..len).map(|_| rng.random_range(-1.0..1.0f32) * scale).collect()).collect()
}

fn by_global_norm(backend: &Backend, gradients: &mut [Vec<f32>], limit: f32) -> f64 {
    let views: Vec<_> = gradients.iter().map(Vec::as_slice).collect();
    let unclipped = clip::global_norm(backend, &views);
    let mut views: Vec<_> = gradients.iter_mut().map(|gradient| &mut gradient[..]).collect();
    let norm = clip::by_global_norm(backend, &mut views, limit).unwrap();
    assert!(norm.to_bits() == unclipped.to_bits() || (norm.is_nan() && unclipped.is_nan()));
    norm
}

#[test]
fn by_value_is_element_by_element() {
    let special = [0.0, -0.0, 0.5, -0.5, 0.500_000_06, f32::MAX, f32::MIN, 1e-45, f32::INFINITY, f32::NEG_INFINITY];
    let mut compared = 0;
    for backend in backends() {
        for limit in [0.5, 1e-40, 1e30, f32::MAX] {
            let mut gradients = tensors(1.0, 1);
            gradients.push(special.to_vec());
            gradients.push(vec![f32::NAN; 19]);
            let before = gradients.clone();
            let mut views: Vec<_> = gradients.iter_mut().map(|gradient| &mut gradient[..]).collect();
            clip::by_value(&backend, &mut views, limit).unwrap();
            for (&old, &new) in before.iter().flatten().zip(gradients.iter().flatten()) {
                let expected = f64::from(old).clamp(-f64::from(limit), f64::from(limit)) as f32;
                assert!(same(new, expected), "{}: {old} became {new}, limit {limit}", backend.isa());
                compared += 1;
            }
        }
    }
    assert!(compared > 10_000);
}

#[test]
fn the_global_norm_is_that_of_all_tensors_together() {
    let mut largest: f64 = 0.0;
    for backend in backends() {
        for (seed, scale) in [1.0, 1e-3, 1e30, 3e38, 1e-30, 1e-38, 1e-44].into_iter().enumerate() {
            let gradients = tensors(scale, seed as u64);
            let expected = norm(&gradients);
            let mut clipped = gradients.clone();
            let found = by_global_norm(&backend, &mut clipped, f32::MAX);
            let error = (found - expected).abs() / expected;
            largest = largest.max(error / NORM_BOUND);
            assert!(error <= NORM_BOUND, "{}, scale {scale}: {found}, expected {expected}", backend.isa());
            if expected <= f64::from(f32::MAX) {
                assert!(gradients.iter().flatten().zip(clipped.iter().flatten()).all(|(&a, &b)| same(a, b)));
            }
        }
    }
    println!("largest error of a norm: {largest:.3} of the bound");
}

#[test]
fn by_global_norm_scales_what_is_longer_than_the_limit() {
    let mut compared = 0;
    for backend in backends() {
        for (scale, limits) in [
            (1.0, [1e-3, 1.0, 50.0]),
            (1e30, [1e20, 1e28, 1e31]),
            (1e-30, [1e-36, 1e-33, 1e-29]),
            (1e-3, [1e-6, 0.01, 1e30]),
        ] {
            for limit in limits {
                let gradients = tensors(scale, 9);
                let exact = norm(&gradients);
                let mut clipped = gradients.clone();
                let found = by_global_norm(&backend, &mut clipped, limit);
                for (&old, &new) in gradients.iter().flatten().zip(clipped.iter().flatten()) {
                    let factor = if exact > f64::from(limit) { f64::from(limit) / exact } else { 1.0 };
                    let expected = f64::from(old) * factor;
                    // The norm's error, the factor's and the product's rounding; half the last place where that is all.
                    let bound = (NORM_BOUND + 1.01 * f64::from(f32::EPSILON)) * expected.abs() + 2_f64.powi(-150);
                    assert!(
                        (f64::from(new) - expected).abs() <= bound,
                        "{}: {old} became {new}, expected {expected}, limit {limit}",
                        backend.isa()
                    );
                    compared += 1;
                }
                assert!((found - exact).abs() <= NORM_BOUND * exact);
                assert!(norm(&clipped) <= f64::from(limit).max(exact) * (1.0 + 2.0 * NORM_BOUND));
                if exact > f64::from(limit) * 1.01 {
                    assert!((norm(&clipped) / f64::from(limit) - 1.0).abs() <= 3.0 * NORM_BOUND);
                }
            }
        }
    }
    assert!(compared > 100_000);
}

/// `limit/‖g‖` is 1e-50 here, no f32; `g · limit/‖g‖` is 1e-20.
#[test]
fn a_factor_below_the_range_of_f32_does_not_lose_the_gradient() {
    for backend in backends() {
        let mut gradients = [vec![1e30; 3]];
        let expected = 1e-20 / 3_f64.sqrt();
        by_global_norm(&backend, &mut gradients, 1e-20);
        for &g in &gradients[0] {
            assert!((f64::from(g) / expected - 1.0).abs() < 1e-6, "{}: {g}", backend.isa());
        }
    }
}

#[test]
fn a_gradient_at_or_below_the_limit_keeps_its_bits() {
    for backend in backends() {
        let mut gradients = [vec![3.0, 0.0], vec![-4.0]];
        assert_eq!(by_global_norm(&backend, &mut gradients, 5.0), 5.0);
        assert_eq!(gradients, [vec![3.0, 0.0], vec![-4.0]]);
        assert_eq!(by_global_norm(&backend, &mut gradients, 2.5), 5.0);
        assert_eq!(gradients, [vec![1.5, 0.0], vec![-2.0]]);
    }
}

#[test]
fn nothing_and_zeros_have_norm_zero() {
    for backend in backends() {
        assert_eq!(clip::by_global_norm(&backend, &mut [], 1.0), Ok(0.0));
        assert_eq!(clip::by_global_norm(&backend, &mut [&mut []], 1.0), Ok(0.0));
        let mut gradients = [vec![0.0; 37], vec![-0.0; 5]];
        assert_eq!(by_global_norm(&backend, &mut gradients, f32::MIN_POSITIVE), 0.0);
        assert_eq!(bits(&gradients[0]), [0; 37]);
        assert_eq!(bits(&gradients[1]), [1 << 31; 5]);
    }
}

#[test]
fn what_is_not_finite_is_as_documented_in_every_lane() {
    for backend in backends() {
        for at in 0..37 {
            // NaN: nothing is clipped, and the norm tells.
            let mut gradients = tensors(5.0, 2);
            gradients.push(vec![2.0; 37]);
            gradients[LENGTHS.len()][at] = f32::NAN;
            let before = gradients.clone();
            assert!(by_global_norm(&backend, &mut gradients, 1.0).is_nan());
            assert!(before.iter().flatten().zip(gradients.iter().flatten()).all(|(&a, &b)| same(a, b)));

            // An infinity: what is finite becomes 0, the infinity NaN.
            for infinity in [f32::INFINITY, f32::NEG_INFINITY] {
                let mut gradients = [vec![-2.0; 5], vec![2.0; 37]];
                gradients[1][at] = infinity;
                assert_eq!(by_global_norm(&backend, &mut gradients, 1.0), f64::INFINITY);
                assert!(gradients[0].iter().all(|&g| g == 0.0));
                let expected = |i| if i == at { f32::NAN } else { 0.0 };
                assert!(gradients[1].iter().enumerate().all(|(i, &g)| same(g, expected(i))), "{:?}", gradients[1]);
            }

            // Both: NaN wins.
            let mut gradients = [vec![f32::INFINITY], vec![f32::NAN; 37]];
            assert!(by_global_norm(&backend, &mut gradients, 1.0).is_nan());
            assert_eq!(gradients[0], [f32::INFINITY]);
        }
    }
}

/// From zero weights without activation, `c = ½` and one example: delta is −y, and SGD with η = 1 moves by the gradient.
#[test]
fn training_clips_before_it_updates() {
    const INPUTS: usize = 5;
    const UNITS: usize = 19;
    let x: Vec<f32> = (0..INPUTS).map(|i| i as f32 - 1.0).collect();
    let y: Vec<f32> = (0..UNITS).map(|j| 3.0 - j as f32).collect();
    let mut expected: Vec<f64> = y.iter().flat_map(|&y| x.iter().map(move |&x| f64::from(-y) * f64::from(x))).collect();
    expected.extend(y.iter().map(|&y| f64::from(-y)));
    let norm = expected.iter().map(|g| g * g).sum::<f64>().sqrt();

    for mut backend in backends() {
        for clip in [None, Some(Clip::Value(2.5)), Some(Clip::GlobalNorm(0.75)), Some(Clip::GlobalNorm(1e9))] {
            let layer = LayerOptions {
                units: UNITS,
                activation: Activation::Identity,
                initialization: Initialization::GlorotUniform,
            };
            let mut network = Network::new(INPUTS, &[layer], uniform(0)).unwrap();
            network.parameters_mut().for_each(|[w, _]| w.fill(0.0));
            let mut sgd = Optimizer::new(Rule::new(Method::Sgd, LearningRate::Constant(1.0)).unwrap());
            let batch = Batch { x: MatRef::new(&x, 1, INPUTS).unwrap(), target: MatRef::new(&y, 1, UNITS).unwrap() };
            let options = TrainOptions { loss: SquaredErrorLoss { c: 0.5 }, clip };
            network.train_step(&mut backend, &mut sgd, options, batch).unwrap();
            let [w, b] = network.parameters_mut().next().unwrap();
            assert_eq!(w.len() + b.len(), expected.len());
            for (&theta, &g) in w.iter().chain(b.iter()).zip(&expected) {
                let clipped = match clip {
                    Some(Clip::Value(limit)) => g.clamp(-f64::from(limit), f64::from(limit)),
                    Some(Clip::GlobalNorm(limit)) if norm > f64::from(limit) => g * f64::from(limit) / norm,
                    _ => g,
                };
                let bound = match clip {
                    Some(Clip::GlobalNorm(limit)) if norm > f64::from(limit) => NORM_BOUND * clipped.abs(),
                    _ => 0.0,
                };
                assert!((f64::from(theta) + clipped).abs() <= bound, "{}: {clip:?}, {theta}", backend.isa());
            }
        }
    }
}

/// A deeper network: the step is that of the public parts put together, bit for bit.
#[test]
fn a_training_step_is_the_chain_of_its_parts() {
    let mut rng = StdRng::seed_from_u64(4);
    let mut numbers = |len: usize| (0..len).map(|_| rng.random_range(-2.0..2.0f32)).collect::<Vec<_>>();
    let (batch, inputs, hidden, outputs) = (9, 21, 18, 3);
    let (x, y) = (numbers(batch * inputs), numbers(batch * outputs));
    let x = MatRef::new(&x, batch, inputs).unwrap();
    let y = MatRef::new(&y, batch, outputs).unwrap();
    let layer = |units, activation| LayerOptions { units, activation, initialization: Initialization::GlorotNormal };
    let layers = [layer(hidden, Activation::Tanh), layer(outputs, Activation::Sigmoid)];

    for mut backend in backends() {
        for clip in [Clip::Value(0.01), Clip::GlobalNorm(0.05)] {
            let mut network = Network::new(inputs, &layers, uniform(5)).unwrap();
            let [mut w1, mut b1, mut w2, mut b2] = tensors_of(&mut network);

            let mut sgd = Optimizer::new(Rule::new(Method::Sgd, LearningRate::Constant(0.5)).unwrap());
            let options = TrainOptions { loss: SquaredErrorLoss { c: 0.5 }, clip: Some(clip) };
            let loss = network.train_step(&mut backend, &mut sgd, options, Batch { x, target: y }).unwrap();

            let mut parts = || -> Result<f64, Error> {
                let (mut z1, mut z2) = (vec![0.0; batch * hidden], vec![0.0; batch * outputs]);
                let (mut delta1, mut delta2) = (z1.clone(), z2.clone());
                let weights1 = MatRef::new(&w1, hidden, inputs)?;
                let weights2 = MatRef::new(&w2, outputs, hidden)?;
                let first = dense::Forward { x, w: weights1, bias: Some(&b1), activation: Activation::Tanh };
                dense::forward(&mut backend, first, MatMut::new(&mut z1, batch, hidden)?)?;
                let z1 = MatRef::new(&z1, batch, hidden)?;
                let second = dense::Forward { x: z1, w: weights2, bias: Some(&b2), activation: Activation::Sigmoid };
                dense::forward(&mut backend, second, MatMut::new(&mut z2, batch, outputs)?)?;
                let predicted = MatRef::new(&z2, batch, outputs)?;
                let squared = loss::SquaredError { predicted, target: y, c: 0.5, activation: Activation::Sigmoid };
                let loss = loss::squared_error(&backend, squared, MatMut::new(&mut delta2, batch, outputs)?)?;
                let delta2 = MatRef::new(&delta2, batch, outputs)?;
                let below = Some((Activation::Tanh, z1));
                let backward = dense::Backward { delta: delta2, w: weights2, below };
                dense::backward(&mut backend, backward, MatMut::new(&mut delta1, batch, hidden)?)?;
                let delta1 = MatRef::new(&delta1, batch, hidden)?;

                let (mut dw1, mut db1) = (vec![0.0; w1.len()], vec![0.0; hidden]);
                let (mut dw2, mut db2) = (vec![0.0; w2.len()], vec![0.0; outputs]);
                let gradient = dense::Gradient { delta: delta1, x, accumulate: false };
                dense::gradient(&mut backend, gradient, MatMut::new(&mut dw1, hidden, inputs)?, Some(&mut db1))?;
                let gradient = dense::Gradient { delta: delta2, x: z1, accumulate: false };
                dense::gradient(&mut backend, gradient, MatMut::new(&mut dw2, outputs, hidden)?, Some(&mut db2))?;
                let mut gradients = [&mut dw1[..], &mut db1, &mut dw2, &mut db2];
                match clip {
                    Clip::Value(limit) => clip::by_value(&backend, &mut gradients, limit)?,
                    Clip::GlobalNorm(limit) => {
                        let norm = clip::by_global_norm(&backend, &mut gradients, limit)?;
                        assert!(norm > f64::from(limit), "nothing was clipped");
                    }
                    other => panic!("{other:?} is not known here"),
                }
                let mut sgd = Optimizer::new(Rule::new(Method::Sgd, LearningRate::Constant(0.5))?);
                let mut parameters = Parameter::numbered([&mut w1, &mut b1, &mut w2, &mut b2]);
                sgd.begin(&backend, &mut parameters)?.finish(&[&dw1, &db1, &dw2, &db2])?;
                Ok(loss)
            };
            assert_eq!(parts(), Ok(loss));
            for (trained, parts) in tensors_of(&mut network).iter().zip([&w1, &b1, &w2, &b2]) {
                assert_eq!(bits(trained), bits(parts), "{clip:?}");
            }
        }
    }
}

fn tensors_of(network: &mut Network) -> [Vec<f32>; 4] {
    let tensors: Vec<_> = network.parameters_mut().flatten().map(|tensor| tensor.to_vec()).collect();
    tensors.try_into().expect("two layers")
}
