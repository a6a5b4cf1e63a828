//! The formulas of the updates and their constants.

use crate::{Error, Momentum, hyper_parameter};

/// The formula of an update and its constants. θ are the parameters, g is the gradient, and t = 1, 2, … counts the updates.
///
/// | field | in the literature |
/// |---|---|
/// | `momentum` | α, μ |
/// | `decay`, `beta1`, `beta2` | ρ, ρ₁ and ρ₂; β, β₁ and β₂ |
/// | `epsilon` | δ, ε |
///
/// # Limits of `f32`
/// * A gradient of 0 never moves a parameter by itself. If δ > 0, SGD, Adagrad and RMSprop leave θ unchanged in any state, and every
///   rule does in fresh state (−0 may become +0). If δ = 0, the adaptive rules turn a parameter whose gradients were all 0 into
///   NaN (0/0).
/// * The adaptive rules square g. If g² overflows (|g| > 1.8e19; with ρ, (1−ρ)g²), r is infinite, and the parameter does not move any
///   more; an infinite g results in NaN. If g² underflows (|g| < 3e-23; with ρ, |g| < 3e-23/√(1−ρ)) and δ is smaller than |g|, a step
///   is longer than its formula says; below 1e-19 it loses accuracy. Clipping bounds g from above.
/// * An average with decay ρ is within `(2/(1−ρ) + 4)·2⁻²⁴` of the largest of its terms: 1.2e-4 at ρ = 0.999, and an eighth at
///   `1 − 2⁻²⁰`. Beyond that, `f32` cannot represent it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Method {
    /// `θ ← θ − η_t g`
    Sgd,
    /// `v ← α_t v − η_t g; θ ← θ + v`. Source: Polyak 1964; Sutskever et al. 2013.
    ///
    /// PyTorch's `SGD(momentum=α)` keeps η outside v. The steps are the same while η is constant.
    Momentum {
        /// α_t
        momentum: Momentum,
    },
    /// g is taken at `θ̃ = θ + α_t v`; `v ← α_t v − η_t g; θ ← θ + v`. Source: Nesterov 1983; Sutskever et al. 2013.
    Nesterov {
        /// α_t
        momentum: Momentum,
    },
    /// `r ← r + g²; θ ← θ − η_t · g/(δ + √r)`. Source: Duchi, Hazan & Singer 2011.
    Adagrad {
        /// δ ≥ 0
        epsilon: f64,
    },
    /// `r ← ρ r + (1−ρ) g²; θ ← θ − η_t · g/√(δ + r)`, with δ inside the root. Source: Tieleman & Hinton 2012; for δ inside the root,
    /// Goodfellow, Bengio & Courville 2016, algorithm 8.5.
    RmsProp {
        /// ρ in [0, 1)
        decay: f64,
        /// δ ≥ 0
        epsilon: f64,
    },
    /// `r ← ρ r + (1−ρ) g²; θ ← θ − η_t · g/(δ + √r)`, with δ outside the root, as in PyTorch.
    RmsPropOutside {
        /// ρ in [0, 1)
        decay: f64,
        /// δ ≥ 0
        epsilon: f64,
    },
    /// g is taken at `θ̃ = θ + α_t v`; r as for RMSprop; `v ← α_t v − η_t · g/√(δ + r); θ ← θ + v`. Source: Goodfellow, Bengio &
    /// Courville 2016, algorithm 8.6.
    RmsPropNesterov {
        /// ρ in [0, 1)
        decay: f64,
        /// δ ≥ 0
        epsilon: f64,
        /// α_t
        momentum: Momentum,
    },
    /// `s ← ρ₁s + (1−ρ₁)g; r ← ρ₂r + (1−ρ₂)g²; ŝ = s/(1−ρ₁ᵗ); r̂ = r/(1−ρ₂ᵗ); θ ← θ − η_t · ŝ/(δ + √r̂)`. Source: Kingma & Ba 2015.
    ///
    /// With decoupled weight decay it is AdamW: see [`Rule::adam_w`](crate::Rule::adam_w).
    Adam {
        /// ρ₁ in [0, 1)
        beta1: f64,
        /// ρ₂ in [0, 1)
        beta2: f64,
        /// δ ≥ 0
        epsilon: f64,
    },
}

