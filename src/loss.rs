//! Losses of a mini-batch, each fused with its delta `∂L/∂a`. The mean over the mini-batch is taken here, once.

use crate::activation::with_activation;
use crate::matrix::expect_len;
use crate::{Activation, Backend, Error, MatMut, MatRef, hyper_parameter};
use lanegrad_kernels::loss as kernels;

/// A loss of a mini-batch of m examples: [`SquaredErrorLoss`] or [`CrossEntropyLoss`]. The type of its target belongs to it.
pub trait Loss: Copy + sealed::Sealed {
    /// The type of the target.
    type Target<'a>: Copy;

    /// Checks that the target fits m × outputs, and that the loss fits the last layer's activation.
    ///
    /// # Errors
    /// If they do not, or a parameter of the loss is out of range.
    fn check(self, target: Self::Target<'_>, activation: Activation, shape: (usize, usize)) -> Result<(), Error>;

    /// Returns the loss of the outputs of a last layer with this activation, and writes its `delta = ∂L/∂a`.
    ///
    /// # Errors
    /// As [`check`](Self::check), and if delta and the outputs differ in shape.
    fn delta(
        self,
        backend: &Backend,
        output: MatRef<'_>,
        activation: Activation,
        target: Self::Target<'_>,
        delta: MatMut<'_>,
    ) -> Result<f64, Error>;
}

mod sealed {
    /// A loss checks its target before a step begins and must not fail afterwards. Only this crate can guarantee that.
    pub trait Sealed {}
}

/// `c/m · Σ ‖y − ŷ‖²`: see [`squared_error`]. Its target is y, m × outputs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SquaredErrorLoss {
    /// The factor c > 0; ½ gives the mean of `E = ½ Σ (y − ŷ)²`.
    pub c: f32,
}

/// Softmax and cross-entropy: see [`softmax_cross_entropy`]. The last layer must have no activation. The target is one class per
/// example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrossEntropyLoss;

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
    /// The net inputs a of the output layer, m × classes.
    pub logits: MatRef<'a>,
    /// One class per example.
    pub labels: &'a [u32],
}

/// Returns `L = c/m · Σ ‖y − ŷ‖²` and writes `delta = (2c/m)(ŷ − y) ⊙ h'(a)`, m × outputs.
///
/// With n outputs, the relative error of L is at most `(⌈n/16⌉ + 7)·2⁻²⁴` for any finite ŷ and y: a row whose squares overflow or
/// underflow in `f32` is summed in `f64`. An element of delta is within 5 roundings (7 with softsign) if it, c/m, ŷ − y and
/// (ŷ − y)·h'(a) are normal numbers (without FMA, h' of sigmoid and tanh is off by another z²·2⁻²³), and is 0 if ŷ = y.
///
/// # Errors
/// If m is 0, the shapes differ, the rows of delta are not contiguous, or c is not a positive number.
pub fn squared_error(backend: &Backend, loss: SquaredError<'_>, delta: MatMut<'_>) -> Result<f64, Error> {
    let SquaredError { predicted, target, c, activation } = loss;
    let (rows, columns) = (predicted.rows(), predicted.cols());
    SquaredErrorLoss { c }.check(target, activation, (rows, columns))?;
    delta.expect(SQUARED_ERROR, "deltas", (rows, columns))?;
    delta.expect_contiguous_rows(SQUARED_ERROR, "deltas")?;
    let (predicted, target, delta) = (predicted.view(), target.view(), delta.into_view());
    Ok(with_activation!(activation, h => {
        backend.run(kernels::SquaredError { predicted, target, c, activation: h, delta })
    }))
}

/// Returns `L = 1/m · Σ (ln Σ_j exp a_j − a_label)` and writes `delta = (softmax(a) − onehot(label))/m`, m × classes.
///
/// Both keep their relative accuracy if the label has nearly all of the probability: they are computed from the sum of the other
/// classes' `exp(a_j − max)`, not as a difference from 1. The relative error of L is that of this sum, at most `(⌈n/16⌉ + 10 + d)·2⁻²⁴`
/// with n classes and the largest d = max − a_j that contributes to it. The relative error of an element of delta is at most twice
/// that, if the element is a normal number.
///
/// # Errors
/// If m is 0, the shapes differ, or a label is not less than the number of classes.
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
    CrossEntropyLoss.check(labels, Activation::Identity, (rows, classes))?;
    delta.expect(SOFTMAX, "deltas", (rows, classes))?;
    delta.expect_contiguous_rows(SOFTMAX, "deltas")?;
    Ok(backend.run(kernels::SoftmaxCrossEntropy { logits: logits.view(), labels, delta: delta.into_view() }))
}

const SQUARED_ERROR: &str = "squared error";
const SOFTMAX: &str = "softmax cross-entropy";

impl sealed::Sealed for SquaredErrorLoss {}
impl sealed::Sealed for CrossEntropyLoss {}

impl Loss for SquaredErrorLoss {
    type Target<'a> = MatRef<'a>;

    fn check(self, target: MatRef<'_>, _: Activation, (rows, outputs): (usize, usize)) -> Result<(), Error> {
        expect_examples(SQUARED_ERROR, rows)?;
        target.expect(SQUARED_ERROR, "targets", (rows, outputs))?;
        hyper_parameter::positive("the factor c", f64::from(self.c))
    }

    fn delta(
        self,
        backend: &Backend,
        predicted: MatRef<'_>,
        activation: Activation,
        target: MatRef<'_>,
        delta: MatMut<'_>,
    ) -> Result<f64, Error> {
        squared_error(backend, SquaredError { predicted, target, c: self.c, activation }, delta)
    }
}

impl Loss for CrossEntropyLoss {
    type Target<'a> = &'a [u32];

    fn check(self, labels: &[u32], activation: Activation, (rows, classes): (usize, usize)) -> Result<(), Error> {
        expect_examples(SOFTMAX, rows)?;
        if activation != Activation::Identity {
            return Err(Error::Loss { loss: SOFTMAX, expected: "a last layer without activation (identity)" });
        }
        expect_len(SOFTMAX, "list of labels", rows, labels.len())?;
        match labels.iter().position(|&label| label as usize >= classes) {
            Some(row) => Err(Error::Label { row, found: labels[row], classes }),
            None => Ok(()),
        }
    }

    fn delta(
        self,
        backend: &Backend,
        logits: MatRef<'_>,
        activation: Activation,
        labels: &[u32],
        delta: MatMut<'_>,
    ) -> Result<f64, Error> {
        self.check(labels, activation, (logits.rows(), logits.cols()))?;
        softmax_cross_entropy(backend, SoftmaxCrossEntropy { logits, labels }, delta)
    }
}

fn expect_examples(operation: &'static str, rows: usize) -> Result<(), Error> {
    if rows > 0 { Ok(()) } else { Err(Error::Empty { operation, operand: "examples" }) }
}
