//! Hand-vectorised f32 kernels for training dense neural networks: fused, deterministic, verified.
//!
//! The steps of the lecture that this library implements, in reading order:
//!
//! | step | where |
//! |---|---|
//! | matrices of the caller's | [`MatRef`], [`MatMut`] |
//! | what the kernels run on | [`Backend`], [`Isa`] |
//! | forward `z = h(x·wᵀ + b)` | [`dense::forward`], [`Activation`] |
//! | loss and output delta `(2c/m)(ŷ − y) ⊙ h'(a)` | [`loss::squared_error`], [`loss::softmax_cross_entropy`] |
//! | hidden delta `(delta·w) ⊙ h'(a)` | [`dense::backward`] |
//! | gradients `deltaᵀ·x` | [`dense::gradient`] |
//! | clipping, and the norm | [`clip::by_value`], [`clip::by_global_norm`], [`clip::global_norm`] |
//! | update rules | [`Method`], [`Rule`], [`State`] of one tensor, [`Optimizer`] of a list |
//! | step sizes and momentum over time | [`LearningRate`], [`Momentum`] |
//! | all of it, and what it computed layer by layer | [`Network::train_step`], [`Network::last_step`] |
//!
//! [`recipes`] has short programs for common uses in a host.
//!
//! Every invalid argument is reported as an [`Error`] before anything is written.
#![forbid(unsafe_code)]

mod activation;
mod backend;
pub mod clip;
pub mod dense;
mod error;
mod hyper_parameter;
pub mod loss;
mod matrix;
mod network;
mod optimizer;
pub mod recipes;
mod schedule;

pub use self::activation::Activation;
pub use self::backend::Backend;
pub use self::clip::Clip;
pub use self::error::{Error, IsaName};
pub use self::loss::{CrossEntropyLoss, Loss, SquaredErrorLoss};
pub use self::matrix::{MatMut, MatRef};
pub use self::network::{Batch, Initialization, Layer, LayerOptions, LayerStep, Network, Scratch, TrainOptions};
pub use self::optimizer::{Method, Optimizer, Parameter, Rule, State, Step, WeightDecay};
pub use self::schedule::{LearningRate, Momentum};
pub use lanegrad_kernels::isa::Isa;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
