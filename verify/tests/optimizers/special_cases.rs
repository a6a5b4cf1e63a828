//! Where the step is known beforehand: the first one of Adam, without gradients, without momentum, without δ.

use crate::{RATE, Run, adaptive, bits, len, methods, numbers};
use lanegrad::{Isa, LearningRate, Method, Momentum};
use lanegrad_verify::bound::{U, gamma};
use lanegrad_verify::tally::Tally;
use rand::SeedableRng;
use rand::rngs::StdRng;

/// For θ = 0 and one step, within the roundings of the rule: 2 of s, half of the 3 of r and one each of √r, its correction,
/// their product, δ and the sum, of η/(1 − ρ₁), the quotient, and 2 of its product with s: γ₁₃.
#[test]
fn the_first_step_of_adam_is_learning_rate_times_gradient_over_gradient_plus_epsilon() {
    let mut tally = Tally::default();
    for isa in Isa::available() {
        for (beta1, beta2) in [(0.9, 0.999), (0.0, 0.5), (0.5, 0.0), (0.99, 0.9999)] {
            for epsilon in [0.0, 1e-8, 1.0, 1e4] {
                let method = Method::Adam { beta1, beta2, epsilon };
                let gradient = numbers(1000, 40.0, &mut StdRng::seed_from_u64(1));
                let mut run = Run::new(isa, method, RATE, &[0.0; 1000]);
                let theta = run.step(|_| gradient.clone());
                for (&theta, g) in theta.iter().zip(gradient) {
                    let g = f64::from(g);
                    let expected = -RATE.at(1) * g / (g.abs() + epsilon);
                    let bound = gamma(13) * expected.abs();
                    tally.within(theta.into(), expected, bound, || format!("{isa}, {method:?}, g = {g:e}"));
                }
            }
        }
    }
    println!("first step of Adam: {:.3} of its bound", tally.largest_ratio());
    assert!(tally.passed(), "{tally:?}");
}

/// From the smallest to the largest that are accepted: no quotient, and no product of scalars, may overflow where g is 0.
const EPSILONS: [f64; 6] = [1e-45, 1e-44, 1e-37, 1e-30, 1e-8, 1.0];
const RATES: [f64; 5] = [1e-38, 0.01, 10.0, 1e38, 3.4e38];

/// For every rule, with δ > 0 where there is one; subnormals and infinities stay too. (−0 may become +0 in `θ + v`.)
#[test]
fn a_gradient_of_zeros_on_fresh_state_changes_nothing() {
    for isa in Isa::available() {
        let len = len(isa);
        for (epsilon, rate) in EPSILONS.into_iter().flat_map(|epsilon| RATES.map(|rate| (epsilon, rate))) {
            for method in methods(epsilon) {
                let mut start = numbers(len, 100.0, &mut StdRng::seed_from_u64(6));
                start.extend([0.0, 1e-45, -1e-40, f32::INFINITY, f32::MIN]);
                let mut run = Run::new(isa, method, LearningRate::Constant(rate), &start);
                for t in 0..10 {
                    let theta = run.step(|_| vec![[0.0, -0.0][t % 2]; start.len()]);
                    assert_eq!(bits(theta), bits(&start), "{isa}, {method:?}, η = {rate:e}, step {t}");
                }
            }
        }
    }
}

/// For SGD, Adagrad and RMSprop, which keep no average of g: whatever the gradients before it were, those whose squares overflow
/// or underflow among them.
#[test]
fn a_gradient_of_zeros_on_any_state_changes_nothing() {
    for isa in Isa::available() {
        for (epsilon, rate) in EPSILONS.into_iter().flat_map(|epsilon| RATES.map(|rate| (epsilon, rate))) {
            let rms_prop = |decay| Method::RmsProp { decay, epsilon };
            for method in [Method::Sgd, Method::Adagrad { epsilon }, rms_prop(0.0), rms_prop(0.9), rms_prop(0.999_999)]
            {
                let gradient = [1.0, -1e-15, 1e-25, -1e-45, 1e18, -2e19, 1e30, f32::MAX, 0.0];
                let mut run = Run::new(isa, method, LearningRate::Constant(rate), &[0.5; 9]);
                run.step(|_| gradient.to_vec());
                run.theta.fill(0.5);
                for t in 0..10 {
                    let theta = run.step(|_| vec![[0.0, -0.0][t % 2]; 9]);
                    assert_eq!(theta, [0.5; 9], "{isa}, {method:?}, η = {rate:e}, step {t}");
                }
            }
        }
    }
}

