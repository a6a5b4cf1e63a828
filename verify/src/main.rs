//! `verify`: checks every kernel, then trains on handwritten digits. `verify --help` says more.

mod command_line;
mod plan;
mod plant;
mod progress;
mod reporting;
mod train;

use clap::Parser;
use command_line::{Check, Command, CommandLine, Report, Train, Ulp};
use lanegrad::{Backend, Isa};
use lanegrad_verify::check::{self, Scope};
use lanegrad_verify::eager::Eager;
use lanegrad_verify::ulp::{self, Coverage, Function};
use progress::Progress;
use reporting::Reporting;
use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;
use train::Training;

/// The reason why the work ended early.
enum Failure {
    /// Bad usage, bad data, or a file that cannot be written, in one sentence.
    Refused(String),
    /// A check failed; the report says which.
    Check,
    /// Standard output cannot be written.
    Output(io::Error),
}

impl Failure {
    fn refused(reason: impl Display) -> Self {
        Self::Refused(reason.to_string())
    }
}

macro_rules! refused {
    ($($error:ty),*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::refused(error)
            }
        }
    )*};
}
refused!(
    lanegrad::Error,
    lanegrad_verify::data::Error,
    lanegrad_verify::faults::Error,
    lanegrad_verify::output::Error,
    lanegrad_verify::training::Unfit
);

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

fn main() -> ExitCode {
    let failure = match verify(CommandLine::parse(), &mut io::stdout().lock()) {
        Ok(()) => return ExitCode::SUCCESS,
        Err(failure) => failure,
    };
    let reason = match failure {
        Failure::Check => return ExitCode::from(1),
        // A closed pipe is not an error: its reader has finished.
        Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => return ExitCode::SUCCESS,
        Failure::Output(error) => format!("standard output cannot be written: {error}"),
        Failure::Refused(reason) => reason,
    };
    let _ = writeln!(io::stderr(), "verify: {reason}");
    ExitCode::from(2)
}

fn verify(command_line: CommandLine, out: &mut impl Write) -> Result<(), Failure> {
    let start = Instant::now();
    let mut backend = Backend::new()?;
    writeln!(out, "instruction set: {}", backend.isa())?;
    match command_line.command {
        Some(Command::Check(flags)) => check(&flags, out).map(drop),
        Some(Command::Ulp(flags)) => measure(&flags, out),
        Some(Command::Plan(flags)) => Ok(plan::print(&flags, out)?),
        Some(Command::Faults(flags)) => plant::faults(&flags, out),
        Some(Command::Train(flags)) => {
            let mut backend = Backend::builder().isa(backend.isa()).threads(flags.threads).build()?;
            Training::prepare(&flags, &mut backend)?.run(&mut backend, out).map(drop)
        }
        Some(Command::Report(flags)) => {
            let mut backend = Backend::builder().isa(backend.isa()).threads(flags.threads).build()?;
            let reporting = Reporting::prepare(&flags, start, &mut backend)?;
            let checks = run_checks(reporting.scope(&backend)?);
            let runs = reporting.train(&mut backend)?;
            reporting.write(checks, runs, &mut backend, out)
        }
        None => {
            let training = Training::prepare(&Train::new(), &mut backend)?;
            let reporting = Reporting::prepare(&Report::new(), start, &mut backend)?;
            let checks = check(&Check::new(), out)?;
            let runs = training.run(&mut backend, out)?;
            reporting.write(checks, runs, &mut backend, out)
        }
    }
}

/// Runs the checks, prints the table, and returns the report if everything passed.
fn check(flags: &Check, out: &mut impl Write) -> Result<check::Report, Failure> {
    let isa = match &flags.isa {
        Some(name) => Some(Backend::with_isa_named(name)?.isa()),
        None => None,
    };
    let report = run_checks(Scope { isa, threads: eager(flags.threads)?, until_wrong: flags.until_wrong });
    let written = writeln!(out, "{report}");
    // A failed check counts even if nobody read the report.
    if !report.passed() {
        return Err(Failure::Check);
    }
    written?;
    Ok(report)
}

/// The threads of the checks, if there is more than one.
///
/// # Errors
/// If the system refuses to start one.
fn eager(threads: usize) -> Result<Option<Arc<Eager>>, Failure> {
    if threads == 1 {
        return Ok(None);
    }
    match Eager::new(threads) {
        Ok(eager) => Ok(Some(Arc::new(eager))),
        Err(error) => Err(Failure::refused(format!("{threads} threads cannot be started: {error}"))),
    }
}

fn run_checks(scope: Scope) -> check::Report {
    let mut progress = Progress::new();
    check::run(scope, &mut |kernel, done, total| progress.say(&format!("checking {kernel}"), done, total))
}

fn measure(flags: &Ulp, out: &mut impl Write) -> Result<(), Failure> {
    let isas = flags.isas().map_err(Failure::Refused)?;
    let report = measure_functions(flags.functions(), &isas, flags.coverage());
    let written = write!(out, "{report}");
    if !report.passed() {
        return Err(Failure::Check);
    }
    Ok(written?)
}

fn measure_functions(functions: impl Iterator<Item = Function>, isas: &[Isa], coverage: Coverage) -> ulp::Report {
    let names: Vec<_> = isas.iter().map(|isa| isa.name()).collect();
    let mut report = ulp::Report::default();
    for function in functions {
        let mut progress = Progress::new();
        let what = format!("measuring {} on {}", function.name, names.join(", "));
        report.add(function, isas, coverage, &mut |done, total| progress.say(&what, done, total));
    }
    report
}
