//! Activations by name, in a form that burn's configurations can store.

use burn::config::Config;

/// The activation h that a layer applies to its outputs, in the same pass as the product.
#[derive(Config, Debug, Copy, PartialEq, Eq)]
pub enum Activation {
    /// `h(a) = a`
    Identity,
    /// `h(a) = 1 / (1 + e⁻ᵃ)`
    Sigmoid,
    /// `h(a) = tanh a`
    Tanh,
    /// `h(a) = a / (1 + |a|)`
    Softsign,
    /// `h(a) = a < 0 ? 0 : a`
    Relu,
}

impl From<Activation> for lanegrad::Activation {
    fn from(activation: Activation) -> Self {
        match activation {
            Activation::Identity => Self::Identity,
            Activation::Sigmoid => Self::Sigmoid,
            Activation::Tanh => Self::Tanh,
            Activation::Softsign => Self::Softsign,
            Activation::Relu => Self::Relu,
        }
    }
}
