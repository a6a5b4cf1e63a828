//! One rule for a list of tensors.

use super::{OPERATION, Rule, State, WeightDecay};
use crate::backend::Executor;
use crate::matrix::expect_len;
use crate::{Backend, Error, LearningRate, Method};

/// A [`Rule`] with the [`State`]s of any number of tensors, and the number of steps of the run.
///
/// A tensor is identified by its key. Each step takes the tensors that have a gradient, in any order. Other tensors are unchanged, and
/// new ones get fresh state. Nothing is allocated if all tensors of a step have occurred before.
///
/// ```
/// use lanegrad::{Backend, LearningRate, Optimizer, Parameter, Rule};
/// let backend = Backend::new()?;
/// let mut optimizer = Optimizer::new(Rule::adam_w(LearningRate::Constant(0.1))?);
/// let (mut w, mut b) = (vec![1.0_f32; 1000], vec![1.0_f32; 10]);
/// for _ in 0..100 {
///     let (dw, db) = (w.clone(), b.clone()); // the gradients of θ²/2
///     let mut parameters = [Parameter::new(0, &mut w), Parameter::new(1, &mut b).without_weight_decay()];
///     optimizer.step(&backend, &mut parameters, &[&dw, &db])?;
/// }
/// assert!(w.iter().chain(&b).all(|theta| theta.abs() < 0.1));
/// # Ok::<(), lanegrad::Error>(())
/// ```
///
/// A step of a Nesterov rule has two halves, because its gradient is taken at `θ̃ = θ + α_t v`: [`begin`](Self::begin) moves the
/// parameters there, and [`Step::finish`] updates them. If the step is dropped instead, the parameters return to θ, to the bit. The
/// other rules support steps in halves as well.
///
/// ```
/// use lanegrad::{Backend, LearningRate, Method, Optimizer, Parameter, Rule};
/// // Minimises θ²/2, whose gradient is θ.
/// let backend = Backend::new()?;
/// let mut optimizer = Optimizer::new(Rule::new(Method::nesterov(), LearningRate::Constant(0.1))?);
/// let mut theta = [1.0, -2.0, 3.0];
/// for _ in 0..200 {
///     let mut parameters = Parameter::numbered([&mut theta]); // a name of its own: the step borrows it
///     let step = optimizer.begin(&backend, &mut parameters)?;
///     let gradient = step.parameters()[0].values.to_vec();
///     step.finish(&[&gradient])?;
/// }
/// assert!(theta.iter().all(|theta| theta.abs() < 1e-6));
/// # Ok::<(), lanegrad::Error>(())
/// ```
///
/// `let step = optimizer.begin(&backend, &mut Parameter::numbered([&mut theta]))?` does not compile: the array is dropped at the end of
/// the statement, and the step outlives it.
#[derive(Clone, Debug)]
pub struct Optimizer {
    rule: Rule,
    steps: u64,
    states: Vec<(u64, State)>,
}

/// A tensor of parameters: its key, its elements, and its own options.
#[derive(Debug)]
#[non_exhaustive]
pub struct Parameter<'a> {
    /// Identifies the tensor from step to step.
    pub key: u64,
    /// θ
    pub values: &'a mut [f32],
    /// A factor of the learning rate. The default is 1.
    pub learning_rate_factor: f64,
    /// The tensor's own weight decay. The default is that of the optimizer's rule.
    pub weight_decay: Option<WeightDecay>,
}

impl<'a> Parameter<'a> {
    /// A tensor that is updated with the optimizer's rule.
    pub fn new(key: u64, values: &'a mut [f32]) -> Self {
        Self { key, values, learning_rate_factor: 1.0, weight_decay: None }
    }

    /// Tensors with the keys 0, 1, 2, …
    pub fn numbered<const N: usize>(tensors: [&'a mut [f32]; N]) -> [Self; N] {
        let mut key = 0..;
        tensors.map(|values| Self::new(key.next().unwrap_or_default(), values))
    }

    /// Switches weight decay off.
    pub fn without_weight_decay(self) -> Self {
        Self { weight_decay: Some(WeightDecay::None), ..self }
    }

    /// Multiplies the learning rate by a factor ≥ 0.
    pub fn with_learning_rate_factor(self, learning_rate_factor: f64) -> Self {
        Self { learning_rate_factor, ..self }
    }

    /// The rule for this tensor, if it differs from the optimizer's.
    fn own_rule(&self, rule: &Rule) -> Result<Option<Rule>, Error> {
        if self.learning_rate_factor == 1.0 && self.weight_decay.is_none() {
            return Ok(None);
        }
        let factor = rule.learning_rate_factor() * self.learning_rate_factor;
        rule.with_factor_and_decay(factor, self.weight_decay.unwrap_or(rule.weight_decay())).map(Some)
    }
}

impl Optimizer {
    /// Creates an optimizer that has made no step yet.
    pub fn new(rule: Rule) -> Self {
        Self { rule, steps: 0, states: Vec::new() }
    }

