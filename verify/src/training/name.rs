//! Names of options, the same on the command line and in results.

use lanegrad::{Activation, Initialization};

/// Activation functions: every one of the library. Checks, tests and figures derive their lists from this one.
pub const ACTIVATIONS: &[(&str, Activation)] = &[
    ("identity", Activation::Identity),
    ("sigmoid", Activation::Sigmoid),
    ("tanh", Activation::Tanh),
    ("softsign", Activation::Softsign),
    ("relu", Activation::Relu),
];

/// How weights are drawn.
pub const INITIALIZATIONS: &[(&str, Initialization)] = &[
    ("glorot-uniform", Initialization::GlorotUniform),
    ("glorot-normal", Initialization::GlorotNormal),
    ("he-uniform", Initialization::HeUniform),
    ("he-normal", Initialization::HeNormal),
];

/// The softmax cross-entropy loss.
pub const CROSS_ENTROPY: &str = "cross-entropy";
/// The squared error.
pub const SQUARED_ERROR: &str = "squared-error";

/// The names of [`lanegrad::LearningRate::Constant`] and its siblings.
pub const CONSTANT: &str = "constant";
/// See [`lanegrad::LearningRate::InverseSquareRoot`].
pub const INVERSE_SQRT: &str = "inverse-sqrt";
/// See [`lanegrad::LearningRate::Inverse`].
pub const INVERSE: &str = "inverse";

/// The name of a value in a table.
pub fn of<T: PartialEq>(table: &[(&'static str, T)], value: &T) -> &'static str {
    table.iter().find(|(_, other)| other == value).map_or("?", |(name, _)| name)
}
