//! Step sizes and momentum over time: the formulas, and that the optimizers follow them.

use lanegrad::*;

fn backends() -> impl Iterator<Item = Backend> {
    Isa::available().map(Backend::with_isa)
}

/// One step on one parameter tensor.
fn step(backend: &Backend, optimizer: &mut Optimizer, theta: &mut [f32], gradient: &[f32]) {
    optimizer.begin(backend, &mut Parameter::numbered([theta])).unwrap().finish(&[gradient]).unwrap();
}

#[test]
fn learning_rates_are_their_formulas() {
    for t in 1..=1000 {
        let x = t as f64;
        assert_eq!(LearningRate::Constant(0.3).at(t), 0.3);
        assert_eq!(LearningRate::InverseSquareRoot { initial: 0.3, gamma: 2.5 }.at(t), 0.3 / (2.5 * x).sqrt());
        assert_eq!(LearningRate::Inverse { initial: 0.3, gamma: 2.5 }.at(t), 0.3 / (2.5 * x));
    }
    // With γ = 1 the first step is η₀; four times the steps halve the root's rate and quarter the other.
    let root = LearningRate::InverseSquareRoot { initial: 0.5, gamma: 1.0 };
    let inverse = LearningRate::Inverse { initial: 0.5, gamma: 1.0 };
    assert_eq!([root.at(1), root.at(4), root.at(16)], [0.5, 0.25, 0.125]);
    assert_eq!([inverse.at(1), inverse.at(4), inverse.at(16)], [0.5, 0.125, 0.031_25]);
    assert!(root.at(u64::MAX) > 0.0 && inverse.at(u64::MAX) > 0.0);
}

#[test]
fn momentum_rises_on_a_straight_line_and_stays() {
    let rising = Momentum::Rising { from: 0.5, to: 0.75, steps: 5 };
    let expected = [0.5, 0.5625, 0.625, 0.6875, 0.75, 0.75, 0.75];
    for (t, expected) in (1..).zip(expected) {
        assert_eq!(rising.at(t), expected);
        assert_eq!(Momentum::Constant(0.5).at(t), 0.5);
    }
    assert_eq!(rising.at(u64::MAX), 0.75);
    // A rise of no or one step is none.
    for steps in [0, 1] {
        assert_eq!(Momentum::Rising { from: 0.5, to: 0.75, steps }.at(1), 0.75);
    }
    let long = Momentum::Rising { from: 0.1, to: 0.99, steps: 1000 };
    assert!((1..1200).all(|t| long.at(t) <= long.at(t + 1)));
    assert_eq!((long.at(1), long.at(1000)), (0.1, 0.99));
}

#[test]
fn gradient_descent_moves_by_the_learning_rate() {
    let schedules = [
        LearningRate::Constant(0.25),
        LearningRate::InverseSquareRoot { initial: 0.3, gamma: 0.7 },
        LearningRate::Inverse { initial: 0.3, gamma: 0.7 },
    ];
    for backend in backends() {
        for schedule in schedules {
            let mut optimizer = Optimizer::new(Rule::new(Method::Sgd, schedule).unwrap());
            for t in 1..=50 {
                // From zero, the parameter becomes −η_t without rounding but that of η_t itself.
                let mut theta = [0.0; 19];
                step(&backend, &mut optimizer, &mut theta, &[1.0; 19]);
                assert_eq!(theta, [-(schedule.at(t) as f32); 19], "{}, {schedule:?}, t = {t}", backend.isa());
                assert_eq!(optimizer.steps(), t);
            }
        }
    }
}

#[test]
fn a_learning_rate_that_is_changed_counts_on() {
    for backend in backends() {
        let mut optimizer = Optimizer::new(Rule::new(Method::Sgd, LearningRate::Constant(0.5)).unwrap());
        let mut theta = [0.0; 3];
        for _ in 0..3 {
            step(&backend, &mut optimizer, &mut theta, &[1.0; 3]);
        }
        assert_eq!(theta, [-1.5; 3]);

        let inverse = LearningRate::Inverse { initial: 1.0, gamma: 1.0 };
        optimizer.set_learning_rate(inverse).unwrap();
        assert_eq!((optimizer.rule().learning_rate(), optimizer.steps()), (inverse, 3));
        let mut theta = [0.0; 3];
        step(&backend, &mut optimizer, &mut theta, &[1.0; 3]);
        assert_eq!(theta, [-0.25; 3], "the fourth step, not the first of a new count");

        optimizer.set_learning_rate(LearningRate::Constant(0.0)).unwrap();
        step(&backend, &mut optimizer, &mut theta, &[1.0; 3]);
        assert_eq!((theta, optimizer.steps()), ([-0.25; 3], 5));
    }
}

