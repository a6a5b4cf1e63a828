//! The optimizers by name.

use lanegrad::{Method, Momentum};

/// An optimizer's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// [`Method::Sgd`]
    Sgd,
    /// [`Method::Momentum`]
    Momentum,
    /// [`Method::Nesterov`]
    Nesterov,
    /// [`Method::Adagrad`]
    Adagrad,
    /// [`Method::RmsProp`]
    RmsProp,
    /// [`Method::RmsPropNesterov`]
    RmsPropNesterov,
    /// [`Method::Adam`]
    Adam,
}

/// The hyper-parameters of an update rule besides its learning rate.
#[derive(Debug, Default)]
pub struct HyperParameters<'a> {
    /// α_t
    pub momentum: Option<&'a mut Momentum>,
    /// ρ, or ρ₁ and ρ₂.
    pub decays: Vec<&'a mut f64>,
    /// δ
    pub epsilon: Option<&'a mut f64>,
}

impl<'a> HyperParameters<'a> {
    /// The hyper-parameters of a method.
    pub fn of(method: &'a mut Method) -> Self {
        match method {
            Method::Sgd => Self::default(),
            Method::Momentum { momentum } | Method::Nesterov { momentum } => {
                Self { momentum: Some(momentum), ..Self::default() }
            }
            Method::Adagrad { epsilon } => Self { epsilon: Some(epsilon), ..Self::default() },
            Method::RmsProp { decay, epsilon } | Method::RmsPropOutside { decay, epsilon } => {
                Self { decays: vec![decay], epsilon: Some(epsilon), ..Self::default() }
            }
            Method::RmsPropNesterov { decay, epsilon, momentum } => {
                Self { momentum: Some(momentum), decays: vec![decay], epsilon: Some(epsilon) }
            }
            Method::Adam { beta1, beta2, epsilon } => {
                Self { decays: vec![beta1, beta2], epsilon: Some(epsilon), ..Self::default() }
            }
            other => unreachable!("{} is not known here", other.name()),
        }
    }
}

impl Algorithm {
    /// All optimizers, in the lecture's order.
    pub const ALL: [Self; 7] =
        [Self::Sgd, Self::Momentum, Self::Nesterov, Self::Adagrad, Self::RmsProp, Self::RmsPropNesterov, Self::Adam];

    /// The name on the command line and in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sgd => "sgd",
            Self::Momentum => "momentum",
            Self::Nesterov => "nesterov",
            Self::Adagrad => "adagrad",
            Self::RmsProp => "rmsprop",
            Self::RmsPropNesterov => "rmsprop-nesterov",
            Self::Adam => "adam",
        }
    }

    /// The update rule with the library's default hyper-parameters.
    pub fn method(self) -> Method {
        match self {
            Self::Sgd => Method::sgd(),
            Self::Momentum => Method::momentum(),
            Self::Nesterov => Method::nesterov(),
            Self::Adagrad => Method::adagrad(),
            Self::RmsProp => Method::rms_prop(),
            Self::RmsPropNesterov => Method::rms_prop_nesterov(),
            Self::Adam => Method::adam(),
        }
    }
}
