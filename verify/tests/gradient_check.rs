//! The reference's backward is the derivative of its forward, and a wrong one is noticed.

use lanegrad_verify::check;
use lanegrad_verify::gradient_check::{self, Derivatives, Objective};
use lanegrad_verify::reference::{Activation, Layer, Loss, Matrix, Network, Target};
use lanegrad_verify::training::name::ACTIVATIONS;
use rand::SeedableRng;
use rand::rngs::StdRng;

#[test]
fn the_reference_agrees_with_duals_and_differences() {
    for seed in 1..=5 {
        let agreement = gradient_check::run(seed).unwrap_or_else(|wrong| panic!("seed {seed}: {wrong}"));
        assert!(agreement.duals > 8_000 && agreement.differences > 8_000, "{agreement:?}");
    }
}

/// What [`gradient_check::run`] goes through is every activation function of the library.
#[test]
fn every_activation_is_in_the_reference() {
    let known: Vec<_> = ACTIVATIONS.iter().map(|(_, activation)| check::dense::reference(*activation)).collect();
    assert_eq!(known, Activation::ALL);
}

/// A claim with one mistake must be refused by both oracles.
#[test]
fn wrong_derivatives_are_noticed() {
    let mut rng = StdRng::seed_from_u64(11);
    let (network, x) = gradient_check::away_from_kinks(&[4, 5, 3], Activation::Tanh, Activation::Sigmoid, 2, &mut rng);
    let target = Target::Values(Matrix::from_fn(2, 3, |i, k| f64::from(u8::from(i == k))));
    let loss = Loss::SquaredError { c: 0.5 };
    let objective = Objective::Loss(loss, &target);
    let right = objective.derivatives(&network, &x);
    gradient_check::compare(&network, &x, objective, &right).expect("nothing is wrong yet");

    let noticed = |what: &str, claimed: &Derivatives| {
        assert_ne!(claimed, &right, "{what}: the mistake changed nothing");
        let wrong = gradient_check::compare(&network, &x, objective, claimed);
        assert!(wrong.is_err(), "{what} was not noticed");
        let wrong =
            gradient_check::compare_directions(&network, &x, objective, claimed, 7, &mut StdRng::seed_from_u64(3));
        assert!(wrong.is_err(), "{what} was not noticed along a direction");
    };
    for index in 0..right.len() {
        let mut claimed = right.clone();
        claimed[index] = claimed[index] * (1.0 + 1e-8) + 1e-9;
        noticed("one derivative", &claimed);
    }
    let all = |f: fn(f64) -> f64| right.iter().copied().map(f).collect::<Derivatives>();
    noticed("the lecture's sign", &all(|g| -g));
    noticed("a sum instead of a mean", &all(|g| 2.0 * g));
    noticed("h' left out", &without_derivative(&network, &x, loss, &target));
}

fn without_derivative(network: &Network, x: &Matrix, loss: Loss, target: &Target) -> Derivatives {
    let outputs = network.forward(x);
    let delta = loss.delta(&outputs[1], network.layers[1].activation, target);
    let (gradients, dx) = network.propagate(x, &outputs, delta, loss.factor(2), |_, _| 1.0);
    gradients.iter().flat_map(|g| g.numbers()).chain(dx.numbers().iter().copied()).collect()
}

/// ReLU'(0) = 0, exactly; no difference quotient could tell.
#[test]
fn the_derivative_at_the_kink_is_zero() {
    assert_eq!(Activation::Relu.derivative(Activation::Relu.value(0.0)), 0.0);
    assert_eq!(Activation::Relu.derivative(Activation::Relu.value(-0.0)), 0.0);
    assert_eq!(Activation::Relu.derivative(Activation::Relu.value(f64::MIN_POSITIVE)), 1.0);
}

/// Across a bend of h or of h' a difference quotient means nothing: it is left out, and what is right is not refused.
#[test]
fn nothing_is_differenced_across_a_bend() {
    for activation in Activation::ALL {
        let one = Matrix::from_fn(1, 1, |_, _| 1.0);
        let network = Network { layers: vec![Layer { w: one, b: vec![0.0], activation }] };
        let x = Matrix::from_fn(1, 1, |_, _| 1e-4);
        let objective = Objective::Output { row: 0, unit: 0 };
        let right = objective.derivatives(&network, &x);
        let agreement = gradient_check::compare(&network, &x, objective, &right).expect("it is right");
        // The weight moves the net input by a part of itself, and not across 0; bias and input do.
        let compared = if activation.bends() { 1 } else { 3 };
        assert_eq!(agreement.differences, compared, "{activation:?}");
    }
}
