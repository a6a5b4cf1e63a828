//! burn's `Optimizer` over lanegrad's update rules.

use crate::node::{check, plain};
use crate::tensor::{contiguous, elements, error, from_lanegrad};
use crate::thread::with_scratch;
use burn::backend::flex::FlexTensor;
use burn::backend::{BackendTensor, DispatchAutodiffContext, DispatchTensor, DispatchTensorKind};
use burn::config::Config;
use burn::grad_clipping::GradientClippingConfig;
use burn::optim::{LearningRate, ModuleOptimizer, Optimizer, RecordState, StateSink, StateSource};
use burn::tensor::{Device, ExecutionError, Tensor, TensorData};
use lanegrad::{Error, Method, Momentum, Rule, State, WeightDecay};

const OPERATION: &str = "optimizer step";

/// A rule of lanegrad as an optimizer of burn. It updates the parameter in place, in one pass over it, its gradient and its moments.
///
/// The learning rate is the one that burn passes to each step. Everything else is the rule's: see [`Rule`] for weight decay, and
/// [`Method`] for the formulas.
#[derive(Clone, Debug)]
pub struct RuleOptimizer {
    rule: Rule,
}

impl RuleOptimizer {
    /// # Errors
    /// If the rule takes its gradient at `θ + αv`, where burn does not: the Nesterov rules.
    pub fn new(rule: Rule) -> Result<Self, Error> {
        if rule.method().looks_ahead() {
            return Err(Error::State { expected: "a rule without look-ahead", found: rule.method().name() });
        }
        Ok(Self { rule })
    }

    fn update<const D: usize>(
        &self,
        learning_rate: LearningRate,
        tensor: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<RuleState>,
    ) -> Result<(Tensor<D>, RuleState), ExecutionError> {
        let [tensor, gradient] = [tensor, gradient].map(Tensor::into_dispatch);
        for (name, tensor) in [("parameters", &tensor), ("gradients", &gradient)] {
            check(OPERATION, name, tensor)?;
            if tensor.autodiff != DispatchAutodiffContext::Disabled {
                return Err(error(
                    OPERATION,
                    format_args!("{name} are on a device with autodiff, expected their inner tensor"),
                ));
            }
        }
        let (mut tensor, gradient) = (contiguous(plain(tensor)), contiguous(plain(gradient)));
        let place = tensor.layout().contiguous_offsets().map_or(0..0, |(start, end)| start..end);
        let run = || {
            let rule = self.rule.with_learning_rate(lanegrad::LearningRate::Constant(learning_rate))?;
            let mut state = match state {
                Some(state) => state.into_state(&rule, place.len())?,
                None => State::new(rule.method(), place.len())?,
            };
            // The elements are copied first if the program holds another handle to them.
            let theta = &mut tensor.storage_mut::<f32>()[place.clone()];
            with_scratch(|scratch| state.update(&scratch.backend, &rule, 1, theta, elements(&gradient)))?;
            Ok(state)
        };
        let state = run().map_err(from_lanegrad)?;
        Ok((from_plain(tensor), RuleState(Kept::State(state))))
    }
}

/// A tensor without autodiff context.
fn from_plain<const D: usize>(tensor: FlexTensor) -> Tensor<D> {
    let kind = DispatchTensorKind::Flex(BackendTensor::Float(tensor));
    Tensor::from_dispatch(DispatchTensor { kind, autodiff: DispatchAutodiffContext::Disabled })
}

impl Optimizer for RuleOptimizer {
    type State<const D: usize> = RuleState;

    /// # Panics
    /// burn's trait has no errors. As burn's optimizers, this panics if the parameter and its gradient or state differ in shape. It
    /// also panics if one of them is not of type `f32` or not on the Flex backend, or the learning rate is negative or not finite.
    fn step<const D: usize>(
        &self,
        learning_rate: LearningRate,
        tensor: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<RuleState>,
    ) -> (Tensor<D>, Option<RuleState>) {
        let (tensor, state) =
            self.update(learning_rate, tensor, gradient, state).unwrap_or_else(|error| panic!("{error}"));
        (tensor, Some(state))
    }

    fn to_device<const D: usize>(state: RuleState, _: &Device) -> RuleState {
        state
    }
}

/// What the rule keeps for one parameter tensor, in the memory of the host.
#[derive(Clone, Debug)]
pub struct RuleState(Kept);

#[derive(Clone, Debug)]
enum Kept {
    State(State),
    /// As it was read from a record, which does not know the rule.
    Record {
        updates: u64,
        slots: Vec<(&'static str, TensorData)>,
    },
}

/// The names of the slots of all rules.
const SLOTS: [&str; 3] = ["velocity", "mean", "squares"];

impl RuleState {
    /// The state for a rule and a tensor of `len` elements. A record is read here, where the rule is known.
    fn into_state(self, rule: &Rule, len: usize) -> Result<State, Error> {
        match self.0 {
            Kept::State(state) => Ok(state),
            Kept::Record { updates, slots } => {
                let fresh = State::new(rule.method(), 0)?;
                let find = |wanted| slots.iter().find(|(name, _)| *name == wanted)?.1.as_slice().ok();
                let slots: Vec<&[f32]> = fresh.slots().filter_map(|(name, _)| find(name)).collect();
                State::restore(rule.method(), updates, len, &slots)
            }
        }
    }
}

impl RecordState for RuleState {
    fn state_flatten(&self, prefix: &str, out: &mut StateSink) {
        match &self.0 {
            Kept::State(state) => {
                for (name, slot) in state.slots() {
                    out.push_tensor(prefix, name, TensorData::new(slot.to_vec(), [slot.len()]));
                }
                out.push_scalar(prefix, "updates", state.updates().into());
            }
            Kept::Record { updates, slots } => {
                for (name, slot) in slots {
                    out.push_tensor(prefix, name, slot.clone());
                }
                out.push_scalar(prefix, "updates", (*updates).into());
            }
        }
    }

