//! Losses of a mini-batch, each with its fused delta `∂L/∂a`. The mean over the mini-batch is taken here, once.

use crate::activation::with_activation;
use crate::matrix::expect_len;
use crate::{Activation, Backend, Error, MatMut, MatRef, hyper_parameter};
use lanegrad_kernels::loss as kernels;

/// A loss of a mini-batch of m examples: [`SquaredErrorLoss`] or [`CrossEntropyLoss`]. What it compares the outputs with is part of its
/// type.
pub trait Loss: Copy + sealed::Sealed {
    /// What the outputs should be.
    type Target<'a>: Copy;

    /// Checks that the target goes with m × outputs, and the loss with the last layer's activation.
    ///
    /// # Errors
    /// When they do not, or the loss has a parameter out of its range.
    fn check(self, target: Self::Target<'_>, activation: Activation, shape: (usize, usize)) -> Result<(), Error>;

    /// Returns the loss of the outputs of a last layer with that activation, and writes its `delta = ∂L/∂a`.
    ///
    /// # Errors
    /// As [`check`](Self::check), and when delta has another shape than the outputs.
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
    /// A loss checks its target before a step begins, and must not fail after: that is promised here alone.
    pub trait Sealed {}
}

/// `c/m · Σ ‖y − ŷ‖²`, see [`squared_error`]. Its target is y, m × outputs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SquaredErrorLoss {
    /// The factor c > 0; ½ gives the mean of `E = ½ Σ (y − ŷ)²`.
    pub c: f32,
}

/// Softmax and cross-entropy, see [`softmax_cross_entropy`], for a last layer without activation. Its target is a class for each example.
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
    /// Net inputs a of the output layer, m × classes.
    pub logits: MatRef<'a>,
    /// A class for each example.
    pub labels: &'a [u32],
}

/// Returns `L = c/m · Σ ‖y − ŷ‖²` and writes `delta = (2c/m)(ŷ − y) ⊙ h'(a)`, m × outputs.
///
/// With n outputs, L is within `(⌈n/16⌉ + 7)·2⁻²⁴` of its value, relative to it, whatever finite numbers ŷ and y are: a row whose
/// squares overflow or underflow in `f32` is summed in `f64`. An element of delta is within 5 roundings (with
/// softsign 7) where it, c/m, ŷ − y and (ŷ − y)·h'(a) are normal numbers (without FMA, h' of sigmoid and tanh is off by z²·2⁻²³ more), and
/// is 0 where ŷ = y.
///
/// # Errors
/// When m is 0, the shapes differ, or c is not a positive number.
pub fn squared_error(backend: &Backend, loss: SquaredError<'_>, delta: MatMut<'_>) -> Result<f64, Error> {
    let SquaredError { predicted, target, c, activation } = loss;
    let (rows, columns) = (predicted.rows(), predicted.cols());
    SquaredErrorLoss { c }.check(target, activation, (rows, columns))?;
    delta.expect(SQUARED_ERROR, "deltas", (rows, columns))?;
    let (predicted, target, delta) = (predicted.view(), target.view(), delta.into_view());
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
    CrossEntropyLoss.check(labels, Activation::Identity, (rows, classes))?;
    delta.expect(SOFTMAX, "deltas", (rows, classes))?;
    Ok(backend.run(kernels::SoftmaxCrossEntropy { logits: logits.view(), labels, classes, delta: delta.into_view() }))
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