    /// Restores the optimizer that has made `steps` steps and left these states, each with its tensor's key, as returned by
    /// [`steps`](Self::steps) and [`states`](Self::states).
    ///
    /// # Errors
    /// If a state belongs to another method than the rule's, or a key occurs twice.
    pub fn restore(rule: Rule, steps: u64, states: impl IntoIterator<Item = (u64, State)>) -> Result<Self, Error> {
        let mut optimizer = Self { steps, ..Self::new(rule) };
        for (key, state) in states {
            state.fits(&rule, state.len())?;
            if optimizer.state(key).is_some() {
                return Err(Error::Key { operation: OPERATION, key });
            }
            optimizer.states.push((key, state));
        }
        Ok(optimizer)
    }

    /// The rule.
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// The method of the rule.
    pub fn method(&self) -> Method {
        self.rule.method()
    }

    /// The number of steps made.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The state of each tensor, with its key.
    pub fn states(&self) -> impl Iterator<Item = (u64, &State)> {
        self.states.iter().map(|(key, state)| (*key, state))
    }

    /// The state of the tensor with this key, or `None` if the optimizer does not know the key.
    pub fn state(&self, key: u64) -> Option<&State> {
        self.states().find_map(|(other, state)| (other == key).then_some(state))
    }

    /// Changes the step size, starting with the next step. The number of steps is kept.
    ///
    /// # Errors
    /// If the step size is out of range.
    pub fn set_learning_rate(&mut self, learning_rate: LearningRate) -> Result<(), Error> {
        self.rule = self.rule.with_learning_rate(learning_rate)?;
        Ok(())
    }

    /// Performs a whole step: updates the parameters and their states, with one gradient per parameter tensor.
    ///
    /// # Errors
    /// As [`begin`](Self::begin) and [`Step::finish`], and for the Nesterov rules, whose gradient is taken between the two. No
    /// parameter, moment or count is changed in that case.
    pub fn step(
        &mut self,
        backend: &Backend,
        parameters: &mut [Parameter<'_>],
        gradients: &[&[f32]],
    ) -> Result<(), Error> {
        if self.method().looks_ahead() {
            let (expected, found) = ("a rule without look-ahead (use begin and finish)", self.method().name());
            return Err(Error::State { expected, found });
        }
        self.begin(backend, parameters)?.finish(gradients)
    }

    /// Begins a step: moves the parameters to the point where the gradient is taken. That is `θ̃ = θ + α_t v` for the Nesterov rules,
    /// and θ itself for the others. Parameters that an unfinished step has left at θ̃ (`mem::forget`) are restored first.
    ///
    /// # Errors
    /// If two parameters have the same key, the length of one has changed since its last update, a factor or weight decay is out of
    /// range, or there is no memory for the state. No parameter, moment or count is changed in that case.
    pub fn begin<'a, 'b>(
        &'a mut self,
        backend: &Backend,
        parameters: &'a mut [Parameter<'b>],
    ) -> Result<Step<'a, 'b>, Error> {
        for (index, parameter) in parameters.iter().enumerate() {
            parameter.own_rule(&self.rule)?;
            if parameters[..index].iter().any(|other| other.key == parameter.key) {
                return Err(Error::Key { operation: OPERATION, key: parameter.key });
            }
        }
        self.prepare(parameters.iter().map(|parameter| (parameter.key, parameter.values.len())))?;
        let executor = backend.executor().clone();
        if self.method().looks_ahead() {
            for (index, parameter) in parameters.iter().enumerate() {
                self.state_mut(index, parameter.key).reserve()?;
            }
            let (rule, step) = (self.rule, self.next_step());
            for (index, parameter) in parameters.iter_mut().enumerate() {
                self.state_mut(index, parameter.key).move_ahead(&executor, &rule, step, parameter.values);
            }
        }
        Ok(Step { executor, optimizer: self, parameters })
    }

