//! The lecture's update rules, with θ, θ̃, g, v, r and s as there.

use super::{LearningRate, Momentum};

/// An update rule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// `θ ← θ − η_t g`
    Sgd,
    /// `v ← α_t v − η_t g; θ ← θ + v`
    Momentum {
        /// α_t
        alpha: Momentum,
    },
    /// `θ̃ = θ + α_t v`, g at θ̃; `v ← α_t v − η_t g; θ ← θ + v`
    Nesterov {
        /// α_t
        alpha: Momentum,
    },
    /// `r ← r + g²; θ ← θ − η₀/(δ + √r) · g`
    Adagrad {
        /// δ
        delta: f64,
    },
    /// `r ← ρ r + (1−ρ) g²; θ ← θ − η₀/√(δ + r) · g`
    RmsProp {
        /// ρ
        rho: f64,
        /// δ
        delta: f64,
    },
    /// g at `θ̃ = θ + α_t v`; r as for RMSprop; `v ← α_t v − η₀/√(δ + r) · g; θ ← θ + v`
    RmsPropNesterov {
        /// ρ
        rho: f64,
        /// δ
        delta: f64,
        /// α_t
        alpha: Momentum,
    },
    /// `r ← ρ r + (1−ρ) g²; θ ← θ − η₀/(δ + √r) · g`
    RmsPropOutside {
        /// ρ
        rho: f64,
        /// δ
        delta: f64,
    },
    /// `s ← ρ₁s + (1−ρ₁)g; r ← ρ₂r + (1−ρ₂)g²; ŝ = s/(1−ρ₁ᵗ); r̂ = r/(1−ρ₂ᵗ); θ ← θ − η₀/(δ + √r̂) · ŝ`
    Adam {
        /// ρ₁
        rho_1: f64,
        /// ρ₂
        rho_2: f64,
        /// δ
        delta: f64,
    },
}

/// A weight decay λ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Decay {
    /// None.
    None,
    /// `g ← g + λθ`, with θ the point at which g is taken.
    Coupled {
        /// λ
        lambda: f64,
    },
    /// `θ ← θ − η_t λ θ` before the rule; θ̃ instead of θ for the Nesterov rules.
    Decoupled {
        /// λ
        lambda: f64,
    },
}

/// An update rule with its state, one value of each kind per parameter.
#[derive(Clone, Debug)]
pub struct Optimizer {
    rule: Rule,
    eta: LearningRate,
    decay: Decay,
    t: u64,
    v: Vec<f64>,
    r: Vec<f64>,
    s: Vec<f64>,
}

impl Optimizer {
    /// Fresh state for `parameters` parameters.
    pub fn new(rule: Rule, eta: LearningRate, parameters: usize) -> Self {
        let zeros = vec![0.0; parameters];
        Self { rule, eta, decay: Decay::None, t: 0, v: zeros.clone(), r: zeros.clone(), s: zeros }
    }

    /// The same with weight decay.
    pub fn with_decay(self, decay: Decay) -> Self {
        Self { decay, ..self }
    }

    /// One step. `gradient` receives the point at which g is taken, θ or θ̃.
    pub fn step(&mut self, theta: &mut [f64], gradient: impl FnOnce(&[f64]) -> Vec<f64>) {
        self.t += 1;
        let (t, eta) = (self.t, self.eta.at(self.t));
        let alpha = match self.rule {
            Rule::Nesterov { alpha } | Rule::RmsPropNesterov { alpha, .. } => alpha.at(t),
            _ => 0.0,
        };
        let ahead: Vec<f64> = theta.iter().zip(&self.v).map(|(theta, v)| theta + alpha * v).collect();
        let mut g = gradient(&ahead);
        for ((theta, g), ahead) in theta.iter_mut().zip(&mut g).zip(&ahead) {
            match self.decay {
                Decay::None => {}
                Decay::Coupled { lambda } => *g += lambda * ahead,
                Decay::Decoupled { lambda } => *theta -= eta * lambda * ahead,
            }
        }
        for (i, (theta, g)) in theta.iter_mut().zip(g).enumerate() {
            let (v, r, s) = (&mut self.v[i], &mut self.r[i], &mut self.s[i]);
            match self.rule {
                Rule::Sgd => *theta -= eta * g,
                Rule::Momentum { alpha } | Rule::Nesterov { alpha } => {
                    *v = alpha.at(t) * *v - eta * g;
                    *theta += *v;
                }
                Rule::Adagrad { delta } => {
                    *r += g * g;
                    *theta -= eta / (delta + r.sqrt()) * g;
                }
                Rule::RmsProp { rho, delta } => {
                    *r = rho * *r + (1.0 - rho) * g * g;
                    *theta -= eta / (delta + *r).sqrt() * g;
                }
                Rule::RmsPropOutside { rho, delta } => {
                    *r = rho * *r + (1.0 - rho) * g * g;
                    *theta -= eta / (delta + r.sqrt()) * g;
                }
                Rule::RmsPropNesterov { rho, delta, alpha } => {
                    *r = rho * *r + (1.0 - rho) * g * g;
                    *v = alpha.at(t) * *v - eta / (delta + *r).sqrt() * g;
                    *theta += *v;
                }
                Rule::Adam { rho_1, rho_2, delta } => {
                    *s = rho_1 * *s + (1.0 - rho_1) * g;
                    *r = rho_2 * *r + (1.0 - rho_2) * g * g;
                    let s_hat = *s / (1.0 - rho_1.powf(t as f64));
                    let r_hat = *r / (1.0 - rho_2.powf(t as f64));
                    *theta -= eta / (delta + r_hat.sqrt()) * s_hat;
                }
            }
        }
    }
}
