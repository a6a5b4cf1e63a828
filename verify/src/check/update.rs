//! Update rules, compared with their twins bit for bit; clipping.

use super::platform::Platform;
use crate::bound::gamma;
use crate::reference;
use crate::tally::Tally;
use crate::twin::Twin;
use lanegrad::{LearningRate, Method, Momentum, Optimizer, Parameter, Rule, WeightDecay, clip};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const STEPS: usize = 25;

/// The optimizer under test: one step for all these slices. `gradient` receives the index of a slice and the point at which its
/// gradient is taken.
pub type Step<'a> = dyn FnMut(&mut [Vec<f32>], &mut dyn FnMut(usize, &[f32]) -> Vec<f32>) + 'a;

/// Compares a rule with its twin, bit for bit, for slices of these lengths and over many steps. `fused` is whether `a·b + c` is rounded
/// once.
pub fn against_twin(rule: Rule, fused: bool, lengths: &[usize], step: &mut Step<'_>, tally: &mut Tally) {
    let mut twins: Vec<_> = lengths.iter().map(|&len| Twin::new(rule, fused, len)).collect();
    let mut twin = |theta: &mut [Vec<f32>], gradient: &mut dyn FnMut(usize, &[f32]) -> Vec<f32>| {
        for (slice, (twin, theta)) in twins.iter_mut().zip(theta).enumerate() {
            twin.step(theta, |at| gradient(slice, at));
        }
    };
    against(&format!("{rule:?}"), lengths, &mut twin, step, tally);
}

/// Compares two programs for the same rule, bit for bit.
///
/// The gradients have all magnitudes, including zero, and depend on the point at which they are taken: a rule that looks ahead gets
/// another gradient at θ.
pub fn against(rule: &str, lengths: &[usize], right: &mut Step<'_>, step: &mut Step<'_>, tally: &mut Tally) {
    let mut rng = StdRng::seed_from_u64(9);
    let mut random = |len: usize| -> Vec<f32> { (0..len).map(|_| 2.0 * rng.random::<f32>() - 1.0).collect() };
    let mut theta: Vec<Vec<f32>> = lengths.iter().map(|&len| random(len)).collect();
    let mut expected = theta.clone();
    for t in 1..=STEPS {
        let noise: Vec<Vec<f32>> = lengths.iter().map(|&len| random(len)).collect();
        let mut gradient = |slice: usize, at: &[f32]| -> Vec<f32> {
            let pairs = at.iter().zip(&noise[slice]).enumerate();
            pairs
                .map(|(i, (theta, noise))| match (i + t) % 8 {
                    0 => 0.0,
                    1 => 1e-20 * noise,
                    2 => 1e4 * noise,
                    _ => theta + noise,
                })
                .collect()
        };
        right(&mut expected, &mut gradient);
        step(&mut theta, &mut gradient);
        for (found, expected) in theta.iter().zip(&expected) {
            let len = expected.len();
            for (i, (&found, &expected)) in found.iter().zip(expected).enumerate() {
                tally.same(found, expected, || format!("step {t}, parameter {i} of {len}, {rule}"));
            }
        }
    }
}

/// Every length of slice, all as tensors of one optimizer, with every schedule and both kinds of weight decay.
pub(super) fn twin(platform: &Platform, method: Method, tally: &mut Tally) {
    let backend = platform.backend();
    let edges = platform.edges();
    let lengths: Vec<usize> = edges.lengths().collect();
    let rule = |rate| Rule::new(method, rate).expect("the hyper-parameters are in range");
    let decayed = |decay| rule(LearningRate::Constant(0.01)).with_weight_decay(decay).expect("it is in range");
    for rule in [
        rule(LearningRate::Constant(0.01)),
        rule(LearningRate::InverseSquareRoot { initial: 0.1, gamma: 0.5 }),
        rule(LearningRate::Inverse { initial: 0.1, gamma: 0.25 }),
        decayed(WeightDecay::Coupled(0.3)),
        decayed(WeightDecay::Decoupled(2.0)),
    ] {
        let mut optimizer = Optimizer::new(rule);
        let mut step = |theta: &mut [Vec<f32>], gradient: &mut dyn FnMut(usize, &[f32]) -> Vec<f32>| {
            let mut parameters: Vec<Parameter<'_>> =
                (0..).zip(theta).map(|(key, theta)| Parameter::new(key, theta)).collect();
            let step = optimizer.begin(&backend, &mut parameters).expect("the tensors are those of the first step");
            let gradients: Vec<Vec<f32>> =
                step.parameters().iter().enumerate().map(|(slice, at)| gradient(slice, at.values)).collect();
            let gradients: Vec<&[f32]> = gradients.iter().map(Vec::as_slice).collect();
            step.finish(&gradients).expect("the gradients fit");
        };
        against_twin(rule, edges.fused, &lengths, &mut step, tally);
    }
}

