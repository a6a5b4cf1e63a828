//! Clipping; the optimizers' hyper-parameters, their schedules and their steps.

use crate::table::{Answer, IN_RANGE, NOT_NEGATIVE, NOT_POSITIVE, POSITIVE, Table, hyper_parameter, length, no_memory};
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

type Call = fn(Method) -> Result<(), Error>;

/// What takes a method with its hyper-parameters.
const CALLS: [(&str, Call); 3] = [
    ("Rule::new", |method| Rule::new(method, LearningRate::Constant(0.1)).map(drop)),
    ("State::new", |method| State::new(method, 3).map(drop)),
    ("State::restore", |method| State::restore(method, 1, 3, &[&[0.0; 3], &[0.0; 3]]).map(drop)),
];

pub(crate) fn rows(t: &mut Table) {
    clipping(t);
    let new = |t: &mut Table, way: &'static str, answer: Answer, method| {
        let (error, message): &Answer = &answer;
        for (function, call) in CALLS {
            t.row(function, way, (*error, message.clone()), move |_| call(method));
        }
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
        new(t, of_decay, answer("the decay"), Method::RmsPropOutside { decay: value, epsilon: 1e-6 });
        let method = Method::RmsPropNesterov { decay: value, epsilon: 1e-6, momentum: alpha(0.5) };
        new(t, of_decay, answer("the decay"), method);
        let adam = |beta1, beta2| Method::Adam { beta1, beta2, epsilon: 1e-6 };
        new(t, of_decay, answer("beta1"), adam(value, 0.5));
        new(t, of_decay, answer("beta2"), adam(0.5, value));
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
        new(t, way, answer(), Method::RmsPropOutside { decay: 0.9, epsilon });
        new(t, way, answer(), Method::RmsPropNesterov { decay: 0.9, epsilon, momentum: alpha(0.5) });
        new(t, way, answer(), Method::Adam { beta1: 0.9, beta2: 0.9, epsilon });
    }

    let mut rate = |way, answer: fn(f64) -> Answer, value, rate| {
        t.row("Rule::new", way, answer(value), move |_| Rule::new(Method::Sgd, rate).map(drop));
        t.row("Rule::adam_w", way, answer(value), move |_| Rule::adam_w(rate).map(drop));
        t.row("Rule::with_learning_rate", way, answer(value), move |world| {
            world.optimizer.rule().with_learning_rate(rate).map(drop)
        });
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

    for (way, value) in [
        ("negative", -0.5),
        ("NaN", f64::NAN),
        ("infinite", f64::INFINITY),
        ("above f32", 5e39),
        ("rounded to zero", 1e-46),
    ] {
        let factor = hyper_parameter("the learning rate factor", value, NOT_NEGATIVE);
        t.row("Rule::with_learning_rate_factor", way, factor, move |world| {
            world.optimizer.rule().with_learning_rate_factor(value).map(drop)
        });
        for (kind, decay) in [("coupled", WeightDecay::Coupled(value)), ("decoupled", WeightDecay::Decoupled(value))] {
            let answer = hyper_parameter("the weight decay", value, NOT_NEGATIVE);
            t.row("Rule::with_weight_decay", format!("{kind}, {way}"), answer, move |world| {
                world.optimizer.rule().with_weight_decay(decay).map(drop)
            });
        }
    }
    let product = hyper_parameter("the learning rate times the weight decay", 1e39, "a finite f32");
    t.row("Rule::with_weight_decay", "its product with the learning rate", product, |_| {
        let rule = Rule::new(Method::Sgd, LearningRate::Constant(1e20))?;
        rule.with_weight_decay(WeightDecay::Decoupled(1e19)).map(drop)
    });
    states(t);
    steps(t);
    lists(t);
}

fn another(method: Method) -> Method {
    if method == Method::Sgd { Method::adam() } else { Method::Sgd }
}

