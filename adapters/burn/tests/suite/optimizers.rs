//! Optimizers: the bits of lanegrad's rules, in place, and close to burn's own.

use crate::tensors::{bits, elements, numbers, tensor};
use burn::backend::flex::Flex;
use burn::module::{Module, Param};
use burn::optim::{self, GradientsParams, ModuleOptimizer, Optimizer};
use burn::tensor::Device;
use burn::tensor::Tensor;
use lanegrad::{Backend, LearningRate, Method, Rule, State, WeightDecay};
use lanegrad_burn::{AdamConfig, AdamWConfig, MlpConfig, RmsPropConfig, RuleOptimizer, SgdConfig};

const STEPS: usize = 30;
const RATE: f64 = 0.01;

#[derive(Module, Debug)]
struct Parameters {
    matrix: Param<Tensor<2>>,
    vector: Param<Tensor<1>>,
}

fn parameters(device: &Device) -> Parameters {
    Parameters {
        matrix: Param::from_tensor(tensor(1, [5, 7], device)),
        vector: Param::from_tensor(tensor(2, [19], device)),
    }
}

/// Gradients that depend on the step only.
fn gradients(parameters: &Parameters, step: usize) -> GradientsParams {
    let device = Device::flex();
    let mut gradients = GradientsParams::new();
    gradients.register(parameters.matrix.id, tensor::<2>(100 + step as u64, [5, 7], &device));
    gradients.register(parameters.vector.id, tensor::<1>(200 + step as u64, [19], &device));
    gradients
}

fn train(
    mut optimizer: ModuleOptimizer,
    steps: std::ops::Range<usize>,
    mut parameters: Parameters,
) -> (ModuleOptimizer, Parameters) {
    for step in steps {
        let gradients = gradients(&parameters, step);
        parameters = optimizer.step(RATE, parameters, gradients);
    }
    (optimizer, parameters)
}

fn values(parameters: &Parameters) -> Vec<f32> {
    [elements(parameters.matrix.val()), elements(parameters.vector.val())].concat()
}

/// Every rule of lanegrad that takes its gradient at θ.
fn rules() -> Vec<Rule> {
    let methods = [
        Method::sgd(),
        Method::momentum(),
        Method::adagrad(),
        Method::rms_prop(),
        Method::pytorch_rms_prop(),
        Method::adam(),
    ];
    let decays = [WeightDecay::None, WeightDecay::Coupled(0.1), WeightDecay::Decoupled(0.1)];
    let rule =
        |method, decay| Rule::new(method, LearningRate::Constant(RATE)).unwrap().with_weight_decay(decay).unwrap();
    methods.iter().flat_map(|method| decays.iter().map(move |decay| rule(*method, *decay))).collect()
}

#[test]
fn the_bits_of_the_rules() {
    let device = Device::flex().autodiff();
    for rule in rules() {
        let optimizer = ModuleOptimizer::from(RuleOptimizer::new(rule).unwrap());
        let (_, trained) = train(optimizer, 0..STEPS, parameters(&device));
        let backend = Backend::new().unwrap();
        let run = |seed, len, of_gradients: u64| {
            let (mut theta, mut state) = (numbers(seed, len), State::new(rule.method(), len).unwrap());
            for step in 0..STEPS as u64 {
                state.update(&backend, &rule, 1, &mut theta, &numbers(of_gradients + step, len)).unwrap();
            }
            theta
        };
        assert_eq!(values(&trained), [run(1, 35, 100), run(2, 19, 200)].concat(), "{rule:?}");
    }
}

