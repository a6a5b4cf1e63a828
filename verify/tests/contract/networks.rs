//! Networks: their layers, predictions and steps of training.

use crate::table::{
    Answer, NOT_POSITIVE, POSITIVE, Table, empty, hyper_parameter, label, length, loss_needs, no_memory, shape,
};
use crate::world::{IDENTITY, LABELS, TANH, World, broadcast, layer, values, view};
use lanegrad::*;
use lanegrad_verify::objective::Objective;
use lanegrad_verify::random::uniform;

pub(crate) fn rows(t: &mut Table) {
    const MANY: usize = usize::MAX / 16;
    let two = layer(2, Activation::Relu);
    let none = layer(0, Activation::Relu);
    for (way, inputs, layers, answer) in [
        ("no layers", 3, vec![], empty("network", "layers")),
        ("no inputs", 0, vec![two], empty("network", "inputs")),
        ("no units", 3, vec![two, none], empty("network", "units")),
        ("weights overflow", usize::MAX, vec![two], no_memory("network", None)),
        ("too many weights", MANY, vec![two], no_memory("network", Some(2 * MANY))),
    ] {
        t.row("Network::new", way, answer, move |_| Network::new(inputs, &layers, uniform(0)).map(drop));
    }

    for (way, rows, cols, answer) in [
        ("inputs too wide", 2, 6, shape("predict", "inputs", (2, 6), (2, 5))),
        ("inputs without columns", 2, 0, shape("predict", "inputs", (2, 0), (2, 5))),
        ("outputs overflow", usize::MAX, 5, no_memory("predict", None)),
        ("too many outputs", usize::MAX / 64, 5, no_memory("predict", Some(usize::MAX / 64 * 17))),
    ] {
        t.row("Network::predict", way, answer, move |world| {
            world.networks[TANH].0.predict(&mut world.backend, &mut Scratch::default(), broadcast(rows, cols)).map(drop)
        });
    }

    let f = "Network::train_step";
    let mut row = |way: &str, network, x: MatRef<'static>, objective: Objective<'static>, clip, answer: Answer| {
        t.row(f, way, answer, move |world| world.train(network, x, objective, clip));
    };
    let squared = |c, target| Objective::SquaredError { c, target };
    let (good, squared_error, softmax) = (view(4, 5), "squared error", "softmax cross-entropy");
    let inputs = shape("train step", "inputs", (4, 6), (4, 5));
    row("inputs too wide", TANH, view(4, 6), values(4, 3), None, inputs);
    row("no examples", TANH, view(0, 5), values(0, 3), None, empty(squared_error, "examples"));
    let huge = broadcast(usize::MAX, 5);
    let target = squared(0.5, broadcast(usize::MAX, 3));
    row("outputs overflow", TANH, huge, target, None, no_memory("train step", None));
    let huge = broadcast(usize::MAX / 64, 5);
    let answer = no_memory("train step", Some(usize::MAX / 64 * 17));
    let target = squared(0.5, broadcast(usize::MAX / 64, 3));
    row("too many outputs", TANH, huge, target, None, answer);
    let targets = shape(squared_error, "targets", (3, 4), (4, 3));
    row("targets transposed", TANH, good, values(3, 4), None, targets);
    let answer = loss_needs(softmax, "a last layer without activation (identity)");
    row("softmax of an activation", TANH, good, LABELS, None, answer);
    let answer = length(softmax, "list of labels", 2, 4);
    row("too few labels", IDENTITY, good, Objective::CrossEntropy { labels: &[0, 1] }, None, answer);
    let labels = Objective::CrossEntropy { labels: &[0, 1, 3, 9] };
    row("label is the number of classes", IDENTITY, good, labels, None, label(2, 3, 3));
    for (way, limit) in NOT_POSITIVE {
        let of = |what: &'static str| hyper_parameter(what, limit, POSITIVE);
        let c = limit as f32;
        for (what, c, clip) in [
            ("the factor c", c, None),
            ("the clipping value", 0.5, Some(Clip::Value(c))),
            ("the clipping norm", 0.5, Some(Clip::GlobalNorm(c))),
        ] {
            row(&format!("{what} {way}"), TANH, good, squared(c, view(4, 3)), clip, of(what));
        }
    }
    // Its tensor 0 has 37 parameters, the first weights are 85.
    let answer = length("optimizer step", "a parameter tensor", 85, 37);
    t.row(f, "optimizer of other parameters", answer, |world| {
        let World { backend, optimizer, networks, .. } = world;
        values(4, 3).train_step(&mut networks[TANH].0, backend, optimizer, view(4, 5), None).map(drop)
    });
}
