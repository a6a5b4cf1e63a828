//! Where the step is known beforehand: the first one of Adam, without gradients, without momentum, without δ.

use crate::{RATE, Run, adaptive, bits, len, methods, numbers};
use lanegrad::{Isa, Method, Momentum};
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
        for (first_decay, second_decay) in [(0.9, 0.999), (0.0, 0.5), (0.5, 0.0), (0.99, 0.9999)] {
            for epsilon in [0.0, 1e-8, 1.0, 1e4] {
                let method = Method::Adam { first_decay, second_decay, epsilon };
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

/// For every rule, with δ > 0 where there is one; subnormals and infinities stay too. (−0 may become +0 in `θ + v`.)
#[test]
fn a_gradient_of_zeros_on_fresh_state_changes_nothing() {
    for isa in Isa::available() {
        let len = len(isa);
        for epsilon in [1e-8, 1e-30, 1.0] {
            for method in methods(epsilon) {
                let mut start = numbers(len, 100.0, &mut StdRng::seed_from_u64(6));
                start.extend([0.0, 1e-45, -1e-40, f32::INFINITY, f32::MIN]);
                let mut run = Run::new(isa, method, RATE, &start);
                for t in 0..10 {
                    let theta = run.step(|_| vec![[0.0, -0.0][t % 2]; start.len()]);
                    assert_eq!(bits(theta), bits(&start), "{isa}, {method:?}, step {t}");
                }
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
