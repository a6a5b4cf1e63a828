//! The part of an update that tensors share.

use super::Method;
use crate::{Error, LearningRate, Momentum, hyper_parameter};
use lanegrad_kernels::update::{self, Decay, Decayed, LookAhead, Rule as Kernel};

/// Weight decay, which pulls the parameters towards 0. Biases usually have none.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum WeightDecay {
    /// None.
    None,
    /// `g ← g + λθ` before the rule: the gradient of `λ/2·‖θ‖²` is added, and adaptive rules scale it with the rest of g. θ is the
    /// point at which g is taken, which is θ̃ for the Nesterov rules. This is `weight_decay` of PyTorch's `SGD`, `Adam`, `RMSprop` and
    /// `Adagrad`.
    Coupled(f64),
    /// `θ ← θ − η_t λ θ` before the rule, independent of its state. For the Nesterov rules, θ̃ takes the place of θ. This is
    /// `weight_decay` of PyTorch's `AdamW`. Source: Loshchilov & Hutter 2019.
    Decoupled(f64),
}

/// An update rule with its step size and weight decay. Its hyper-parameters are in range: this is checked when it is created.
///
/// ```
/// use lanegrad::{LearningRate, Method, Rule, WeightDecay};
/// let rule = Rule::new(Method::adam(), LearningRate::Constant(1e-3))?;
/// let adam_w = rule.with_weight_decay(WeightDecay::Decoupled(0.01))?;
/// assert_eq!(adam_w, Rule::adam_w(LearningRate::Constant(1e-3))?);
/// let slow = adam_w.with_learning_rate_factor(0.1)?.with_weight_decay(WeightDecay::None)?; // for some tensors
/// # Ok::<(), lanegrad::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    method: Method,
    learning_rate: LearningRate,
    factor: f64,
    weight_decay: WeightDecay,
}

/// The continuation that receives a rule's kernel with its type.
pub(super) trait WithKernel {
    type Output;
    fn with<K: Kernel<N>, const N: usize>(self, kernel: K) -> Self::Output;
}

impl Rule {
    /// Creates the rule without weight decay.
    ///
    /// # Errors
    /// If a hyper-parameter is out of range.
    pub fn new(method: Method, learning_rate: LearningRate) -> Result<Self, Error> {
        method.validate()?;
        learning_rate.validate()?;
        Ok(Self { method, learning_rate, factor: 1.0, weight_decay: WeightDecay::None })
    }

    /// AdamW: [`Method::adam`] with a decoupled weight decay of 0.01. Source: Loshchilov & Hutter 2019.
    ///
    /// # Errors
    /// If the learning rate is out of range.
    pub fn adam_w(learning_rate: LearningRate) -> Result<Self, Error> {
        Self::new(Method::adam(), learning_rate)?.with_weight_decay(WeightDecay::Decoupled(0.01))
    }

    /// The rule with weight decay λ ≥ 0.
    ///
    /// # Errors
    /// If λ is negative or out of the range of `f32`, or ηλ at the first step is not finite as an `f32`.
    pub fn with_weight_decay(self, weight_decay: WeightDecay) -> Result<Self, Error> {
        Self { weight_decay, ..self }.validated()
    }

    /// The rule with another step size.
    ///
    /// # Errors
    /// If the step size is out of range.
    pub fn with_learning_rate(self, learning_rate: LearningRate) -> Result<Self, Error> {
        learning_rate.validate()?;
        Self { learning_rate, ..self }.validated()
    }

    /// The rule with its step size multiplied by a factor ≥ 0, for a tensor with its own learning rate.
    ///
    /// # Errors
    /// If the factor, or the step size multiplied by it, is negative or out of the range of `f32`.
    pub fn with_learning_rate_factor(self, factor: f64) -> Result<Self, Error> {
        self.with_factor_and_decay(factor, self.weight_decay)
    }

    pub(super) fn with_factor_and_decay(self, factor: f64, weight_decay: WeightDecay) -> Result<Self, Error> {
        hyper_parameter::not_negative("the learning rate factor", factor)?;
        Self { factor, weight_decay, ..self }.validated()
    }

