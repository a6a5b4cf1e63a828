//! Examples of every schedule, by name.

use lanegrad::{LearningRate, Momentum};

/// Step sizes over time. Figures and tests use this list: a schedule of the library that is missing fails a test.
pub const LEARNING_RATES: &[(&str, LearningRate)] = &[
    ("constant", LearningRate::Constant(0.1)),
    ("inverse-sqrt", LearningRate::InverseSquareRoot { initial: 0.1, gamma: 1.0 }),
    ("inverse-sqrt-slow", LearningRate::InverseSquareRoot { initial: 0.1, gamma: 0.25 }),
    ("inverse", LearningRate::Inverse { initial: 0.1, gamma: 1.0 }),
    ("inverse-slow", LearningRate::Inverse { initial: 0.1, gamma: 0.25 }),
];

/// Momentum over time, like [`LEARNING_RATES`].
pub const MOMENTA: &[(&str, Momentum)] = &[
    ("constant", Momentum::Constant(0.9)),
    ("rising", Momentum::Rising { from: 0.5, to: 0.9, steps: 250 }),
    ("rising-far", Momentum::Rising { from: 0.5, to: 0.99, steps: 750 }),
];
