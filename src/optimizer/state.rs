//! The state that a rule keeps for one tensor.

use super::rule::WithKernel;
use super::{Method, OPERATION, Rule};
use crate::backend::{Executor, reserve, resize};
use crate::matrix::expect_len;
use crate::{Backend, Error};
use lanegrad_kernels::update::{LookAhead, Rule as Kernel, Update};

/// The state that a rule keeps for one tensor between updates: its moments, and its own number of updates t.
///
/// The owner of the tensor can also hold its state. Tensors are updated one at a time, any number of them in any order:
///
/// | a tensor | t and the moments | PyTorch |
/// |---|---|---|
/// | appears later | t starts at 1: Adam corrects its bias as at the start of a run | the same |
/// | is frozen, or has no gradient at a step | unchanged: t does not advance, moments do not decay, and there is no weight decay | the same (`grad is None`) |
/// | has its own learning rate or decay | as its own [`Rule`] says | parameter groups |
///
/// Schedules of step size and momentum follow the run's step, which the caller counts. Bias corrections follow t.
///
/// ```
/// use lanegrad::{Backend, LearningRate, Rule, State};
/// let backend = Backend::new()?;
/// let rule = Rule::adam_w(LearningRate::Constant(0.01))?;
/// let (mut w, mut b) = (vec![1.0_f32; 1000], vec![1.0_f32; 10]);
/// let (mut state_of_w, mut state_of_b) = (State::new(rule.method(), w.len())?, State::new(rule.method(), b.len())?);
/// for step in 1..=500 {
///     let dw = w.clone(); // the gradient of w²/2
///     state_of_w.update(&backend, &rule, step, &mut w, &dw)?;
///     if step > 100 {
///         let db = b.clone(); // b was frozen until now
///         state_of_b.update(&backend, &rule, step, &mut b, &db)?;
///     }
/// }
/// assert_eq!((state_of_w.updates(), state_of_b.updates()), (500, 400));
/// assert!(w.iter().chain(&b).all(|theta| theta.abs() < 0.1));
/// # Ok::<(), lanegrad::Error>(())
/// ```
///
/// The Nesterov rules take their gradient at `θ̃ = θ + α_t v`: [`look_ahead`](Self::look_ahead) moves the tensor to that point.
#[derive(Clone, Debug)]
pub struct State {
    method: Method,
    updates: u64,
    len: usize,
    /// One slot per state of the rule's kernel, each as long as the tensor.
    slots: Vec<Vec<f32>>,
    /// θ while the tensor is at θ̃.
    before: Vec<f32>,
    /// The move to θ̃ while the tensor is there.
    ahead: Option<LookAhead>,
}

/// The names of a rule's slots.
struct Names;

impl WithKernel for Names {
    type Output = &'static [&'static str];
    fn with<K: Kernel<N>, const N: usize>(self, _: K) -> Self::Output {
        K::NAMES
    }
}

struct Run<'a> {
    executor: &'a Executor,
    theta: &'a mut [f32],
    gradient: &'a [f32],
    slots: &'a mut [Vec<f32>],
}

impl WithKernel for Run<'_> {
    type Output = ();
    fn with<K: Kernel<N>, const N: usize>(self, rule: K) {
        let Self { executor, theta, gradient, slots } = self;
        let slots: &mut [Vec<f32>; N] = slots.try_into().expect("the slots are those of the rule's kernel");
        executor.share(Update { rule, theta, gradient, states: slots.each_mut().map(Vec::as_mut_slice) });
    }
}

/// Checks the step. Steps are counted from 1: at 0, step sizes may be infinite.
fn expect_step(step: u64) -> Result<(), Error> {
    if step > 0 { Ok(()) } else { Err(Error::HyperParameter { name: "the step", expected: "at least 1", found: 0.0 }) }
}

fn names(method: Method) -> Result<&'static [&'static str], Error> {
    Ok(Rule::new(method, crate::LearningRate::Constant(0.0))?.kernel(1, 1, Names))
}

impl State {
    /// Creates fresh state for a tensor of `len` parameters: zeros, and t = 0.
    ///
    /// # Errors
    /// If a hyper-parameter is out of range, or there is no memory.
    pub fn new(method: Method, len: usize) -> Result<Self, Error> {
        let names = names(method)?;
        let mut slots = vec![Vec::new(); names.len()];
        for slot in &mut slots {
            resize(OPERATION, slot, len)?;
        }
        Ok(Self { method, updates: 0, len, slots, before: Vec::new(), ahead: None })
    }

    /// Restores the state with these [`slots`](Self::slots) and [`updates`](Self::updates), to the bit.
    ///
    /// # Errors
    /// If a hyper-parameter is out of range, the number of slots is not that of the rule, their lengths differ from `len`, or there is
    /// no memory.
    pub fn restore(method: Method, updates: u64, len: usize, slots: &[&[f32]]) -> Result<Self, Error> {
        expect_len(OPERATION, "list of state slots", names(method)?.len(), slots.len())?;
        for slot in slots {
            expect_len(OPERATION, "a state slot", len, slot.len())?;
        }
        let mut state = Self::new(method, len)?;
        for (slot, values) in state.slots.iter_mut().zip(slots) {
            slot.copy_from_slice(values);
        }
        Ok(Self { updates, ..state })
    }

