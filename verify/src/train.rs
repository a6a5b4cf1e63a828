//! The command `train`: runs the experiments, and writes the table, the JSON document and the plot.

use crate::Failure;
use crate::command_line::Train;
use crate::progress::Progress;
use lanegrad::Backend;
use lanegrad_verify::data::DataSet;
use lanegrad_verify::document::Document;
use lanegrad_verify::output::Output;
use lanegrad_verify::report::chart;
use lanegrad_verify::report::figures::training;
use lanegrad_verify::training::{Algorithm, Experiment, Run};
use std::io::{self, Write};
use std::path::Path;

/// Everything that a training run needs, checked before the first step.
pub(crate) struct Training {
    experiments: Vec<(Algorithm, Experiment)>,
    /// Where the data was read from.
    source: String,
    data: DataSet,
    json: Option<Output>,
    plot: Option<Output>,
}

impl Training {
    /// Prepares what the flags describe.
    ///
    /// # Errors
    /// If the flags, the data or the output files are invalid.
    pub(crate) fn prepare(flags: &Train, backend: &mut Backend) -> Result<Self, Failure> {
        let experiments = flags.experiments().map_err(Failure::Refused)?;
        let (source, data) = load(flags.data.as_deref())?;
        for (_, experiment) in &experiments {
            experiment.try_out(backend, &data)?;
        }
        let [json, plot] = Output::at([flags.json.as_deref(), Some(&flags.plot)])?;
        Ok(Self { experiments, source, data, json, plot })
    }

    /// Trains, and writes the files even if nobody reads the table. Returns the runs.
    ///
    /// # Errors
    /// If a file or the table cannot be written.
    pub(crate) fn run(self, backend: &mut Backend, out: &mut impl Write) -> Result<Vec<Run>, Failure> {
        let Self { experiments, source, data, json, plot } = self;
        let (train, test) = (data.train.count(), data.test.count());
        writeln!(out, "training on {train} examples, testing on {test} ({source})")?;
        let runs = run(&experiments, backend, &data)?;
        let mut written = write_table(&runs, out);
        let mut tell = |what, path: &Path| {
            if written.is_ok() {
                written = writeln!(out, "{what}: {}", path.display());
            }
        };
        if let Some(mut json) = json {
            let document = Document::new(backend.isa(), source, &data, &runs);
            json.write(&serde_json::to_string_pretty(&document).map_err(Failure::refused)?)?;
            tell("results", json.path());
        }
        if let Some(mut plot) = plot {
            plot.write(&chart::stand_alone(&training::training_accuracy(&runs)).map_err(Failure::refused)?)?;
            tell("plot", plot.path());
        }
        written?;
        Ok(runs)
    }
}

/// The data in a directory or the embedded data, and where it was read from.
pub(crate) fn load(directory: Option<&Path>) -> Result<(String, DataSet), Failure> {
    Ok(match directory {
        Some(directory) => (directory.display().to_string(), DataSet::from_directory(directory)?),
        None => ("embedded".to_owned(), DataSet::embedded()),
    })
}

/// Trains with each optimizer.
pub(crate) fn run(
    experiments: &[(Algorithm, Experiment)],
    backend: &mut Backend,
    data: &DataSet,
) -> Result<Vec<Run>, Failure> {
    let mut progress = Progress::new();
    let total = experiments.iter().map(|(_, experiment)| experiment.epochs as usize).sum();
    let mut done = 0;
    let mut runs = Vec::new();
    for (algorithm, experiment) in experiments {
        let name = algorithm.name();
        progress.say(name, done, total);
        let outcome = experiment.run(backend, data, &mut |epoch| {
            let (number, of, accuracy) = (epoch.number, experiment.epochs, 100.0 * epoch.test_accuracy);
            let loss = epoch.loss;
            let line = format!("{name}: epoch {number} of {of}, loss {loss:.4}, test {accuracy:.2} %");
            progress.say(&line, done + number as usize, total);
        })?;
        done += experiment.epochs as usize;
        runs.push(Run { algorithm: *algorithm, experiment: experiment.clone(), outcome });
    }
    Ok(runs)
}

fn write_table(runs: &[Run], out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\n{:<16}  {:>10}  {:>10}  {:>10}  {:>10}", "optimizer", "training", "test", "loss", "examples/s")?;
    for Run { algorithm, outcome, .. } in runs {
        write!(out, "{:<16}  ", algorithm.name())?;
        match outcome.last() {
            Some(last) => {
                let (train, test) = (100.0 * last.training_accuracy, 100.0 * last.test_accuracy);
                // A loss may be as large as the largest f32.
                let loss = if last.loss < 1e4 { format!("{:.4}", last.loss) } else { format!("{:.3e}", last.loss) };
                writeln!(out, "{train:>8.2} %  {test:>8.2} %  {loss:>10}  {:>10.0}", outcome.examples_per_second())?;
            }
            None => writeln!(out, "diverged: NaN or infinite after {} examples", outcome.examples)?,
        }
    }
    writeln!(out)
}
