//! The command `report`: computes the figures, and writes the page, the JSON document and the pictures.

use crate::command_line::{FAULTS, Report};
use crate::progress::Progress;
use crate::{Failure, eager, measure_functions, train};
use lanegrad::Backend;
use lanegrad_verify::check::{self, Scope};
use lanegrad_verify::data::DataSet;
use lanegrad_verify::output::Output;
use lanegrad_verify::report::about::About;
use lanegrad_verify::report::checked::{self, Faults};
use lanegrad_verify::report::document::Document;
use lanegrad_verify::report::figure::Figure;
use lanegrad_verify::report::figures::training::SETTINGS;
use lanegrad_verify::report::figures::{ALL, Settings};
use lanegrad_verify::report::{chart, page};
use lanegrad_verify::training::Run;
use lanegrad_verify::ulp::{Coverage, FUNCTIONS};
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::time::Instant;
use std::{array, fs};

/// Figures with a picture.
const PICTURES: usize = ALL.len() + SETTINGS.len();

/// Everything that a report needs, checked before the first figure.
pub(crate) struct Reporting {
    start: Instant,
    settings: Settings,
    /// Where the data was read from.
    source: String,
    data: DataSet,
    faults: Option<Faults>,
    page: Option<Output>,
    json: Option<Output>,
    /// In the order of the figures.
    pictures: [Option<Output>; PICTURES],
}

impl Reporting {
    /// Prepares what the flags describe. Time is counted from `start`.
    ///
    /// # Errors
    /// If the flags, the data, the results of planted faults or the output files are invalid.
    pub(crate) fn prepare(flags: &Report, start: Instant, backend: &mut Backend) -> Result<Self, Failure> {
        let settings = flags.settings();
        settings.check()?;
        let (source, data) = train::load(flags.data.as_deref())?;
        for (_, experiment) in SETTINGS.iter().flat_map(|setting| setting.experiments(&settings, &data)) {
            experiment.try_out(backend, &data)?;
        }
        let faults = read_faults(Path::new(FAULTS))?;
        let ids = ALL.iter().map(|(id, _)| *id).chain(SETTINGS.iter().map(|setting| setting.id()));
        let mut pictures = ids.map(|id| Some(flags.pictures.as_ref()?.join(format!("{id}.svg"))));
        let pictures: [_; PICTURES] = array::from_fn(|_| pictures.next().flatten());
        let mut outputs =
            [Some(&*flags.out), flags.json.as_deref()].into_iter().chain(pictures.iter().map(Option::as_deref));
        let mut outputs =
            Output::at(array::from_fn::<_, { PICTURES + 2 }, _>(|_| outputs.next().flatten()))?.into_iter();
        let mut next = || outputs.next().flatten();
        let (page, json) = (next(), next());
        Ok(Self { start, settings, source, data, faults, page, json, pictures: array::from_fn(|_| next()) })
    }

    /// What the report needs checked, on as many threads as the backend has.
    ///
    /// # Errors
    /// If the system refuses to start them.
    pub(crate) fn scope(&self, backend: &Backend) -> Result<Scope, Failure> {
        let isa = self.settings.quick.then(|| backend.isa());
        Ok(Scope { isa, threads: eager(backend.threads())?, until_wrong: false })
    }

    /// The runs of the first training figure.
    pub(crate) fn train(&self, backend: &mut Backend) -> Result<Vec<Run>, Failure> {
        train::run(&SETTINGS[0].experiments(&self.settings, &self.data), backend, &self.data)
    }

    /// Computes what is missing, and writes the files even if nobody reads their names.
    ///
    /// # Errors
    /// If a file or a name cannot be written, or a check has failed.
    pub(crate) fn write(
        mut self,
        checks: check::Report,
        first: Vec<Run>,
        backend: &mut Backend,
        out: &mut impl Write,
    ) -> Result<(), Failure> {
        let functions = measure_functions(FUNCTIONS.into_iter(), checks.isas(), Coverage::Everyday);
        let mut figures = self.figures(first, backend)?;
        let verdict = checked::verdict(&checks, &functions);
        let mut lines = verdict.iter().cloned().chain(checked::wrong(&checks, &functions));
        let mut told = lines.try_for_each(|line| writeln!(out, "{line}"));
        for (figure, picture) in figures.iter().zip(&mut self.pictures) {
            if let (Some(plot), Some(picture)) = (figure.plots.first(), picture) {
                picture.write(&chart::stand_alone(plot).map_err(Failure::refused)?)?;
            }
        }
        figures.push(checked::figure(&checks, &functions, self.faults.as_ref()));
        let about = About::this_run(backend, self.start.elapsed());
        let document = Document::new(about, self.settings, verdict.join(" "), figures);
        if let Some(json) = &mut self.json {
            json.write(&serde_json::to_string(&document).map_err(Failure::refused)?)?;
            told = told.and_then(|()| writeln!(out, "numbers: {}", json.path().display()));
        }
        if let Some(page) = &mut self.page {
            page.write(&page::html(&document).map_err(Failure::refused)?)?;
            told = told.and_then(|()| writeln!(out, "report: {}", page.path().display()));
        }
        if !(checks.passed() && functions.passed()) {
            return Err(Failure::Check);
        }
        Ok(told?)
    }

    /// All figures but the results of the checks.
    fn figures(&self, first: Vec<Run>, backend: &mut Backend) -> Result<Vec<Figure>, Failure> {
        let mut figures = Vec::new();
        let mut progress = Progress::new();
        for (done, (id, compute)) in ALL.iter().enumerate() {
            progress.say(&format!("computing {id}"), done, ALL.len());
            figures.push(compute(&self.settings, backend)?);
        }
        drop(progress);
        let [today, lecture] = SETTINGS;
        let second = train::run(&lecture.experiments(&self.settings, &self.data), backend, &self.data)?;
        for (setting, runs) in [(today, first), (lecture, second)] {
            figures.push(setting.figure(&runs, &self.data, &self.source));
        }
        Ok(figures)
    }
}

/// The results of planted faults, if there is a file with them.
fn read_faults(path: &Path) -> Result<Option<Faults>, Failure> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        text => text.map_err(|error| Failure::refused(format!("{}: it cannot be read: {error}", path.display())))?,
    };
    let faults = serde_json::from_str(&text);
    faults
        .map(Some)
        .map_err(|error| Failure::refused(format!("{}: it is not what faults writes: {error}", path.display())))
}
