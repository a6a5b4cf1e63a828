//! What a caller can get wrong is burn's error with our message, and nothing panics but burn's own signatures.

use crate::tensors::{bits, tensor};
use burn::module::Param;
use burn::nn::loss::Reduction;
use burn::optim::{GradientsParams, ModuleOptimizer, Optimizer};
use burn::tensor::{Device, ExecutionError, FloatDType, Int, Tensor, TensorData};
use lanegrad::{LearningRate, Method, Rule};
use lanegrad_burn::{
    Activation, AdamConfig, AdamWConfig, CrossEntropyLoss, Linear, LinearConfig, MlpConfig, MseLoss, RmsPropConfig,
    RuleOptimizer, SgdConfig,
};
use std::panic::{AssertUnwindSafe, catch_unwind};

fn device() -> Device {
    Device::flex().autodiff()
}

#[track_caller]
fn assert_error<T: std::fmt::Debug>(result: Result<T, ExecutionError>, expected: &str) {
    let Err(ExecutionError::WithContext { reason }) = result else { panic!("expected an error, found {result:?}") };
    assert_eq!(reason, format!("lanegrad: {expected}"));
}

/// The message with which a signature of burn's that has no error panics.
fn panic_of<T>(f: impl FnOnce() -> T) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).err().expect("a panic");
    payload.downcast_ref::<String>().cloned().unwrap_or_default()
}

#[test]
fn layers() {
    let device = device();
    let layer = LinearConfig::new(4, 3).init(&device);
    let wrong = layer.try_forward(tensor(1, [2, 5], &device));
    assert_error(wrong, "dense layer: inputs have 5 features, expected 4 (weights are 4×3)");
    let message = panic_of(|| layer.forward(tensor(1, [2, 5], &device)));
    assert!(message.contains("inputs have 5 features, expected 4"), "{message}");
    assert_error(
        layer.try_forward(tensor(1, [5], &device)),
        "dense layer: inputs have 5 features, expected 4 (weights are 4×3)",
    );

    let mlp = MlpConfig::new(vec![4, 3, 2]).init(&device);
    let mut torn = mlp.clone();
    torn.layers[1] = LinearConfig::new(5, 2).init(&device);
    assert_error(
        torn.try_forward(tensor(1, [2, 4], &device)),
        "dense layer: inputs have 3 features, expected 5 (weights are 5×2)",
    );
    let biased = Linear { bias: Some(Param::from_tensor(tensor(1, [2], &device))), ..layer.clone() };
    assert_error(biased.try_forward(tensor(1, [2, 4], &device)), "dense layer: bias has length 2, expected 3");

    let double = tensor(1, [2, 4], &device).cast(FloatDType::F64);
    assert_error(layer.try_forward(double.clone()), "dense layer: inputs are f64, expected f32");
    let weight = Param::from_tensor(tensor(1, [4, 3], &device).cast(FloatDType::F64).detach());
    let doubled = Linear { weight, bias: None, activation: Activation::Identity };
    assert_error(doubled.try_forward(tensor(1, [2, 4], &device)), "dense layer: weights are f64, expected f32");
    let bias = Some(Param::from_tensor(tensor(1, [3], &device).cast(FloatDType::F64).detach()));
    let doubled = Linear { bias, ..layer.clone() };
    assert_error(doubled.try_forward(tensor(1, [2, 4], &device)), "dense layer: biases are f64, expected f32");

    let other = Device::flex().autodiff().gradient_checkpointing();
    let message = "dense layer: weights have another gradient-checkpointing strategy";
    assert_error(layer.try_forward(tensor(1, [2, 4], &other)), message);
    // A tensor without autodiff is a constant.
    let constant = layer.try_forward(tensor(1, [2, 4], &Device::flex())).unwrap();
    assert_eq!(bits(constant), bits(layer.forward(tensor(1, [2, 4], &device))));
}

