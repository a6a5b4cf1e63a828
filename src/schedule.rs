//! Schedules of step size and momentum. A schedule works with any optimizer. Steps are counted t = 1, 2, …

use crate::{Error, hyper_parameter};

/// The step size η_t.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum LearningRate {
    /// `η_t = η`
    Constant(f64),
    /// `η_t = η₀/√(γt)`
    InverseSquareRoot {
        /// η₀
        initial: f64,
        /// γ > 0
        gamma: f64,
    },
    /// `η_t = η₀/(γt)`
    Inverse {
        /// η₀
        initial: f64,
        /// γ > 0
        gamma: f64,
    },
}

/// The momentum α_t in [0, 1).
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Momentum {
    /// `α_t = α`
    Constant(f64),
    /// Starts small and rises: linearly from `from` at t = 1 to `to` at t = `steps`, and constant afterwards.
    Rising {
        /// α_1
        from: f64,
        /// α_t for t ≥ `steps`; not less than `from`.
        to: f64,
        /// The step at which α_t reaches `to`.
        steps: u64,
    },
}

impl LearningRate {
    /// η_t, for t = 1, 2, …
    pub fn at(self, t: u64) -> f64 {
        match self {
            Self::Constant(learning_rate) => learning_rate,
            Self::InverseSquareRoot { initial, gamma } => initial / (gamma * t as f64).sqrt(),
            Self::Inverse { initial, gamma } => initial / (gamma * t as f64),
        }
    }

    /// Checks the range. η_1 is the largest: if it is in range, all are.
    pub(crate) fn validate(self) -> Result<(), Error> {
        if let Self::InverseSquareRoot { gamma, .. } | Self::Inverse { gamma, .. } = self {
            hyper_parameter::positive("gamma", gamma)?;
        }
        hyper_parameter::not_negative("the learning rate", self.at(1))
    }
}

impl Momentum {
    /// α_t, for t = 1, 2, …
    pub fn at(self, t: u64) -> f64 {
        match self {
            Self::Constant(momentum) => momentum,
            Self::Rising { to, steps, .. } if t >= steps => to,
            Self::Rising { from, to, steps } => from + (to - from) * (t.saturating_sub(1) as f64 / (steps - 1) as f64),
        }
    }

    pub(crate) fn validate(self) -> Result<(), Error> {
        match self {
            Self::Constant(momentum) => hyper_parameter::fraction("the momentum", momentum),
            Self::Rising { from, to, .. } => {
                hyper_parameter::fraction("the momentum at the start", from)?;
                hyper_parameter::fraction("the momentum at the end", to)?;
                if to < from {
                    let (name, expected) = ("the momentum at the end", "not below that at the start");
                    return Err(Error::HyperParameter { name, expected, found: to });
                }
                Ok(())
            }
        }
    }
}
