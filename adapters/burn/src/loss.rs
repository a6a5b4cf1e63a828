//! Losses whose value and gradient are computed in one pass.

use crate::node::{Operation, apply};
use crate::tensor::{Matrix, error, from_elements, zeros};
use crate::thread::Scratch;
use burn::backend::flex::{Flex, FlexTensor};
use burn::backend::ops::FloatTensorOps;
use burn::module::Module;
use burn::nn::loss::Reduction;
use burn::tensor::{ExecutionError, Int, Tensor};
use lanegrad::{Error, MatMut, loss};

/// The squared error, as burn's `MseLoss`.
#[derive(Module, Debug, Default)]
pub struct MseLoss;

impl MseLoss {
    /// Creates the loss.
    pub fn new() -> Self {
        Self
    }

    /// Returns `c · Σ(ŷ − y)²`, with c = 1 over the number of elements ([`Reduction::Mean`], [`Reduction::Auto`]), 1 over the number of
    /// examples ([`Reduction::BatchMean`]), or 1 ([`Reduction::Sum`]). Every dimension but the last counts examples.
    ///
    /// # Panics
    /// Where [`try_forward`](Self::try_forward) returns an error, as burn's losses do.
    pub fn forward<const D: usize>(&self, predicted: Tensor<D>, target: Tensor<D>, reduction: Reduction) -> Tensor<1> {
        self.try_forward(predicted, target, reduction).unwrap_or_else(|error| panic!("{error}"))
    }

    /// As [`forward`](Self::forward).
    ///
    /// # Errors
    /// If there are no examples, the shapes differ, a tensor is not of type `f32` or not on the Flex backend, or there is no memory.
    pub fn try_forward<const D: usize>(
        &self,
        predicted: Tensor<D>,
        target: Tensor<D>,
        reduction: Reduction,
    ) -> Result<Tensor<1>, ExecutionError> {
        let (expected, found) = (predicted.shape(), target.shape());
        if found != expected {
            let message = format_args!("targets have shape {:?}, expected {:?}", found.as_slice(), expected.as_slice());
            return Err(error(SQUARED_ERROR, message));
        }
        let loss = apply(SquaredError(reduction), [predicted.into_dispatch(), target.into_dispatch()])?;
        Ok(Tensor::from_dispatch(loss))
    }
}

/// Softmax and cross-entropy, as burn's `CrossEntropyLoss` of logits without weights, padding or smoothing.
#[derive(Module, Debug, Default)]
pub struct CrossEntropyLoss;

impl CrossEntropyLoss {
    /// Creates the loss.
    pub fn new() -> Self {
        Self
    }

    /// Returns the mean of `ln Σ_j exp a_j − a_label` over the examples. The logits are examples × classes.
    ///
    /// # Panics
    /// Where [`try_forward`](Self::try_forward) returns an error, as burn's losses do.
    pub fn forward(&self, logits: Tensor<2>, targets: Tensor<1, Int>) -> Tensor<1> {
        self.try_forward(logits, targets).unwrap_or_else(|error| panic!("{error}"))
    }

    /// As [`forward`](Self::forward).
    ///
    /// # Errors
    /// If there are no examples, their number is not that of the targets, a target is not a class, the logits are not of type `f32`
    /// or not on the Flex backend, or there is no memory.
    pub fn try_forward(&self, logits: Tensor<2>, targets: Tensor<1, Int>) -> Result<Tensor<1>, ExecutionError> {
        let targets = targets
            .try_into_data()?
            .try_into_vec_as::<i64>()
            .map_err(|cause| error(SOFTMAX, format_args!("{cause:?}")))?;
        let label = |(row, target): (usize, i64)| {
            u32::try_from(target)
                .map_err(|_| error(SOFTMAX, format_args!("the target of row {row} is {target}, not a class")))
        };
        let labels = targets.into_iter().enumerate().map(label).collect::<Result<_, _>>()?;
        Ok(Tensor::from_dispatch(apply(CrossEntropy(labels), [logits.into_dispatch()])?))
    }
}

