//! The command `train`: runs the experiments, and writes the table, the JSON document and the plot.

use crate::Failure;
use crate::command_line::Train;
use crate::progress::Progress;
use lanegrad::Backend;
use lanegrad_verify::data::DataSet;
use lanegrad_verify::document::Document;
use lanegrad_verify::plot;
use lanegrad_verify::training::{Algorithm, Experiment, Run};
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

/// Trains as the flags say.
///
/// # Errors
/// When the flags, the data or the files to be written are no good; all of that shows before the first step.
pub(crate) fn train(flags: &Train, backend: &mut Backend, out: &mut impl Write) -> Result<(), Failure> {
    let experiments = flags.experiments().map_err(Failure::Refused)?;
    let (source, data) = match &flags.data {
        Some(directory) => (directory.display().to_string(), DataSet::from_directory(directory)?),
        None => ("embedded".to_owned(), DataSet::embedded()),
    };
    for (_, experiment) in &experiments {
        experiment.try_out(backend, &data)?;
    }
    let json = flags.json.as_deref().map(Target::create).transpose()?;
    let plot = Target::create(&flags.plot)?;

    let (train, test) = (data.train.count(), data.test.count());
    writeln!(out, "training on {train} examples, testing on {test} ({source})")?;
    let runs = run(&experiments, backend, &data)?;
    write_table(&runs, out)?;
    if let Some(json) = json {
        let document = Document::new(backend.isa(), source, &data, &runs);
        let text = serde_json::to_string_pretty(&document).map_err(Failure::refused)?;
        writeln!(out, "results: {}", json.write(&text)?.display())?;
    }
    let figure = plot::learning_curves(&runs).map_err(Failure::refused)?;
    writeln!(out, "plot: {}", plot.write(&figure)?.display())?;
    Ok(())
}

fn run(experiments: &[(Algorithm, Experiment)], backend: &mut Backend, data: &DataSet) -> Result<Vec<Run>, Failure> {
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

fn write_table(runs: &[Run], out: &mut impl Write) -> Result<(), Failure> {
    writeln!(out, "\n{:<16}  {:>10}  {:>10}  {:>10}  {:>10}", "optimizer", "training", "test", "loss", "examples/s")?;
    for Run { algorithm, outcome, .. } in runs {
        write!(out, "{:<16}  ", algorithm.name())?;
        match outcome.last() {
            Some(last) => {
                let (train, test) = (100.0 * last.training_accuracy, 100.0 * last.test_accuracy);
                // A loss may be as large as f32 goes.
                let loss = if last.loss < 1e4 { format!("{:.4}", last.loss) } else { format!("{:.3e}", last.loss) };
                writeln!(out, "{train:>8.2} %  {test:>8.2} %  {loss:>10}  {:>10.0}", outcome.examples_per_second())?;
            }
            None => writeln!(out, "diverged: NaN or infinite after {} examples", outcome.examples)?,
        }
    }
    writeln!(out)?;
    Ok(())
}

/// A file to be written when the work is done, made before it begins: a path that is no good costs no training.
struct Target<'a> {
    path: &'a Path,
    file: File,
}

impl<'a> Target<'a> {
    fn create(path: &'a Path) -> Result<Self, Failure> {
        let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
        directory.map_or(Ok(()), fs::create_dir_all).and_then(|()| File::create(path)).map_or_else(
            |error| Err(Failure::Refused(format!("{}: it cannot be written: {error}", path.display()))),
            |file| Ok(Self { path, file }),
        )
    }

    /// Returns the path.
    fn write(mut self, text: &str) -> Result<&'a Path, Failure> {
        match self.file.write_all(text.as_bytes()) {
            Ok(()) => Ok(self.path),
            Err(error) => Err(Failure::Refused(format!("{}: it cannot be written: {error}", self.path.display()))),
        }
    }
}
