//! Updates are lanegrad's to the bit, and candle's within bounds.

use crate::operands::{random, to_f64, var};
use candle_core::{Result, Tensor, Var};
use candle_nn::{Optimizer, ParamsAdamW};
use lanegrad::{Backend, LearningRate, Method, Momentum, Rule, State, WeightDecay};
use lanegrad_candle::{AdamW, Params, SGD, VarOptimizer};
use lanegrad_verify::bound::U;

const METHODS: [Method; 8] = [
    Method::sgd(),
    Method::momentum(),
    Method::nesterov(),
    Method::adagrad(),
    Method::rms_prop(),
    Method::pytorch_rms_prop(),
    Method::rms_prop_nesterov(),
    Method::adam(),
];

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().and_then(|values| values.to_vec1()).unwrap()
}

/// Σ cos θ. Its gradient depends on θ, so a gradient that is taken at a wrong point shows.
fn loss(theta: &Var) -> Result<Tensor> {
    theta.cos()?.sum_all()
}

#[test]
fn every_method_is_lanegrads_to_the_bit() -> Result<()> {
    let schedule = LearningRate::InverseSquareRoot { initial: 0.1, gamma: 0.5 };
    let rising = Method::Nesterov { momentum: Momentum::Rising { from: 0.1, to: 0.9, steps: 4 } };
    for method in METHODS.into_iter().chain([rising]) {
        for weight_decay in [WeightDecay::None, WeightDecay::Coupled(0.1), WeightDecay::Decoupled(0.1)] {
            let params = Params { learning_rate: schedule, weight_decay, ..Params::new(method, 0.0) };
            let theta = var(&random(1, &[5, 7]));
            let mut optimizer = VarOptimizer::new(vec![theta.clone()], params)?;

            let rule = Rule::new(method, schedule).and_then(|rule| rule.with_weight_decay(weight_decay)).unwrap();
            let (backend, mut state) = (Backend::new().unwrap(), State::new(method, 35).unwrap());
            let twin = var(&random(1, &[5, 7]));
            let mut bare = values(&twin);
            for step in 1..=6 {
                optimizer.backward_step(&loss(&theta)?)?;

                state.look_ahead(&backend, &rule, step, &mut bare).unwrap();
                twin.set(&Tensor::from_slice(&bare, (5, 7), theta.device())?)?;
                let gradient = values(loss(&twin)?.backward()?.get(&twin).unwrap());
                state.update(&backend, &rule, step, &mut bare, &gradient).unwrap();

                optimizer.undo_look_ahead()?;
                assert_eq!(values(&theta), bare, "{method:?} {weight_decay:?}");
                optimizer.undo_look_ahead()?;
                assert_eq!(values(&theta), bare, "{method:?} {weight_decay:?}");
                optimizer.look_ahead()?;
            }
            assert_eq!(optimizer.steps(), 6);
        }
    }
    Ok(())
}

#[test]
fn a_nesterov_step_at_the_wrong_point_is_an_error() -> Result<()> {
    let theta = var(&random(1, &[5]));
    let mut optimizer = VarOptimizer::with_method(vec![theta.clone()], Method::nesterov(), 0.1)?;
    optimizer.backward_step(&loss(&theta)?)?;
    let ahead = values(&theta);
    optimizer.undo_look_ahead()?;
    let before = values(&theta);
    assert_ne!(before, ahead);
    let error = optimizer.backward_step(&loss(&theta)?).unwrap_err().to_string();
    assert!(error.starts_with("optimizer state: variables at θ, expected variables at θ + αv (look_ahead)"), "{error}");
    assert_eq!(values(&theta), before);
    optimizer.look_ahead()?;
    assert_eq!(values(&theta), ahead);
    optimizer.backward_step(&loss(&theta)?)
}

#[test]
fn the_momentum_of_a_nesterov_rule_can_be_replaced() -> Result<()> {
    let theta = var(&random(1, &[5]));
    let nesterov = |momentum| Params::new(Method::Nesterov { momentum: Momentum::Constant(momentum) }, 0.1);
    let mut optimizer = VarOptimizer::new(vec![theta.clone()], nesterov(0.9))?;
    optimizer.backward_step(&loss(&theta)?)?;
    let before = values(&theta);
    optimizer.set_params(nesterov(0.5));
    let error = optimizer.backward_step(&loss(&theta)?).unwrap_err().to_string();
    assert!(error.starts_with("optimizer state: another momentum, expected the momentum of its look_ahead"), "{error}");
    assert_eq!((values(&theta), optimizer.steps()), (before.clone(), 1));
    optimizer.look_ahead()?;
    assert_ne!(values(&theta), before);
    optimizer.backward_step(&loss(&theta)?)
}

/// A variable without a gradient is unchanged; with Nesterov it is at the θ̃ of the next step nevertheless.
#[test]
fn a_variable_without_a_gradient_keeps_its_state() -> Result<()> {
    for method in METHODS {
        let (one, other) = (var(&random(1, &[5])), var(&random(2, &[5])));
        let mut optimizer = VarOptimizer::with_method(vec![one.clone(), other.clone()], method, 0.01)?;
        optimizer.backward_step(&(loss(&one)? + loss(&other)?)?)?;
        let ahead = values(&other);
        for _ in 0..3 {
            optimizer.backward_step(&loss(&one)?)?;
            assert_eq!(values(&other), ahead, "{method:?}");
        }
        assert_eq!(optimizer.states().map(|(_, state)| state.updates()).collect::<Vec<_>>(), [4, 1]);
        optimizer.backward_step(&loss(&other)?)?;
        assert_ne!(values(&other), ahead, "{method:?}");
    }
    Ok(())
}

