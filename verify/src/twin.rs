//! Scalar f32 twins of the update rules: a second implementation of the order of their roundings, one parameter at a time.
//!
//! Additions, products, quotients, roots and fused products are correctly rounded everywhere, so a kernel must agree with its twin to
//! the last bit. If an instruction set has no FMA, the twin rounds twice as well.

use lanegrad::{Method, Rule, WeightDecay};

/// A rule with the state of one slice.
#[derive(Clone, Debug)]
pub struct Twin {
    rule: Rule,
    fused: bool,
    t: u64,
    /// v, or Adam's s.
    v: Vec<f32>,
    r: Vec<f32>,
}

impl Twin {
    /// Fresh state for `len` parameters. `fused` is whether `a·b + c` rounds once.
    pub fn new(rule: Rule, fused: bool, len: usize) -> Self {
        Self { rule, fused, t: 0, v: vec![0.0; len], r: vec![0.0; len] }
    }

    /// One step of a run in which the tensor has a gradient at each step. `gradient` receives the point at which g is taken, θ or θ̃.
    pub fn step(&mut self, theta: &mut [f32], gradient: impl FnOnce(&[f32]) -> Vec<f32>) {
        self.step_of_run(self.t + 1, theta, gradient);
    }

    /// The tensor's next update, at this step of the run: step size and momentum follow the run, and bias corrections follow the
    /// tensor's own count.
    pub fn step_of_run(&mut self, step: u64, theta: &mut [f32], gradient: impl FnOnce(&[f32]) -> Vec<f32>) {
        self.t += 1;
        let eta = self.rule.learning_rate_factor() * self.rule.learning_rate().at(step);
        let alpha = match self.rule.method() {
            Method::Momentum { momentum }
            | Method::Nesterov { momentum }
            | Method::RmsPropNesterov { momentum, .. } => momentum.at(step) as f32,
            _ => 0.0,
        };
        if self.rule.method().looks_ahead() {
            for (theta, &v) in theta.iter_mut().zip(&self.v) {
                *theta = self.fma(alpha, v, *theta);
            }
        }
        let g = gradient(theta);
        for i in 0..theta.len() {
            let (decayed, g) = self.decay(eta, theta[i], g[i]);
            (theta[i], self.v[i], self.r[i]) = self.update(eta, alpha, decayed, g, self.v[i], self.r[i]);
        }
    }

    /// θ and g after weight decay: `g + λθ`, or `θ − ηλθ`.
    fn decay(&self, eta: f64, theta: f32, g: f32) -> (f32, f32) {
        match self.rule.weight_decay() {
            WeightDecay::Coupled(lambda) if lambda > 0.0 => (theta, self.fma(lambda as f32, theta, g)),
            WeightDecay::Decoupled(lambda) if lambda > 0.0 => (self.fma(-((eta * lambda) as f32), theta, theta), g),
            _ => (theta, g),
        }
    }

    /// The new θ, v (or s) and r. For the Nesterov rules θ is θ̃, and `θ̃ − rate·g` is rounded.
    fn update(&self, eta: f64, alpha: f32, theta: f32, g: f32, v: f32, r: f32) -> (f32, f32, f32) {
        let t = self.t;
        let rate = eta as f32;
        match self.rule.method() {
            Method::Sgd => (self.fma(-rate, g, theta), v, r),
            Method::Momentum { .. } => {
                let v = self.fma(-rate, g, alpha * v);
                (theta + v, v, r)
            }
            Method::Nesterov { .. } => {
                let v = self.fma(-rate, g, alpha * v);
                (self.fma(-rate, g, theta), v, r)
            }
            Method::Adagrad { epsilon } => {
                let r = self.fma(g, g, r);
                (self.fma(-rate, g / (epsilon as f32 + r.sqrt()), theta), v, r)
            }
            Method::RmsProp { decay, epsilon } => {
                let r = self.average_of_squares(decay, g, r);
                (self.fma(-rate, g / (epsilon as f32 + r).sqrt(), theta), v, r)
            }
            Method::RmsPropOutside { decay, epsilon } => {
                let r = self.average_of_squares(decay, g, r);
                (self.fma(-rate, g / (epsilon as f32 + r.sqrt()), theta), v, r)
            }
            Method::RmsPropNesterov { decay, epsilon, .. } => {
                let r = self.average_of_squares(decay, g, r);
                let direction = g / (epsilon as f32 + r).sqrt();
                let v = self.fma(-rate, direction, alpha * v);
                (self.fma(-rate, direction, theta), v, r)
            }
            Method::Adam { beta1, beta2, epsilon } => {
                let rest = (1.0 - beta1) as f32;
                let s = self.fma(rest, g, self.fma(-rest, v, v));
                let r = self.average_of_squares(beta2, g, r);
                // The bias corrections, combined into two scalars: δ(1 − ρ₁ᵗ), which is positive if δ is, and (1 − ρ₁ᵗ)/√(1 − ρ₂ᵗ).
                let [first, second] = [beta1, beta2].map(|decay| -(t as f64 * decay.ln()).exp_m1());
                let delta = (epsilon * first) as f32;
                let delta = if epsilon > 0.0 && delta == 0.0 { f32::from_bits(1) } else { delta };
                let root = self.fma(r.sqrt(), (first / second.sqrt()) as f32, delta);
                (self.fma(-rate, s / root, theta), s, r)
            }
            other => unreachable!("{} has no twin", other.name()),
        }
    }

    /// `r − (1−ρ) r + (1−ρ) g²`; an infinite r stays infinite.
    fn average_of_squares(&self, decay: f64, g: f32, r: f32) -> f32 {
        let rest = (1.0 - decay) as f32;
        let finite = if r == f32::INFINITY { f32::MAX } else { r };
        self.fma(rest * g, g, self.fma(-rest, finite, r))
    }

    #[expect(clippy::disallowed_methods, reason = "the twin of an instruction that rounds once")]
    fn fma(&self, a: f32, b: f32, c: f32) -> f32 {
        if self.fused { a.mul_add(b, c) } else { a * b + c }
    }
}
