//! Losses, each with its gradient in one pass: the functions of [`candle_nn::loss`] with the same names.

use crate::view::{expect_floats, floats, is_matrix, matrix, zeros};
use crate::workspace::{self, Workspace};
use candle_core::{CpuStorage, CustomOp2, DType, Device, Error, Layout, Result, Shape, Tensor, WithDType};
use lanegrad::{Activation, MatMut, loss};
use std::borrow::Cow;
use std::sync::OnceLock;

const CROSS_ENTROPY: &str = "cross-entropy";
const MSE: &str = "mean squared error";

/// The mean over the batch of `ln Σ_j exp a_j − a_label`, from logits, batch × classes, and one label (`u32`, `u8` or `i64`) per row.
///
/// Relative accuracy is kept for losses near 0: see [`lanegrad::loss::softmax_cross_entropy`].
///
/// # Errors
/// If the logits are not `f32` on the CPU, the shapes do not fit, a label is not a class, or the batch is empty.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use lanegrad_candle::loss;
/// let logits = Tensor::new(&[[1000.0_f32, 1000.0]], &Device::Cpu)?;
/// let loss = loss::cross_entropy(&logits, &Tensor::new(&[1_u32], &Device::Cpu)?)?;
/// assert_eq!(loss.to_scalar::<f32>()?, 2_f32.ln());
/// # Ok::<(), candle_core::Error>(())
/// ```
pub fn cross_entropy(logits: &Tensor, labels: &Tensor) -> Result<Tensor> {
    expect_floats(CROSS_ENTROPY, "logits", logits)?;
    if logits.rank() != 2 || labels.rank() != 1 {
        let (logits, labels) = (logits.dims(), labels.dims());
        return Err(Error::msg(format!(
            "{CROSS_ENTROPY}: logits have shape {logits:?} and labels {labels:?}, expected [batch, classes] and [batch]"
        )));
    }
    if !labels.device().is_cpu() || !matches!(labels.dtype(), DType::U32 | DType::U8 | DType::I64) {
        let (dtype, device) = (labels.dtype().as_str(), labels.device().location());
        return Err(Error::msg(format!(
            "{CROSS_ENTROPY}: labels are {dtype} on {device:?}, expected u32, u8 or i64 on the CPU"
        )));
    }
    logits.apply_op2(labels, CrossEntropy(Delta::default()))
}

/// The mean over all elements of `(predicted − target)²`, for two tensors of the same shape.
///
/// # Errors
/// If a tensor is not `f32` on the CPU, the shapes differ, or there are no elements.
pub fn mse(predicted: &Tensor, target: &Tensor) -> Result<Tensor> {
    expect_floats(MSE, "predictions", predicted)?;
    expect_floats(MSE, "targets", target)?;
    if predicted.dims() != target.dims() {
        let (predicted, target) = (predicted.dims(), target.dims());
        return Err(Error::msg(format!("{MSE}: targets have shape {target:?}, expected {predicted:?}")));
    }
    let as_matrix = |tensor: &Tensor| match tensor.rank() {
        0 => tensor.reshape(1),
        _ if is_matrix(tensor.layout()) => Ok(tensor.clone()),
        _ => tensor.contiguous(),
    };
    as_matrix(predicted)?.apply_op2(&as_matrix(target)?, MeanSquaredError(Delta::default()))
}

/// The gradient of the loss with respect to the predictions, which the forward pass computes along with the loss.
#[derive(Default)]
struct Delta(OnceLock<Tensor>);

impl Delta {
    /// Keeps the deltas, and returns the loss as a scalar.
    fn keep(&self, delta: Vec<f32>, shape: &Shape, loss: f64) -> Result<(CpuStorage, Shape)> {
        let _ = self.0.set(Tensor::from_vec(delta, shape, &Device::Cpu)?);
        Ok((CpuStorage::F32(vec![loss as f32]), Shape::from(())))
    }

