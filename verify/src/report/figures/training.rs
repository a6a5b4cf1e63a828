//! The lecture's last figure: how fast each optimizer learns to read handwritten digits.

use super::Settings;
use crate::data::DataSet;
use crate::report::figure::{Axis, Cell, Figure, Plot, Series, Table};
use crate::training::{Algorithm, Epoch, Experiment, Loss, Point, Run, name};
use lanegrad::Activation;
use std::collections::BTreeMap;

/// What is trained in one figure, with every optimizer.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    id: &'static str,
    title: &'static str,
    hidden: Activation,
    output: Activation,
    loss: Loss,
}

/// The figures: first what is usual today, then the lecture's own setting.
pub const SETTINGS: [Setting; 2] = [
    Setting {
        id: "digits",
        title: "Optimizers on handwritten digits",
        hidden: Activation::Relu,
        output: Activation::Identity,
        loss: Loss::SoftmaxCrossEntropy,
    },
    Setting {
        id: "digits-squared-error",
        title: "The same with sigmoid units and the squared error",
        hidden: Activation::Sigmoid,
        output: Activation::Sigmoid,
        loss: Loss::SquaredError { c: 0.5 },
    },
];

impl Setting {
    /// [`Figure::id`] of its figure.
    pub fn id(&self) -> &'static str {
        self.id
    }

    /// What is to be trained, optimizer by optimizer, each with its defaults.
    pub fn experiments(&self, settings: &Settings, data: &DataSet) -> Vec<(Algorithm, Experiment)> {
        let Self { hidden, output, loss, .. } = *self;
        let experiment = |algorithm| {
            let defaults = Experiment::new(algorithm);
            let mut experiment = Experiment { hidden, output, loss, seed: settings.seed, ..defaults };
            experiment.layers[0] = data.train.pixels();
            if settings.quick {
                experiment.layers[1] = 16;
                experiment.epochs = 2;
            }
            (algorithm, experiment)
        };
        Algorithm::ALL.map(experiment).into()
    }

    /// The figure of the runs that came of [`experiments`](Self::experiments); `source` is where the data came from.
    pub fn figure(&self, runs: &[Run], data: &DataSet, source: &str) -> Figure {
        let mut facts = BTreeMap::new();
        for run in runs {
            if let Some(last) = run.outcome.last() {
                let name = run.algorithm.name();
                facts.insert(format!("{name}.training_accuracy"), last.training_accuracy);
                facts.insert(format!("{name}.test_accuracy"), last.test_accuracy);
                facts.insert(format!("{name}.loss"), last.loss);
            }
        }
        Figure {
            id: self.id,
            title: self.title.to_owned(),
            text: self.text(runs, data, source),
            source: "Optimizers: Goodfellow, Bengio and Courville, Deep Learning (2016), chapter 8. Digits: LeCun, Bottou, Bengio and \
                     Haffner, Gradient-based learning applied to document recognition (1998).",
            plots: vec![training_accuracy(runs), loss(runs), test_accuracy(runs)],
            tables: vec![results(runs)],
            facts,
        }
    }

    fn text(&self, runs: &[Run], data: &DataSet, source: &str) -> Vec<String> {
        let Some(Run { experiment, .. }) = runs.first() else { return vec!["Nothing was trained.".to_owned()] };
        let layers: Vec<_> = experiment.layers.iter().map(usize::to_string).collect();
        let loss = match self.loss {
            Loss::SoftmaxCrossEntropy => "softmax and cross-entropy".to_owned(),
            Loss::SquaredError { c } => {
                let output = name::of(name::ACTIVATIONS, &self.output);
                format!("{output} outputs and the squared error {c}/m · Σ ‖y − ŷ‖² over the m examples of a mini-batch")
            }
        };
        vec![
            format!(
                "A network of {} units, with {} hidden units, {loss}, learns from {} images of handwritten digits and is tested \
                 on {} others (data: {source}). A mini-batch has at most {} examples. Each optimizer makes {} epochs with its \
                 default step size, from the same weights and with the examples in the same order (seed {}).",
                layers.join("-"),
                name::of(name::ACTIVATIONS, &self.hidden),
                data.train.count(),
                data.test.count(),
                experiment.batch,
                experiment.epochs,
                experiment.seed,
            ),
            extremes(runs, "test accuracy", "highest", "lowest", |last| percent(last.test_accuracy)),
        ]
    }
}

/// Training accuracy against examples seen.
pub fn training_accuracy(runs: &[Run]) -> Plot {
    let seen = runs.iter().flat_map(|run| &run.outcome.curve).map(|point| point.examples).max().unwrap_or(0).max(1);
    let result = extremes(runs, "training accuracy", "highest", "lowest", |last| percent(last.training_accuracy));
    let x = Axis::linear("examples seen").with_range([0.0, seen as f64]);
    let y = Axis::linear("accuracy on training examples, %").with_range([floor(runs, seen), 100.0]);
    let accuracy = |point: &Point| [point.examples as f64, 100.0 * point.training_accuracy];
    Plot {
        description: format!("Accuracy on training examples against examples seen, one curve per optimizer. {result}"),
        series: curves(runs, |run| run.outcome.curve.iter().map(accuracy).collect()),
        ..Plot::new("training-accuracy", "Training accuracy", x, y)
    }
}