/// `v ← α_t v − η_t g; θ ← θ + v` in numbers that f32 holds exactly.
#[test]
fn momentum_follows_its_schedule() {
    let rising = Momentum::Rising { from: 0.0, to: 0.5, steps: 3 };
    for backend in backends() {
        let mut optimizer =
            Optimizer::new(Rule::new(Method::Momentum { momentum: rising }, LearningRate::Constant(0.25)).unwrap());
        let (mut theta, mut v, mut expected) = ([0.0; 17], 0.0, 0.0);
        for alpha in [0.0, 0.25, 0.5, 0.5] {
            v = alpha * v - 0.25;
            expected += v;
            step(&backend, &mut optimizer, &mut theta, &[1.0; 17]);
            assert_eq!(theta, [expected; 17], "{}", backend.isa());
        }
    }
}

/// The look-ahead to `θ + α_t v` uses the α of the step that it begins.
#[test]
fn nesterov_looks_ahead_by_this_steps_momentum() {
    let momentum = Momentum::Rising { from: 0.0, to: 0.5, steps: 3 };
    let epsilon = 0.0;
    let methods = [Method::Nesterov { momentum }, Method::RmsPropNesterov { decay: 0.0, epsilon, momentum }];
    for backend in backends() {
        for method in methods {
            // With decay 0 and a gradient of 1, RMSprop's rate is η: both rules are the same.
            let mut optimizer = Optimizer::new(Rule::new(method, LearningRate::Constant(0.25)).unwrap());
            let (mut theta, mut v, mut expected) = ([0.0; 17], 0.0, 0.0);
            for alpha in [0.0, 0.25, 0.5, 0.5] {
                let mut parameters = Parameter::numbered([&mut theta]);
                let step = optimizer.begin(&backend, &mut parameters).unwrap();
                assert_eq!(step.parameters()[0].values, [expected + alpha * v; 17], "{}, {method:?}", backend.isa());
                step.finish(&[&[1.0; 17]]).unwrap();
                v = alpha * v - 0.25;
                expected += v;
                assert_eq!(theta, [expected; 17], "{}, {method:?}", backend.isa());
            }
        }
    }
}

#[test]
fn every_rule_scales_with_its_learning_rate() {
    let momentum = Momentum::Constant(0.0);
    let methods = [
        Method::Sgd,
        Method::Momentum { momentum },
        Method::Nesterov { momentum },
        Method::Adagrad { epsilon: 0.0 },
        Method::RmsProp { decay: 0.75, epsilon: 0.0 },
        Method::RmsPropNesterov { decay: 0.75, epsilon: 0.0, momentum },
        Method::Adam { beta1: 0.5, beta2: 0.75, epsilon: 0.0 },
    ];
    for backend in backends() {
        for method in methods {
            // Powers of two: halving η_t halves each step from zero, bit for bit.
            let run = |rate: LearningRate| {
                let mut optimizer = Optimizer::new(Rule::new(method, rate).unwrap());
                let steps = (0..4).map(|_| {
                    let mut theta = [0.0; 5];
                    step(&backend, &mut optimizer, &mut theta, &[0.3, -0.7, 1.1, 3.0, -2.0]);
                    theta
                });
                steps.collect::<Vec<_>>()
            };
            let (whole, half) = (run(LearningRate::Constant(0.5)), run(LearningRate::Constant(0.25)));
            for (whole, half) in whole.iter().zip(&half) {
                assert_eq!(whole.map(|x| x / 2.0), *half, "{}, {method:?}", backend.isa());
            }
            let inverse = run(LearningRate::Inverse { initial: 0.5, gamma: 1.0 });
            // Momentum 0: a step depends on its own η_t only.
            for (t, divisor) in [(0, 1.0), (1, 2.0), (3, 4.0)] {
                assert_eq!(whole[t].map(|x| x / divisor), inverse[t], "{}, {method:?}, t = {}", backend.isa(), t + 1);
            }
        }
    }
}
