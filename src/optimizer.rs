//! Optimizers: the lecture's update rules, in place, with the state that they keep from step to step.

use crate::backend::{reserve, resize};
use crate::matrix::expect_len;
use crate::{Backend, Error, LearningRate, Momentum, hyper_parameter};
use lanegrad_kernels::isa::Isa;
use lanegrad_kernels::sabotage;
use lanegrad_kernels::update::{self, LookAhead, Rule, Update};

/// An update rule, with θ the parameters, g the gradient and t = 1, 2, … the step.
///
/// # Limits of `f32`
/// * A gradient of 0 never moves a parameter by itself: with δ > 0 it leaves θ of SGD, Adagrad and RMSprop as it was on any state, and
///   that of every rule on fresh state (−0 may become +0). With δ = 0 the adaptive rules make NaN (0/0) of a parameter whose gradients
///   were all 0.
/// * The adaptive rules square g. Where g² overflows (|g| > 1.8e19, with ρ the larger the closer ρ is to 1), r is infinite, and the
///   parameter does not move any more; an infinite g makes NaN. Where g² underflows (|g| < 1e-23) and δ is smaller than |g|, a step
///   is longer than its formula says. Clipping bounds g from above.
/// * An average with decay ρ is within `(2/(1−ρ) + 4)·2⁻²⁴` of the largest of its terms: 1.2e-4 at ρ = 0.999, and an eighth at
///   `1 − 2⁻²⁰`. Beyond that `f32` does not carry it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Method {
    /// `θ ← θ − η_t g`
    Sgd,
    /// `v ← α_t v − η_t g; θ ← θ + v`
    Momentum {
        /// α_t
        momentum: Momentum,
    },
    /// g is taken at `θ̃ = θ + α_t v`; `v ← α_t v − η_t g; θ ← θ + v`
    Nesterov {
        /// α_t
        momentum: Momentum,
    },
    /// `r ← r + g²; θ ← θ − η_t · g/(δ + √r)`
    Adagrad {
        /// δ ≥ 0
        epsilon: f64,
    },
    /// `r ← ρ r + (1−ρ) g²; θ ← θ − η_t · g/√(δ + r)`, with δ inside the root.
    RmsProp {
        /// ρ in [0, 1)
        decay: f64,
        /// δ ≥ 0
        epsilon: f64,
    },
    /// g is taken at `θ̃ = θ + α_t v`; r as for RMSprop; `v ← α_t v − η_t · g/√(δ + r); θ ← θ + v`
    RmsPropNesterov {
        /// ρ in [0, 1)
        decay: f64,
        /// δ ≥ 0
        epsilon: f64,
        /// α_t
        momentum: Momentum,
    },
    /// `s ← ρ₁s + (1−ρ₁)g; r ← ρ₂r + (1−ρ₂)g²; ŝ = s/(1−ρ₁ᵗ); r̂ = r/(1−ρ₂ᵗ); θ ← θ − η_t · ŝ/(δ + √r̂)`
    Adam {
        /// ρ₁ in [0, 1)
        first_decay: f64,
        /// ρ₂ in [0, 1)
        second_decay: f64,
        /// δ ≥ 0
        epsilon: f64,
    },
}

/// An update rule, its step size, and its state for any number of parameter tensors.
///
/// A step has two halves, so that the gradient is taken where the rule wants it: [`begin`](Self::begin) moves the parameters
/// there, [`Step::finish`] updates them. If the step is dropped instead, the parameters go back.
///
/// The state is allocated at the first step; later steps take as many tensors, of the same lengths. For the Nesterov rules
/// [`begin`](Self::begin) also keeps a copy of θ, since a rounding cannot be taken back; [`Network`](crate::Network) needs none.
///
/// ```
/// use lanegrad::{Backend, LearningRate, Method, Momentum, Optimizer};
/// // Minimises θ²/2, whose gradient is θ.
/// let backend = Backend::new()?;
/// let method = Method::Nesterov { momentum: Momentum::Constant(0.5) };
/// let mut optimizer = Optimizer::new(method, LearningRate::Constant(0.1))?;
/// let mut theta = [1.0, -2.0, 3.0];
/// for _ in 0..200 {
///     let mut parameters = [&mut theta[..]];
///     let step = optimizer.begin(&backend, &mut parameters)?;
///     let gradient = step.parameters()[0].to_vec();
///     step.finish(&[&gradient])?;
/// }
/// assert!(theta.iter().all(|theta| theta.abs() < 1e-6));
/// # Ok::<(), lanegrad::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Optimizer {
    method: Method,
    learning_rate: LearningRate,
    steps: u64,
    /// Whether `tensors` fits the parameters.
    prepared: bool,
    tensors: Vec<State>,
}

/// What a rule keeps for one tensor: two slots, each empty or as long as the tensor.
#[derive(Clone, Debug, Default)]
struct State {
    len: usize,
    /// v, or s for Adam.
    first: Vec<f32>,
    /// r
    second: Vec<f32>,
    /// θ, while a [`Step`] has it at θ̃, and else nothing: no later step sees it.
    before: Vec<f32>,
}

