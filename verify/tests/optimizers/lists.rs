//! Lists of tensors: any of them at a step, in any order; steps that are left without an end; counts at their largest.

use crate::{Run, bits, methods, numbers};
use lanegrad::{
    Activation, Backend, Batch, Initialization, Isa, LayerOptions, LearningRate, MatRef, Method, Network, Optimizer,
    Parameter, Rule, SquaredErrorLoss, State, TrainOptions, WeightDecay,
};
use lanegrad_verify::random::uniform;
use lanegrad_verify::shapes::Edges;
use lanegrad_verify::tally::Tally;
use lanegrad_verify::twin::Twin;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

/// Each tensor has the bits of its twin, whose step sizes and momentum follow the run and whose bias corrections follow its own count,
/// although some tensors are left out of a step, some come late, and none keeps its place in the list.
#[test]
fn a_state_follows_its_key_and_its_own_count() {
    const LENS: [usize; 5] = [9, 9, 1, 17, 9];
    let rate = LearningRate::InverseSquareRoot { initial: 0.1, gamma: 0.5 };
    let mut tally = Tally::default();
    for isa in Isa::available() {
        let backend = Backend::with_isa(isa);
        for method in methods(1e-6) {
            let mut rng = StdRng::seed_from_u64(31);
            let shared = Rule::new(method, rate).unwrap().with_weight_decay(WeightDecay::Decoupled(0.1)).unwrap();
            let rule = |key: usize| match key {
                0 => shared.without_weight_decay(),
                1 => shared.with_learning_rate_factor(0.25).unwrap(),
                _ => shared,
            };
            let mut optimizer = Optimizer::new(shared);
            let mut theta: Vec<Vec<f32>> = LENS.iter().map(|&len| numbers(len, 2.0, &mut rng)).collect();
            let mut expected = theta.clone();
            let mut twins: Vec<Twin> =
                (0..LENS.len()).map(|key| Twin::new(rule(key), Edges::of(isa).fused, LENS[key])).collect();
            for step in 1..=60 {
                let mut keys: Vec<usize> =
                    (0..LENS.len()).filter(|&key| step > 10 * key as u64 && rng.random()).collect();
                keys.shuffle(&mut rng);
                let noise: Vec<Vec<f32>> = LENS.iter().map(|&len| numbers(len, 3.0, &mut rng)).collect();
                let gradient = |key: usize, at: &[f32]| -> Vec<f32> {
                    at.iter().zip(&noise[key]).map(|(theta, noise)| theta + noise).collect()
                };
                let mut tensors: Vec<Option<&mut Vec<f32>>> = theta.iter_mut().map(Some).collect();
                let mut parameters: Vec<Parameter<'_>> = keys
                    .iter()
                    .map(|&key| {
                        let parameter = Parameter::new(key as u64 + 100, tensors[key].take().unwrap());
                        match key {
                            0 => parameter.without_weight_decay(),
                            1 => parameter.with_learning_rate_factor(0.25),
                            _ => parameter,
                        }
                    })
                    .collect();
                let begun = optimizer.begin(&backend, &mut parameters).unwrap();
                let gradients: Vec<_> =
                    keys.iter().zip(begun.parameters()).map(|(&key, at)| gradient(key, at.values)).collect();
                begun.finish(&gradients.iter().map(Vec::as_slice).collect::<Vec<_>>()).unwrap();
                for &key in &keys {
                    twins[key].step_of_run(step, &mut expected[key], |at| gradient(key, at));
                }
                for (i, (&found, &expected)) in theta.iter().flatten().zip(expected.iter().flatten()).enumerate() {
                    tally.same(found, expected, || format!("{isa}, {method:?}, step {step}, parameter {i}"));
                }
            }
        }
    }
    assert!(tally.passed(), "{tally:?}");
}

