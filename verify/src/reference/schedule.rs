//! Step sizes and momentum over time; steps are counted t = 1, 2, …

/// η_t
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LearningRate {
    /// η
    Constant(f64),
    /// `η₀/√(γt)`
    InverseSquareRoot {
        /// η₀
        initial: f64,
        /// γ
        gamma: f64,
    },
    /// `η₀/(γt)`
    Inverse {
        /// η₀
        initial: f64,
        /// γ
        gamma: f64,
    },
}

/// α_t
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Momentum {
    /// α
    Constant(f64),
    /// Linear from α_1 = `from` to α_t = `to` at t = `steps`, and constant afterwards.
    Rising {
        /// At t = 1.
        from: f64,
        /// At t = `steps` and after.
        to: f64,
        /// The last step of the rise.
        steps: u64,
    },
}

impl LearningRate {
    /// η_t
    pub fn at(self, t: u64) -> f64 {
        match self {
            Self::Constant(eta) => eta,
            Self::InverseSquareRoot { initial, gamma } => initial / (gamma * t as f64).sqrt(),
            Self::Inverse { initial, gamma } => initial / (gamma * t as f64),
        }
    }
}

impl Momentum {
    /// α_t
    pub fn at(self, t: u64) -> f64 {
        match self {
            Self::Constant(alpha) => alpha,
            Self::Rising { from, to, steps } => {
                let risen = if t >= steps { 1.0 } else { (t - 1) as f64 / (steps - 1) as f64 };
                (1.0 - risen) * from + risen * to
            }
        }
    }
}
