//! What is wrong is an error of candle's type with a message that says what was expected. Nothing panics, nothing is written.

use crate::operands::{random, var};
use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::{Module, Optimizer, ParamsAdamW, VarBuilder, VarMap};
use lanegrad_candle::{Activation, AdamW, Linear, Method, Mlp, Params, SGD, VarOptimizer, loss};

#[track_caller]
fn assert_error<T>(result: Result<T>, expected: &str) {
    let message = result.err().expect("an error").to_string();
    // With RUST_BACKTRACE=1, candle appends a backtrace.
    assert!(message.starts_with(expected), "{message:?}, expected {expected:?}");
}

fn double(tensor: &Tensor) -> Tensor {
    tensor.to_dtype(DType::F64).unwrap()
}

#[test]
fn a_layer() {
    let (x, w, b) = (random(1, &[4, 3]), random(2, &[2, 3]), random(3, &[2]));
    let run = |x: &Tensor, w: &Tensor, b: &Tensor| Linear::new(w.clone(), Some(b.clone())).forward(x);
    assert_error(run(&double(&x), &w, &b), "linear: inputs are f64 on Cpu, expected f32 on the CPU");
    assert_error(run(&x, &double(&w), &b), "linear: weights are f64 on Cpu, expected f32 on the CPU");
    assert_error(run(&x, &w, &double(&b)), "linear: biases are f64 on Cpu, expected f32 on the CPU");
    for dtype in [DType::U8, DType::U32, DType::I64, DType::BF16, DType::F16] {
        assert_error(run(&x.to_dtype(dtype).unwrap(), &w, &b), "linear: inputs are ");
    }
    assert_error(run(&x, &random(1, &[2, 5]), &b), "dense forward: weights are 2×5, expected 2×3");
    assert_error(run(&x, &w, &random(1, &[3])), "dense forward: bias has length 3, expected 2");
    assert_error(
        run(&random(1, &[]), &w, &b),
        "linear: inputs have shape [] and weights [2, 3], expected […, in] and [out, in]",
    );
    assert_error(run(&x, &random(1, &[2, 3, 1]), &b), "linear: inputs have shape [4, 3] and weights [2, 3, 1]");
    assert_error(run(&x, &random(1, &[3]), &b), "linear: inputs have shape [4, 3] and weights [3]");
}

/// One element, repeated: the inputs are valid, but their outputs are larger than any memory.
#[test]
fn outputs_larger_than_memory() {
    let x = random(1, &[1, 1]).broadcast_as((1 << 50, 1)).unwrap();
    let w = random(2, &[2, 1]);
    assert_error(Linear::new(w, None).forward(&x), "linear: no memory for 1125899906842624×2 elements");
}

#[test]
fn an_mlp() {
    let vb = VarBuilder::from_varmap(&VarMap::new(), DType::F32, &Device::Cpu);
    assert_error(Mlp::new(&[3], Activation::Relu, vb), "mlp: there are 1 sizes, expected at least 2");
}

#[test]
fn losses() {
    let (logits, labels) = (random(1, &[2, 3]), Tensor::new(&[0_u32, 2], &Device::Cpu).unwrap());
    let label = |labels: &[i64]| Tensor::new(labels, &Device::Cpu).unwrap();
    let run = loss::cross_entropy;
    assert_error(run(&double(&logits), &labels), "cross-entropy: logits are f64 on Cpu, expected f32 on the CPU");
    assert_error(
        run(&logits, &logits.get(0).unwrap()),
        "cross-entropy: labels are f32 on Cpu, expected u32, u8 or i64 on the CPU",
    );
    let shapes = "cross-entropy: logits have shape [2, 3] and labels [2, 1], expected [batch, classes] and [batch]";
    assert_error(run(&logits, &labels.unsqueeze(1).unwrap()), shapes);
    assert_error(run(&random(1, &[3]), &labels), "cross-entropy: logits have shape [3]");
    assert_error(run(&logits, &label(&[0, 1, 2])), "softmax cross-entropy: list of labels has length 3, expected 2");
    assert_error(run(&logits, &label(&[0, 3])), "loss: the label of row 1 is 3, expected less than 3");
    assert_error(run(&logits, &label(&[0, -1])), "cross-entropy: the label of row 1 is -1, expected a class");
    assert_error(
        run(&logits, &label(&[1 << 32, 1])),
        "cross-entropy: the label of row 0 is 4294967296, expected a class",
    );
    let nothing = Tensor::zeros((0, 3), DType::F32, &Device::Cpu).unwrap();
    assert_error(run(&nothing, &labels.narrow(0, 0, 0).unwrap()), "softmax cross-entropy: there are no examples");
    let run = loss::mse;
    assert_error(run(&double(&logits), &logits), "mean squared error: predictions are f64");
    assert_error(run(&logits, &double(&logits)), "mean squared error: targets are f64");
    assert_error(run(&logits, &random(1, &[3, 2])), "mean squared error: targets have shape [3, 2], expected [2, 3]");
    assert_error(run(&nothing, &nothing), "mean squared error: there are no elements, expected at least one");
}