/// `mem::forget` leaves the parameters at θ̃; whatever comes next, in a list or in a network, begins at θ.
#[test]
fn a_step_that_was_forgotten_is_undone_by_the_next() {
    let backend = Backend::new().unwrap();
    for method in methods(1e-6).into_iter().filter(|method| method.looks_ahead()) {
        let run = || {
            let mut run = Run::new(backend.isa(), method, LearningRate::Constant(0.1), &[0.3, -0.7, 1.0]);
            run.step(|at| at.to_vec());
            run
        };
        let [mut forgetful, mut other] = [run(), run()];
        let mut parameters = Parameter::numbered([&mut forgetful.theta]);
        core::mem::forget(forgetful.optimizer.begin(&backend, &mut parameters).unwrap());
        assert_ne!(bits(&forgetful.theta), bits(&other.theta));
        assert_eq!(bits(forgetful.step(|at| at.to_vec())), bits(other.step(|at| at.to_vec())), "{method:?}");

        let trained = |forget: bool| {
            let layer =
                LayerOptions { units: 3, activation: Activation::Tanh, initialization: Initialization::GlorotUniform };
            let mut backend = Backend::new().unwrap();
            let mut network = Network::new(4, &[layer; 2], uniform(1)).unwrap();
            let mut optimizer = Optimizer::new(Rule::new(method, LearningRate::Constant(0.1)).unwrap());
            let options = TrainOptions { loss: SquaredErrorLoss { c: 0.5 }, clip: None };
            let batch =
                Batch { x: MatRef::new(&[0.5; 8], 2, 4).unwrap(), target: MatRef::new(&[0.25; 6], 2, 3).unwrap() };
            network.train_step(&mut backend, &mut optimizer, options, batch).unwrap();
            if forget {
                let tensors: Vec<&mut [f32]> = network.parameters_mut().flatten().collect();
                let mut parameters: Vec<_> =
                    (0..).zip(tensors).map(|(key, tensor)| Parameter::new(key, tensor)).collect();
                core::mem::forget(optimizer.begin(&backend, &mut parameters).unwrap());
            }
            network.train_step(&mut backend, &mut optimizer, options, batch).unwrap();
            network.parameters_mut().flatten().flat_map(|tensor| bits(tensor)).collect::<Vec<_>>()
        };
        assert_eq!(trained(true), trained(false), "{method:?}");
    }
}

/// A checkpoint may hold any count: the next step neither panics nor starts again from 0.
#[test]
fn counts_stand_still_at_their_largest() {
    let backend = Backend::new().unwrap();
    for method in methods(1e-6).into_iter().filter(|method| !method.looks_ahead()) {
        let rule = Rule::new(method, LearningRate::Inverse { initial: 0.1, gamma: 1.0 }).unwrap();
        let fresh = State::new(method, 3).unwrap();
        let slots: Vec<&[f32]> = fresh.slots().map(|(_, slot)| slot).collect();
        let state = State::restore(method, u64::MAX, 3, &slots).unwrap();
        let mut optimizer = Optimizer::restore(rule, u64::MAX, [(0, state)]).unwrap();
        let mut theta = [1.0; 3];
        for _ in 0..2 {
            optimizer.step(&backend, &mut Parameter::numbered([&mut theta]), &[&[0.5; 3]]).unwrap();
        }
        assert_eq!((optimizer.steps(), optimizer.state(0).map(State::updates)), (u64::MAX, Some(u64::MAX)));
        assert!(theta.iter().all(|theta| theta.is_finite()), "{method:?}: {theta:?}");
    }
}

/// The rate of a tensor is judged with the decay that it has, not with that of the others.
#[test]
fn a_tensor_with_its_own_rate_and_decay_is_judged_by_both() {
    let rule = Rule::new(Method::Sgd, LearningRate::Constant(1e19)).unwrap();
    let mut optimizer = Optimizer::new(rule.with_weight_decay(WeightDecay::Decoupled(1e19)).unwrap());
    let mut theta = [1e-30; 3];
    let parameter = Parameter::new(0, &mut theta).with_learning_rate_factor(100.0).without_weight_decay();
    optimizer.step(&Backend::new().unwrap(), &mut [parameter], &[&[0.0; 3]]).unwrap();
    assert_eq!(theta, [1e-30; 3]);
}