#[test]
fn close_to_burns() {
    let device = Device::flex().autodiff();
    let decay = || Some(optim::decay::WeightDecayConfig::new(0.1));
    let momentum = || Some(optim::momentum::MomentumConfig::new().with_dampening(0.0));
    let sgd = optim::SgdConfig::new;
    // The second moments of burn start with 1 − β₂ in f32, which is off by u/(1 − β₂).
    let pairs = [
        ("SGD", SgdConfig::new().init(), sgd().init(), 0.0),
        (
            "SGD with decay",
            SgdConfig::new().with_weight_decay(Some(0.1)).init(),
            sgd().with_weight_decay(decay()).init(),
            0.0,
        ),
        ("momentum", SgdConfig::new().with_momentum(Some(0.9)).init(), sgd().with_momentum(momentum()).init(), 0.0),
        ("Adam", AdamConfig::new().init(), optim::AdamConfig::new().init(), 0.999),
        (
            "Adam with decay",
            AdamConfig::new().with_weight_decay(Some(0.1)).init(),
            optim::AdamConfig::new().with_weight_decay(decay()).init(),
            0.999,
        ),
        ("AdamW", AdamWConfig::new().init(), optim::AdamWConfig::new().init(), 0.999),
        (
            "AdamW with decay",
            AdamWConfig::new().with_weight_decay(0.1).init(),
            optim::AdamWConfig::new().with_weight_decay(0.1).init(),
            0.999,
        ),
        ("RMSprop", RmsPropConfig::new().init(), optim::RmsPropConfig::new().with_momentum(0.0).init(), 0.99),
    ];
    for (name, ours, burns, decay) in pairs {
        let (_, ours) = train(ours.unwrap(), 0..STEPS, parameters(&device));
        let (_, burns) = train(burns, 0..STEPS, parameters(&device));
        let u = f64::from(f32::EPSILON) / 2.0;
        // Each step rounds θ, and an update of at most 10η some ten times.
        let bound = STEPS as f64 * (4.0 * u + 10.0 * RATE * (10.0 * u + u / (1.0 - decay)));
        for (ours, burns) in values(&ours).into_iter().zip(values(&burns)) {
            assert!(f64::from((ours - burns).abs()) <= bound, "{name}: {ours} and {burns}, bound {bound:e}");
        }
    }
}

#[test]
fn in_place_unless_shared() {
    let device = Device::flex().autodiff();
    let address = |parameters: &Parameters| {
        let tensor = parameters.matrix.val().inner().try_into_primitive::<Flex>().unwrap();
        tensor.bytes().as_ptr() as usize
    };
    let (optimizer, first) = train(AdamWConfig::new().init().unwrap(), 0..1, parameters(&device));
    let before = address(&first);
    let (optimizer, second) = train(optimizer, 1..5, first);
    assert_eq!(address(&second), before);
    // A copy that the program keeps is not changed.
    let kept = second.matrix.val();
    let expected = bits(kept.clone());
    let (_, third) = train(optimizer, 5..6, second);
    assert_ne!(address(&third), before);
    assert_eq!(bits(kept), expected);
    assert_ne!(bits(third.matrix.val()), expected);
}

#[test]
fn parameters_and_gradients_of_any_layout() {
    let plain = Device::flex();
    let optimizer = AdamWConfig::new().build().unwrap();
    let run = |theta: Tensor<2>, gradient: Tensor<2>| bits(optimizer.step(RATE, theta, gradient, None).0);
    let copy = |tensor: &Tensor<2>| Tensor::<2>::from_data(tensor.to_data(), &plain);
    let views = [
        tensor::<2>(1, [6, 4], &plain).transpose(),
        tensor::<2>(2, [9, 6], &plain).narrow(0, 3, 4),
        tensor::<2>(3, [4, 12], &plain).narrow(1, 3, 6),
        tensor::<2>(4, [4, 6], &plain).flip([0]),
        tensor::<2>(5, [1, 6], &plain).expand([4, 6]),
    ];
    for theta in &views {
        for gradient in &views {
            assert_eq!(run(theta.clone(), gradient.clone()), run(copy(theta), copy(gradient)));
        }
    }
    // What surrounds a narrowed parameter is kept.
    let whole = tensor::<2>(2, [9, 6], &plain);
    let expected = bits(whole.clone());
    run(whole.clone().narrow(0, 3, 4), views[1].clone());
    assert_eq!(bits(whole), expected);
    let empty = Tensor::<2>::zeros([0, 6], &plain);
    assert_eq!(optimizer.step(RATE, empty.clone(), empty, None).0.dims(), [0, 6]);
}

