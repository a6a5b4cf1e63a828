//! Losses of a mini-batch, each with its fused delta `∂L/∂a`. The mean over the mini-batch is taken here, once.

use crate::activation::with_activation;
use crate::matrix::expect_len;
use crate::{Activation, Backend, Error, MatMut, MatRef, hyper_parameter};
use lanegrad_kernels::loss as kernels;

/// A loss, by name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Loss {
    /// `c/m · Σ ‖y − ŷ‖²`; goes with [`Target::Values`].
    SquaredError {
        /// The factor c > 0; ½ gives the mean of the lecture's `E = ½ Σ (y − ŷ)²`.
        c: f32,
    },
    /// Softmax and cross-entropy; goes with [`Target::Labels`] and a last layer without activation.
    SoftmaxCrossEntropy,
}

/// What the outputs of a mini-batch should be.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// y, batch × outputs.
    Values(MatRef<'a>),
    /// A class for each example.
    Labels(&'a [u32]),
}

/// The operands of [`squared_error`].
#[derive(Clone, Copy, Debug)]
pub struct SquaredError<'a> {
    /// `ŷ = h(a)`, m × outputs.
    pub predicted: MatRef<'a>,
    /// y, m × outputs.
    pub target: MatRef<'a>,
    /// The factor c > 0.
    pub c: f32,
    /// h of the output layer.
    pub activation: Activation,
}

/// The operands of [`softmax_cross_entropy`].
#[derive(Clone, Copy, Debug)]
pub struct SoftmaxCrossEntropy<'a> {
    /// Net inputs a of the output layer, m × classes.
    pub logits: MatRef<'a>,
    /// A class for each example.
    pub labels: &'a [u32],
}

/// Returns `L = c/m · Σ ‖y − ŷ‖²` and writes `delta = (2c/m)(ŷ − y) ⊙ h'(a)`, m × outputs.
///
/// With n outputs, L is within `(⌈n/16⌉ + 7)·2⁻²⁴` of its value, relative to it, whatever finite numbers ŷ and y are: a row whose
/// squares overflow or underflow in `f32` is summed in `f64`. An element of delta is within 5 roundings, where it and c/m are normal
/// numbers, and is 0 where ŷ = y.
///
/// # Errors
/// When m is 0, the shapes differ, or c is not a positive number.
pub fn squared_error(backend: &Backend, loss: SquaredError<'_>, delta: MatMut<'_>) -> Result<f64, Error> {
    let SquaredError { predicted, target, c, activation } = loss;
    let (rows, columns) = (predicted.rows(), predicted.cols());
    Loss::SquaredError { c }.validate(Target::Values(target), activation, (rows, columns))?;
    delta.expect(SQUARED_ERROR, "deltas", (rows, columns))?;
    let (predicted, target, delta) = (predicted.view(), target.view(), into_delta(delta));
    Ok(with_activation!(activation, h => {
        backend.run(kernels::SquaredError { predicted, target, rows, columns, c, activation: h, delta })
    }))
}

/// Returns `L = 1/m · Σ (ln Σ_j exp a_j − a_label)` and writes `delta = (softmax(a) − onehot(label))/m`, m × classes.
///
/// Both keep their relative accuracy where the label has nearly all of the probability: they are computed from the sum of the other
/// classes' `exp(a_j − max)`, not as a difference from 1. Relative to its value, L is off by as much as that sum is, `(⌈n/16⌉ + 10 + d)·2⁻²⁴`
/// with n classes and the largest d = max − a_j that counts in it; an element of delta by twice that, while it is a normal number.
///
/// # Errors
/// When m is 0, the shapes differ, or a label is not below the number of classes.
///
/// ```
/// use lanegrad::{Backend, MatMut, MatRef, loss};
/// let mut delta = [0.0; 2];
/// let logits = MatRef::new(&[1000.0, 1000.0], 1, 2)?;
/// let loss = loss::softmax_cross_entropy(
///     &Backend::new()?,
///     loss::SoftmaxCrossEntropy { logits, labels: &[1] },
///     MatMut::new(&mut delta, 1, 2)?,
/// )?;
/// assert_eq!((loss, delta), (2_f64.ln(), [0.5, -0.5]));
/// # Ok::<(), lanegrad::Error>(())
/// ```
pub fn softmax_cross_entropy(
    backend: &Backend,
    loss: SoftmaxCrossEntropy<'_>,
    delta: MatMut<'_>,
) -> Result<f64, Error> {
    let SoftmaxCrossEntropy { logits, labels } = loss;
    let (rows, classes) = (logits.rows(), logits.cols());
    Loss::SoftmaxCrossEntropy.validate(Target::Labels(labels), Activation::Identity, (rows, classes))?;
    delta.expect(SOFTMAX, "deltas", (rows, classes))?;
    Ok(backend.run(kernels::SoftmaxCrossEntropy { logits: logits.view(), labels, classes, delta: into_delta(delta) }))
}

const SQUARED_ERROR: &str = "squared error";
const SOFTMAX: &str = "softmax cross-entropy";

impl Loss {
    /// Checks that the loss goes with its target and the last layer's activation, and the target with the outputs' shape.
    pub(crate) fn validate(
        self,
        target: Target<'_>,
        activation: Activation,
        (rows, outputs): (usize, usize),
    ) -> Result<(), Error> {
        let operation = match self {
            Self::SquaredError { .. } => SQUARED_ERROR,
            Self::SoftmaxCrossEntropy => SOFTMAX,
        };
        if rows == 0 {
            return Err(Error::Empty { operation, operand: "examples" });
        }
        match (self, target) {
            (Self::SquaredError { c }, Target::Values(target)) => {
                target.expect(operation, "targets", (rows, outputs))?;
                hyper_parameter::positive("the factor c", f64::from(c))
            }
            (Self::SoftmaxCrossEntropy, Target::Labels(labels)) => {
                if activation != Activation::Identity {
                    return Err(Error::Loss {
                        loss: operation,
                        expected: "a last layer without activation (identity)",
                    });
                }
                expect_len(operation, "list of labels", rows, labels.len())?;
                match labels.iter().position(|&label| label as usize >= outputs) {
                    Some(row) => Err(Error::Label { row, found: labels[row], classes: outputs }),
                    None => Ok(()),
                }
            }
            (Self::SquaredError { .. }, _) => Err(Error::Loss { loss: operation, expected: "values as its target" }),
            (Self::SoftmaxCrossEntropy, _) => Err(Error::Loss { loss: operation, expected: "labels as its target" }),
        }
    }

    /// The loss and its delta for the outputs of a last layer with `activation`; to be validated first.
    pub(crate) fn of(
        self,
        backend: &Backend,
        output: MatRef<'_>,
        activation: Activation,
        target: Target<'_>,
        delta: MatMut<'_>,
    ) -> Result<f64, Error> {
        match (self, target) {
            (Self::SquaredError { c }, Target::Values(target)) => {
                squared_error(backend, SquaredError { predicted: output, target, c, activation }, delta)
            }
            (_, Target::Labels(labels)) => {
                softmax_cross_entropy(backend, SoftmaxCrossEntropy { logits: output, labels }, delta)
            }
            (_, Target::Values(_)) => Err(Error::Loss { loss: SOFTMAX, expected: "labels as its target" }),
        }
    }
}

fn into_delta(delta: MatMut<'_>) -> kernels::Delta<'_> {
    let (data, row_stride) = delta.into_parts();
    kernels::Delta { data, row_stride }
}
