#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod activation;
mod dense;
mod linear;
mod loss;
mod mlp;
mod node;
mod optimizer;
mod pool;
mod tensor;
mod thread;

/// The library that computes, for its rules, methods and errors.
pub use lanegrad;

pub use self::activation::Activation;
pub use self::linear::{Linear, LinearConfig};
pub use self::loss::{CrossEntropyLoss, MseLoss};
pub use self::mlp::{Mlp, MlpConfig};
pub use self::optimizer::{AdamConfig, AdamWConfig, RmsPropConfig, RuleOptimizer, RuleState, SgdConfig};
pub use self::pool::{set_threads, threads};
