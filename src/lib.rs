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
pub use self::backend::{Backend, Builder};
pub use self::clip::Clip;
pub use self::error::{Error, IsaName};
pub use self::loss::{CrossEntropyLoss, Loss, SquaredErrorLoss};
pub use self::matrix::{MatMut, MatRef};
pub use self::network::{Batch, Initialization, Layer, LayerOptions, LayerStep, Network, Scratch, TrainOptions};
pub use self::optimizer::{Method, Optimizer, Parameter, Rule, State, Step, WeightDecay};
pub use self::schedule::{LearningRate, Momentum};
pub use lanegrad_kernels::isa::Isa;
pub use lanegrad_kernels::threads::{Pool, Threads};

/// Matrices from pointers, for hosts whose elements are in no slice.
///
/// A slice over the gaps of an interleaved array would also borrow what others may write meanwhile. A [`View`](raw::View) borrows its
/// elements alone. Creating one from a pointer is `unsafe`; [`MatRef`] and [`MatMut`] take it from there, `From`:
///
/// ```
/// use lanegrad::{MatMut, MatRef, raw};
/// // Complex numbers: the imaginary parts lie between the real ones.
/// let numbers = [1.0_f32, 0.1, 2.0, 0.2, 3.0, 0.3, 4.0, 0.4];
/// // SAFETY: the 2 × 2 elements are in the array, which is not written.
/// let real = MatRef::from(unsafe { raw::View::from_raw_parts(numbers.as_ptr(), 2, 2, 4, 2) });
/// assert_eq!(real.get(1, 1), Some(4.0));
///
/// let mut column_major = [0.0_f32; 6];
/// // SAFETY: the 2 × 3 elements are in the array, and nothing else has access to it.
/// let view = unsafe { raw::ViewMut::from_raw_parts(column_major.as_mut_ptr(), 2, 3, 1, 2) };
/// let output = MatMut::from(view.expect("its columns are contiguous"));
/// # assert_eq!(output.rows(), 2);
/// ```
pub mod raw {
    pub use lanegrad_kernels::simd::{Misfit, View, ViewMut};
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
