#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod dense;
mod linear;
pub mod loss;
mod mlp;
mod optimizer;
mod params;
mod pool;
mod sink;
mod view;
mod workspace;

pub use self::linear::{Linear, linear, linear_b, linear_no_bias};
pub use self::mlp::Mlp;
pub use self::optimizer::{AdamW, SGD, VarOptimizer};
pub use self::params::{Config, Params};
pub use self::pool::{set_threads, threads};
pub use lanegrad::{Activation, LearningRate, Method, Momentum, WeightDecay};