    /// The deltas times the gradient of the loss, which is 1 if the loss is what `backward` was called on.
    fn times(&self, operation: &str, gradient: &Tensor) -> Result<Tensor> {
        let delta = self.0.get().ok_or_else(|| Error::msg(format!("{operation}: backward without forward")))?;
        match gradient.to_scalar::<f32>()? {
            1.0 => Ok(delta.clone()),
            gradient => delta.affine(gradient.into(), 0.0),
        }
    }
}

struct CrossEntropy(Delta);

impl CustomOp2 for CrossEntropy {
    fn name(&self) -> &'static str {
        CROSS_ENTROPY
    }

    fn cpu_fwd(&self, a: &CpuStorage, la: &Layout, labels: &CpuStorage, ll: &Layout) -> Result<(CpuStorage, Shape)> {
        let logits = matrix(CROSS_ENTROPY, "logits", floats(CROSS_ENTROPY, "logits", a)?, la)?;
        let labels = match labels {
            CpuStorage::U32(labels) => match ll.contiguous_offsets().and_then(|(start, end)| labels.get(start..end)) {
                Some(labels) => Cow::Borrowed(labels),
                None => Cow::Owned(classes(labels, ll)?),
            },
            CpuStorage::U8(labels) => Cow::Owned(classes(labels, ll)?),
            CpuStorage::I64(labels) => Cow::Owned(classes(labels, ll)?),
            _ => return Err(Error::msg(format!("{CROSS_ENTROPY}: labels are not u32, u8 or i64"))),
        };
        let mut delta = zeros(CROSS_ENTROPY, logits.rows(), logits.cols())?;
        let loss = workspace::with(|Workspace { backend, .. }| {
            let delta = MatMut::new(&mut delta, logits.rows(), logits.cols()).map_err(Error::wrap)?;
            let operands = loss::SoftmaxCrossEntropy { logits, labels: &labels };
            loss::softmax_cross_entropy(backend, operands, delta).map_err(Error::wrap)
        })?;
        self.0.keep(delta, la.shape(), loss)
    }

    fn bwd(&self, _: &Tensor, _: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        Ok((Some(self.0.times(CROSS_ENTROPY, gradient)?), None))
    }
}

/// Labels of another type or with gaps.
fn classes<T: WithDType + TryInto<u32> + std::fmt::Display>(labels: &[T], layout: &Layout) -> Result<Vec<u32>> {
    let (len, stride) = (layout.dims()[0], layout.stride()[0]);
    let class = |row: usize| {
        let label = labels[layout.start_offset() + row * stride];
        let class: std::result::Result<u32, _> = label.try_into();
        class.map_err(|_| Error::msg(format!("{CROSS_ENTROPY}: the label of row {row} is {label}, expected a class")))
    };
    (0..len).map(class).collect()
}

struct MeanSquaredError(Delta);

impl CustomOp2 for MeanSquaredError {
    fn name(&self) -> &'static str {
        MSE
    }

    fn cpu_fwd(&self, y: &CpuStorage, ly: &Layout, t: &CpuStorage, lt: &Layout) -> Result<(CpuStorage, Shape)> {
        let predicted = matrix(MSE, "predictions", floats(MSE, "predictions", y)?, ly)?;
        let target = matrix(MSE, "targets", floats(MSE, "targets", t)?, lt)?;
        let (rows, cols) = (predicted.rows(), predicted.cols());
        if rows == 0 || cols == 0 {
            return Err(Error::msg(format!("{MSE}: there are no elements, expected at least one")));
        }
        let mut delta = zeros(MSE, rows, cols)?;
        let loss = workspace::with(|Workspace { backend, .. }| {
            let delta = MatMut::new(&mut delta, rows, cols).map_err(Error::wrap)?;
            let c = 1.0 / cols as f32;
            let operands = loss::SquaredError { predicted, target, c, activation: Activation::Identity };
            loss::squared_error(backend, operands, delta).map_err(Error::wrap)
        })?;
        self.0.keep(delta, ly.shape(), loss)
    }

    fn bwd(
        &self,
        predicted: &Tensor,
        target: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let delta = self.0.times(MSE, gradient)?;
        let of_target = if target.track_op() { Some(delta.neg()?) } else { None };
        Ok((predicted.track_op().then_some(delta), of_target))
    }
}
