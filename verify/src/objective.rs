//! A loss with its target, chosen at run time.

use lanegrad::{
    Backend, Batch, Clip, CrossEntropyLoss, Error, MatRef, Network, Optimizer, SquaredErrorLoss, TrainOptions,
};

/// A loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Loss {
    /// The squared error, with its factor.
    SquaredError {
        /// c
        c: f32,
    },
    /// Softmax and cross-entropy.
    SoftmaxCrossEntropy,
}

/// A loss, and what the outputs of a mini-batch should be.
#[derive(Clone, Copy, Debug)]
pub enum Objective<'a> {
    /// `c/m · Σ ‖y − ŷ‖²`
    SquaredError {
        /// c
        c: f32,
        /// y, batch × outputs.
        target: MatRef<'a>,
    },
    /// Softmax and cross-entropy.
    CrossEntropy {
        /// One class per example.
        labels: &'a [u32],
    },
}

impl<'a> Objective<'a> {
    /// The loss with the target that belongs to it.
    pub fn new(loss: Loss, target: MatRef<'a>, labels: &'a [u32]) -> Self {
        match loss {
            Loss::SquaredError { c } => Self::SquaredError { c, target },
            Loss::SoftmaxCrossEntropy => Self::CrossEntropy { labels },
        }
    }

    /// [`Network::train_step`]
    ///
    /// # Errors
    /// As there.
    pub fn train_step(
        self,
        network: &mut Network,
        backend: &mut Backend,
        optimizer: &mut Optimizer,
        x: MatRef<'_>,
        clip: Option<Clip>,
    ) -> Result<f64, Error> {
        match self {
            Self::SquaredError { c, target } => {
                let options = TrainOptions { loss: SquaredErrorLoss { c }, clip };
                network.train_step(backend, optimizer, options, Batch { x, target })
            }
            Self::CrossEntropy { labels } => {
                let options = TrainOptions { loss: CrossEntropyLoss, clip };
                network.train_step(backend, optimizer, options, Batch { x, target: labels })
            }
        }
    }
}
