//! Where a report comes from: program, machine, time.

use lanegrad::{Backend, Isa};
use serde::Serialize;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};
use std::{env, fs, thread};

/// Said of what the system does not tell.
const UNKNOWN: &str = "unknown";

/// Where a report comes from.
#[derive(Clone, Debug, Serialize)]
pub struct About {
    /// Of the program.
    pub version: &'static str,
    /// Of the source that it was built from, `-dirty` if files were changed since; or `unknown`.
    pub commit: String,
    /// UTC, when the work was done, as in `2026-01-31T12:00:00Z`.
    pub date: String,
    /// Arguments included.
    pub command: String,
    /// From the program's start to the report.
    pub seconds: f64,
    /// Its model, or `unknown`.
    pub processor: String,
    /// Threads that can run at the same time.
    pub cores: usize,
    /// Instruction sets of this processor that the program has kernels for.
    pub isas: Vec<&'static str>,
    /// The one in use.
    pub isa: &'static str,
    /// Threads that shared an operation.
    pub threads: usize,
}

impl About {
    /// This program on this machine, now.
    pub fn this_run(backend: &Backend, duration: Duration) -> Self {
        let arguments = env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned());
        let command: Vec<_> = ["verify".to_owned()].into_iter().chain(arguments).collect();
        Self {
            version: env!("CARGO_PKG_VERSION"),
            commit: commit().unwrap_or_else(|| UNKNOWN.to_owned()),
            date: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            command: command.join(" "),
            seconds: (1e3 * duration.as_secs_f64()).round() / 1e3,
            processor: processor().unwrap_or_else(|| UNKNOWN.to_owned()),
            cores: thread::available_parallelism().map_or(1, usize::from),
            isas: Isa::available().map(Isa::name).collect(),
            isa: backend.isa().name(),
            threads: backend.threads(),
        }
    }
}

/// Asked when the program runs: `cargo run` builds it from what is there then.
fn commit() -> Option<String> {
    let mut git = Command::new("git");
    git.current_dir(env!("CARGO_MANIFEST_DIR")).args(["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]);
    let output = git.stderr(Stdio::null()).output().ok()?;
    let commit = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !commit.is_empty()).then_some(commit)
}

/// Linux tells; elsewhere nothing as simple does.
fn processor() -> Option<String> {
    let cpus = fs::read_to_string("/proc/cpuinfo").ok()?;
    let (_, model) = cpus.lines().find(|line| line.starts_with("model name"))?.split_once(':')?;
    Some(model.trim().to_owned())
}