#[test]
fn a_saved_run_continues() {
    let device = Device::flex().autodiff();
    for rule in rules() {
        let optimizer = || ModuleOptimizer::from(RuleOptimizer::new(rule).unwrap());
        let start = parameters(&device);
        let (_, whole) = train(optimizer(), 0..STEPS, start.clone());
        let (half, middle) = train(optimizer(), 0..10, start);
        // Saved twice, without a step in between.
        let record = optimizer().load_record(half.to_record()).into_bytes().unwrap();
        let restored = optimizer().from_bytes(record).unwrap();
        let (_, continued) = train(restored, 10..STEPS, middle);
        assert_eq!(values(&continued), values(&whole), "{rule:?}");
    }
}

#[test]
fn clipping_groups_and_frozen_parameters() {
    let device = Device::flex().autodiff();
    let clipping = Some(burn::grad_clipping::GradientClippingConfig::Value(0.01));
    let optimizer = SgdConfig::new().with_grad_clipping(clipping).init().unwrap();
    assert!(optimizer.has_gradient_clipping());
    let start = parameters(&device);
    let (_, trained) = train(optimizer, 0..1, start.clone());
    let moved = values(&start).into_iter().zip(values(&trained)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(moved <= 1.01 * 0.01 * RATE as f32, "{moved}");

    let group = burn::module::ParamGroup::from_path("vector");
    let frozen = SgdConfig::new().build().unwrap();
    let mut optimizer = AdamWConfig::new().init().unwrap().with_group(group, frozen, None);
    let mut both = gradients(&start, 0);
    let expected: Vec<f32> = elements(start.vector.val())
        .into_iter()
        .zip(elements(both.get::<1>(start.vector.id).unwrap()))
        .map(|(theta, g)| theta - RATE as f32 * g)
        .collect();
    both.remove::<2>(start.matrix.id);
    let trained = optimizer.step(RATE, start.clone(), both);
    assert_eq!(elements(trained.vector.val()), expected);
    assert_eq!(bits(trained.matrix.val()), bits(start.matrix.val()));
}

#[test]
fn a_network_learns() {
    let device = Device::flex().autodiff();
    let mut mlp = MlpConfig::new(vec![6, 64, 8, 4]).init(&device);
    // burn's distribution, but the same numbers in every run: from some starts, too few of the 8 units are ever positive.
    for (seed, layer) in (13..).zip(&mut mlp.layers) {
        let [inputs, units] = layer.weight.dims();
        let scale = 1.0 / (inputs as f32).sqrt();
        layer.weight = Param::from_tensor(tensor::<2>(seed, [inputs, units], &device) * scale);
        layer.bias = Some(Param::from_tensor(tensor::<1>(seed + 10, [units], &device) * scale));
    }
    let mut optimizer = AdamWConfig::new().init().unwrap();
    let (x, y) = (tensor::<2>(1, [32, 6], &device), tensor::<2>(2, [32, 4], &device));
    let mut losses = Vec::new();
    for _ in 0..500 {
        let loss =
            lanegrad_burn::MseLoss::new().forward(mlp.forward(x.clone()), y.clone(), burn::nn::loss::Reduction::Mean);
        losses.push(elements(loss.clone())[0]);
        let gradients = GradientsParams::from_grads(loss.backward(), &mlp);
        mlp = optimizer.step(0.01, mlp, gradients);
    }
    assert!(losses[499] < losses[0] / 10.0, "{} to {}", losses[0], losses[499]);
}