#[test]
fn an_optimizer_that_cannot_be_made() {
    let theta = || vec![var(&random(1, &[3]))];
    assert_error(SGD::new(theta(), f64::NAN), "the learning rate is NaN, expected zero or a positive f32");
    assert_error(SGD::new(theta(), -1.0), "the learning rate is -1, expected");
    let params = ParamsAdamW { beta2: 1.0, ..Default::default() };
    assert_error(AdamW::new(theta(), params), "beta2 is 1, expected in [0, 1)");
    let doubles = vec![Var::from_tensor(&double(&random(1, &[3]))).unwrap()];
    assert_error(SGD::new(doubles, 0.1), "optimizer: variables are f64 on Cpu, expected f32 on the CPU");
    let theta = theta();
    assert_error(SGD::new([&theta[..], &theta].concat(), 0.1), "optimizer: a variable occurs twice");
    let integers = vec![Var::new(&[1_u32], &Device::Cpu).unwrap()];
    assert!(SGD::new(integers, 0.1).unwrap().into_inner().is_empty());
}

/// The first variable's gradient is right and the second's is not, so that an update before the check would show.
#[test]
fn a_step_with_wrong_gradients_changes_nothing() {
    let variables = [var(&random(1, &[3])), var(&random(2, &[4]))];
    let mut optimizer = VarOptimizer::with_method(variables.to_vec(), Method::adam(), 0.1).unwrap();
    let loss = || (variables[0].sqr()?.sum_all()? + variables[1].sqr()?.sum_all()?)?.backward();
    optimizer.step(&loss().unwrap()).unwrap();
    let now = |optimizer: &VarOptimizer<Params>| {
        let states = optimizer.states().map(|(var, state)| {
            let slots: Vec<_> = state.slots().map(|(_, slot)| slot.to_vec()).collect();
            (var.to_vec1::<f32>().unwrap(), state.updates(), slots)
        });
        (optimizer.steps(), states.collect::<Vec<_>>())
    };
    let before = now(&optimizer);
    for (gradient, expected) in [
        (random(1, &[5]), "optimizer step: a gradient has shape [5], expected [4]"),
        (random(1, &[2, 2]), "optimizer step: a gradient has shape [2, 2], expected [4]"),
        (double(&random(1, &[4])), "optimizer step: gradients are f64 on Cpu, expected f32 on the CPU"),
    ] {
        let mut gradients = loss().unwrap();
        gradients.insert(&variables[1], gradient);
        assert_error(optimizer.step(&gradients), expected);
        assert_eq!(now(&optimizer), before);
    }
    optimizer.set_learning_rate(f64::INFINITY);
    assert_error(optimizer.step(&loss().unwrap()), "the learning rate is inf, expected");
    optimizer.set_params(Params::new(Method::sgd(), 0.1));
    assert_error(optimizer.step(&loss().unwrap()), "optimizer state: Adam, expected SGD");
    assert_eq!(now(&optimizer), before);
    optimizer.set_params(Params::new(Method::adam(), 0.1));
    optimizer.step(&loss().unwrap()).unwrap();
    assert_eq!(optimizer.steps(), 2);
}
