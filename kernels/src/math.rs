//! Functions of one variable, as lane functions: written once and inlined into their callers.

mod activation;
mod exp;
mod sigmoid;
mod tanh;

pub use self::activation::{Activation, Identity, Relu, Sigmoid, Tanh};
pub use self::{exp::exp, sigmoid::sigmoid, tanh::tanh};
