//! Losses and their deltas.

use super::dense::{ACTIVATION_ULP, derivative_roundings, reference};
use super::platform::Platform;
use crate::bound::{TINY, U, gamma};
use crate::operand::{Layout, Operand, Output};
use crate::reference::{Loss, Matrix, Target};
use crate::tally::Tally;
use crate::training::name::ACTIVATIONS;
use lanegrad::{Activation, loss};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Examples × outputs. The last shape has enough examples for an error to be visible if their losses were summed in f32.
const SHAPES: [(usize, usize); 10] =
    [(1, 1), (1, 2), (2, 7), (3, 8), (5, 10), (4, 16), (3, 17), (128, 10), (7, 1000), (20_000, 2)];

/// Additions in the sum of a row: 16 running sums, then four halvings.
fn additions(outputs: usize) -> usize {
    outputs.div_ceil(16) + 4
}

fn to_matrix(operand: &Operand, rows: usize, cols: usize) -> Matrix {
    Matrix::from_fn(rows, cols, |i, j| operand.wide(i, j))
}

/// `L = c/m Σ‖y − ŷ‖²`: every term is positive, with one rounding of the difference, which is squared, and the additions.
/// `delta = (2c/m)(ŷ − y) ⊙ h'`: roundings of the factor, the difference, h' and two products; if `mul_add` rounds twice, the product
/// in h' adds another.
///
/// Errors have all magnitudes, including those whose squares overflow or underflow in `f32`; c includes the largest finite values.
pub(super) fn squared_error(platform: &Platform, tally: &mut Tally) {
    let fused = platform.edges().fused;
    let backend = platform.backend();
    let mut rng = StdRng::seed_from_u64(7);
    for (turn, (rows, outputs)) in SHAPES.into_iter().enumerate() {
        for &(_, activation) in ACTIVATIONS {
            let h = reference(activation);
            let c = [0.5, 2e38, 0.3, 1.0][turn % 4];
            // Only these two accept all values; a product with 2c/m must be in range.
            let magnitude = match activation {
                Activation::Identity | Activation::Relu if c < 2.0 => [1.0, 1e20, 1e-25, 3e37, 1e-19, 1e-38][turn % 6],
                Activation::Identity | Activation::Relu => 0.1,
                _ => 1.0,
            };
            let layouts = (Layout::in_turn(turn), Layout::in_turn(turn + 2));
            let predicted = Operand::from_fn(rows, outputs, layouts.0, |_, _| {
                magnitude * h.value(6.0 * rng.random::<f64>() - 3.0) as f32
            });
            // Some outputs equal their targets: their delta is 0, whatever the factor.
            let target = Operand::from_fn(rows, outputs, layouts.1, |i, j| match rng.random_range(0..8) {
                0 => predicted.at(i, j),
                _ => magnitude * rng.random::<f32>(),
            });
            let mut delta = Output::new(rows, outputs, 2);
            let operands = loss::SquaredError { predicted: predicted.view(), target: target.view(), c, activation };
            let found = loss::squared_error(&backend, operands, delta.view()).expect("the shapes fit");

            let reference = Loss::SquaredError { c: c.into() };
            let y_hat = to_matrix(&predicted, rows, outputs);
            let y = Target::Values(to_matrix(&target, rows, outputs));
            let place = || format!("{rows}×{outputs}, {activation:?}, c = {c:e}, errors near {magnitude:e}");
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
                    let gamma = gamma(4 + derivative_roundings(activation));
                    let bound = gamma * expected.at(i, k).abs() + error * twice + 4.0 * TINY;
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

/// With `d = max − a_k` and `e = exp(−d)`: d is off by u·d, so e is off by (u·d + 2 ULP)·e. A sum of e is off by these and its
/// additions; its quotient by another sum and the factor 1/m add one rounding each. If e is subnormal, its ULP is absolute.
///
/// All bounds are relative, within the range of `f32` for a delta and of `f64` for a loss: the sum O of the other classes, separate
/// from the label's e, makes the loss `max − a_label + ln(O + e)` and the label's delta `−O/(O + e)/m`.
///
/// Logits are up to 10⁴, and from a few to all but one of them are far below the row's largest. Labels lead by up to 200.
pub(super) fn softmax_cross_entropy(platform: &Platform, tally: &mut Tally) {
    let backend = platform.backend();
    let mut rng = StdRng::seed_from_u64(8);
    for (turn, (rows, classes)) in SHAPES.into_iter().enumerate() {
        for (spread, lead) in
            [(0.0, 0.0), (1.0, 0.0), (20.0, 0.0), (1e4, 0.0), (1.0, 20.0), (1.0, 80.0), (8.0, 95.0), (8.0, 200.0)]
        {
            let labels: Vec<u32> = (0..rows).map(|_| rng.random_range(0..classes as u32)).collect();
            let logits = Operand::from_fn(rows, classes, Layout::in_turn(turn), |i, k| {
                spread * (2.0 * rng.random::<f32>() - 1.0) + if labels[i] as usize == k { lead } else { 0.0 }
            });
            let mut delta = Output::new(rows, classes, 1);
            let operands = loss::SoftmaxCrossEntropy { logits: logits.view(), labels: &labels };
            let found = loss::softmax_cross_entropy(&backend, operands, delta.view()).expect("the shapes fit");

            let a = to_matrix(&logits, rows, classes);
            let place = || format!("{rows}×{classes}, logits within ±{spread}, the label's {lead} more");
            let m = rows as f64;
            let (mut expected_loss, mut loss_bound) = (0.0, 0.0);
            for (i, &label) in labels.iter().enumerate() {
                let label = label as usize;
                let max = (0..classes).map(|k| a.at(i, k)).fold(f64::NEG_INFINITY, f64::max);
                let e = |k| (a.at(i, k) - max).exp();
                let e_error =
                    |k| e(k) * (U * (max - a.at(i, k)) + 2.0 * ACTIVATION_ULP * U) * 1.01 + ACTIVATION_ULP * TINY;
                let others = || (0..classes).filter(|&k| k != label);
                let other = others().map(e).sum::<f64>();
                let other_error = others().map(e_error).sum::<f64>() + gamma(additions(classes)) * other;
                let sum = other + e(label);
                let sum_error = (other_error + e_error(label)) / sum + U;
                for k in 0..classes {
                    let (part, part_error) = if k == label { (-other, other_error) } else { (e(k), e_error(k)) };
                    let expected = part / sum / m;
                    let bound = 1.01 * (part_error / sum / m + (sum_error + 3.0 * U) * expected.abs()) + TINY;
                    tally.within(delta.at(i, k).into(), expected, bound, || format!("{}, delta ({i}, {k})", place()));
                }
                // A sum below the range of f32 is computed in f64.
                let other_error =
                    if other < 0.9 * classes as f64 * f64::from(f32::MIN_POSITIVE) { 0.0 } else { other_error };
                let label_error = if e(label) == 1.0 { 0.0 } else { e_error(label) };
                let surprise = max - a.at(i, label) + (other + (e(label) - 1.0)).ln_1p();
                expected_loss += surprise / m;
                loss_bound += (1.01 * (other_error + label_error) / sum + 1e-13 * surprise) / m;
            }
            tally.within(found, expected_loss, loss_bound, || format!("{}, L", place()));
            // It is compared with the reference, which cancels in f64.
            let target = Target::Labels(labels.iter().map(|&label| label as usize).collect());
            let reference = Loss::SoftmaxCrossEntropy.value(&a, &target);
            let cancelled = (1e-14 + m * f64::EPSILON) * (1.0 + f64::from(spread + lead));
            tally.within(expected_loss, reference, cancelled, || format!("{}, L of the reference", place()));
            if let Some(at) = delta.stray_write() {
                tally.wrong(|| format!("{}: number {at} was written, which is not delta's", place()));
            }
        }
    }
}
