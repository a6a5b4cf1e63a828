//! Every optimizer of lanegrad as a `candle_nn::Optimizer`.

use crate::params::{Config, Params};
use crate::sink::Sink;
use crate::view::{cpu_floats, expect_floats, same_storage, vector};
use crate::workspace::{self, Workspace};
use candle_core::backprop::GradStore;
use candle_core::{CpuStorage, Error, InplaceOp1, Layout, Result, Tensor, Var};
use candle_nn::ParamsAdamW;
use lanegrad::{Method, Rule, State};
use std::cell::Cell;

const OPTIMIZER: &str = "optimizer step";

type Checked = std::result::Result<(), lanegrad::Error>;

/// Updates variables in place. After the first step, an update allocates nothing.
///
/// The aliases have candle's names and configurations, and [`VarOptimizer<Params>`] is any other rule:
///
/// ```
/// use candle_core::{Device, Tensor, Var};
/// use candle_nn::Optimizer;
/// use lanegrad_candle::{AdamW, Method, VarOptimizer};
/// let theta = Var::new(&[1.0_f32, -2.0], &Device::Cpu)?;
/// let mut adam_w = AdamW::new_lr(vec![theta.clone()], 0.1)?;
/// adam_w.backward_step(&theta.sqr()?.sum_all()?)?;
///
/// let mut momentum = VarOptimizer::with_method(vec![theta.clone()], Method::momentum(), 0.05)?;
/// momentum.backward_step(&theta.sqr()?.sum_all()?)?;
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// * `backward_step` is faster than `backward` and `step`: layers of this crate write the gradients of these variables straight into
///   the optimizer's buffers. If you need the gradients, for example to clip them, use `backward` and `step`.
/// * A variable without a gradient is unchanged, and so is its state.
/// * An invalid hyper-parameter is an error of the constructor. An invalid learning rate set later is an error of the next step.
/// * After an error, no variable and no state has changed.
///
/// # Nesterov
/// The Nesterov rules take their gradient at `θ̃ = θ + α_t v`. After a step, the variables are at the θ̃ of the next one, where the
/// next forward pass belongs. [`undo_look_ahead`](Self::undo_look_ahead) moves them to θ, for an evaluation or to save them, and
/// [`look_ahead`](Self::look_ahead) back to θ̃.
#[derive(Debug)]
pub struct VarOptimizer<C> {
    config: C,
    variables: Vec<Variable>,
    steps: u64,
    /// Whether the variables are at θ̃.
    ahead: bool,
    sink: Sink,
}

#[derive(Debug)]
struct Variable {
    var: Var,
    state: State,
    /// A tensor of one element that shares the variable's storage: see [`in_place`].
    handle: Tensor,
}

impl Variable {
    fn new(var: Var, method: Method) -> Result<Self> {
        expect_floats("optimizer", "variables", &var)?;
        let state = State::new(method, var.elem_count()).map_err(Error::wrap)?;
        let handle = match var.elem_count() {
            0 => var.detach(),
            _ => var.flatten_all()?.narrow(0, 0, 1)?.detach(),
        };
        Ok(Self { var, state, handle })
    }
}

/// In place of [`candle_nn::AdamW`].
///
/// t of the bias correction counts the updates of each variable. In candle it counts the steps of the optimizer.
pub type AdamW = VarOptimizer<ParamsAdamW>;

/// In place of [`candle_nn::SGD`].
pub type SGD = VarOptimizer<f64>;

impl<C: Config> candle_nn::Optimizer for VarOptimizer<C> {
    type Config = C;

    /// # Errors
    /// If a hyper-parameter is out of range, a variable of floating-point numbers is not `f32` on the CPU or occurs twice, or there is no
    /// memory for the state. Variables of integers are ignored, as in candle.
    fn new(vars: Vec<Var>, config: C) -> Result<Self> {
        let rule = config.rule().map_err(Error::wrap)?;
        let variables = vars.into_iter().filter(|var| var.dtype().is_float());
        let variables = variables.map(|var| Variable::new(var, rule.method()));
        let variables = variables.collect::<Result<Vec<_>>>()?;
        let sink = Sink::new(variables.iter().map(|variable| variable.var.id()));
        let sink = sink.ok_or_else(|| Error::msg("optimizer: a variable occurs twice"))?;
        // What can be wrong with a backend is found here rather than at the first step.
        workspace::with(|_| Ok(()))?;
        Ok(Self { config, variables, steps: 0, ahead: false, sink })
    }