fn loss(runs: &[Run]) -> Plot {
    let result = extremes(runs, "loss", "lowest", "highest", |last| (last.loss, format!("{:.4}", last.loss)));
    let (x, y) = (Axis::linear("examples seen"), Axis::logarithmic("mean loss of an example"));
    let loss = |point: &Point| Some([point.examples as f64, point.loss?]);
    Plot {
        description: format!("Mean loss of the examples since the point before, one curve per optimizer. {result}"),
        series: curves(runs, |run| run.outcome.curve.iter().filter_map(loss).collect()),
        ..Plot::new("loss", "Loss", x, y)
    }
}

fn test_accuracy(runs: &[Run]) -> Plot {
    let result = extremes(runs, "test accuracy", "highest", "lowest", |last| percent(last.test_accuracy));
    let (x, y) = (Axis::linear("epoch"), Axis::linear("accuracy on test examples, %"));
    let accuracy = |epoch: &Epoch| [f64::from(epoch.number), 100.0 * epoch.test_accuracy];
    let mut series = curves(runs, |run| run.outcome.epochs.iter().map(accuracy).collect());
    series.iter_mut().for_each(|series| series.style.markers = true);
    Plot {
        description: format!("Accuracy on all test examples after each epoch, one curve per optimizer. {result}"),
        series,
        ..Plot::new("test-accuracy", "Test accuracy", x, y)
    }
}

/// Whose number is the best and whose is the worst after the last epoch; `number` gives what is to be small, and its text.
fn extremes(runs: &[Run], what: &str, best: &str, worst: &str, number: impl Fn(&Epoch) -> (f64, String)) -> String {
    let finished = runs.iter().filter_map(|run| Some((run.experiment.method.name(), number(run.outcome.last()?))));
    let mut finished: Vec<_> = finished.collect();
    finished.sort_by(|one, other| one.1.0.total_cmp(&other.1.0));
    match &*finished {
        [(first, (_, low)), .., (last, (_, high))] => {
            format!("After the last epoch the {what} is {best} with {first} ({low}) and {worst} with {last} ({high}).")
        }
        _ => "Too few runs came to their end to be compared.".to_owned(),
    }
}

/// An accuracy, as [`extremes`] wants it.
fn percent(accuracy: f64) -> (f64, String) {
    (-accuracy, format!("{:.2}\u{a0}%", 100.0 * accuracy))
}

fn results(runs: &[Run]) -> Table {
    let columns =
        ["optimizer", "step size η", "training accuracy, %", "test accuracy, %", "loss", "examples per second"];
    let row = |run: &Run| {
        let Run { experiment, outcome, .. } = run;
        let mut row =
            vec![Cell::Text(experiment.method.name().to_owned()), Cell::Number(experiment.learning_rate.at(1))];
        match outcome.last() {
            Some(last) => {
                let [training, test] =
                    [last.training_accuracy, last.test_accuracy].map(|part| (1e4 * part).round() / 1e2);
                row.extend([training, test, last.loss, outcome.examples_per_second().round()].map(Cell::Number));
            }
            None => {
                let diverged = format!("diverged after {} examples", outcome.examples);
                row.extend([&*diverged, "–", "–", "–"].map(|text| Cell::Text(text.to_owned())));
            }
        }
        row
    };
    Table {
        caption: "After the last epoch. The speed is that of training, without the time for measuring accuracy."
            .to_owned(),
        columns: columns.map(str::to_owned).into(),
        rows: runs.iter().map(row).collect(),
    }
}

fn curves(runs: &[Run], points: impl Fn(&Run) -> Vec<[f64; 2]>) -> Vec<Series> {
    let series = |run: &Run| {
        let name = run.experiment.method.name();
        let index = Algorithm::ALL.iter().position(|algorithm| *algorithm == run.algorithm).unwrap_or(0);
        let label = if run.outcome.diverged { format!("{name} (diverged)") } else { name.to_owned() };
        Series::line(label, index, points(run))
    };
    runs.iter().map(series).collect()
}

/// The lower end of the axis, in per cent: what the slowest curve reaches in the first tenth of the run, rounded down
/// to a multiple of 5. Below it, curves rise too steeply to be compared.
fn floor(runs: &[Run], seen: u64) -> f64 {
    let early = |run: &Run| {
        let mut points = run.outcome.curve.iter();
        points.find(|point| point.examples >= seen / 10).map(|point| 100.0 * point.training_accuracy)
    };
    let slowest = runs.iter().filter_map(early).fold(95.0, f64::min);
    (slowest / 5.0).floor() * 5.0
}
