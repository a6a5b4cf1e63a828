//! Optimizers: one step for all parameters of a tensor, their gradient given.

use crate::command_line::{Options, Python};
use crate::environment;
use crate::machine::Pass;
use crate::net::RATE;
use crate::pytorch::PyTorch;
use crate::report::{Cell, Report};
use crate::rounds::Contestant;
use crate::{Error, SIZES, numbers};
use candle_core::{Device, Tensor, Var};
use candle_nn::optim::{AdamW, Optimizer as _, ParamsAdamW, SGD};
use lanegrad::{Backend, Isa, LearningRate, Method, Optimizer, Parameter, Rule};
use serde_json::json;
use std::time::Duration;

/// Optimizers that a peer has too, by the names that `pytorch.py` knows.
pub(crate) const METHODS: [(&str, Method); 5] = [
    ("SGD", Method::Sgd),
    ("momentum", Method::momentum()),
    ("Adagrad", Method::pytorch_adagrad()),
    ("RMSprop", Method::pytorch_rms_prop()),
    ("Adam", Method::adam()),
];

/// Measures every optimizer at every size.
pub(crate) fn measure(backend: &Backend, options: &Options, python: &Python) -> Result<Report, Error> {
    let mut report = Report::new(backend, options);
    report.describe(
        "candle",
        format!("{}; allocates each intermediate result; AdamW without decay", environment::crate_version("candle-nn")),
    );
    let pytorch = PyTorch::start(python.python.as_deref(), options.threads, &mut report)?;
    report.print_header();
    for (name, method) in METHODS {
        for (size, len) in SIZES {
            let mut peers = Vec::new();
            peers.extend(candle(method, len)?);
            if let Some(pytorch) = &pytorch {
                peers.push(pytorch.contestant(&json!({ "kind": "update", "name": name, "size": len }))?);
            }
            let states = match method {
                Method::Sgd => 0,
                Method::Adam { .. } => 2,
                _ => 1,
            };
            let pass = Pass::Update { states };
            let limit = pass.seconds_an_element(Isa::detect(), options.threads, len, Duration::from_millis(20));
            let times = options.rounds().run(&mut (), ours(backend, method, len)?, &mut peers);
            let to_unit = 1e9 / len as f64;
            report.add(name, Cell::of_times(size.to_owned(), "ns an element", to_unit, limit * 1e9, times));
        }
        report.print_group(name);
    }
    Ok(report)
}

fn ours(backend: &Backend, method: Method, len: usize) -> Result<Contestant<'_, ()>, Error> {
    let (mut theta, gradient) = (numbers(len), numbers(len));
    let mut optimizer = Optimizer::new(Rule::new(method, LearningRate::Constant(RATE))?);
    Ok(Contestant::new("ours", move |()| {
        let mut parameters = Parameter::numbered([&mut theta]);
        let step = optimizer.begin(backend, &mut parameters).expect("there is memory for the state");
        step.finish(&[&gradient]).expect("the lengths fit");
    }))
}

fn candle(method: Method, len: usize) -> Result<Option<Contestant<'static, ()>>, Error> {
    let theta = Var::from_vec(numbers(len), len, &Device::Cpu)?;
    let gradient = Tensor::from_vec(numbers(len), len, &Device::Cpu)?;
    // The sum of θᵢgᵢ has the gradient g.
    let gradients = (theta.as_tensor() * gradient)?.sum_all()?.backward()?;
    Ok(match method {
        Method::Sgd => {
            let mut optimizer = SGD::new(vec![theta], RATE)?;
            Some(Contestant::new("candle", move |()| optimizer.step(&gradients).expect("the lengths fit")))
        }
        Method::Adam { .. } => {
            let mut optimizer = AdamW::new(vec![theta], adam())?;
            Some(Contestant::new("candle", move |()| optimizer.step(&gradients).expect("the lengths fit")))
        }
        _ => None,
    })
}

/// candle's AdamW without weight decay: Adam.
pub(crate) fn adam() -> ParamsAdamW {
    ParamsAdamW { lr: RATE, weight_decay: 0.0, ..ParamsAdamW::default() }
}