const SQUARED_ERROR: &str = "squared error";
const SOFTMAX: &str = "softmax cross-entropy";

#[derive(Debug)]
struct SquaredError(Reduction);

/// The labels of the examples.
#[derive(Debug)]
struct CrossEntropy(Vec<u32>);

impl Operation<2> for SquaredError {
    /// The gradient with respect to the predictions.
    type Saved = FlexTensor;

    const NAME: &'static str = SQUARED_ERROR;

    fn input_name(&self, index: usize) -> &'static str {
        if index == 0 { "predictions" } else { "targets" }
    }

    fn forward(self, scratch: &mut Scratch, inputs: [FlexTensor; 2]) -> Result<(FlexTensor, FlexTensor), Error> {
        let [predicted, target] = inputs.map(Matrix::new);
        let (rows, columns) = (predicted.rows(), predicted.cols());
        let c = match self.0 {
            Reduction::Mean | Reduction::Auto => 1.0 / columns.max(1) as f32,
            Reduction::BatchMean => 1.0,
            Reduction::Sum => rows.max(1) as f32,
        };
        let mut delta = zeros(SQUARED_ERROR, rows.checked_mul(columns))?;
        let operands = loss::SquaredError {
            predicted: predicted.view()?,
            target: target.view()?,
            c,
            activation: lanegrad::Activation::Identity,
        };
        let loss = loss::squared_error(&scratch.backend, operands, MatMut::new(&mut delta, rows, columns)?)?;
        Ok((scalar(loss), from_elements(delta, predicted.shape().clone())))
    }

    fn backward(
        _: &mut Scratch,
        delta: FlexTensor,
        gradient: FlexTensor,
        [of_predicted, of_target]: [bool; 2],
    ) -> Result<[Option<FlexTensor>; 2], Error> {
        let delta = times(delta, gradient);
        let target = of_target.then(|| Flex::float_neg(delta.clone()));
        Ok([of_predicted.then_some(delta), target])
    }
}

impl Operation<1> for CrossEntropy {
    /// The gradient with respect to the logits.
    type Saved = FlexTensor;

    const NAME: &'static str = SOFTMAX;

    fn input_name(&self, _: usize) -> &'static str {
        "logits"
    }

    fn forward(self, scratch: &mut Scratch, inputs: [FlexTensor; 1]) -> Result<(FlexTensor, FlexTensor), Error> {
        let [logits] = inputs.map(Matrix::new);
        let (rows, classes) = (logits.rows(), logits.cols());
        let mut delta = zeros(SOFTMAX, rows.checked_mul(classes))?;
        let operands = loss::SoftmaxCrossEntropy { logits: logits.view()?, labels: &self.0 };
        let loss = loss::softmax_cross_entropy(&scratch.backend, operands, MatMut::new(&mut delta, rows, classes)?)?;
        Ok((scalar(loss), from_elements(delta, logits.shape().clone())))
    }

    fn backward(
        _: &mut Scratch,
        delta: FlexTensor,
        gradient: FlexTensor,
        [needed]: [bool; 1],
    ) -> Result<[Option<FlexTensor>; 1], Error> {
        Ok([needed.then(|| times(delta, gradient))])
    }
}

fn scalar(value: f64) -> FlexTensor {
    from_elements(vec![value as f32], [1].into())
}

/// The gradient of the loss times that of what follows it, which is 1 if nothing does.
fn times(delta: FlexTensor, gradient: FlexTensor) -> FlexTensor {
    let gradient = Matrix::new(gradient);
    match gradient.view().ok().and_then(|gradient| gradient.get(0, 0)) {
        Some(gradient) if gradient != 1.0 => Flex::float_mul_scalar(delta, gradient.into()),
        _ => delta,
    }
}