    /// Ensures that each of these tensors, given by key and length, has a state, or changes nothing. The length of a state without
    /// updates is not binding.
    pub(crate) fn prepare(&mut self, tensors: impl Iterator<Item = (u64, usize)> + Clone) -> Result<(), Error> {
        let mut known = true;
        for (index, (key, len)) in tensors.clone().enumerate() {
            match self.position(index, key).map(|at| &self.states[at].1) {
                Some(state) if state.updates() > 0 => state.fits(&self.rule, len)?,
                _ => known = false,
            }
        }
        if known {
            return Ok(());
        }
        let before = self.states.len();
        for (index, (key, len)) in tensors.enumerate() {
            if let Err(error) = self.add(index, key, len) {
                self.states.truncate(before);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Adds a state for a tensor that has none of its length.
    fn add(&mut self, hint: usize, key: u64, len: usize) -> Result<(), Error> {
        match self.position(hint, key) {
            Some(at) if self.states[at].1.len() == len => {}
            Some(at) => self.states[at].1 = State::new(self.method(), len)?,
            None => {
                let state = State::new(self.method(), len)?;
                let no_memory = |_| Error::OutOfMemory { operation: OPERATION, numbers: Some(len) };
                self.states.try_reserve(1).map_err(no_memory)?;
                self.states.push((key, state));
            }
        }
        Ok(())
    }

    /// The position of the state with this key; `hint` is the probable position.
    #[inline]
    fn position(&self, hint: usize, key: u64) -> Option<usize> {
        match self.states.get(hint) {
            Some((other, _)) if *other == key => Some(hint),
            _ => self.states.iter().position(|(other, _)| *other == key),
        }
    }

    /// The state of a tensor that has been prepared.
    pub(crate) fn state_mut(&mut self, hint: usize, key: u64) -> &mut State {
        let at = self.position(hint, key).expect("the tensor was prepared");
        &mut self.states[at].1
    }

    /// The number of the next step.
    pub(crate) fn next_step(&self) -> u64 {
        self.steps.saturating_add(1)
    }

    /// Counts a step and returns its number.
    pub(crate) fn count(&mut self) -> u64 {
        self.steps = self.next_step();
        self.steps
    }
}

/// A step that has begun. The parameters are at the point where the gradient is taken.
///
/// If dropped without [`finish`](Self::finish), it restores the parameters to θ, to the last bit.
#[derive(Debug)]
#[must_use = "a step that is not finished changes nothing"]
pub struct Step<'a, 'b> {
    executor: Executor,
    optimizer: &'a mut Optimizer,
    parameters: &'a mut [Parameter<'b>],
}

impl<'b> Step<'_, 'b> {
    /// The parameters, at the point where the gradient is taken.
    pub fn parameters(&self) -> &[Parameter<'b>] {
        self.parameters
    }

    /// Finishes the step: updates the parameters and their states, with one gradient per parameter tensor.
    ///
    /// # Errors
    /// If the number or the lengths of the gradients are not those of the parameters. The step is dropped in that case.
    pub fn finish(self, gradients: &[&[f32]]) -> Result<(), Error> {
        expect_len(OPERATION, "list of gradients", self.parameters.len(), gradients.len())?;
        for (parameter, gradient) in self.parameters.iter().zip(gradients) {
            expect_len(OPERATION, "a gradient", parameter.values.len(), gradient.len())?;
        }
        let step = self.optimizer.count();
        let shared = self.optimizer.rule;
        for (index, (parameter, gradient)) in self.parameters.iter_mut().zip(gradients).enumerate() {
            let own = parameter.own_rule(&shared).expect("it was in range when the step began");
            let state = self.optimizer.state_mut(index, parameter.key);
            state.run(&self.executor, own.as_ref().unwrap_or(&shared), step, parameter.values, gradient);
        }
        Ok(())
    }
}

impl Drop for Step<'_, '_> {
    fn drop(&mut self) {
        if self.optimizer.method().looks_ahead() {
            for (index, parameter) in self.parameters.iter_mut().enumerate() {
                self.optimizer.state_mut(index, parameter.key).move_back(parameter.values);
            }
        }
    }
}
