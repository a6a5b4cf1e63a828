//! Losses and their deltas.

use super::dense::{ACTIVATION_ULP, reference};
use crate::bound::{TINY, U, gamma};
use crate::operand::{Layout, Operand, Output};
use crate::reference::{Loss, Matrix, Target};
use crate::tally::Tally;
use lanegrad::{Activation, Backend, Isa, loss};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Examples × outputs; the last one has so many examples that a sum of their losses in f32 would show.
const SHAPES: [(usize, usize); 10] =
    [(1, 1), (1, 2), (2, 7), (3, 8), (5, 10), (4, 16), (3, 17), (128, 10), (7, 1000), (20_000, 2)];

/// Additions in a row's sum: 16 running sums, then four halvings.
fn additions(outputs: usize) -> usize {
    outputs.div_ceil(16) + 4
}

fn to_matrix(operand: &Operand, rows: usize, cols: usize) -> Matrix {
    Matrix::from_fn(rows, cols, |i, j| operand.wide(i, j))
}

/// `L = c/m Σ‖y − ŷ‖²`: every term positive, with one rounding of the difference, which is squared, and the additions.
/// `delta = (2c/m)(ŷ − y) ⊙ h'`: roundings of the factor, the difference, their product, h' and the last product; and where
/// `mul_add` rounds twice, h' another one of its product.
pub(super) fn squared_error(isa: Isa, tally: &mut Tally) {
    let fused = crate::shapes::Edges::of(isa).fused;
    let backend = Backend::with_isa(isa);
    let mut rng = StdRng::seed_from_u64(7);
    for (turn, (rows, outputs)) in SHAPES.into_iter().enumerate() {
        for activation in [Activation::Identity, Activation::Sigmoid, Activation::Tanh, Activation::Relu] {
            let h = reference(activation);
            let c = [0.5, 1.0, 0.3][turn % 3];
            let layouts = (Layout::ALL[turn % 5], Layout::ALL[(turn + 2) % 5]);
            let predicted =
                Operand::from_fn(rows, outputs, layouts.0, |_, _| h.value(6.0 * rng.random::<f64>() - 3.0) as f32);
            let target = Operand::from_fn(rows, outputs, layouts.1, |_, _| rng.random());
            let mut delta = Output::new(rows, outputs, 2);
            let operands = loss::SquaredError { predicted: predicted.view(), target: target.view(), c, activation };
            let found = loss::squared_error(&backend, operands, delta.view()).expect("the shapes fit");

            let reference = Loss::SquaredError { c: c.into() };
            let y_hat = to_matrix(&predicted, rows, outputs);
            let y = Target::Values(to_matrix(&target, rows, outputs));
            let place = || format!("{rows}×{outputs}, {activation:?}");
            let expected = reference.value(&y_hat, &y);
            tally.within(found, expected, gamma(additions(outputs) + 3) * expected, || format!("{}, L", place()));
            let expected = reference.delta(&y_hat, h, &y).map(|delta| -reference.factor(rows) * delta);
            for i in 0..rows {
                for k in 0..outputs {
                    let z = y_hat.at(i, k);
                    let error = reference.factor(rows) * (z - target.wide(i, k)).abs();
                    let twice = match activation {
                        Activation::Sigmoid | Activation::Tanh if !fused => 2.0 * U * z * z,
                        _ => 0.0,
                    };
                    let bound = gamma(5) * expected.at(i, k).abs() + error * twice;
                    tally.within(delta.at(i, k).into(), expected.at(i, k), bound, || {
                        format!("{}, delta ({i}, {k})", place())
                    });
                }
            }
            if let Some(at) = delta.stray_write() {
                tally.wrong(|| format!("{}: number {at} was written, which is not delta's", place()));
            }
        }
    }
}

/// With `d = max − a_k` and `e = exp(−d)`: d is off by u·d, so e by (u·d + 2 ULP)·e; the sum of e by the largest of these and
/// its additions; their quotient, −1 and the factor 1/m by a rounding each. Where e is subnormal, its ULP is absolute.
///
/// Logits are as large as 10⁴, and from a few to all but one of them far below the row's largest.
pub(super) fn softmax_cross_entropy(isa: Isa, tally: &mut Tally) {
    let backend = Backend::with_isa(isa);
    let mut rng = StdRng::seed_from_u64(8);
    for (turn, (rows, classes)) in SHAPES.into_iter().enumerate() {
        for spread in [0.0, 1.0, 20.0, 1e4] {
            let logits = Operand::from_fn(rows, classes, Layout::ALL[turn % 5], |_, _| {
                spread * (2.0 * rng.random::<f32>() - 1.0)
            });
            let labels: Vec<u32> = (0..rows).map(|_| rng.random_range(0..classes as u32)).collect();
            let mut delta = Output::new(rows, classes, 1);
            let operands = loss::SoftmaxCrossEntropy { logits: logits.view(), labels: &labels };
            let found = loss::softmax_cross_entropy(&backend, operands, delta.view()).expect("the shapes fit");

            let a = to_matrix(&logits, rows, classes);
            let target = Target::Labels(labels.iter().map(|&label| label as usize).collect());
            let reference = Loss::SoftmaxCrossEntropy;
            let delta_of = reference.delta(&a, crate::reference::Activation::Identity, &target);
            let place = || format!("{rows}×{classes}, logits within ±{spread}");
            let m = rows as f64;
            let mut loss_bound = 1e-14 * (1.0 + f64::from(spread));
            for i in 0..rows {
                let max = (0..classes).map(|k| a.at(i, k)).fold(f64::NEG_INFINITY, f64::max);
                let e = |k| (a.at(i, k) - max).exp();
                let e_error =
                    |k| e(k) * (U * (max - a.at(i, k)) + 2.0 * ACTIVATION_ULP * U) * 1.01 + ACTIVATION_ULP * TINY;
                let sum: f64 = (0..classes).map(e).sum();
                let sum_error = (0..classes).map(e_error).sum::<f64>() / sum + gamma(additions(classes));
                loss_bound += 1.01 * sum_error / m;
                for k in 0..classes {
                    let expected = -reference.factor(rows) * delta_of.at(i, k);
                    let softmax_error = 1.01 * (e_error(k) / sum + e(k) / sum * (sum_error + U)) + TINY;
                    let bound = softmax_error / m + gamma(3) * expected.abs() + TINY;
                    tally.within(delta.at(i, k).into(), expected, bound, || format!("{}, delta ({i}, {k})", place()));
                }
            }
            tally.within(found, reference.value(&a, &target), loss_bound, || format!("{}, L", place()));
            if let Some(at) = delta.stray_write() {
                tally.wrong(|| format!("{}: number {at} was written, which is not delta's", place()));
            }
        }
    }
}