    /// # Errors
    /// If the learning rate is out of range, a gradient does not fit its variable, or the variables of a Nesterov rule are not at θ̃.
    fn step(&mut self, grads: &GradStore) -> Result<()> {
        self.sink.clear();
        self.update(grads)
    }

    /// # Errors
    /// Those of `loss.backward()` and of `step`.
    fn backward_step(&mut self, loss: &Tensor) -> Result<()> {
        let grads = self.sink.collect(loss, || loss.backward())?;
        self.update(&grads)
    }

    fn learning_rate(&self) -> f64 {
        self.config.learning_rate(self.steps.saturating_add(1))
    }

    fn set_learning_rate(&mut self, learning_rate: f64) {
        self.config.set_learning_rate(learning_rate);
    }
}

impl VarOptimizer<ParamsAdamW> {
    /// candle's default configuration with a learning rate.
    ///
    /// # Errors
    /// As `new`.
    pub fn new_lr(vars: Vec<Var>, learning_rate: f64) -> Result<Self> {
        candle_nn::Optimizer::new(vars, ParamsAdamW { lr: learning_rate, ..ParamsAdamW::default() })
    }
}

impl VarOptimizer<Params> {
    /// A method with a constant learning rate: `Method::adam()`, `momentum()`, `nesterov()`, `adagrad()`, `rms_prop()`, …
    ///
    /// # Errors
    /// As `new`.
    pub fn with_method(vars: Vec<Var>, method: Method, learning_rate: f64) -> Result<Self> {
        candle_nn::Optimizer::new(vars, Params::new(method, learning_rate))
    }
}

impl<C: Config> VarOptimizer<C> {
    /// The configuration.
    pub fn params(&self) -> &C {
        &self.config
    }

    /// Replaces the configuration, starting with the next step, which fails if it is not valid or of another method.
    ///
    /// The θ̃ of a Nesterov rule depends on its momentum: call [`look_ahead`](Self::look_ahead) after replacing it.
    pub fn set_params(&mut self, params: C) {
        self.config = params;
    }

    /// The number of steps made.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The variables with their states.
    pub fn states(&self) -> impl Iterator<Item = (&Var, &State)> {
        self.variables.iter().map(|Variable { var, state, .. }| (var, state))
    }

    /// The variables.
    pub fn into_inner(self) -> Vec<Var> {
        self.variables.into_iter().map(|variable| variable.var).collect()
    }

    /// Moves the variables of a Nesterov rule from θ̃ to θ, to the last bit. Nothing happens if they are at θ.
    ///
    /// # Errors
    /// None are expected.
    pub fn undo_look_ahead(&mut self) -> Result<()> {
        for Variable { state, handle, .. } in &mut self.variables {
            in_place(handle, |theta| state.undo_look_ahead(theta))?;
        }
        self.ahead = false;
        Ok(())
    }

    /// Moves the variables of a Nesterov rule to θ̃, where the gradient of the next step is taken.
    ///
    /// # Errors
    /// If a hyper-parameter is out of range.
    pub fn look_ahead(&mut self) -> Result<()> {
        let rule = self.config.rule().map_err(Error::wrap)?;
        self.move_ahead(&rule)
    }

    fn move_ahead(&mut self, rule: &Rule) -> Result<()> {
        if rule.method().looks_ahead() {
            let next = self.steps.saturating_add(1);
            workspace::with(|Workspace { backend, .. }| {
                let mut variables = self.variables.iter_mut();
                variables.try_for_each(|Variable { state, handle, .. }| {
                    in_place(handle, |theta| state.look_ahead(backend, rule, next, theta))
                })
            })?;
            self.ahead = true;
        }
        Ok(())
    }

