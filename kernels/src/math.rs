//! Functions of one variable, as lane functions: written once and inlined into their callers.

mod activation;
mod exp;
mod sigmoid;
mod softsign;
mod tanh;

pub use self::activation::{Activation, Identity, Relu, Sigmoid, Softsign, Tanh};
pub use self::{exp::exp, sigmoid::sigmoid, softsign::softsign, tanh::tanh};
