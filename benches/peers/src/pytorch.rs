//! PyTorch, in a process of its own: `pytorch.py` times what it is asked for, in its turn of each round.

use crate::Error;
use crate::report::Report;
use crate::rounds::Contestant;
use serde::Deserialize;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

const SCRIPT: &str = include_str!("pytorch.py");

/// A Python that has PyTorch.
pub(crate) struct PyTorch {
    process: Child,
    // It ends when its input does.
    conversation: RefCell<Conversation>,
    description: String,
}

struct Conversation {
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

#[derive(Deserialize)]
struct Introduction {
    version: String,
    kernels: String,
}

impl PyTorch {
    pub(crate) const NAME: &'static str = "PyTorch";

    /// Starts it, and introduces it to the report. Without PyTorch, the report says so; it is an error only where the user named
    /// the Python that should have it.
    pub(crate) fn start(python: Option<&Path>, threads: usize, report: &mut Report) -> Result<Option<Self>, Error> {
        match Self::with(python.unwrap_or(Path::new("python3")), threads) {
            Ok(pytorch) => {
                report.describe(Self::NAME, pytorch.description.clone());
                Ok(Some(pytorch))
            }
            Err(error) if python.is_none() => {
                report.describe(Self::NAME, format!("skipped: {error} (--python names a Python that has it)"));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn with(python: &Path, threads: usize) -> Result<Self, Error> {
        let mut command = Command::new(python);
        command.args(["-c", SCRIPT, &threads.to_string()]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let python = python.display();
        let mut process = command.spawn().map_err(|error| format!("cannot run {python}: {error}"))?;
        let (Some(questions), Some(answers)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(format!("{python} cannot be asked").into());
        };
        let mut conversation = Conversation { questions, answers: BufReader::new(answers) };
        match conversation.hear() {
            Ok(introduction) => {
                let Introduction { version, kernels } = serde_json::from_value(introduction)?;
                let description = format!("{version}, {kernels}, eager; in a process of its own");
                Ok(Self { process, conversation: conversation.into(), description })
            }
            Err(_) => {
                drop(conversation);
                let output = process.wait_with_output()?;
                let errors = String::from_utf8_lossy(&output.stderr);
                let last = errors.lines().last().unwrap_or("no PyTorch").to_owned();
                Err(format!("{python}: {last}").into())
            }
        }
    }

    /// Gets a task ready; whoever did the one before must not be run any more.
    pub(crate) fn contestant<T>(&self, task: &Value) -> Result<Contestant<'_, T>, Error> {
        self.conversation.borrow_mut().ask(&json!({ "task": task }))?;
        Ok(Contestant::timed_elsewhere(Self::NAME, move |_, repeats| {
            let answer = self.conversation.borrow_mut().ask(&json!({ "repeats": repeats }));
            answer.ok().and_then(|answer| answer["seconds"].as_f64()).expect("a task that was got ready is done")
        }))
    }
}

impl Drop for PyTorch {
    fn drop(&mut self) {
        // There is nothing to lose, and nobody to tell.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Conversation {
    fn ask(&mut self, question: &Value) -> Result<Value, Error> {
        writeln!(self.questions, "{question}")?;
        self.questions.flush()?;
        self.hear()
    }

    fn hear(&mut self) -> Result<Value, Error> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        Ok(serde_json::from_str(&line)?)
    }
}
