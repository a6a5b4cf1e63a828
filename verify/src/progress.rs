//! How far the work is: a bar on a terminal, plain lines anywhere else. Both go to standard error.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::{self, IsTerminal, Write};

/// How far one piece of work is.
pub(crate) struct Progress {
    /// `None` where there is no terminal.
    bar: Option<ProgressBar>,
    said: String,
}

impl Progress {
    pub(crate) fn new() -> Self {
        let style = ProgressStyle::with_template("{bar:10} {pos}/{len} {wide_msg}").expect("the template is valid");
        let bar = io::stderr().is_terminal().then(|| ProgressBar::new(0).with_style(style));
        Self { bar, said: String::new() }
    }

    /// Says what is being worked on and how much of `total` is done; a plain line only if `what` is news.
    pub(crate) fn say(&mut self, what: &str, done: usize, total: usize) {
        if let Some(bar) = &self.bar {
            bar.set_length(total as u64);
            bar.set_position(done as u64);
            bar.set_message(what.to_owned());
        } else if self.said != what {
            // Nobody listening is no reason to stop.
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
