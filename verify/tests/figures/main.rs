//! The lecture's figures: what they are to show, as facts of what was computed, on every instruction set.

mod complete;
mod form;

use lanegrad::{Backend, Isa};
use lanegrad_verify::report::figure::Figure;
use lanegrad_verify::report::figures::{ALL, Settings};
use lanegrad_verify::training::name::ACTIVATIONS;
use std::collections::BTreeMap;

const QUICK: Settings = Settings { seed: 1, quick: true, condition: 100.0 };
const FULL: Settings = Settings { quick: false, ..QUICK };

fn compute(id: &str, settings: Settings, isa: Isa) -> Figure {
    let (_, compute) = ALL.iter().find(|(name, _)| *name == id).unwrap();
    compute(&settings, &mut Backend::with_isa(isa)).unwrap()
}

/// The facts of a figure as another program finds them: in its JSON.
fn facts(figure: &Figure) -> BTreeMap<String, f64> {
    let json = serde_json::to_value(figure).unwrap();
    serde_json::from_value(json["facts"].clone()).unwrap()
}

/// A unit whose clipped path returns from the very place where the other one is thrown off.
#[test]
fn a_cliff_throws_descent_off_unless_it_clips() {
    for isa in Isa::available() {
        let facts = facts(&compute("cliff", QUICK, isa));
        let at = |name: &str| facts[name];
        let (longest, thrown) = (at("unclipped.longest_step_before_cliff"), at("unclipped.cliff_step"));
        assert!(thrown >= 100.0 * longest, "{isa}: {thrown} after {longest}");
        let (before, last) = (at("clipped.loss_before_cliff"), at("clipped.last_loss"));
        assert!(last < before, "{isa}: {last}, before the cliff {before}");
        assert!(at("unclipped.last_loss") > at("unclipped.loss_before_cliff"), "{isa}");
        // Both are on the same place of the cliff, by the same way.
        for what in ["steps_before_cliff", "loss_before_cliff", "cliff_gradient_norm"] {
            assert_eq!(at(&format!("clipped.{what}")), at(&format!("unclipped.{what}")), "{isa}: {what}");
        }
        let limited = at("limit") * at("learning_rate");
        assert!((at("clipped.cliff_step") / limited - 1.0).abs() < 1e-4, "{isa}: {}", at("clipped.cliff_step"));
    }
}

#[test]
fn momentum_needs_at_most_a_fifth_of_the_steps() {
    for (isa, settings) in Isa::available().map(|isa| (isa, QUICK)).chain([(Isa::detect(), FULL)]) {
        let facts = facts(&compute("valley", settings, isa));
        let (momentum, descent) = (facts["momentum.steps"], facts["sgd.steps"]);
        assert!(5.0 * momentum <= descent, "{isa}: {momentum} and {descent}");
        for (name, _) in facts.iter().filter(|(name, _)| name.ends_with(".steps")) {
            let distance = facts[&name.replace(".steps", ".distance")];
            assert!(distance <= facts["target"], "{isa}: {name} ends at {distance}");
        }
    }
}

/// Whatever the valley, nothing is drawn that is not a number.
#[test]
fn the_condition_number_is_free_within_reason() {
    assert_eq!(Settings { condition: 10_000.0, ..QUICK }.check(), Ok(()));
    for condition in [1.0, 1.5, 1000.0] {
        let figure = compute("valley", Settings { condition, ..QUICK }, Isa::detect());
        assert_eq!(figure.facts["condition"], condition);
        assert!(
            figure.facts.contains_key("sgd.steps") && figure.facts.contains_key("momentum.steps"),
            "κ = {condition}"
        );
        assert!(figure.facts["momentum.steps"] <= figure.facts["sgd.steps"], "κ = {condition}");
    }
    for (condition, found) in [(f64::NAN, "NaN"), (0.99, "0.99"), (-3.0, "-3"), (1e5, "100000"), (f64::INFINITY, "inf")]
    {
        for (id, compute) in ALL.iter().filter(|(id, _)| *id == "valley") {
            let error = compute(&Settings { condition, ..QUICK }, &mut Backend::new().unwrap()).unwrap_err();
            let message = format!("the condition number is {found}, expected a number from 1 to 10000");
            assert_eq!(error.to_string(), message, "{id}");
        }
        assert!(Settings { condition, ..QUICK }.check().is_err());
    }
}

/// With weights of variance 1/in the sigmoid's gradients vanish, tanh's do not; whatever the seed.
#[test]
fn sigmoid_gradients_vanish() {
    let seeds = (2..=3).map(|seed| (Isa::detect(), Settings { seed, ..QUICK }));
    let runs = Isa::available().map(|isa| (isa, QUICK)).chain(seeds);
    for (isa, settings) in runs.chain([(Isa::detect(), FULL)]) {
        let facts = facts(&compute("depth", settings, isa));
        let (sigmoid, tanh) = (facts["sigmoid.one.orders_lost"], facts["tanh.one.orders_lost"]);
        assert!(sigmoid >= 20.0 && tanh.abs() <= 3.0, "{isa}, {settings:?}: {sigmoid} and {tanh}");
        // A factor of √2 in the weights, over 50 layers.
        let [half, one, two] = ["half", "one", "two"].map(|scale| facts[&format!("identity.{scale}.jacobian")]);
        for ratio in [one / half, two / one] {
            assert!((ratio / 2_f64.powi(25) - 1.0).abs() < 1e-4, "{isa}: {half}, {one}, {two}");
        }
    }
}

/// At every layer, the norm of the product is at most the product of the norms; at all but the last, where both are 1, it is far less.
#[test]
fn jacobians_are_bounded_by_their_layers() {
    for isa in Isa::available() {
        let figure = compute("depth", QUICK, isa);
        let plots = figure.plots.iter().filter(|plot| plot.id.contains("jacobian"));
        let mut compared = 0;
        for plot in plots {
            for norms in plot.series.iter().filter(|series| !series.label.ends_with("bound")) {
                let label = format!("{}, bound", norms.label);
                let bounds = plot.series.iter().find(|series| series.label == label).unwrap();
                for (norm, bound) in norms.points.iter().zip(&bounds.points) {
                    assert_eq!(norm[0], bound[0], "{}, {label}", plot.id);
                    // The Jacobian has been rounded to f32.
                    assert!(norm[1] <= bound[1] * (1.0 + 1e-6), "{isa}, {}, {label}: {norm:?}, {bound:?}", plot.id);
                    compared += 1;
                }
            }
        }
        assert_eq!(compared, 3 * ACTIVATIONS.len() * 11, "three scales, each fifth layer and the inputs");
    }
}

/// `η₀/√(γt)` falls by √1000 in 1000 steps, `η₀/(γt)` by 1000.
#[test]
fn schedules_are_the_formulas() {
    let facts = facts(&compute("schedules", QUICK, Isa::detect()));
    for (name, fall) in [("constant", 1.0), ("inverse-sqrt", 1000_f64.sqrt()), ("inverse", 1000.0)] {
        let [first, last] = ["first", "last"].map(|end| facts[&format!("learning_rate.{name}.{end}")]);
        assert!((first / last / fall - 1.0).abs() < 1e-12, "{name}: {first} to {last}");
    }
    assert_eq!((facts["momentum.rising.first"], facts["momentum.rising.last"]), (0.5, 0.9));
}
