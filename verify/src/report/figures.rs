//! The figures, each computed by the library's own kernels and optimizers when it is called.

pub mod training;

use super::figure::Figure;
use lanegrad::{Backend, Error};
use serde::Serialize;

/// What the figures depend on.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Settings {
    /// Draws the weights.
    pub seed: u64,
    /// Fewer points and coarser grids, for tests.
    pub quick: bool,
    /// Condition number of the valley.
    pub condition: f64,
}

/// Computes a figure.
pub type Compute = fn(&Settings, &mut Backend) -> Result<Figure, Error>;

/// The figures that need no data, in the order of the page.
pub const ALL: &[(&str, Compute)] = &[];
