//! Every optimizer learns to read digits, on every instruction set, and the same way every time.

use lanegrad::{Activation, Backend, Initialization, Isa, LearningRate};
use lanegrad_verify::data::DataSet;
use lanegrad_verify::report::figure::Cell;
use lanegrad_verify::report::figures::{Settings, training::SETTINGS};
use lanegrad_verify::training::Loss;
use lanegrad_verify::training::{Algorithm, Experiment, Outcome, Run, Unfit};

/// A net small enough to be trained in a blink.
fn small(algorithm: Algorithm) -> Experiment {
    Experiment { layers: vec![784, 16, 10], epochs: 2, batch: 50, ..Experiment::new(algorithm) }
}

fn run(isa: Isa, data: &DataSet, experiment: &Experiment) -> Outcome {
    experiment.run(&mut Backend::with_isa(isa), data, &mut |_| {}).unwrap()
}

fn test_accuracy(outcome: &Outcome) -> f64 {
    outcome.last().unwrap().test_accuracy
}

#[test]
fn every_optimizer_learns() {
    let data = DataSet::embedded();
    for algorithm in Algorithm::ALL {
        let accuracy = test_accuracy(&run(Isa::detect(), &data, &small(algorithm)));
        assert!(accuracy > 0.75, "{algorithm:?} reaches {accuracy}");
    }
}

#[test]
fn sigmoid_and_squared_error_learn() {
    let data = DataSet::embedded();
    let (hidden, output, loss) = (Activation::Sigmoid, Activation::Sigmoid, Loss::SquaredError { c: 0.5 });
    let learning_rate = LearningRate::Constant(0.01);
    let experiment = Experiment { hidden, output, loss, learning_rate, epochs: 10, ..small(Algorithm::Adam) };
    let accuracy = test_accuracy(&run(Isa::detect(), &data, &experiment));
    assert!(accuracy > 0.75, "{accuracy}");
}

/// So that without a command nothing is trained twice, and a new optimizer is in the report.
#[test]
fn the_first_figure_trains_every_optimizer_with_the_defaults() {
    let settings = Settings { seed: 1, quick: false, condition: 100.0 };
    let defaults = Algorithm::ALL.map(|algorithm| (algorithm, Experiment::new(algorithm)));
    assert_eq!(SETTINGS[0].experiments(&settings, &DataSet::embedded()), defaults);
}

#[test]
fn a_figure_of_training_tells_divergence_from_success() {
    let data = DataSet::embedded();
    let quick = Settings { seed: 1, quick: true, condition: 100.0 };
    let mut experiments = SETTINGS[0].experiments(&quick, &data);
    experiments.truncate(3);
    experiments[1].1.learning_rate = LearningRate::Constant(1e38);
    let run = |(algorithm, experiment): (Algorithm, Experiment)| {
        let outcome = run(Isa::detect(), &data, &experiment);
        Run { algorithm, experiment, outcome }
    };
    let runs: Vec<Run> = experiments.into_iter().map(run).collect();
    let figure = SETTINGS[0].figure(&runs, &data, "embedded");
    let labels: Vec<_> = figure.plots[0].series.iter().map(|series| series.label.as_str()).collect();
    assert_eq!(labels, ["SGD", "momentum (diverged)", "Nesterov"]);
    assert_eq!(figure.facts["nesterov.test_accuracy"], test_accuracy(&runs[2].outcome));
    assert!(!figure.facts.contains_key("momentum.test_accuracy"), "{:?}", figure.facts);
    assert!(matches!(&figure.tables[0].rows[1][2], Cell::Text(text) if text.starts_with("diverged after ")));
    assert!(
        figure.text[1].contains("highest with Nesterov") && figure.text[1].contains("lowest with SGD"),
        "{}",
        figure.text[1]
    );
}

#[test]
fn instruction_sets_agree() {
    let data = DataSet::embedded();
    let experiment = Experiment { epochs: 1, ..small(Algorithm::Nesterov) };
    let expected = test_accuracy(&run(Isa::detect(), &data, &experiment));
    for isa in Isa::available() {
        let first = run(isa, &data, &experiment);
        // Rounding differs from one to the other, and training spreads it.
        assert!((test_accuracy(&first) - expected).abs() < 0.03, "{isa}: {}, not {expected}", test_accuracy(&first));
        let second = run(isa, &data, &experiment);
        assert_eq!((first.epochs, first.curve), (second.epochs, second.curve), "{isa}");
    }
}

#[test]
fn the_curve_counts_examples() {
    let outcome = run(Isa::detect(), &DataSet::embedded(), &Experiment { batch: 128, ..small(Algorithm::Sgd) });
    let examples: Vec<_> = outcome.curve.iter().map(|point| point.examples).collect();
    // 40 mini-batches of 125.
    assert_eq!(examples, (0..=10).map(|point| 1000 * point).collect::<Vec<_>>());
    assert_eq!(outcome.examples, 10_000);
}

/// The loss is that before the step, so that the last step of a run shows in no loss.
#[test]
fn a_run_whose_last_step_goes_too_far_has_diverged() {
    let data = DataSet::embedded();
    let (hidden, learning_rate) = (Activation::Identity, LearningRate::Constant(1e38));
    for algorithm in Algorithm::ALL {
        for isa in Isa::available() {
            let one_step = Experiment { hidden, learning_rate, epochs: 1, batch: 5000, ..small(algorithm) };
            let outcome = run(isa, &data, &one_step);
            let what = format!("{algorithm:?} on {isa}: {outcome:?}");
            assert!(outcome.diverged && outcome.last().is_none() && outcome.epochs.is_empty(), "{what}");
            assert_eq!((outcome.examples, outcome.curve.len()), (5000, 1), "{what}");
        }
    }
}

#[test]
fn a_network_that_overflows_before_the_first_step_has_diverged() {
    let mut layers = vec![784];
    layers.extend([10; 400]);
    // Twice the variance that keeps the outputs at their size.
    let initialization = Some(Initialization::HeNormal);
    let overflowing = Experiment { hidden: Activation::Identity, initialization, layers, ..small(Algorithm::Sgd) };
    let outcome = run(Isa::detect(), &DataSet::embedded(), &overflowing);
    assert!(outcome.diverged && outcome.curve.is_empty() && outcome.epochs.is_empty(), "{outcome:?}");
    assert_eq!(outcome.examples, 0);
}

#[test]
fn options_that_do_not_make_a_run() {
    let data = DataSet::embedded();
    let small = || small(Algorithm::Adam);
    let unfit = |experiment: Experiment| experiment.try_out(&mut Backend::new().unwrap(), &data).unwrap_err();
    assert_eq!(unfit(Experiment { epochs: 0, ..small() }), Unfit::NoEpochs);
    assert_eq!(unfit(Experiment { batch: 0, ..small() }), Unfit::EmptyBatch);
    for layers in [vec![], vec![784], vec![10], vec![28, 10], vec![784, 9]] {
        let found = layers.clone();
        assert_eq!(unfit(Experiment { layers, ..small() }), Unfit::Layers { expected: (784, 10), found });
    }
    let layers = vec![784, usize::MAX, usize::MAX, 10];
    assert!(matches!(unfit(Experiment { layers, ..small() }), Unfit::TooLarge { .. }));
    assert!(matches!(unfit(Experiment { output: Activation::Relu, ..small() }), Unfit::Option(_)));
}
