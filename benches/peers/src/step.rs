//! A step of training: forward, softmax cross-entropy, backward, update.

use crate::command_line::{Options, Python};
use crate::layer::Shape;
use crate::machine::{self, Pass};
use crate::pytorch::PyTorch;
use crate::report::{Cell, Report};
use crate::rounds::Contestant;
use crate::update::{METHODS, adam};
use crate::{Error, numbers};
use candle_core::{DType, Device, Tensor};
use candle_nn::optim::{AdamW, Optimizer as _, SGD};
use candle_nn::{Linear, Module, Sequential, VarBuilder, VarMap, seq};
use lanegrad::{
    Activation, Backend, Batch, Initialization, Isa, LayerOptions, LearningRate, Loss, MatRef, Method, Network,
    Optimizer, Target,
};
use rand::{SeedableRng, rngs::StdRng};
use serde_json::json;
use std::time::Duration;

/// A small step: however often it is made on one mini-batch, the gradients stay ordinary numbers.
const RATE: f64 = 1e-6;

/// Units of each layer, and the sizes of mini-batches.
const NETS: [(&[usize], &[usize]); 4] = [
    (&[64, 32, 10], &[32]),
    (&[784, 128, 10], &[1, 32, 128]),
    (&[784, 512, 512, 10], &[1, 32, 128, 512]),
    (&[784, 1024, 1024, 1024, 10], &[1, 32, 128, 512]),
];

/// Measures SGD and Adam on every net and mini-batch.
pub(crate) fn measure(options: &Options, python: &Python) -> Result<Report, Error> {
    let backend = Backend::new()?;
    let mut report = Report::new(&backend, options);
    report.describe("candle", "0.11 (crate); AdamW without decay".to_owned());
    let pytorch = PyTorch::start(python.python.as_deref(), options.threads, &mut report)?;
    report.print_header();
    for (name, method) in METHODS.into_iter().filter(|(name, _)| ["SGD", "Adam"].contains(name)) {
        for (layers, batch) in NETS.iter().flat_map(|&(layers, batches)| batches.iter().map(move |&b| (layers, b))) {
            let mut peers = vec![candle(method, layers, batch)?];
            if let Some(pytorch) = &pytorch {
                let task = json!({ "kind": "step", "name": name, "layers": layers, "batch": batch });
                peers.push(pytorch.contestant(&task)?);
            }
            let times = options.rounds().run(&mut (), ours(method, layers, batch)?, &mut peers);
            let units: Vec<String> = layers.iter().map(usize::to_string).collect();
            let case = format!("{}, {batch}", units.join("-"));
            report.add(name, Cell::of_times(case, "µs", 1e6, limit(method, layers, batch) * 1e6, times));
        }
        report.print_group(name);
    }
    Ok(report)
}

/// Seconds that the multiply-adds take at the peak and one pass over the parameters, the gradient and the states takes at the
/// memory's speed. The first layer has no delta below it.
fn limit(method: Method, layers: &[usize], batch: usize) -> f64 {
    let (isa, time) = (Isa::detect(), Duration::from_millis(5));
    let products = layers.windows(2).enumerate().map(|(index, units)| {
        let product = Shape::new(batch, units[0], units[1]).flops();
        if index == 0 { 2 * product } else { 3 * product }
    });
    let parameters: usize = layers.windows(2).map(|units| (units[0] + 1) * units[1]).sum();
    let pass = Pass::Update { states: if method == Method::Sgd { 0 } else { 2 } };
    let update = pass.seconds_an_element(isa, parameters, time) * parameters as f64;
    products.sum::<u64>() as f64 / machine::peak(isa, time) + update
}

fn labels(layers: &[usize], batch: usize) -> Vec<u32> {
    let classes = layers.last().map_or(1, |&classes| classes as u32);
    (0..batch as u32).map(|example| example % classes).collect()
}

fn ours(method: Method, layers: &[usize], batch: usize) -> Result<Contestant<'static, ()>, Error> {
    let last = layers.len() - 1;
    let options = layers.iter().enumerate().skip(1).map(|(index, &units)| LayerOptions {
        units,
        activation: if index == last { Activation::Identity } else { Activation::Relu },
        initialization: Initialization::HeUniform,
    });
    let mut backend = Backend::new()?;
    let mut network = Network::new(layers[0], &options.collect::<Vec<_>>(), &mut StdRng::seed_from_u64(1))?;
    let mut optimizer = Optimizer::new(method, LearningRate::Constant(RATE))?;
    let (inputs, x, labels) = (layers[0], numbers(batch * layers[0]), labels(layers, batch));
    Ok(Contestant::new("ours", move |()| {
        let x = MatRef::new(&x, batch, inputs).expect("the numbers are as many");
        let batch = Batch { x, target: Target::Labels(&labels), loss: Loss::SoftmaxCrossEntropy, clip: None };
        network.train_step(&mut backend, &mut optimizer, batch).expect("the shapes fit");
    }))
}

/// One of candle's optimizers.
enum Descent {
    Sgd(SGD),
    Adam(AdamW),
}

fn candle(method: Method, layers: &[usize], batch: usize) -> Result<Contestant<'static, ()>, Error> {
    let parameters = VarMap::new();
    let builder = VarBuilder::from_varmap(&parameters, DType::F32, &Device::Cpu);
    let mut network: Sequential = seq();
    for (index, units) in layers.windows(2).enumerate() {
        let layer: Linear = candle_nn::linear(units[0], units[1], builder.pp(index))?;
        network = network.add(layer);
        if index + 2 < layers.len() {
            network = network.add(candle_nn::Activation::Relu);
        }
    }
    let mut descent = match method {
        Method::Adam { .. } => Descent::Adam(AdamW::new(parameters.all_vars(), adam())?),
        _ => Descent::Sgd(SGD::new(parameters.all_vars(), RATE)?),
    };
    let x = Tensor::from_vec(numbers(batch * layers[0]), (batch, layers[0]), &Device::Cpu)?;
    let labels = Tensor::from_vec(labels(layers, batch), batch, &Device::Cpu)?;
    let mut step = move || -> Result<(), candle_core::Error> {
        let loss = candle_nn::loss::cross_entropy(&network.forward(&x)?, &labels)?;
        match &mut descent {
            Descent::Sgd(sgd) => sgd.backward_step(&loss),
            Descent::Adam(adam) => adam.backward_step(&loss),
        }
    };
    step()?;
    Ok(Contestant::new("candle", move |()| step().expect("a step that was made can be made again")))
}