#[test]
fn gradients_of_any_layout() -> Result<()> {
    let transposed = random(2, &[4, 3]).t()?;
    let broadcast = random(3, &[1, 4]).broadcast_as((3, 4))?;
    let narrowed = random(4, &[5, 9]).narrow(0, 1, 3)?.narrow(1, 2, 4)?;
    for gradient in [transposed, broadcast, narrowed] {
        let theta = [var(&random(1, &[3, 4])), var(&random(1, &[3, 4]))];
        for (theta, gradient) in theta.iter().zip([gradient.clone(), gradient.contiguous()?]) {
            let mut gradients = loss(theta)?.backward()?;
            gradients.insert(theta, gradient);
            SGD::new(vec![theta.clone()], 0.1)?.step(&gradients)?;
        }
        assert_eq!(values(&theta[0]), values(&theta[1]));
    }
    // The variable is its own gradient.
    let theta = var(&random(1, &[3]));
    let expected: Vec<f32> = values(&theta).iter().map(|theta| theta - 0.5 * theta).collect();
    let mut gradients = loss(&theta)?.backward()?;
    gradients.insert(&theta, theta.as_tensor().clone());
    SGD::new(vec![theta.clone()], 0.5)?.step(&gradients)?;
    assert_eq!(values(&theta), expected);
    Ok(())
}

/// The same steps by candle's optimizer and ours, from the same gradients: g(θ₀)·(step-dependent factor), all in [0.5, 1].
fn assert_like_candle(
    (own, mut own_optimizer): (Var, impl Optimizer),
    (candle, mut candle_optimizer): (Var, impl Optimizer),
    error_of_a_step: f64,
) -> Result<()> {
    for step in 1..=20_usize {
        let gradient = random(step as u64, &[100]).affine(0.25, 0.75)?.detach();
        for (theta, optimizer) in [(&own, &mut own_optimizer as &mut dyn Step), (&candle, &mut candle_optimizer)] {
            optimizer.update(&theta.mul(&gradient)?.sum_all()?)?;
        }
        // θ is below 2, and two of its roundings are as good as the two programs' differ per step.
        let bound = step as f64 * (error_of_a_step + 4.0 * U * 2.0);
        for (own, candle) in to_f64(&own).into_iter().zip(to_f64(&candle)) {
            assert!((own - candle).abs() <= bound, "step {step}: {own}, expected {candle} ± {bound}");
        }
    }
    Ok(())
}

trait Step {
    fn update(&mut self, loss: &Tensor) -> Result<()>;
}

impl<O: Optimizer> Step for O {
    fn update(&mut self, loss: &Tensor) -> Result<()> {
        self.backward_step(loss)
    }
}

#[test]
fn sgd_and_adam_w_are_candles() -> Result<()> {
    let theta = || var(&random(1, &[100]));
    let (own, candle) = (theta(), theta());
    let optimizers = (SGD::new(vec![own.clone()], 0.01)?, candle_nn::SGD::new(vec![candle.clone()], 0.01)?);
    assert_like_candle((own, optimizers.0), (candle, optimizers.1), 0.01 * 4.0 * U)?;

    // An average with decay ρ is within (2/(1−ρ) + 4)u of its largest term. All gradients are in [0.5, 1]: relative to the averages,
    // that is at most twice as much for ŝ, and four times for r̂, half of which remains of the root. A step is at most 2η.
    let rate = 0.01;
    let (of_mean, of_squares) = (2.0 / 0.1 + 4.0, 2.0 / 0.001 + 4.0);
    let error = 2.0 * rate * 2.0 * (2.0 * of_mean + 0.5 * 4.0 * of_squares + 16.0) * U;
    for weight_decay in [0.0, 0.01, 0.5] {
        let params = ParamsAdamW { lr: rate, weight_decay, ..Default::default() };
        let (own, candle) = (theta(), theta());
        let optimizers =
            (AdamW::new(vec![own.clone()], params.clone())?, candle_nn::AdamW::new(vec![candle.clone()], params)?);
        assert_like_candle((own, optimizers.0), (candle, optimizers.1), error)?;
    }
    Ok(())
}

#[test]
fn the_learning_rate_can_be_read_and_changed() -> Result<()> {
    let theta = var(&random(1, &[3]));
    let mut sgd = SGD::new(vec![theta.clone()], 0.1)?;
    assert_eq!(sgd.learning_rate(), 0.1);
    sgd.set_learning_rate(0.0);
    let before = values(&theta);
    sgd.backward_step(&loss(&theta)?)?;
    assert_eq!((sgd.learning_rate(), values(&theta)), (0.0, before));
    let mut adam_w = AdamW::new_lr(vec![theta.clone()], 0.5)?;
    adam_w.set_learning_rate(0.25);
    assert_eq!((adam_w.learning_rate(), adam_w.params().weight_decay), (0.25, 0.01));
    let schedule = LearningRate::Inverse { initial: 1.0, gamma: 1.0 };
    let mut params =
        VarOptimizer::new(vec![theta.clone()], Params { learning_rate: schedule, ..Params::new(Method::sgd(), 0.0) })?;
    params.backward_step(&loss(&theta)?)?;
    assert_eq!(params.learning_rate(), 0.5);
    Ok(())
}