/// One step's rule, its scalars computed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum StepRule {
    Sgd(update::Sgd),
    Momentum(update::Momentum),
    Nesterov(update::Nesterov),
    Adagrad(update::Adagrad),
    RmsProp(update::RmsProp),
    RmsPropNesterov(update::RmsPropNesterov),
    Adam(update::Adam),
}

const OPERATION: &str = "optimizer step";

impl Method {
    fn validate(self) -> Result<(), Error> {
        let decay = |rho| hyper_parameter::fraction("the decay", rho);
        let epsilon = |epsilon| hyper_parameter::not_negative("epsilon", epsilon);
        match self {
            Self::Sgd => Ok(()),
            Self::Momentum { momentum } | Self::Nesterov { momentum } => momentum.validate(),
            Self::Adagrad { epsilon: delta } => epsilon(delta),
            Self::RmsProp { decay: rho, epsilon: delta } => decay(rho).and(epsilon(delta)),
            Self::RmsPropNesterov { decay: rho, epsilon: delta, momentum } => {
                decay(rho).and(epsilon(delta)).and(momentum.validate())
            }
            Self::Adam { first_decay, second_decay, epsilon: delta } => {
                hyper_parameter::fraction("the first decay", first_decay)?;
                hyper_parameter::fraction("the second decay", second_decay)?;
                epsilon(delta)
            }
        }
    }

    /// Which of the two slots of a [`State`] the rule uses.
    fn slots(self) -> (bool, bool) {
        match self {
            Self::Sgd => (false, false),
            Self::Momentum { .. } | Self::Nesterov { .. } => (true, false),
            Self::Adagrad { .. } | Self::RmsProp { .. } => (false, true),
            Self::RmsPropNesterov { .. } | Self::Adam { .. } => (true, true),
        }
    }
}

impl Optimizer {
    /// An optimizer that has made no step yet.
    ///
    /// # Errors
    /// When a hyper-parameter is out of its range.
    pub fn new(method: Method, learning_rate: LearningRate) -> Result<Self, Error> {
        method.validate()?;
        learning_rate.validate()?;
        Ok(Self { method, learning_rate, steps: 0, prepared: false, tensors: Vec::new() })
    }

    /// The update rule.
    pub fn method(&self) -> Method {
        self.method
    }

    /// The number of steps made.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The step size.
    pub fn learning_rate(&self) -> LearningRate {
        self.learning_rate
    }

    /// Changes the step size from the next step on; the count of steps goes on.
    ///
    /// # Errors
    /// When it is out of its range.
    pub fn set_learning_rate(&mut self, learning_rate: LearningRate) -> Result<(), Error> {
        learning_rate.validate()?;
        self.learning_rate = learning_rate;
        Ok(())
    }