fn states(t: &mut Table) {
    let name = "optimizer step";
    t.row("State::new", "too long", no_memory(name, Some(usize::MAX / 16)), |_| {
        State::new(Method::adam(), usize::MAX / 16).map(drop)
    });
    for (way, lens, answer) in [
        ("a slot missing", &[3][..], length(name, "list of state slots", 1, 2)),
        ("a slot too many", &[3, 3, 3], length(name, "list of state slots", 3, 2)),
        ("a slot too short", &[3, 2], length(name, "a state slot", 2, 3)),
        ("a slot too long", &[4, 3], length(name, "a state slot", 4, 3)),
    ] {
        t.row("State::restore", way, answer, move |_| {
            let slots: Vec<_> = lens.iter().map(|&len| &[0.0; 4][..len]).collect();
            State::restore(Method::adam(), 1, 3, &slots).map(drop)
        });
    }
    for (way, len) in [("tensor too short", 36), ("tensor too long", 38), ("tensor empty", 0)] {
        let answer = || length(name, "a parameter tensor", len, 37);
        t.row("State::look_ahead", way, answer(), move |world| {
            world.state.look_ahead(&world.backend, &world.optimizer.rule(), 2, &mut vec![0.0; len])
        });
        t.row("State::undo_look_ahead", way, answer(), move |world| world.state.undo_look_ahead(&mut vec![0.0; len]));
        t.row("State::update", way, answer(), move |world| {
            world.state.update(&world.backend, &world.optimizer.rule(), 2, &mut vec![0.0; len], &[1.0; 37])
        });
        t.row("State::update", format!("gradient, {way}"), length(name, "a gradient", len, 37), move |world| {
            let rule = world.optimizer.rule();
            world.state.update(&world.backend, &rule, 2, &mut world.tensor, &vec![1.0; len])
        });
    }
    let wrong = || (state("SGD", "Adam"), String::from("optimizer state: Adam, expected SGD"));
    t.row("State::look_ahead", "of another rule", wrong(), |world| {
        let rule = Rule::new(Method::Sgd, LearningRate::Constant(0.1))?;
        State::new(Method::adam(), 37)?.look_ahead(&world.backend, &rule, 2, &mut world.tensor)
    });
    t.row("State::update", "of another rule", wrong(), |world| {
        let rule = Rule::new(Method::Sgd, LearningRate::Constant(0.1))?;
        State::new(Method::adam(), 37)?.update(&world.backend, &rule, 2, &mut world.tensor, &[1.0; 37])
    });
    let (there, here) = ("a tensor at θ + αv (look_ahead)", "a tensor at θ");
    let answer = (state(there, here), format!("optimizer state: {here}, expected {there}"));
    t.row("State::update", "without a look ahead", answer, |world| {
        let rule = Rule::new(Method::nesterov(), LearningRate::Constant(0.1))?;
        State::new(rule.method(), 37)?.update(&world.backend, &rule, 2, &mut world.tensor, &[1.0; 37])
    });
}

/// Steps are counted from 1, and the look ahead is that of the update.
fn steps(t: &mut Table) {
    let answer = || hyper_parameter("the step", 0.0, "at least 1");
    t.row("State::look_ahead", "step 0", answer(), |world| {
        world.state.look_ahead(&world.backend, &world.optimizer.rule(), 0, &mut world.tensor)
    });
    t.row("State::update", "step 0", answer(), |world| {
        world.state.update(&world.backend, &world.optimizer.rule(), 0, &mut world.tensor, &[1.0; 37])
    });
    let (expected, found) = ("the momentum of its look_ahead", "another momentum");
    let answer = (state(expected, found), format!("optimizer state: {found}, expected {expected}"));
    t.row("State::update", "at another step than its look ahead", answer, |world| {
        let momentum = Momentum::Rising { from: 0.1, to: 0.9, steps: 10 };
        let rule = Rule::new(Method::Nesterov { momentum }, LearningRate::Constant(0.1))?;
        let (mut state, mut theta) = (State::new(rule.method(), 3)?, [1.0; 3]);
        state.look_ahead(&world.backend, &rule, 2, &mut theta)?;
        state.update(&world.backend, &rule, 3, &mut theta, &[1.0; 3])
    });
    for (way, answer) in [
        ("a factor negative", hyper_parameter("the learning rate factor", -1.0, NOT_NEGATIVE)),
        ("a key twice", key(0)),
    ] {
        t.row("Optimizer::step", way, answer, move |world| {
            let mut optimizer = Optimizer::new(Rule::adam_w(LearningRate::Constant(0.1))?);
            let first = Parameter::new(0, &mut world.output[..8]);
            let first = if way == "a key twice" { first } else { first.with_learning_rate_factor(-1.0) };
            let second = Parameter::new(u64::from(way != "a key twice"), &mut world.bias);
            optimizer.step(&world.backend, &mut [first, second], &[&[1.0; 8], &[1.0; 8]])
        });
    }
}

