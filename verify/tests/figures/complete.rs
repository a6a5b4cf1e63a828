//! What the library has, the figures show: the variants are read from its sources, so that none can be forgotten.

use crate::{QUICK, compute};
use lanegrad::Isa;
use lanegrad_verify::training::name::ACTIVATIONS;
use lanegrad_verify::training::{Algorithm, LEARNING_RATES, MOMENTA};
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;

/// PyTorch's form of RMSprop differs from the lecture's in where δ stands: one curve would cover the other.
const SHOWN_BY_ANOTHER: [&str; 1] = ["RmsPropOutside"];

/// The variants of a public enum of the library.
fn variants(file: &str, name: &str) -> BTreeSet<String> {
    let source = fs::read_to_string(format!("{}/../src/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let (_, from) = source.split_once(&format!("pub enum {name} {{\n")).unwrap();
    let (body, _) = from.split_once("\n}\n").unwrap();
    let lines = body.lines().filter_map(|line| line.strip_prefix("    "));
    lines.filter(|line| line.starts_with(char::is_uppercase)).map(first_word).collect()
}

fn first_word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric()).collect()
}

fn names<T: Debug>(values: impl IntoIterator<Item = T>) -> BTreeSet<String> {
    values.into_iter().map(|value| first_word(&format!("{value:?}"))).collect()
}

#[test]
fn no_variant_is_missing_from_the_lists() {
    let mut methods = names(Algorithm::ALL.map(Algorithm::method));
    methods.extend(SHOWN_BY_ANOTHER.map(str::to_owned));
    assert_eq!(methods, variants("optimizer/method.rs", "Method"));
    assert_eq!(names(LEARNING_RATES.iter().map(|(_, rate)| rate)), variants("schedule.rs", "LearningRate"));
    assert_eq!(names(MOMENTA.iter().map(|(_, momentum)| momentum)), variants("schedule.rs", "Momentum"));
    assert_eq!(names(ACTIVATIONS.iter().map(|(_, activation)| activation)), variants("activation.rs", "Activation"));
}

#[test]
fn figures_show_all_of_the_lists() {
    let series = |figure: &str, plot: &str| {
        let figure = compute(figure, QUICK, Isa::detect());
        let plot = figure.plots.iter().find(|other| other.id == plot).unwrap();
        plot.series.iter().map(|series| series.label.clone()).collect::<Vec<_>>()
    };
    for plot in ["valley-paths", "valley-distance"] {
        let labels = series("valley", plot);
        assert_eq!(labels.len(), Algorithm::ALL.len());
        for (algorithm, label) in Algorithm::ALL.into_iter().zip(labels) {
            assert!(label.starts_with(algorithm.method().name()), "{plot}: {label}");
        }
    }
    assert_eq!(series("schedules", "schedules-learning-rate").len(), LEARNING_RATES.len());
    assert_eq!(series("schedules", "schedules-momentum").len(), MOMENTA.len());
    assert_eq!(series("depth", "depth-gradients-one").len(), ACTIVATIONS.len());
}
