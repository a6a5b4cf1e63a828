//! Clipping; the optimizers' hyper-parameters, their schedules and their steps.

use crate::table::{Answer, IN_RANGE, NOT_NEGATIVE, NOT_POSITIVE, POSITIVE, Table, hyper_parameter, length};
use lanegrad::*;

fn clipping(t: &mut Table) {
    for (way, limit) in NOT_POSITIVE {
        t.row("clip::by_value", way, hyper_parameter("the clipping value", limit, POSITIVE), move |world| {
            clip::by_value(&world.backend, &mut [&mut world.output, &mut world.bias], limit as f32)
        });
        t.row("clip::by_global_norm", way, hyper_parameter("the clipping norm", limit, POSITIVE), move |world| {
            clip::by_global_norm(&world.backend, &mut [&mut world.output, &mut world.bias], limit as f32).map(drop)
        });
    }
}

pub(crate) fn rows(t: &mut Table) {
    clipping(t);
    let new = |t: &mut Table, way, answer, method| {
        t.row("Optimizer::new", way, answer, move |_| Optimizer::new(method, LearningRate::Constant(0.1)).map(drop));
    };
    let alpha = Momentum::Constant;
    for (ways, value) in [
        (["momentum 1", "decay 1"], 1.0),
        // It is 1 in f32.
        (["momentum rounded to 1", "decay rounded to 1"], 1.0 - 1e-9),
        (["momentum negative", "decay negative"], -0.5),
        (["momentum NaN", "decay NaN"], f64::NAN),
        (["momentum infinite", "decay infinite"], f64::INFINITY),
    ] {
        let [of_momentum, of_decay] = ways;
        let answer = |name| hyper_parameter(name, value, IN_RANGE);
        let momentum = alpha(value);
        new(t, of_momentum, answer("the momentum"), Method::Momentum { momentum });
        new(t, of_momentum, answer("the momentum"), Method::Nesterov { momentum });
        let method = Method::RmsPropNesterov { decay: 0.9, epsilon: 1e-6, momentum };
        new(t, of_momentum, answer("the momentum"), method);
        let rising = |from, to| Method::Momentum { momentum: Momentum::Rising { from, to, steps: 5 } };
        new(t, of_momentum, answer("the momentum at the start"), rising(value, 0.5));
        new(t, of_momentum, answer("the momentum at the end"), rising(0.5, value));
        new(t, of_decay, answer("the decay"), Method::RmsProp { decay: value, epsilon: 1e-6 });
        let method = Method::RmsPropNesterov { decay: value, epsilon: 1e-6, momentum: alpha(0.5) };
        new(t, of_decay, answer("the decay"), method);
        let adam = |first_decay, second_decay| Method::Adam { first_decay, second_decay, epsilon: 1e-6 };
        new(t, of_decay, answer("the first decay"), adam(value, 0.5));
        new(t, of_decay, answer("the second decay"), adam(0.5, value));
    }
    let falling = Momentum::Rising { from: 0.5, to: 0.25, steps: 5 };
    let answer = hyper_parameter("the momentum at the end", 0.25, "not below that at the start");
    new(t, "momentum falls", answer, Method::Momentum { momentum: falling });
    for (way, epsilon) in [
        ("epsilon negative", -1.0),
        ("epsilon NaN", f64::NAN),
        ("epsilon infinite", f64::INFINITY),
        ("epsilon above f32", 5e39),
        // It is 0 in f32.
        ("epsilon rounded to zero", 1e-46),
    ] {
        let answer = || hyper_parameter("epsilon", epsilon, NOT_NEGATIVE);
        new(t, way, answer(), Method::Adagrad { epsilon });
        new(t, way, answer(), Method::RmsProp { decay: 0.9, epsilon });
        new(t, way, answer(), Method::RmsPropNesterov { decay: 0.9, epsilon, momentum: alpha(0.5) });
        new(t, way, answer(), Method::Adam { first_decay: 0.9, second_decay: 0.9, epsilon });
    }

    let mut rate = |way, answer: fn(f64) -> Answer, value, rate| {
        t.row("Optimizer::new", way, answer(value), move |_| Optimizer::new(Method::Sgd, rate).map(drop));
        t.row("Optimizer::set_learning_rate", way, answer(value), move |world| world.optimizer.set_learning_rate(rate));
    };
    for (way, value) in [
        ("learning rate negative", -0.5),
        ("learning rate NaN", f64::NAN),
        ("learning rate infinite", f64::INFINITY),
        ("learning rate above f32", 5e39),
        ("learning rate rounded to zero", 1e-46),
    ] {
        let answer = |value| hyper_parameter("the learning rate", value, NOT_NEGATIVE);
        rate(way, answer, value, LearningRate::Constant(value));
        rate(way, answer, value, LearningRate::Inverse { initial: value, gamma: 1.0 });
        rate(way, answer, value, LearningRate::InverseSquareRoot { initial: value, gamma: 1.0 });
    }
    for (way, gamma) in
        [("gamma zero", 0.0), ("gamma negative", -1.0), ("gamma NaN", f64::NAN), ("gamma infinite", f64::INFINITY)]
    {
        let answer = |value| hyper_parameter("gamma", value, POSITIVE);
        rate(way, answer, gamma, LearningRate::Inverse { initial: 1.0, gamma });
        rate(way, answer, gamma, LearningRate::InverseSquareRoot { initial: 1.0, gamma });
    }

    let name = "optimizer step";
    for (way, lens, answer) in [
        ("a tensor missing", &[37][..], length(name, "list of parameters", 1, 2)),
        ("no tensors", &[], length(name, "list of parameters", 0, 2)),
        ("a tensor too many", &[37, 3, 1], length(name, "list of parameters", 3, 2)),
        ("first tensor shorter", &[36, 3], length(name, "a parameter tensor", 36, 37)),
        ("last tensor longer", &[37, 37], length(name, "a parameter tensor", 37, 3)),
    ] {
        t.row("Optimizer::begin", way, answer, move |world| world.begin(lens));
    }
    for (way, lens, answer) in [
        ("a gradient missing", &[37][..], length(name, "list of gradients", 1, 2)),
        ("no gradients", &[], length(name, "list of gradients", 0, 2)),
        ("a gradient too many", &[37, 3, 1], length(name, "list of gradients", 3, 2)),
        ("first gradient shorter", &[36, 3], length(name, "a gradient", 36, 37)),
        ("last gradient longer", &[37, 4], length(name, "a gradient", 4, 3)),
    ] {
        t.row("Step::finish", way, answer, move |world| world.finish(lens));
    }
}
