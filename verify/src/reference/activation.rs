//! Activation functions h and their derivatives h'.

use super::Real;

/// The activation function of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `h(a) = a`
    Identity,
    /// `h(a) = 1/(1 + e⁻ᵃ)`
    Sigmoid,
    /// `h(a) = tanh a`
    Tanh,
    /// `h(a) = a/(1 + |a|)`
    Softsign,
    /// `h(a) = a < 0 ? 0 : a`
    Relu,
}

impl Activation {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Identity, Self::Sigmoid, Self::Tanh, Self::Softsign, Self::Relu];

    /// `h(a)`
    pub fn value<R: Real>(self, a: R) -> R {
        match self {
            Self::Identity => a,
            Self::Sigmoid => R::constant(1.0) / (R::constant(1.0) + (-a).exp()),
            Self::Tanh => a.tanh(),
            Self::Softsign if a.value().is_infinite() => R::constant(a.value().signum()),
            Self::Softsign => a / (R::constant(1.0) + if a.value() < 0.0 { -a } else { a }),
            Self::Relu if a.value() < 0.0 => R::constant(0.0),
            Self::Relu => a,
        }
    }

    /// `h'(a)`, from the output `z = h(a)`.
    pub fn derivative(self, z: f64) -> f64 {
        match self {
            Self::Identity => 1.0,
            Self::Sigmoid => z * (1.0 - z),
            Self::Tanh => 1.0 - z * z,
            Self::Softsign => (1.0 - z.abs()) * (1.0 - z.abs()),
            Self::Relu if z <= 0.0 => 0.0,
            Self::Relu => 1.0,
        }
    }

    /// The absolute values of the terms of h'(a), summed: what a rounding error of h' is measured by.
    pub fn derivative_terms(self, z: f64) -> f64 {
        match self {
            Self::Sigmoid => z.abs() * (1.0 + z.abs()),
            Self::Tanh => 1.0 + z * z,
            Self::Softsign => (1.0 + z.abs()) * (1.0 + z.abs()),
            Self::Identity | Self::Relu => self.derivative(z),
        }
    }

    /// Whether h or h' bends at 0: no difference quotient across it is near a derivative.
    pub fn bends(self) -> bool {
        matches!(self, Self::Softsign | Self::Relu)
    }
}
