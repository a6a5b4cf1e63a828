//! What may change no bit, or changes all alike: gradients times a power of two, other signs, another order, and with FMA another
//! instruction set.

use crate::{RATE, Run, adaptive, bits, len, methods, numbers};
use lanegrad::{Isa, LearningRate};
use lanegrad_verify::shapes::Edges;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// For the adaptive rules: r scales by 4ᵏ, its root by 2ᵏ, the rate by 2⁻ᵏ, all without rounding.
#[test]
fn without_epsilon_a_power_of_two_in_the_gradients_changes_no_bit() {
    for isa in Isa::available() {
        let len = len(isa);
        for method in adaptive(0.0) {
            let start = numbers(len, 2.0, &mut StdRng::seed_from_u64(2));
            let trace = |k: i32| {
                let mut rng = StdRng::seed_from_u64(3);
                let mut run = Run::new(isa, method, RATE, &start);
                let steps = (0..100).map(|_| {
                    let gradient = numbers(len, 4.0, &mut rng).into_iter().map(|g| g * 2_f32.powi(k)).collect();
                    bits(run.step(|_| gradient))
                });
                steps.collect::<Vec<_>>()
            };
            let plain = trace(0);
            assert_ne!(plain[0], plain[99]);
            for k in [-20, -3, 1, 8, 25] {
                assert!(trace(k) == plain, "{isa}, {method:?}, 2^{k}");
            }
        }
    }
}

/// For every rule: rounding is symmetric.
#[test]
fn negating_gradients_and_parameters_negates_bit_for_bit() {
    for isa in Isa::available() {
        let len = len(isa);
        for epsilon in [0.0, 1e-8, 1e-3] {
            for method in methods(epsilon) {
                let start = numbers(len, 2.0, &mut StdRng::seed_from_u64(4));
                let trace = |sign: f32| {
                    let mut rng = StdRng::seed_from_u64(5);
                    let start: Vec<f32> = start.iter().map(|theta| sign * theta).collect();
                    let mut run = Run::new(isa, method, RATE, &start);
                    let steps = (0..100).flat_map(|_| {
                        let noise = numbers(len, 6.0, &mut rng);
                        // It depends on θ or θ̃, so that both halves of a step take part.
                        let gradient = |at: &[f32]| at.iter().zip(noise).map(|(theta, g)| theta + sign * g).collect();
                        run.step(gradient).iter().map(|theta| sign * theta).collect::<Vec<_>>()
                    });
                    bits(&steps.collect::<Vec<_>>())
                };
                assert!(trace(1.0) == trace(-1.0), "{isa}, {method:?}");
            }
        }
    }
}

/// A gradient in plain f32 arithmetic, the same everywhere, of parameter i at step t.
fn pull(theta: f32, i: usize, t: u64) -> f32 {
    let noise = ((i as u64 * 7919 + t * 104_729) % 1000) as f32 * 0.001 - 0.5;
    (theta - (i % 5) as f32) * 0.1 + noise
}

/// For every rule: what becomes of a parameter depends on nothing but its own θ, g and states.
#[test]
fn permuting_the_parameters_permutes_the_bits() {
    for isa in Isa::available() {
        let len = len(isa);
        for method in methods(1e-7) {
            let start = numbers(len, 2.0, &mut StdRng::seed_from_u64(9));
            let trace = |order: &[usize]| {
                let start: Vec<f32> = order.iter().map(|&i| start[i]).collect();
                let mut run = Run::new(isa, method, RATE, &start);
                let mut steps = vec![0; len * 20];
                for (t, step) in steps.chunks_mut(len).enumerate() {
                    let gradient =
                        |at: &[f32]| at.iter().zip(order).map(|(&theta, &i)| pull(theta, i, t as u64)).collect();
                    let theta = run.step(gradient);
                    for (theta, &i) in theta.iter().zip(order) {
                        step[i] = theta.to_bits();
                    }
                }
                steps
            };
            let mut order: Vec<usize> = (0..len).collect();
            let expected = trace(&order);
            order.reverse();
            assert!(trace(&order) == expected, "{isa}, {method:?}, reversed");
            for by in 1..=16 {
                order.rotate_left(1);
                assert!(trace(&order) == expected, "{isa}, {method:?}, reversed and rotated by {by}");
            }
            let mut rng = StdRng::seed_from_u64(10);
            for _ in 0..10 {
                order.shuffle(&mut rng);
                assert!(trace(&order) == expected, "{isa}, {method:?}, {order:?}");
            }
        }
    }
}

/// For every rule, with every schedule, over many steps: a hash of all parameters of all steps.
#[test]
fn with_fma_every_instruction_set_has_the_same_bits_over_many_steps() {
    let rates = [
        RATE,
        LearningRate::InverseSquareRoot { initial: 0.1, gamma: 0.5 },
        LearningRate::Inverse { initial: 0.1, gamma: 0.01 },
    ];
    let mut hashes = BTreeSet::new();
    let mut compared = 0;
    for method in methods(1e-7) {
        for rate in rates {
            let start = numbers(79, 2.0, &mut StdRng::seed_from_u64(11));
            let hash = |isa: Isa| {
                let mut run = Run::new(isa, method, rate, &start);
                let mut hash = DefaultHasher::new();
                for t in 0..3000 {
                    let gradient = |at: &[f32]| at.iter().enumerate().map(|(i, &theta)| pull(theta, i, t)).collect();
                    bits(run.step(gradient)).hash(&mut hash);
                }
                assert!(run.theta.iter().all(|theta| theta.is_finite()));
                hash.finish()
            };
            let scalar = hash(Isa::from_name("scalar").unwrap());
            for isa in Isa::available().filter(|&isa| Edges::of(isa).fused) {
                assert_eq!(hash(isa), scalar, "{isa}, {method:?}, {rate:?}");
                compared += 1;
            }
            hashes.insert(scalar);
        }
    }
    assert!(compared >= 24 && hashes.len() == 24, "a rule or a schedule makes no difference");
}
