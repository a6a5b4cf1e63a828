//! `verify faults`: plants each fault on each instruction set in turn, and records whether a check notices it.
//!
//! The faults are planted in a copy of the sources, all at once. A child process enables one of them: the copy's `verify check` on one
//! instruction set, up to the first check that fails. The checks do not know about it.

mod copy;

use crate::Failure;
use crate::command_line::Faults;
use lanegrad::{Backend, Isa};
use lanegrad_verify::faults::{FAULTS, Fault, Place};
use lanegrad_verify::output::Output;
use serde::Serialize;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A check that takes longer is considered hung.
const LONGEST: Duration = Duration::from_secs(120);

/// SECURITY.md has the command for each.
const MEMORY: &str = "guard pages, valgrind and AddressSanitizer";

/// The result of a fault on an instruction set. In JSON, one entry of the list `results`.
#[derive(Debug, Serialize)]
struct Planted {
    /// Its number, with a letter if the fault has several variants.
    fault: String,
    /// What is wrong.
    name: &'static str,
    /// `avx512`, `avx2`, `portable` or `scalar`; `any` for the choice of an instruction set.
    isa: &'static str,
    #[serde(flatten)]
    outcome: Outcome,
}

#[derive(Debug, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
enum Outcome {
    /// A check noticed it.
    Caught { check: String, found: String, seconds: f64 },
    /// No check noticed it, or the program ended without naming one.
    Missed { how: String, seconds: f64 },
    /// The fault is impossible here.
    Impossible { reason: &'static str },
    /// No check of values can notice it; other tools do.
    Elsewhere { noticed_by: &'static str },
    /// The code that could have the fault does not exist yet.
    Waits { reason: &'static str },
}

/// The whole document. `format` changes if a field changes its meaning.
#[derive(Debug, Serialize)]
struct Document {
    /// `lanegrad-faults-1`
    format: &'static str,
    results: Vec<Planted>,
}

pub(crate) fn faults(flags: &Faults, out: &mut impl Write) -> Result<(), Failure> {
    let isas: Vec<Isa> = match &flags.isa {
        Some(name) => vec![Backend::with_isa_named(name)?.isa()],
        None => Isa::available().collect(),
    };
    let [json] = Output::at([flags.json()])?;
    let wanted = |fault: &&Fault| flags.fault.is_none_or(|number| number == fault.number);

    let place = flags.copy.clone().unwrap_or_else(copy::usual_place);
    copy::write(&place)?;
    writeln!(out, "a copy of the sources with the faults: {}", place.display())?;
    out.flush()?;
    let program = copy::build(&place)?;
    let check = |fault: Option<&Fault>, isa: Option<&str>| check(&program, fault, isa);

    write!(out, "without a fault: ")?;
    out.flush()?;
    let green = match check(None, (isas.len() == 1).then(|| isas[0].name())) {
        Outcome::Missed { how, seconds } if how == GREEN => {
            writeln!(out, "all checks pass ({seconds:.1} s)\n")?;
            true
        }
        outcome => {
            writeln!(out, "{outcome:?}\n")?;
            false
        }
    };
    let mut results: Vec<Planted> = Vec::new();
    for fault in FAULTS.iter().filter(wanted) {
        writeln!(out, "{:>4} {}", fault.id(), fault.name)?;
        let mut note = |isa, outcome| {
            let planted = Planted { fault: fault.id(), name: fault.name, isa, outcome };
            writeln!(out, "{planted}")?;
            results.push(planted);
            out.flush()
        };
        match fault.place {
            Place::Nowhere(reason) => note("any", Outcome::Waits { reason })?,
            Place::Memory => note("any", Outcome::Elsewhere { noticed_by: MEMORY })?,
            Place::Detection => {
                let impossible = fault.impossible_on(Isa::detect()).map(|reason| Outcome::Impossible { reason });
                note("any", impossible.unwrap_or_else(|| check(Some(fault), None)))?;
            }
            _ => {
                for &isa in &isas {
                    let impossible = fault.impossible_on(isa).map(|reason| Outcome::Impossible { reason });
                    note(isa.name(), impossible.unwrap_or_else(|| check(Some(fault), Some(isa.name()))))?;
                }
            }
        }
    }

    let missed = results.iter().filter(|planted| matches!(planted.outcome, Outcome::Missed { .. })).count();
    let written = summarize(&results, out);
    if let Some(mut json) = json {
        let document = Document { format: "lanegrad-faults-1", results };
        json.write(&(serde_json::to_string_pretty(&document).map_err(Failure::refused)? + "\n"))?;
    }
    written?;
    if green && missed == 0 { Ok(()) } else { Err(Failure::Check) }
}

/// The counts, by number: a fault is caught if all its variants are, everywhere it applies.
fn summarize(results: &[Planted], out: &mut impl Write) -> io::Result<()> {
    let numbers = |wanted: fn(&Outcome) -> bool| -> Vec<u8> {
        let all = FAULTS
            .iter()
            .filter(|fault| results.iter().any(|planted| planted.fault == fault.id() && wanted(&planted.outcome)));
        let mut numbers: Vec<u8> = all.map(|fault| fault.number).collect();
        numbers.dedup();
        numbers
    };
    let missed = numbers(|outcome| matches!(outcome, Outcome::Missed { .. }));
    let waiting = numbers(|outcome| matches!(outcome, Outcome::Waits { .. }));
    let caught: Vec<u8> = numbers(|outcome| matches!(outcome, Outcome::Caught { .. }))
        .into_iter()
        .filter(|number| !missed.contains(number))
        .collect();
    let runs =
        results.iter().filter(|planted| matches!(planted.outcome, Outcome::Caught { .. } | Outcome::Missed { .. }));
    writeln!(out, "\n{} faults planted, in {} runs", caught.len() + missed.len(), runs.count())?;
    writeln!(out, "{} caught wherever they can be", caught.len())?;
    writeln!(out, "{} missed {missed:?}", missed.len())?;
    writeln!(out, "{} not there yet {waiting:?}", waiting.len())
}

const GREEN: &str = "all checks pass";

/// Runs the copy's checks in a child process, with or without a fault.
fn check(program: &Path, fault: Option<&Fault>, isa: Option<&str>) -> Outcome {
    let start = Instant::now();
    let ended = run(program, fault, isa);
    let seconds = start.elapsed().as_secs_f64();
    match ended {
        Ok((Some(0), _)) => Outcome::Missed { how: GREEN.to_owned(), seconds },
        Ok((Some(1), report)) => match report.lines().find_map(|line| line.strip_prefix("WRONG: ")) {
            Some(wrong) => {
                let (check, found) = wrong.split_once(": ").unwrap_or((wrong, ""));
                let check = check.split_once(" on ").map_or(check, |(check, _)| check);
                Outcome::Caught { check: check.to_owned(), found: found.to_owned(), seconds }
            }
            None => Outcome::Missed { how: "failed without naming a check".to_owned(), seconds },
        },
        Ok((code, _)) => Outcome::Missed { how: format!("ended with {code:?}"), seconds },
        Err(error) => Outcome::Missed { how: error.to_string(), seconds },
    }
}

/// The exit status, if the process exited normally, and the report.
fn run(program: &Path, fault: Option<&Fault>, isa: Option<&str>) -> io::Result<(Option<i32>, String)> {
    let mut command = Command::new(program);
    command.arg("check").env_remove("LANEGRAD_ISA").env_remove("LANEGRAD_FAULT");
    if let Some(isa) = isa {
        command.args(["--isa", isa]);
    }
    if let Some(fault) = fault {
        command.arg("--until-wrong").env("LANEGRAD_FAULT", fault.id());
    }
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if start.elapsed() > LONGEST {
            child.kill()?;
            break child.wait()?;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let mut report = String::new();
    // The report is shorter than the capacity of a pipe, so the child never waits for a reader.
    child.stdout.take().expect("it is piped").read_to_string(&mut report)?;
    Ok((status.code(), report))
}

/// A line of the table.
impl std::fmt::Display for Planted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "       {:<9}", self.isa)?;
        match &self.outcome {
            Outcome::Caught { check, seconds, .. } => write!(f, "{seconds:>6.2} s  {check}"),
            Outcome::Missed { how, seconds } => write!(f, "{seconds:>6.2} s  MISSED: {how}"),
            Outcome::Impossible { reason } => write!(f, "       -  impossible: {reason}"),
            Outcome::Elsewhere { noticed_by } => write!(f, "       -  left to {noticed_by}"),
            Outcome::Waits { reason } => write!(f, "       -  waits for {reason}"),
        }
    }
}
