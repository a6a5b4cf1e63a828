//! A step of training: forward, softmax cross-entropy, backward, update.

use crate::Error;
use crate::command_line::{Options, Python};
use crate::environment;
use crate::machine::{self, Pass};
use crate::net::{NETS, Net, RATE, Training};
use crate::pytorch::PyTorch;
use crate::report::{Cell, Report};
use crate::rounds::Contestant;
use crate::update::{METHODS, adam};
use candle_core::{DType, Device, Tensor};
use candle_nn::optim::{AdamW, Optimizer as _, SGD};
use candle_nn::{Linear, Module, Sequential, VarBuilder, VarMap, seq};
use lanegrad::{Backend, Isa, Method};
use serde_json::json;
use std::time::Duration;

/// Measures SGD and Adam on every net and mini-batch.
pub(crate) fn measure(options: &Options, python: &Python) -> Result<Report, Error> {
    let backend = || Backend::builder().threads(options.threads).build();
    let mut report = Report::new(&backend()?, options);
    report.describe("candle", format!("{}; AdamW without decay", environment::crate_version("candle-nn")));
    let pytorch = PyTorch::start(python.python.as_deref(), options.threads, &mut report)?;
    report.print_header();
    for (name, method) in METHODS.into_iter().filter(|(name, _)| ["SGD", "Adam"].contains(name)) {
        for net in NETS {
            let mut peers = vec![candle(method, net)?];
            if let Some(pytorch) = &pytorch {
                let task = json!({ "kind": "step", "name": name, "layers": net.layers, "batch": net.batch });
                peers.push(pytorch.contestant(&task)?);
            }
            let mut training = Training::new(backend()?, net, method)?;
            training.step()?;
            let ours = Contestant::new("ours", |()| {
                training.step().expect("a step that was made can be made again");
            });
            let times = options.rounds().run(&mut (), ours, &mut peers);
            report.add(name, Cell::of_times(net.name(), "µs", 1e6, limit(method, net, options.threads) * 1e6, times));
        }
        report.print_group(name);
    }
    Ok(report)
}

/// Seconds that the multiply-adds take at the peak and one pass over the parameters, the gradient and the states takes at the
/// memory's speed.
fn limit(method: Method, net: Net, threads: usize) -> f64 {
    let (isa, time) = (Isa::detect(), Duration::from_millis(5));
    let pass = Pass::Update { states: if method == Method::Sgd { 0 } else { 2 } };
    let parameters = net.parameters();
    let update = pass.seconds_an_element(isa, threads, parameters, time) * parameters as f64;
    net.flops() as f64 / machine::peak(isa, threads, time) + update
}

/// One of candle's optimizers.
enum Descent {
    Sgd(SGD),
    Adam(AdamW),
}

fn candle(method: Method, net: Net) -> Result<Contestant<'static, ()>, Error> {
    let parameters = VarMap::new();
    let builder = VarBuilder::from_varmap(&parameters, DType::F32, &Device::Cpu);
    let mut network: Sequential = seq();
    for (index, units) in net.layers.windows(2).enumerate() {
        let layer: Linear = candle_nn::linear(units[0], units[1], builder.pp(index))?;
        network = network.add(layer);
        if index + 2 < net.layers.len() {
            network = network.add(candle_nn::Activation::Relu);
        }
    }
    let mut descent = match method {
        Method::Adam { .. } => Descent::Adam(AdamW::new(parameters.all_vars(), adam())?),
        _ => Descent::Sgd(SGD::new(parameters.all_vars(), RATE)?),
    };
    let x = Tensor::from_vec(net.x(), (net.batch, net.inputs()), &Device::Cpu)?;
    let labels = Tensor::from_vec(net.labels(), net.batch, &Device::Cpu)?;
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
