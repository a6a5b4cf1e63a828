//! The progress of the work: a bar on a terminal, plain lines elsewhere. Both go to standard error.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::{self, IsTerminal, Write};

/// The progress of one task.
pub(crate) struct Progress {
    /// `None` if there is no terminal.
    bar: Option<ProgressBar>,
    said: String,
}

impl Progress {
    pub(crate) fn new() -> Self {
        let style = ProgressStyle::with_template("{bar:10} {pos}/{len} {wide_msg}").expect("the template is valid");
        let bar = io::stderr().is_terminal().then(|| ProgressBar::new(0).with_style(style));
        Self { bar, said: String::new() }
    }

    /// Reports the current task and how much of `total` is done. A plain line is only printed if `what` has changed.
    pub(crate) fn say(&mut self, what: &str, done: usize, total: usize) {
        if let Some(bar) = &self.bar {
            bar.set_length(total as u64);
            bar.set_position(done as u64);
            bar.set_message(what.to_owned());
        } else if self.said != what {
            // A missing reader is no reason to stop.
            let _ = writeln!(io::stderr(), "{what}");
            what.clone_into(&mut self.said);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