    /// One step with the gradients of candle and those in the sink.
    fn update(&mut self, grads: &GradStore) -> Result<()> {
        let rule = self.config.rule().map_err(Error::wrap)?;
        self.check(&rule, grads)?;
        if !self.ahead {
            // At the first step, v = 0: nothing moves.
            self.move_ahead(&rule)?;
        }
        let Self { variables, sink, .. } = self;
        let step = self.steps.saturating_add(1);
        workspace::with(|Workspace { backend, .. }| {
            variables.iter_mut().try_for_each(|Variable { var, state, handle }| {
                let mut update =
                    |gradient: &[f32]| in_place(handle, |theta| state.update(backend, &rule, step, theta, gradient));
                match (sink.gradient(var.id()), grads.get(var)) {
                    (None, None) => Ok(()),
                    (Some(gradient), None) => update(gradient),
                    (None, Some(gradient)) => with_values(var, gradient, &mut update),
                    (Some(sum), Some(gradient)) => with_values(var, gradient, |gradient| {
                        sum.iter_mut().zip(gradient).for_each(|(sum, gradient)| *sum += gradient);
                        update(sum)
                    }),
                }
            })
        })?;
        self.steps = step;
        self.move_ahead(&rule)
    }

    /// Checks everything that can be wrong, before anything is written.
    fn check(&self, rule: &Rule, grads: &GradStore) -> Result<()> {
        if rule.method().looks_ahead() && !self.ahead && self.steps > 0 {
            let (expected, found) = ("variables at θ + αv (look_ahead)", "variables at θ");
            return Err(Error::wrap(lanegrad::Error::State { expected, found }));
        }
        for Variable { var, state, .. } in &self.variables {
            let (expected, found) = (rule.method(), state.method());
            if std::mem::discriminant(&expected) != std::mem::discriminant(&found) {
                let (expected, found) = (expected.name(), found.name());
                return Err(Error::wrap(lanegrad::Error::State { expected, found }));
            }
            if let Some(gradient) = grads.get(var) {
                expect_floats(OPTIMIZER, "gradients", gradient)?;
                if gradient.dims() != var.dims() {
                    let (found, expected) = (gradient.dims(), var.dims());
                    return Err(Error::msg(format!(
                        "{OPTIMIZER}: a gradient has shape {found:?}, expected {expected:?}"
                    )));
                }
            }
        }
        Ok(())
    }
}

/// Calls `f` with the elements of a gradient: in place if it has no gaps and is not the variable itself, otherwise of a copy.
fn with_values(var: &Var, gradient: &Tensor, f: impl FnOnce(&[f32]) -> Result<()>) -> Result<()> {
    let gradient = if same_storage(var, gradient) { gradient.copy()? } else { gradient.contiguous()? };
    let (storage, layout) = gradient.storage_and_layout();
    f(vector(OPTIMIZER, "a gradient", cpu_floats(OPTIMIZER, "gradients", &storage)?, layout)?)
}

/// Calls `f` with all elements of the storage that a tensor of one element belongs to.
///
/// An in-place operation is candle's only way to change a storage in safe code. It first checks that no two elements of the tensor
/// overlap, for which it allocates a list of its dimensions larger than 1. The tensor of one element has none. A variable's storage
/// holds its elements only, one after another.
fn in_place(handle: &Tensor, f: impl FnOnce(&mut [f32]) -> Checked) -> Result<()> {
    handle.inplace_op1(&InPlace(Cell::new(Some(f))))
}

struct InPlace<F>(Cell<Option<F>>);

impl<F: FnOnce(&mut [f32]) -> Checked> InplaceOp1 for InPlace<F> {
    fn name(&self) -> &'static str {
        OPTIMIZER
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, _: &Layout) -> Result<()> {
        match (storage, self.0.take()) {
            (CpuStorage::F32(values), Some(f)) => f(values).map_err(Error::wrap),
            _ => Err(Error::msg(format!("{OPTIMIZER}: a variable is not f32"))),
        }
    }
}