    fn state_unflatten(prefix: &str, source: &mut StateSource, _: &Device) -> Option<Self> {
        let updates = u64::try_from(source.take_scalar(prefix, "updates")?).ok()?;
        let slots = SLOTS.into_iter().filter_map(|name| Some((name, source.take_tensor(prefix, name)?))).collect();
        Some(Self(Kept::Record { updates, slots }))
    }
}

/// Generates `build` and `init` of a configuration from the expression for its rule.
macro_rules! config {
    ($config:ty, $self:ident => $rule:expr) => {
        impl $config {
            /// The optimizer of one parameter group, without gradient clipping.
            ///
            /// # Errors
            /// If a hyper-parameter is out of range.
            pub fn build(&$self) -> Result<RuleOptimizer, Error> {
                RuleOptimizer::new($rule)
            }

            /// The optimizer of a module.
            ///
            /// # Errors
            /// If a hyper-parameter is out of range.
            pub fn init(&$self) -> Result<ModuleOptimizer, Error> {
                let optimizer = ModuleOptimizer::from($self.build()?);
                Ok(match &$self.grad_clipping {
                    Some(clipping) => optimizer.with_grad_clipping(clipping.init()),
                    None => optimizer,
                })
            }
        }
    };
}

/// The rule without a learning rate: burn passes one to each step.
fn rule(method: Method, weight_decay: WeightDecay) -> Result<Rule, Error> {
    Rule::new(method, lanegrad::LearningRate::Constant(0.0))?.with_weight_decay(weight_decay)
}

fn coupled(penalty: Option<f64>) -> WeightDecay {
    penalty.map_or(WeightDecay::None, WeightDecay::Coupled)
}

/// SGD with optional momentum and weight decay.
///
/// `v ← αv − ηg; θ ← θ + v`: burn's `Sgd` with a dampening of 0, as long as the learning rate is constant.
#[derive(Config, Debug)]
pub struct SgdConfig {
    /// α in [0, 1), if any.
    pub momentum: Option<f64>,
    /// λ of `g ← g + λθ`, if any.
    pub weight_decay: Option<f64>,
    /// Clipping of each parameter's gradient.
    pub grad_clipping: Option<GradientClippingConfig>,
}

config!(SgdConfig, self => {
    let constant = |momentum| Method::Momentum { momentum: Momentum::Constant(momentum) };
    rule(self.momentum.map_or(Method::Sgd, constant), coupled(self.weight_decay))?
});

/// Adam, with the defaults of burn's.
#[derive(Config, Debug)]
pub struct AdamConfig {
    /// ρ₁ in [0, 1)
    #[config(default = 0.9)]
    pub beta_1: f64,
    /// ρ₂ in [0, 1)
    #[config(default = 0.999)]
    pub beta_2: f64,
    /// δ ≥ 0
    #[config(default = 1e-5)]
    pub epsilon: f64,
    /// λ of `g ← g + λθ`, if any.
    pub weight_decay: Option<f64>,
    /// Clipping of each parameter's gradient.
    pub grad_clipping: Option<GradientClippingConfig>,
}

config!(AdamConfig, self => {
    let Self { beta_1: beta1, beta_2: beta2, epsilon, .. } = *self;
    rule(Method::Adam { beta1, beta2, epsilon }, coupled(self.weight_decay))?
});

/// AdamW, with the defaults of burn's.
#[derive(Config, Debug)]
pub struct AdamWConfig {
    /// ρ₁ in [0, 1)
    #[config(default = 0.9)]
    pub beta_1: f64,
    /// ρ₂ in [0, 1)
    #[config(default = 0.999)]
    pub beta_2: f64,
    /// δ ≥ 0
    #[config(default = 1e-5)]
    pub epsilon: f64,
    /// λ of `θ ← θ − ηλθ`
    #[config(default = 1e-4)]
    pub weight_decay: f64,
    /// Clipping of each parameter's gradient.
    pub grad_clipping: Option<GradientClippingConfig>,
}

config!(AdamWConfig, self => {
    let Self { beta_1: beta1, beta_2: beta2, epsilon, .. } = *self;
    rule(Method::Adam { beta1, beta2, epsilon }, WeightDecay::Decoupled(self.weight_decay))?
});

/// RMSprop: `r ← ρr + (1−ρ)g²; θ ← θ − η · g/(δ + √r)`. This is burn's `RmsProp` with a momentum of 0, with its defaults.
#[derive(Config, Debug)]
pub struct RmsPropConfig {
    /// ρ in [0, 1)
    #[config(default = 0.99)]
    pub alpha: f64,
    /// δ ≥ 0
    #[config(default = 1e-5)]
    pub epsilon: f64,
    /// λ of `g ← g + λθ`, if any.
    pub weight_decay: Option<f64>,
    /// Clipping of each parameter's gradient.
    pub grad_clipping: Option<GradientClippingConfig>,
}

config!(RmsPropConfig, self => {
    let Self { alpha: decay, epsilon, .. } = *self;
    rule(Method::RmsPropOutside { decay, epsilon }, coupled(self.weight_decay))?
});