    /// The name and the elements of each slot: `velocity` is v, `mean` is Adam's s, and `squares` is r. Save them between updates:
    /// while the tensor is at θ̃, its elements are not the θ that the slots belong to.
    pub fn slots(&self) -> impl Iterator<Item = (&'static str, &[f32])> {
        let names = names(self.method).expect("the method was valid when the state was made");
        names.iter().copied().zip(self.slots.iter().map(Vec::as_slice))
    }

    /// The number t of updates made.
    pub fn updates(&self) -> u64 {
        self.updates
    }

    /// The method of this state, as it was when the state was created. Every update needs a rule with this kind of method. Its
    /// constants may change between updates.
    pub fn method(&self) -> Method {
        self.method
    }

    /// The length of its tensor.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether its tensor has no elements.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Moves the tensor to the point where the gradient of step `step` of the run is taken: `θ̃ = θ + α_t v` for the Nesterov rules,
    /// and θ itself for the others. θ is kept until the update. A tensor that is already at θ̃ is restored to θ first.
    ///
    /// # Errors
    /// If the state belongs to another rule or length, the step is 0, or there is no memory for θ.
    pub fn look_ahead(&mut self, backend: &Backend, rule: &Rule, step: u64, theta: &mut [f32]) -> Result<(), Error> {
        self.fits(rule, theta.len())?;
        expect_step(step)?;
        if rule.look_ahead(step).is_some() {
            reserve(OPERATION, &mut self.before, self.len)?;
        }
        self.move_ahead(backend.executor(), rule, step, theta);
        Ok(())
    }

    /// Restores the tensor to θ, to the bit, if it is at θ̃. This abandons the step.
    ///
    /// # Errors
    /// If the tensor has another length.
    pub fn undo_look_ahead(&mut self, theta: &mut [f32]) -> Result<(), Error> {
        expect_len(OPERATION, "a parameter tensor", self.len, theta.len())?;
        self.move_back(theta);
        Ok(())
    }

    /// Updates the tensor with its gradient, and counts the update. `step` is the run's step 1, 2, …, which schedules follow.
    ///
    /// # Errors
    /// If the state belongs to another rule or length, the gradient has another length, the step is 0, or the rule takes its gradient
    /// at θ̃ and the tensor is not at the point to which [`look_ahead`](Self::look_ahead) moves it with this rule and step.
    pub fn update(
        &mut self,
        backend: &Backend,
        rule: &Rule,
        step: u64,
        theta: &mut [f32],
        gradient: &[f32],
    ) -> Result<(), Error> {
        self.fits(rule, theta.len())?;
        expect_len(OPERATION, "a gradient", self.len, gradient.len())?;
        expect_step(step)?;
        let wanted = rule.look_ahead(step);
        if wanted != self.ahead {
            let (expected, found) = match (wanted, self.ahead) {
                (Some(_), Some(_)) => ("the momentum of its look_ahead", "another momentum"),
                (Some(_), None) => ("a tensor at θ + αv (look_ahead)", "a tensor at θ"),
                (None, _) => ("a tensor at θ", "a tensor at θ + αv (look_ahead)"),
            };
            return Err(Error::State { expected, found });
        }
        self.run(backend.executor(), rule, step, theta, gradient);
        Ok(())
    }

    pub(super) fn fits(&self, rule: &Rule, len: usize) -> Result<(), Error> {
        if core::mem::discriminant(&self.method) != core::mem::discriminant(&rule.method()) {
            return Err(Error::State { expected: rule.method().name(), found: self.method.name() });
        }
        expect_len(OPERATION, "a parameter tensor", self.len, len)
    }

    /// Reserves memory for θ, so that [`move_ahead`](Self::move_ahead) cannot fail.
    pub(super) fn reserve(&mut self) -> Result<(), Error> {
        reserve(OPERATION, &mut self.before, self.len)
    }

    /// Moves the tensor to θ̃ if the rule has one. θ is kept.
    pub(super) fn move_ahead(&mut self, executor: &Executor, rule: &Rule, step: u64, theta: &mut [f32]) {
        self.move_back(theta);
        if let Some(ahead) = rule.look_ahead(step) {
            self.before.clear();
            self.before.extend_from_slice(theta);
            self.ahead = Some(ahead);
            executor.share(Update { rule: ahead, theta, gradient: &self.slots[0], states: [] });
        }
    }

    /// Like [`move_ahead`](Self::move_ahead), but θ is not kept: the caller will not abandon the step.
    pub(crate) fn move_ahead_for_good(&mut self, executor: &Executor, rule: &Rule, step: u64, theta: &mut [f32]) {
        self.move_back(theta);
        if let Some(ahead) = rule.look_ahead(step) {
            executor.share(Update { rule: ahead, theta, gradient: &self.slots[0], states: [] });
        }
    }

    pub(super) fn move_back(&mut self, theta: &mut [f32]) {
        if self.ahead.take().is_some() {
            theta.copy_from_slice(&self.before);
            self.before.clear();
        }
    }

    /// Performs the update. All lengths have been checked.
    pub(crate) fn run(&mut self, executor: &Executor, rule: &Rule, step: u64, theta: &mut [f32], gradient: &[f32]) {
        // When the counter saturates, step sizes and bias corrections have long been constant.
        self.updates = self.updates.saturating_add(1);
        self.before.clear();
        self.ahead = None;
        rule.kernel(step, self.updates, Run { executor, theta, gradient, slots: &mut self.slots });
    }
}
