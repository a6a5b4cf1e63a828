//! Functions of one number, as lane functions: written once, inlined into whatever uses them.

mod activation;
mod exp;
mod sigmoid;
mod softsign;
mod tanh;

pub use self::activation::{Activation, Identity, Relu, Sigmoid, Softsign, Tanh};
pub use self::{exp::exp, sigmoid::sigmoid, softsign::softsign, tanh::tanh};