fn state(expected: &'static str, found: &'static str) -> Error {
    Error::State { expected, found }
}

fn key(key: u64) -> Answer {
    let message = format!("optimizer step: key {key} occurs twice, expected a key for each tensor");
    (Error::Key { operation: "optimizer step", key }, message)
}

fn lists(t: &mut Table) {
    let name = "optimizer step";
    t.row("Optimizer::restore", "a key twice", key(7), |world| {
        let states = [(7, world.state.clone()), (8, world.state.clone()), (7, world.state.clone())];
        Optimizer::restore(world.optimizer.rule(), 1, states).map(drop)
    });
    let answer = (state("Adam", "SGD"), String::from("optimizer state: SGD, expected Adam"));
    t.row("Optimizer::restore", "a state of another rule", answer, |_| {
        let rule = Rule::adam_w(LearningRate::Constant(0.1))?;
        Optimizer::restore(rule, 1, [(0, State::new(another(rule.method()), 3)?)]).map(drop)
    });
    for (way, tensors, answer) in [
        ("first tensor shorter", &[(0, 36), (1, 3)][..], length(name, "a parameter tensor", 36, 37)),
        ("last tensor longer", &[(0, 37), (1, 37)], length(name, "a parameter tensor", 37, 3)),
        ("tensors swapped", &[(1, 37), (0, 3)], length(name, "a parameter tensor", 37, 3)),
        ("a new tensor, and one shorter", &[(5, 10), (1, 2)], length(name, "a parameter tensor", 2, 3)),
        ("a key twice", &[(0, 37), (1, 3), (0, 37)], key(0)),
        ("a new key twice", &[(9, 4), (9, 4)], key(9)),
    ] {
        t.row("Optimizer::begin", way, answer, move |world| world.begin(tensors, |parameter| parameter));
    }
    let answer = hyper_parameter("the learning rate factor", -1.0, NOT_NEGATIVE);
    t.row("Optimizer::begin", "a factor negative", answer, |world| {
        world.begin(&[(0, 37), (1, 3)], |parameter| parameter.with_learning_rate_factor(-1.0))
    });
    let answer = hyper_parameter("the weight decay", -1.0, NOT_NEGATIVE);
    t.row("Optimizer::begin", "a weight decay negative", answer, |world| {
        world.begin(&[(0, 37), (1, 3)], |mut parameter| {
            parameter.weight_decay = Some(WeightDecay::Coupled(-1.0));
            parameter
        })
    });
    for (way, lens, answer) in [
        ("a gradient missing", &[37][..], length(name, "list of gradients", 1, 2)),
        ("no gradients", &[], length(name, "list of gradients", 0, 2)),
        ("a gradient too many", &[37, 3, 1], length(name, "list of gradients", 3, 2)),
        ("first gradient shorter", &[36, 3], length(name, "a gradient", 36, 37)),
        ("last gradient longer", &[37, 4], length(name, "a gradient", 4, 3)),
    ] {
        let (error, message) = answer.clone();
        t.row("Step::finish", way, answer, move |world| world.finish(true, lens));
        t.row("Optimizer::step", way, (error, message), move |world| {
            // A rule that has whole steps.
            if world.optimizer.method().looks_ahead() { world.finish(true, lens) } else { world.finish(false, lens) }
        });
    }
    let (expected, found) = ("a rule without look-ahead (use begin and finish)", "Nesterov");
    let answer = (state(expected, found), format!("optimizer state: {found}, expected {expected}"));
    t.row("Optimizer::step", "a rule that looks ahead", answer, |world| {
        let mut optimizer = Optimizer::new(Rule::new(Method::nesterov(), LearningRate::Constant(0.1))?);
        optimizer.step(&world.backend, &mut Parameter::numbered([&mut world.tensor]), &[&[1.0; 37]])
    });
}
