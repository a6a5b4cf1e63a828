//! A report as a JSON document.
//!
//! Fields are only ever added; `format` changes when one changes its meaning. What a [`Figure`] is made of is said where it is
//! defined, in `verify/src/report/figure.rs`. A number that is not finite is null.

use super::about::About;
use super::figure::Figure;
use super::figures::Settings;
use serde::Serialize;

/// The whole document.
#[derive(Clone, Debug, Serialize)]
pub struct Document {
    /// `lanegrad-report-1`
    pub format: &'static str,
    /// Program, machine, time.
    pub about: About,
    /// What the figures depend on.
    pub settings: Settings,
    /// Whether all checks passed, in a sentence.
    pub verdict: String,
    /// In the order of the page; the last one is what was checked.
    pub figures: Vec<Figure>,
}

impl Document {
    /// The document of these figures.
    pub fn new(about: About, settings: Settings, verdict: String, figures: Vec<Figure>) -> Self {
        Self { format: "lanegrad-report-1", about, settings, verdict, figures }
    }
}
