//! The figures, each computed by the library's own kernels and optimizers when it is called.

mod cliff;
mod depth;
mod schedules;
mod significant;
pub mod training;
mod valley;

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

impl Settings {
    /// Checks that every figure can be computed; each figure checks it too.
    ///
    /// # Errors
    /// When the condition number is not from 1 to 10,000. Beyond that a gradient in `f32` no longer tells where the valley's floor is.
    pub fn check(&self) -> Result<(), Error> {
        if (1.0..=1e4).contains(&self.condition) {
            return Ok(());
        }
        let (name, expected) = ("the condition number", "a number from 1 to 10000");
        Err(Error::HyperParameter { name, expected, found: self.condition })
    }
}

/// Computes a figure.
pub type Compute = fn(&Settings, &mut Backend) -> Result<Figure, Error>;

/// The figures that need no data, in the order of the page.
pub const ALL: &[(&str, Compute)] =
    &[("valley", valley::figure), ("cliff", cliff::figure), ("depth", depth::figure), ("schedules", schedules::figure)];
