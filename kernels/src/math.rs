//! Functions of one number, as lane functions: written once, inlined into whatever uses them.

mod activation;
mod exp;
mod sigmoid;
mod tanh;

pub use self::activation::{Activation, Identity, Relu, Sigmoid, Tanh};
pub use self::{exp::exp, sigmoid::sigmoid, tanh::tanh};