    /// The rule without weight decay.
    pub fn without_weight_decay(self) -> Self {
        Self { weight_decay: WeightDecay::None, ..self }
    }

    /// The method.
    pub fn method(&self) -> Method {
        self.method
    }

    /// The step size, before multiplication by the factor.
    pub fn learning_rate(&self) -> LearningRate {
        self.learning_rate
    }

    /// The factor of the step size; usually 1.
    pub fn learning_rate_factor(&self) -> f64 {
        self.factor
    }

    /// The weight decay.
    pub fn weight_decay(&self) -> WeightDecay {
        self.weight_decay
    }

    fn validated(self) -> Result<Self, Error> {
        // η_1 is the largest.
        hyper_parameter::not_negative("the learning rate times its factor", self.rate(1))?;
        if let WeightDecay::Coupled(lambda) | WeightDecay::Decoupled(lambda) = self.weight_decay {
            hyper_parameter::not_negative("the weight decay", lambda)?;
            hyper_parameter::finite("the learning rate times the weight decay", self.rate(1) * lambda)?;
        }
        Ok(self)
    }

    /// η at step `step` of the run.
    fn rate(&self, step: u64) -> f64 {
        self.factor * self.learning_rate.at(step)
    }

    /// The move to θ̃ at step `step` of the run, for the rules that have one.
    pub(crate) fn look_ahead(&self, step: u64) -> Option<LookAhead> {
        match self.method {
            Method::Nesterov { momentum } | Method::RmsPropNesterov { momentum, .. } => {
                Some(LookAhead { momentum: momentum.at(step) as f32 })
            }
            _ => None,
        }
    }

    /// Passes on the kernel for update t of a tensor, at step `step` of the run. This is the only place where a method's name becomes a
    /// type.
    pub(super) fn kernel<W: WithKernel>(&self, step: u64, t: u64, then: W) -> W::Output {
        let rate = self.rate(step);
        let learning_rate = rate as f32;
        let alpha = |momentum: Momentum| momentum.at(step) as f32;
        let then = WithDecay { decay: self.decay(rate), then };
        match self.method {
            Method::Sgd => then.with(update::Sgd { learning_rate }),
            Method::Momentum { momentum } => then.with(update::Momentum { learning_rate, momentum: alpha(momentum) }),
            Method::Nesterov { momentum } => then.with(update::Nesterov { learning_rate, momentum: alpha(momentum) }),
            Method::Adagrad { epsilon } => then.with(update::Adagrad { learning_rate, epsilon: epsilon as f32 }),
            Method::RmsProp { decay, epsilon } => then.with(update::RmsProp::new(rate, decay, epsilon)),
            Method::RmsPropOutside { decay, epsilon } => then.with(update::RmsPropOutside::new(rate, decay, epsilon)),
            Method::RmsPropNesterov { decay, epsilon, momentum } => then.with(update::RmsPropNesterov {
                rmsprop: update::RmsProp::new(rate, decay, epsilon),
                momentum: alpha(momentum),
            }),
            Method::Adam { beta1, beta2, epsilon } => then.with(update::Adam::new(rate, [beta1, beta2], epsilon, t)),
        }
    }

    fn decay(&self, rate: f64) -> Option<Decay> {
        match self.weight_decay {
            WeightDecay::Coupled(lambda) if lambda > 0.0 => Some(Decay::Coupled(lambda as f32)),
            WeightDecay::Decoupled(lambda) if lambda > 0.0 => Some(Decay::Decoupled((rate * lambda) as f32)),
            _ => None,
        }
    }
}

/// Wraps a kernel in its weight decay, if it has one.
struct WithDecay<W> {
    decay: Option<Decay>,
    then: W,
}

impl<W: WithKernel> WithDecay<W> {
    fn with<K: Kernel<N>, const N: usize>(self, rule: K) -> W::Output {
        match self.decay {
            None => self.then.with(rule),
            Some(decay) => self.then.with(Decayed { rule, decay }),
        }
    }
}
