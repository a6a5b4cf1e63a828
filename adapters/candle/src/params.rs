//! What an optimizer is created with: candle's own configurations, or any rule of lanegrad.

use candle_nn::ParamsAdamW;
use lanegrad::{Error, LearningRate, Method, Rule, WeightDecay};

/// A configuration of [`VarOptimizer`](crate::VarOptimizer).
pub trait Config {
    /// The update rule.
    ///
    /// # Errors
    /// If a hyper-parameter is out of range.
    fn rule(&self) -> Result<Rule, Error>;

    /// The learning rate of step 1, 2, ….
    fn learning_rate(&self, step: u64) -> f64;

    /// Replaces the learning rate.
    fn set_learning_rate(&mut self, learning_rate: f64);
}

/// Any method of lanegrad with its learning rate and weight decay.
///
/// ```
/// use lanegrad_candle::{LearningRate, Method, Params, WeightDecay};
/// let params = Params {
///     learning_rate: LearningRate::InverseSquareRoot { initial: 0.05, gamma: 1.0 },
///     weight_decay: WeightDecay::Decoupled(0.01),
///     ..Params::new(Method::nesterov(), 0.05)
/// };
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Params {
    /// The formula and its constants.
    pub method: Method,
    /// The step size, constant or following a schedule.
    pub learning_rate: LearningRate,
    /// The weight decay of all variables.
    pub weight_decay: WeightDecay,
}

impl Params {
    /// A method with a constant learning rate and without weight decay.
    pub fn new(method: Method, learning_rate: f64) -> Self {
        Self { method, learning_rate: LearningRate::Constant(learning_rate), weight_decay: WeightDecay::None }
    }
}

impl Config for Params {
    fn rule(&self) -> Result<Rule, Error> {
        Rule::new(self.method, self.learning_rate)?.with_weight_decay(self.weight_decay)
    }

    fn learning_rate(&self, step: u64) -> f64 {
        self.learning_rate.at(step)
    }

    fn set_learning_rate(&mut self, learning_rate: f64) {
        self.learning_rate = LearningRate::Constant(learning_rate);
    }
}

/// candle's configuration of [`AdamW`](crate::AdamW).
impl Config for ParamsAdamW {
    fn rule(&self) -> Result<Rule, Error> {
        let &Self { lr, beta1, beta2, eps, weight_decay } = self;
        let method = Method::Adam { beta1, beta2, epsilon: eps };
        Rule::new(method, LearningRate::Constant(lr))?.with_weight_decay(WeightDecay::Decoupled(weight_decay))
    }

    fn learning_rate(&self, _: u64) -> f64 {
        self.lr
    }

    fn set_learning_rate(&mut self, learning_rate: f64) {
        self.lr = learning_rate;
    }
}

/// candle's configuration of [`SGD`](crate::SGD): the learning rate.
impl Config for f64 {
    fn rule(&self) -> Result<Rule, Error> {
        Rule::new(Method::Sgd, LearningRate::Constant(*self))
    }

    fn learning_rate(&self, _: u64) -> f64 {
        *self
    }

    fn set_learning_rate(&mut self, learning_rate: f64) {
        *self = learning_rate;
    }
}