/// r is infinite then, and stays so: it neither becomes NaN nor lets a later step move the parameter too far.
#[test]
fn a_gradient_whose_square_overflows_freezes_its_parameter() {
    for isa in Isa::available() {
        for method in adaptive(1e-8) {
            let mut run = Run::new(isa, method, RATE, &[0.5; 9]);
            for gradient in [1e25, 1e-3, 0.0, -1.0, 1e10] {
                assert_eq!(run.step(|_| vec![gradient; 9]), [0.5; 9], "{isa}, {method:?}");
            }
        }
    }
}

/// Momentum rounds ηg, and then `θ + v`; SGD rounds `θ − ηg` once (or the same twice). Each is off by u times its result at
/// most. The Nesterov rules round as their plain rules do: to the last bit.
#[test]
fn without_momentum_a_rule_is_its_plain_rule_up_to_one_rounding() {
    const NONE: Momentum = Momentum::Constant(0.0);
    let mut tally = Tally::default();
    for isa in Isa::available() {
        let len = len(isa);
        let start = numbers(len, 2.0, &mut StdRng::seed_from_u64(7));
        let mut rng = StdRng::seed_from_u64(8);
        let mut momentum = Run::new(isa, Method::Momentum { momentum: NONE }, RATE, &start);
        for t in 0..100 {
            let gradient = numbers(len, 10.0, &mut rng);
            let mut sgd = Run::new(isa, Method::Sgd, RATE, &momentum.theta);
            let expected = sgd.step(|_| gradient.clone());
            let found = momentum.step(|_| gradient.clone());
            for (i, g) in gradient.into_iter().enumerate() {
                let (expected, found) = (f64::from(expected[i]), f64::from(found[i]));
                let v = f64::from(RATE.at(1) as f32 * g);
                let bound = U * (v.abs() + expected.abs() + found.abs());
                tally.within(found, expected, bound, || format!("{isa}, step {t}, parameter {i}"));
            }
        }

        let (decay, epsilon) = (0.9, 1e-6);
        for (looking_ahead, plain) in [
            (Method::Nesterov { momentum: NONE }, Method::Sgd),
            (Method::RmsPropNesterov { decay, epsilon, momentum: NONE }, Method::RmsProp { decay, epsilon }),
        ] {
            let [mut found, mut expected] = [looking_ahead, plain].map(|method| Run::new(isa, method, RATE, &start));
            for t in 0..100 {
                let gradient = numbers(len, 10.0, &mut rng);
                let (found, expected) = (found.step(|_| gradient.clone()), expected.step(|_| gradient.clone()));
                assert_eq!(bits(found), bits(expected), "{isa}, {looking_ahead:?}, step {t}");
            }
        }
    }
    println!("momentum 0 against SGD: {:.3} of its bound", tally.largest_ratio());
    assert!(tally.passed(), "{tally:?}");
}

/// For the adaptive rules, as their documentation says; no other parameter is touched by it.
#[test]
fn without_epsilon_nothing_but_zeros_gives_nan() {
    for isa in Isa::available() {
        let len = len(isa);
        for method in adaptive(0.0) {
            let silent = |i: usize| i % 7 == 3 || i == len - 1;
            let gradient: Vec<f32> = (0..len).map(|i| if silent(i) { 0.0 } else { 1.0 }).collect();
            let mut run = Run::new(isa, method, RATE, &vec![1.0; len]);
            for _ in 0..3 {
                let theta = run.step(|_| gradient.clone());
                for (i, theta) in theta.iter().enumerate() {
                    assert!(if silent(i) { theta.is_nan() } else { *theta < 1.0 }, "{isa}, {method:?}, parameter {i}");
                }
            }
        }
    }
}
