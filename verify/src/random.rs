//! Random numbers for weights.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Draws values in [0, 1), the same for the same seed.
pub fn uniform(seed: u64) -> impl FnMut() -> f64 {
    let mut rng = StdRng::seed_from_u64(seed);
    move || rng.random()
}
