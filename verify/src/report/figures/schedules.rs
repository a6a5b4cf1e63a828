//! Step sizes and momentum over time.

use super::Settings;
use super::significant::significant;
use crate::report::figure::{Axis, Cell, Figure, Plot, Series, Table};
use crate::training::{LEARNING_RATES, MOMENTA};
use lanegrad::{Backend, Error, LearningRate, Momentum};
use std::collections::BTreeMap;

/// Steps shown.
const STEPS: u64 = 1000;

/// A schedule: what it is called in facts and in the legend, and its value at each step.
struct Schedule {
    name: &'static str,
    label: String,
    at: Box<dyn Fn(u64) -> f64>,
}

/// The figure: every schedule of [`LEARNING_RATES`] and [`MOMENTA`].
pub(super) fn figure(_: &Settings, _: &mut Backend) -> Result<Figure, Error> {
    let rates = LEARNING_RATES.iter().map(|&(name, rate)| Schedule {
        name,
        label: learning_rate(rate),
        at: Box::new(move |t| rate.at(t)),
    });
    let momenta = MOMENTA.iter().map(|&(name, alpha)| Schedule {
        name,
        label: momentum(alpha),
        at: Box::new(move |t| alpha.at(t)),
    });
    let (rates, momenta): (Vec<_>, Vec<_>) = (rates.collect(), momenta.collect());
    let facts: BTreeMap<_, _> = facts("learning_rate", &rates).chain(facts("momentum", &momenta)).collect();
    Ok(Figure {
        id: "schedules",
        title: "Step sizes and momentum over time".to_owned(),
        text: vec![
            "The noise of a mini-batch's gradient does not vanish at the minimum, so the step size has to, for descent to settle. A schedule gives \
             the step size η_t of each step t = 1, 2, …. With η_t = η₀/(γt) the steps still add up to any distance, but their squares, and with \
             them the noise, do not; η_t = η₀/√(γt) falls more slowly. The factor γ sets how fast."
                .to_owned(),
            "Momentum may start small, while gradients are large and change their direction, and rise over the first steps. In a steady \
             direction velocity adds up to 1/(1−α) steps: 2 with α = 0.5, 10 with α = 0.9, 100 with α = 0.99."
                .to_owned(),
            format!("The values are what the library's optimizers use in the first {STEPS} steps. Any schedule goes with any optimizer."),
        ],
        source: "Robbins & Monro 1951, A stochastic approximation method; Sutskever, Martens, Dahl & Hinton 2013, On the importance of initialization and \
                 momentum in deep learning; Goodfellow, Bengio & Courville 2016, Deep Learning, sections 8.3.1 and 8.3.2",
        plots: vec![
            plot("schedules-learning-rate", "Step size", Axis::logarithmic("step size η_t"), &rates),
            plot("schedules-momentum", "Momentum", Axis::linear("momentum α_t").with_range([0.0, 1.0]), &momenta),
        ],
        tables: vec![table(&rates, &momenta)],
        facts,
    })
}

fn learning_rate(rate: LearningRate) -> String {
    let with =
        |formula, initial, gamma| format!("{formula}, η₀ = {}, γ = {}", significant(initial), significant(gamma));
    match rate {
        LearningRate::Constant(rate) => format!("constant, η = {}", significant(rate)),
        LearningRate::InverseSquareRoot { initial, gamma } => with("η₀/√(γt)", initial, gamma),
        LearningRate::Inverse { initial, gamma } => with("η₀/(γt)", initial, gamma),
        other => format!("{other:?}"),
    }
}

fn momentum(momentum: Momentum) -> String {
    match momentum {
        Momentum::Constant(alpha) => format!("constant, α = {}", significant(alpha)),
        Momentum::Rising { from, to, steps } => {
            format!("rising from {} to {} in {steps} steps", significant(from), significant(to))
        }
        other => format!("{other:?}"),
    }
}

/// The steps whose values are shown: each of the first, then every tenth.
fn shown() -> impl Iterator<Item = u64> {
    (1..20).chain((20..=STEPS).step_by(10))
}

fn plot(id: &'static str, title: &str, y: Axis, schedules: &[Schedule]) -> Plot {
    let line = |(index, schedule): (usize, &Schedule)| {
        Series::line(schedule.label.clone(), index, shown().map(|t| [t as f64, (schedule.at)(t)]).collect())
    };
    let ends = schedules.iter().map(|Schedule { label, at, .. }| {
        format!("{label}: {} at first, {} at step {STEPS}", significant(at(1)), significant(at(STEPS)))
    });
    Plot {
        description: format!("{}.", ends.collect::<Vec<_>>().join("; ")),
        series: schedules.iter().enumerate().map(line).collect(),
        ..Plot::new(id, title, Axis::linear("step t"), y)
    }
}

fn table(rates: &[Schedule], momenta: &[Schedule]) -> Table {
    const AT: [u64; 5] = [1, 10, 100, 500, STEPS];
    let of = |what: &'static str| {
        move |schedule: &Schedule| {
            let words = [what.to_owned(), schedule.label.clone()].map(Cell::Text);
            words.into_iter().chain(AT.map(|t| Cell::Number((schedule.at)(t)))).collect()
        }
    };
    let columns = ["", "schedule"].map(str::to_owned).into_iter().chain(AT.map(|t| format!("t = {t}")));
    Table {
        caption: "Values at single steps".to_owned(),
        columns: columns.collect(),
        rows: rates.iter().map(of("step size")).chain(momenta.iter().map(of("momentum"))).collect(),
    }
}

fn facts(of: &'static str, schedules: &[Schedule]) -> impl Iterator<Item = (String, f64)> {
    schedules.iter().flat_map(move |Schedule { name, at, .. }| {
        [("first", 1), ("last", STEPS)].map(|(what, t)| (format!("{of}.{name}.{what}"), at(t)))
    })
}
