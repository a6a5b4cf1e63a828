//! Losses.

use crate::table::{
    Answer, NOT_POSITIVE, POSITIVE, Table, empty, hyper_parameter, label, layout, length, loss_needs, shape,
};
use crate::world::{World, view};
use lanegrad::*;

pub(crate) fn rows(t: &mut Table) {
    let (f, name) = ("loss::squared_error", "squared error");
    let mut row = |way, predicted: (usize, usize), y: (usize, usize), c: f32, delta: (usize, usize), answer: Answer| {
        t.row(f, way, answer, move |world| {
            let (predicted, target) = (view(predicted.0, predicted.1), view(y.0, y.1));
            let loss = loss::SquaredError { predicted, target, c, activation: Activation::Identity };
            loss::squared_error(&world.backend, loss, MatMut::new(&mut world.output, delta.0, delta.1)?).map(drop)
        });
    };
    row("no examples", (0, 3), (0, 3), 0.5, (0, 3), empty(name, "examples"));
    row("targets transposed", (2, 3), (3, 2), 0.5, (2, 3), shape(name, "targets", (3, 2), (2, 3)));
    row("deltas too wide", (2, 3), (2, 3), 0.5, (2, 4), shape(name, "deltas", (2, 4), (2, 3)));
    row("deltas of another batch", (2, 3), (2, 3), 0.5, (3, 3), shape(name, "deltas", (3, 3), (2, 3)));
    for (way, c) in NOT_POSITIVE {
        row(way, (2, 3), (2, 3), c as f32, (2, 3), hyper_parameter("the factor c", c, POSITIVE));
    }

    t.row(f, "deltas column by column", layout(name, "deltas"), |world| {
        let operands =
            loss::SquaredError { predicted: view(2, 3), target: view(2, 3), c: 0.5, activation: Activation::Identity };
        loss::squared_error(&world.backend, operands, MatMut::new(&mut world.output, 3, 2)?.t()).map(drop)
    });

    let (f, name) = ("loss::softmax_cross_entropy", "softmax cross-entropy");
    let mut row = |way, logits: (usize, usize), labels: &'static [u32], delta: (usize, usize), answer: Answer| {
        t.row(f, way, answer, move |world| {
            let loss = loss::SoftmaxCrossEntropy { logits: view(logits.0, logits.1), labels };
            loss::softmax_cross_entropy(&world.backend, loss, MatMut::new(&mut world.output, delta.0, delta.1)?)
                .map(drop)
        });
    };
    row("no examples", (0, 3), &[], (0, 3), empty(name, "examples"));
    row("too few labels", (2, 3), &[0], (2, 3), length(name, "list of labels", 1, 2));
    row("too many labels", (2, 3), &[0, 1, 2], (2, 3), length(name, "list of labels", 3, 2));
    row("deltas of another batch", (2, 3), &[0, 1], (3, 3), shape(name, "deltas", (3, 3), (2, 3)));
    row("label is the number of classes", (2, 3), &[2, 3], (2, 3), label(1, 3, 3));
    row("label is the largest", (2, 3), &[u32::MAX, 7], (2, 3), label(0, u32::MAX, 3));
    row("no classes", (2, 0), &[0, 0], (2, 0), label(0, 0, 0));

    t.row(f, "deltas column by column", layout(name, "deltas"), |world| {
        let operands = loss::SoftmaxCrossEntropy { logits: view(2, 3), labels: &[0, 1] };
        loss::softmax_cross_entropy(&world.backend, operands, MatMut::new(&mut world.output, 3, 2)?.t()).map(drop)
    });
    t.row("Loss::delta", "deltas column by column", layout(name, "deltas"), |world| {
        let delta = MatMut::new(&mut world.output, 3, 2)?.t();
        CrossEntropyLoss.delta(&world.backend, view(2, 3), Activation::Identity, &[0, 1], delta).map(drop)
    });
    t.row("Loss::delta", "deltas column by column, values", layout("squared error", "deltas"), |world| {
        let (loss, delta) = (SquaredErrorLoss { c: 0.5 }, MatMut::new(&mut world.output, 3, 2)?.t());
        loss.delta(&world.backend, view(2, 3), Activation::Tanh, view(2, 3), delta).map(drop)
    });

    for (f, rows) in [("Loss::check", 0), ("Loss::delta", 0)] {
        t.row(f, "no examples", empty(name, "examples"), move |world| {
            loss_of(f, world, rows, &[], Activation::Identity)
        });
        let answer = length(name, "list of labels", 3, 2);
        t.row(f, "too many labels", answer, move |world| loss_of(f, world, 2, &[0, 1, 2], Activation::Identity));
        t.row(f, "label is the number of classes", label(1, 3, 3), move |world| {
            loss_of(f, world, 2, &[0, 3], Activation::Identity)
        });
        let answer = loss_needs(name, "a last layer without activation (identity)");
        t.row(f, "softmax of an activation", answer, move |world| loss_of(f, world, 2, &[0, 1], Activation::Relu));
        for (way, c) in NOT_POSITIVE {
            t.row(f, way, hyper_parameter("the factor c", c, POSITIVE), move |world| {
                let (loss, target) = (SquaredErrorLoss { c: c as f32 }, view(2, 3));
                if f == "Loss::check" {
                    return loss.check(target, Activation::Tanh, (2, 3));
                }
                let delta = MatMut::new(&mut world.output, 2, 3)?;
                loss.delta(&world.backend, view(2, 3), Activation::Tanh, target, delta).map(drop)
            });
        }
        t.row(f, "targets transposed", shape("squared error", "targets", (3, 2), (2, 3)), move |world| {
            let (loss, target) = (SquaredErrorLoss { c: 0.5 }, view(3, 2));
            if f == "Loss::check" {
                return loss.check(target, Activation::Tanh, (2, 3));
            }
            let delta = MatMut::new(&mut world.output, 2, 3)?;
            loss.delta(&world.backend, view(2, 3), Activation::Tanh, target, delta).map(drop)
        });
    }
}

/// Cross-entropy of 3 classes, by the function of the trait that is named.
fn loss_of(f: &str, world: &mut World, rows: usize, labels: &[u32], activation: Activation) -> Result<(), Error> {
    if f == "Loss::check" {
        return CrossEntropyLoss.check(labels, activation, (rows, 3));
    }
    let delta = MatMut::new(&mut world.output, rows, 3)?;
    CrossEntropyLoss.delta(&world.backend, view(rows, 3), activation, labels, delta).map(drop)
}