    /// Begins a step: moves the parameters to where the gradient is to be taken, which for the Nesterov rules is
    /// `θ̃ = θ + α_t v`, for the others θ itself.
    ///
    /// # Errors
    /// When the tensors are not those of the first step, or there is no memory for the state.
    pub fn begin<'a, 'b>(
        &'a mut self,
        backend: &Backend,
        parameters: &'a mut [&'b mut [f32]],
    ) -> Result<Step<'a, 'b>, Error> {
        self.prepare(parameters.len(), |index| parameters[index].len())?;
        let (isa, ahead) = (backend.isa(), self.look_ahead());
        if let Some(ahead) = ahead {
            for State { len, before, .. } in &mut self.tensors {
                before.clear();
                reserve(OPERATION, before, *len)?;
            }
            for (index, theta) in parameters.iter_mut().enumerate() {
                self.tensors[index].before.extend_from_slice(theta);
                self.move_by(isa, ahead, index, theta);
            }
        }
        Ok(Step { isa, optimizer: self, parameters, ahead: ahead.is_some() })
    }

    /// Allocates the state for `count` tensors at the first step; checks their lengths at the others.
    pub(crate) fn prepare(&mut self, count: usize, len: impl Fn(usize) -> usize) -> Result<(), Error> {
        if self.prepared {
            expect_len(OPERATION, "list of parameters", self.tensors.len(), count)?;
            let mut states = self.tensors.iter().enumerate();
            return states.try_for_each(|(i, state)| expect_len(OPERATION, "a parameter tensor", state.len, len(i)));
        }
        let mut tensors = Vec::new();
        tensors
            .try_reserve_exact(count)
            .map_err(|_| Error::OutOfMemory { operation: OPERATION, numbers: Some(count) })?;
        let (first, second) = self.method.slots();
        for len in (0..count).map(len) {
            let mut state = State { len, ..State::default() };
            resize(OPERATION, &mut state.first, if first { len } else { 0 })?;
            resize(OPERATION, &mut state.second, if second { len } else { 0 })?;
            tensors.push(state);
        }
        self.tensors = tensors;
        self.prepared = true;
        Ok(())
    }

    /// The move to θ̃, for the rules that have one.
    pub(crate) fn look_ahead(&self) -> Option<LookAhead> {
        match sabotage!(self.method, 36 => Method::Sgd) {
            Method::Nesterov { momentum } | Method::RmsPropNesterov { momentum, .. } => {
                let t = sabotage!(self.steps + 1, 36 b => self.steps.max(1));
                Some(LookAhead { momentum: momentum.at(t) as f32 })
            }
            _ => None,
        }
    }

    /// `θ ← θ + α v` for one tensor.
    pub(crate) fn move_by(&self, isa: Isa, rule: LookAhead, index: usize, theta: &mut [f32]) {
        isa.run(Update { rule, theta, gradient: &self.tensors[index].first, states: [] });
    }

    /// Counts a step, and computes its scalars.
    pub(crate) fn advance(&mut self) -> StepRule {
        self.steps += 1;
        let t = self.steps;
        let rate = self.learning_rate.at(t);
        let learning_rate = rate as f32;
        match self.method {
            Method::Sgd => StepRule::Sgd(update::Sgd { learning_rate }),
            Method::Momentum { momentum } => {
                StepRule::Momentum(update::Momentum { learning_rate, momentum: momentum.at(t) as f32 })
            }
            Method::Nesterov { momentum } => {
                StepRule::Nesterov(update::Nesterov { learning_rate, momentum: momentum.at(t) as f32 })
            }
            Method::Adagrad { epsilon } => {
                StepRule::Adagrad(update::Adagrad { learning_rate, epsilon: epsilon as f32 })
            }
            Method::RmsProp { decay, epsilon } => StepRule::RmsProp(update::RmsProp::new(rate, decay, epsilon)),
            Method::RmsPropNesterov { decay, epsilon, momentum } => {
                StepRule::RmsPropNesterov(update::RmsPropNesterov {
                    rmsprop: update::RmsProp::new(rate, decay, epsilon),
                    momentum: momentum.at(t) as f32,
                })
            }
            Method::Adam { first_decay, second_decay, epsilon } => {
                StepRule::Adam(update::Adam::new(rate, [first_decay, second_decay], epsilon, t))
            }
        }
    }

    /// Updates one tensor.
    pub(crate) fn update(&mut self, isa: Isa, rule: StepRule, index: usize, theta: &mut [f32], gradient: &[f32]) {
        fn run<R: Rule<N>, const N: usize>(
            isa: Isa,
            rule: R,
            theta: &mut [f32],
            gradient: &[f32],
            states: [&mut [f32]; N],
        ) {
            isa.run(Update { rule, theta, gradient, states });
        }
        let State { first, second, .. } = &mut self.tensors[index];
        match rule {
            StepRule::Sgd(rule) => run(isa, rule, theta, gradient, []),
            StepRule::Momentum(rule) => run(isa, rule, theta, gradient, [first]),
            StepRule::Nesterov(rule) => run(isa, rule, theta, gradient, [first]),
            StepRule::Adagrad(rule) => run(isa, rule, theta, gradient, [second]),
            StepRule::RmsProp(rule) => run(isa, rule, theta, gradient, [second]),
            StepRule::RmsPropNesterov(rule) => run(isa, rule, theta, gradient, [first, second]),
            StepRule::Adam(rule) => run(isa, rule, theta, gradient, [first, second]),
        }
    }
}

/// A step that has begun: the parameters are where the gradient is to be taken.
///
/// Dropped without [`finish`](Self::finish), it puts the parameters back to θ, to the last bit.
#[derive(Debug)]
#[must_use = "a step that is not finished changes nothing"]
pub struct Step<'a, 'b> {
    isa: Isa,
    optimizer: &'a mut Optimizer,
    parameters: &'a mut [&'b mut [f32]],
    /// Whether the parameters are at θ̃, and θ is to be put back.
    ahead: bool,
}

impl<'b> Step<'_, 'b> {
    /// The parameters at which the gradient is to be taken.
    pub fn parameters(&self) -> &[&'b mut [f32]] {
        self.parameters
    }

    /// Ends the step: updates the parameters and the state with a gradient for each parameter tensor.
    ///
    /// # Errors
    /// When the gradients' number or lengths are not those of the parameters. The step is dropped then.
    pub fn finish(mut self, gradients: &[&[f32]]) -> Result<(), Error> {
        expect_len(OPERATION, "list of gradients", self.parameters.len(), gradients.len())?;
        for (theta, gradient) in self.parameters.iter().zip(gradients) {
            expect_len(OPERATION, "a gradient", theta.len(), gradient.len())?;
        }
        let rule = self.optimizer.advance();
        for (index, (theta, gradient)) in self.parameters.iter_mut().zip(gradients).enumerate() {
            self.optimizer.update(self.isa, rule, index, theta, gradient);
        }
        self.ahead = false;
        self.optimizer.tensors.iter_mut().for_each(|state| state.before.clear());
        Ok(())
    }
}

impl Drop for Step<'_, '_> {
    fn drop(&mut self) {
        if self.ahead {
            for (theta, State { before, .. }) in self.parameters.iter_mut().zip(&mut self.optimizer.tensors) {
                theta.copy_from_slice(before);
                before.clear();
            }
        }
    }
}
