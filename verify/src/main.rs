//! `verify`: checks every kernel, then trains on handwritten digits. `verify --help` says more.

mod command_line;
mod plant;
mod progress;
mod train;

use clap::Parser;
use command_line::{Check, Command, CommandLine, Train, Ulp};
use lanegrad::Backend;
use lanegrad_verify::check::{self, Scope};
use lanegrad_verify::ulp;
use progress::Progress;
use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;
use train::Training;

/// Why the work ended early.
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
        // Whoever closed the pipe has seen enough.
        Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => return ExitCode::SUCCESS,
        Failure::Output(error) => format!("standard output cannot be written: {error}"),
        Failure::Refused(reason) => reason,
    };
    let _ = writeln!(io::stderr(), "verify: {reason}");
    ExitCode::from(2)
}

fn verify(command_line: CommandLine, out: &mut impl Write) -> Result<(), Failure> {
    let mut backend = Backend::new()?;
    writeln!(out, "instruction set: {}", backend.isa())?;
    match command_line.command {
        Some(Command::Check(flags)) => check(&flags, out),
        Some(Command::Ulp(flags)) => measure(&flags, out),
        Some(Command::Faults(flags)) => plant::faults(&flags, out),
        Some(Command::Train(flags)) => Training::prepare(&flags, &mut backend)?.run(&mut backend, out),
        None => {
            let training = Training::prepare(&Train::new(), &mut backend)?;
            check(&Check::default(), out)?;
            training.run(&mut backend, out)
        }
    }
}

fn check(flags: &Check, out: &mut impl Write) -> Result<(), Failure> {
    let isa = match &flags.isa {
        Some(name) => Some(Backend::with_isa_named(name)?.isa()),
        None => None,
    };
    let mut progress = Progress::new();
    let report = check::run(Scope { isa, until_wrong: flags.until_wrong }, &mut |kernel, done, total| {
        progress.say(&format!("checking {kernel}"), done, total)
    });
    drop(progress);
    let written = writeln!(out, "{report}");
    // A failed check counts even if nobody read the report.
    if !report.passed() {
        return Err(Failure::Check);
    }
    Ok(written?)
}

fn measure(flags: &Ulp, out: &mut impl Write) -> Result<(), Failure> {
    let isas = flags.isas().map_err(Failure::Refused)?;
    let names: Vec<_> = isas.iter().map(|isa| isa.name()).collect();
    let mut report = ulp::Report::default();
    for function in flags.functions() {
        let mut progress = Progress::new();
        let what = format!("measuring {} on {}", function.name, names.join(", "));
        report.add(function, &isas, flags.coverage(), &mut |done, total| progress.say(&what, done, total));
    }
    let written = write!(out, "{report}");
    if !report.passed() {
        return Err(Failure::Check);
    }
    Ok(written?)
}