/// Each rule with default constants. They were tuned for a 784-128-10 network on MNIST, with ReLU, cross-entropy, mini-batches of 128
/// and 10 epochs. The PyTorch presets have the defaults of PyTorch.
impl Method {
    /// [`Sgd`](Self::Sgd)
    pub const fn sgd() -> Self {
        Self::Sgd
    }

    /// [`Momentum`](Self::Momentum) of 0.9
    pub const fn momentum() -> Self {
        Self::Momentum { momentum: Momentum::Constant(0.9) }
    }

    /// [`Nesterov`](Self::Nesterov) with momentum 0.9
    pub const fn nesterov() -> Self {
        Self::Nesterov { momentum: Momentum::Constant(0.9) }
    }

    /// [`Adagrad`](Self::Adagrad) with epsilon 1e-7
    pub const fn adagrad() -> Self {
        Self::Adagrad { epsilon: 1e-7 }
    }

    /// [`RmsProp`](Self::RmsProp) with decay 0.9 and epsilon 1e-8. Inside the root, this epsilon limits a step to 10⁴ η g.
    pub const fn rms_prop() -> Self {
        Self::RmsProp { decay: 0.9, epsilon: 1e-8 }
    }

    /// [`RmsPropNesterov`](Self::RmsPropNesterov) with decay 0.9, epsilon 1e-8 and momentum 0.9
    pub const fn rms_prop_nesterov() -> Self {
        Self::RmsPropNesterov { decay: 0.9, epsilon: 1e-8, momentum: Momentum::Constant(0.9) }
    }

    /// [`Adam`](Self::Adam) with beta1 0.9, beta2 0.999 and epsilon 1e-8, as in PyTorch
    pub const fn adam() -> Self {
        Self::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
    }

    /// `torch.optim.Adagrad`: [`Adagrad`](Self::Adagrad) with epsilon 1e-10
    pub const fn pytorch_adagrad() -> Self {
        Self::Adagrad { epsilon: 1e-10 }
    }

    /// `torch.optim.RMSprop`: [`RmsPropOutside`](Self::RmsPropOutside) with decay 0.99 and epsilon 1e-8
    pub const fn pytorch_rms_prop() -> Self {
        Self::RmsPropOutside { decay: 0.99, epsilon: 1e-8 }
    }

    /// The default learning rate.
    pub const fn default_learning_rate(self) -> f64 {
        match self {
            Self::Sgd => 0.1,
            Self::Momentum { .. } | Self::Nesterov { .. } => 0.05,
            Self::Adagrad { .. } | Self::RmsPropOutside { .. } => 0.01,
            Self::RmsProp { .. } | Self::Adam { .. } => 0.001,
            Self::RmsPropNesterov { .. } => 0.0001,
        }
    }

    /// The rule's name in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sgd => "SGD",
            Self::Momentum { .. } => "momentum",
            Self::Nesterov { .. } => "Nesterov",
            Self::Adagrad { .. } => "Adagrad",
            Self::RmsProp { .. } => "RMSprop",
            Self::RmsPropOutside { .. } => "RMSprop with epsilon outside the root",
            Self::RmsPropNesterov { .. } => "RMSprop with Nesterov momentum",
            Self::Adam { .. } => "Adam",
        }
    }

    /// Whether the gradient is taken at `θ̃ = θ + α_t v`.
    pub const fn looks_ahead(self) -> bool {
        matches!(self, Self::Nesterov { .. } | Self::RmsPropNesterov { .. })
    }

    pub(super) fn validate(self) -> Result<(), Error> {
        let decay = |rho| hyper_parameter::fraction("the decay", rho);
        let epsilon = |epsilon| hyper_parameter::not_negative("epsilon", epsilon);
        match self {
            Self::Sgd => Ok(()),
            Self::Momentum { momentum } | Self::Nesterov { momentum } => momentum.validate(),
            Self::Adagrad { epsilon: delta } => epsilon(delta),
            Self::RmsProp { decay: rho, epsilon: delta } | Self::RmsPropOutside { decay: rho, epsilon: delta } => {
                decay(rho).and(epsilon(delta))
            }
            Self::RmsPropNesterov { decay: rho, epsilon: delta, momentum } => {
                decay(rho).and(epsilon(delta)).and(momentum.validate())
            }
            Self::Adam { beta1, beta2, epsilon: delta } => {
                hyper_parameter::fraction("beta1", beta1)?;
                hyper_parameter::fraction("beta2", beta2)?;
                epsilon(delta)
            }
        }
    }
}
