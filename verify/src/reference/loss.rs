//! Losses of a mini-batch of m examples.

use super::{Activation, Matrix, Real};

/// A loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Loss {
    /// `c/m Σ_i ‖y_i − ŷ_i‖²`
    SquaredError {
        /// c
        c: f64,
    },
    /// `1/m Σ_i (ln Σ_j exp a_j − a_label)`
    SoftmaxCrossEntropy,
}

/// The target of the outputs.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// y
    Values(Matrix),
    /// One class per example.
    Labels(Vec<usize>),
}

impl Loss {
    /// The loss of the outputs ŷ (for softmax: of the net inputs a).
    pub fn value<R: Real>(self, output: &Matrix<R>, target: &Target) -> R {
        let m = R::constant(output.rows() as f64);
        let mut sum = R::constant(0.0);
        for i in 0..output.rows() {
            sum = sum + self.example(output, target, i);
        }
        match self {
            Self::SquaredError { c } => R::constant(c) / m * sum,
            Self::SoftmaxCrossEntropy => sum / m,
        }
    }

    /// `‖y_i − ŷ_i‖²`, or `ln Σ_j exp a_j − a_label`.
    fn example<R: Real>(self, output: &Matrix<R>, target: &Target, i: usize) -> R {
        match target {
            Target::Values(y) => (0..output.cols())
                .map(|k| R::constant(y.at(i, k)) - output.at(i, k))
                .fold(R::constant(0.0), |sum, error| sum + error * error),
            Target::Labels(labels) => {
                let max = (0..output.cols()).map(|k| output.at(i, k).value()).fold(f64::NEG_INFINITY, f64::max);
                let shifted = |k| output.at(i, k) - R::constant(max);
                (0..output.cols()).map(|k| shifted(k).exp()).fold(R::constant(0.0), |sum, e| sum + e).ln()
                    - shifted(labels[i])
            }
        }
    }

    /// The factor of the mini-batch loss: `∂L/∂a = −factor·Δ`; `2c/m`, or `1/m`.
    pub fn factor(self, m: usize) -> f64 {
        match self {
            Self::SquaredError { c } => 2.0 * c / m as f64,
            Self::SoftmaxCrossEntropy => 1.0 / m as f64,
        }
    }

    /// The output layer's Δ: `Δ_k = (y_k − ŷ_k)·h'(a_k)`, or `onehot(label) − softmax(a)`.
    pub fn delta(self, output: &Matrix, activation: Activation, target: &Target) -> Matrix {
        Matrix::from_fn(output.rows(), output.cols(), |i, k| match target {
            Target::Values(y) => (y.at(i, k) - output.at(i, k)) * activation.derivative(output.at(i, k)),
            Target::Labels(labels) => f64::from(u8::from(labels[i] == k)) - softmax(output, i, k),
        })
    }

    /// The absolute values of the terms of Δ, summed.
    pub fn delta_terms(self, output: &Matrix, activation: Activation, target: &Target) -> Matrix {
        Matrix::from_fn(output.rows(), output.cols(), |i, k| match target {
            Target::Values(y) => {
                (y.at(i, k).abs() + output.at(i, k).abs()) * activation.derivative_terms(output.at(i, k))
            }
            Target::Labels(labels) => f64::from(u8::from(labels[i] == k)) + softmax(output, i, k),
        })
    }
}

/// `exp a_k / Σ_j exp a_j`
fn softmax(a: &Matrix, i: usize, k: usize) -> f64 {
    let max = (0..a.cols()).map(|j| a.at(i, j)).fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = (0..a.cols()).map(|j| (a.at(i, j) - max).exp()).sum();
    (a.at(i, k) - max).exp() / sum
}
