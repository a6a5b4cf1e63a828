//! The lecture in f64, scalar, formula by formula. It depends on no other code of this project.
//!
//! | step | here |
//! |---|---|
//! | scalars: f64, or f64 with a derivative | [`Real`], [`Dual`] |
//! | h and h' | [`Activation`] |
//! | forward `f = f_L ∘ … ∘ f_1` | [`Network::forward`] |
//! | losses | [`Loss`] |
//! | the lecture's Δ, and gradients | [`Network::backward`] |
//! | clipping | [`clip_by_value`], [`clip_by_global_norm`] |
//! | update rules | [`Optimizer`] |
//! | step sizes and momentum over time | [`LearningRate`], [`Momentum`] |
//! | how much a layer's Jacobian stretches a vector | [`singular_values`] |
//!
//! Forward and losses are written once for every [`Real`], so that duals differentiate the same code whose derivative the hand-written
//! backward claims to be.

mod activation;
mod clip;
mod loss;
mod matrix;
mod network;
mod optimizer;
mod real;
mod schedule;
mod singular_values;

pub use self::activation::Activation;
pub use self::clip::{clip_by_global_norm, clip_by_value};
pub use self::loss::{Loss, Target};
pub use self::matrix::Matrix;
pub use self::network::{Gradient, Layer, Network};
pub use self::optimizer::{Decay, Optimizer, Rule};
pub use self::real::{Dual, Real};
pub use self::schedule::{LearningRate, Momentum};
pub use self::singular_values::singular_values;