#[test]
fn losses() {
    let device = device();
    let (x, y) = (tensor::<2>(1, [2, 3], &device), tensor::<2>(2, [3, 2], &device));
    let mse = MseLoss::new();
    assert_error(
        mse.try_forward(x.clone(), y, Reduction::Mean),
        "squared error: targets have shape [3, 2], expected [2, 3]",
    );
    let double = x.clone().cast(FloatDType::F64);
    assert_error(mse.try_forward(x.clone(), double, Reduction::Mean), "squared error: targets are f64, expected f32");
    let none = Tensor::<2>::zeros([0, 3], &device);
    let message = "squared error: there are no examples, expected at least one";
    assert_error(mse.try_forward(none.clone(), none, Reduction::Mean), message);

    let labels =
        |labels: &[i64]| Tensor::<1, Int>::from_data(TensorData::new(labels.to_vec(), [labels.len()]), &device);
    let softmax = CrossEntropyLoss::new();
    let message = "loss: the label of row 1 is 3, expected less than 3";
    assert_error(softmax.try_forward(x.clone(), labels(&[0, 3])), message);
    let message = "softmax cross-entropy: the target of row 0 is -1, not a class";
    assert_error(softmax.try_forward(x.clone(), labels(&[-1, 0])), message);
    let message = "softmax cross-entropy: list of labels has length 1, expected 2";
    assert_error(softmax.try_forward(x, labels(&[0])), message);
}

#[test]
fn configurations() {
    for (error, expected) in [
        (SgdConfig::new().with_momentum(Some(1.0)).init().err(), "the momentum"),
        (SgdConfig::new().with_weight_decay(Some(-1.0)).init().err(), "the weight decay"),
        (AdamConfig::new().with_beta_1(-0.1).init().err(), "beta1"),
        (AdamWConfig::new().with_beta_2(f64::NAN).init().err(), "beta2"),
        (AdamWConfig::new().with_weight_decay(f64::INFINITY).init().err(), "the weight decay"),
        (RmsPropConfig::new().with_alpha(1.5).init().err(), "the decay"),
        (RmsPropConfig::new().with_epsilon(-1.0).init().err(), "epsilon"),
    ] {
        let message = error.expect("an error").to_string();
        assert!(message.starts_with(expected), "{message}");
    }
    let nesterov = Rule::new(Method::nesterov(), LearningRate::Constant(0.1)).unwrap();
    let message = RuleOptimizer::new(nesterov).unwrap_err().to_string();
    assert_eq!(message, "optimizer state: Nesterov, expected a rule without look-ahead");
}

#[test]
fn optimizer_steps() {
    let plain = Device::flex();
    let optimizer = AdamConfig::new().build().unwrap();
    let theta = || tensor::<1>(1, [4], &plain);
    let message = panic_of(|| optimizer.step(f64::NAN, theta(), theta(), None));
    assert!(message.contains("lanegrad: the learning rate is NaN"), "{message}");
    let message = panic_of(|| optimizer.step(0.1, theta(), tensor(1, [3], &plain), None));
    assert!(message.contains("a gradient has length 3, expected 4"), "{message}");
    let message = panic_of(|| optimizer.step(0.1, theta().cast(FloatDType::F64), theta(), None));
    assert!(message.contains("parameters are f64, expected f32"), "{message}");
    let message = panic_of(|| optimizer.step(0.1, theta(), tensor(1, [4], &device()), None));
    assert!(message.contains("gradients are on a device with autodiff"), "{message}");
    let (_, state) = optimizer.step(0.1, theta(), theta(), None);
    let message = panic_of(|| optimizer.step(0.1, tensor(1, [3], &plain), tensor(1, [3], &plain), state));
    assert!(message.contains("a parameter tensor has length 3, expected 4"), "{message}");
}

/// A record of another optimizer is an error at the next step, as in burn a record of another shape is.
#[test]
fn records() {
    let device = device();
    let layer = LinearConfig::new(3, 2).init(&device);
    let step = |optimizer: &mut ModuleOptimizer, layer: Linear| {
        let gradients = layer.forward(tensor::<2>(1, [4, 3], &device)).sum().backward();
        let gradients = GradientsParams::from_grads(gradients, &layer);
        optimizer.step(0.1, layer, gradients)
    };
    let mut sgd = SgdConfig::new().with_momentum(Some(0.9)).init().unwrap();
    let layer = step(&mut sgd, layer);
    let mut adam = AdamConfig::new().init().unwrap().load_record(sgd.to_record());
    let message = panic_of(|| step(&mut adam, layer));
    assert!(message.contains("list of state slots has length 0, expected 2"), "{message}");
}
