//! The seven optimizers by name, with defaults that were tuned for 784-128-10, ReLU, softmax and cross-entropy,
//! mini-batches of 128 and 10 epochs of MNIST.

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

/// What can be set of an update rule beside its learning rate.
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
    /// Those of a method.
    pub fn of(method: &'a mut Method) -> Self {
        match method {
            Method::Sgd => Self::default(),
            Method::Momentum { momentum } | Method::Nesterov { momentum } => {
                Self { momentum: Some(momentum), ..Self::default() }
            }
            Method::Adagrad { epsilon } => Self { epsilon: Some(epsilon), ..Self::default() },
            Method::RmsProp { decay, epsilon } => {
                Self { decays: vec![decay], epsilon: Some(epsilon), ..Self::default() }
            }
            Method::RmsPropNesterov { decay, epsilon, momentum } => {
                Self { momentum: Some(momentum), decays: vec![decay], epsilon: Some(epsilon) }
            }
            Method::Adam { first_decay, second_decay, epsilon } => {
                Self { decays: vec![first_decay, second_decay], epsilon: Some(epsilon), ..Self::default() }
            }
        }
    }
}

impl Algorithm {
    /// All of them, in the lecture's order.
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

    /// The update rule with default hyper-parameters, and its learning rate.
    pub fn defaults(self) -> (Method, f64) {
        let momentum = Momentum::Constant(0.9);
        match self {
            Self::Sgd => (Method::Sgd, 0.1),
            Self::Momentum => (Method::Momentum { momentum }, 0.05),
            Self::Nesterov => (Method::Nesterov { momentum }, 0.05),
            Self::Adagrad => (Method::Adagrad { epsilon: 1e-7 }, 0.01),
            // Epsilon stands inside the root: 1e-8 there caps the step at 10⁴ η.
            Self::RmsProp => (Method::RmsProp { decay: 0.9, epsilon: 1e-8 }, 0.001),
            Self::RmsPropNesterov => {
                (Method::RmsPropNesterov { decay: 0.9, epsilon: 1e-8, momentum: Momentum::Constant(0.9) }, 0.0001)
            }
            Self::Adam => (Method::Adam { first_decay: 0.9, second_decay: 0.999, epsilon: 1e-8 }, 0.001),
        }
    }
}