/// The rules of the lecture, with this momentum if they have one.
pub const fn methods(momentum: Momentum) -> [Method; 8] {
    [
        Method::Sgd,
        Method::Momentum { momentum },
        Method::Nesterov { momentum },
        Method::Adagrad { epsilon: 1e-7 },
        Method::RmsProp { decay: 0.9, epsilon: 1e-7 },
        Method::RmsPropOutside { decay: 0.9, epsilon: 1e-7 },
        Method::RmsPropNesterov { decay: 0.9, epsilon: 1e-7, momentum },
        Method::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
    ]
}

/// The rules with their names, and with momentum that rises.
pub(super) const METHODS: [(&str, Method); 8] = {
    let [sgd, momentum, nesterov, adagrad, rmsprop, rmsprop_outside, rmsprop_nesterov, adam] =
        methods(Momentum::Rising { from: 0.3, to: 0.95, steps: 10 });
    [
        ("sgd", sgd),
        ("momentum", momentum),
        ("nesterov", nesterov),
        ("adagrad", adagrad),
        ("rmsprop", rmsprop),
        ("rmsprop-outside", rmsprop_outside),
        ("rmsprop-nesterov", rmsprop_nesterov),
        ("adam", adam),
    ]
};

/// By value: exact. By norm: the squares and their sum are within γₙ, with n = 16 running sums of 256 and four halvings. The root
/// halves that; the factor and its product add one rounding each.
pub(super) fn clipping(platform: &Platform, tally: &mut Tally) {
    let backend = platform.backend();
    let mut rng = StdRng::seed_from_u64(10);
    let lengths: Vec<usize> = platform.edges().lengths().collect();
    for (turn, magnitude) in [1.0, 1e30, 1e-30, 1e-3].into_iter().enumerate() {
        let gradients: Vec<Vec<f32>> = lengths
            .iter()
            .map(|&len| (0..len).map(|_| magnitude * (2.0 * rng.random::<f32>() - 1.0)).collect())
            .collect();
        let exact: Vec<Vec<f64>> = gradients.iter().map(|g| g.iter().copied().map(f64::from).collect()).collect();

        let limit = magnitude * 0.4;
        let (mut found, mut expected) = (gradients.clone(), exact.clone());
        clip::by_value(&backend, &mut slices(&mut found), limit).expect("the limit is positive");
        reference::clip_by_value(&mut expected, limit.into());
        for (i, (found, expected)) in found.iter().flatten().zip(expected.iter().flatten()).enumerate() {
            tally.same(*found, *expected as f32, || format!("by value, magnitude {magnitude:e}, number {i}"));
        }

        let limit = magnitude * [3.0, 1e3][turn % 2];
        let (mut found, mut expected) = (gradients, exact);
        let norm = clip::by_global_norm(&backend, &mut slices(&mut found), limit).expect("the limit is positive");
        let expected_norm = reference::clip_by_global_norm(&mut expected, limit.into());
        let relative = gamma(256 + 4 + 3) / 2.0;
        tally.within(norm, expected_norm, relative * expected_norm, || format!("norm, magnitude {magnitude:e}"));
        for (i, (&found, &expected)) in found.iter().flatten().zip(expected.iter().flatten()).enumerate() {
            let bound = (relative + gamma(2)) * 1.01 * expected.abs();
            tally.within(found.into(), expected, bound, || format!("by norm, magnitude {magnitude:e}, number {i}"));
        }
    }
}

fn slices(tensors: &mut [Vec<f32>]) -> Vec<&mut [f32]> {
    tensors.iter_mut().map(Vec::as_mut_slice).collect()
}
