//! Functions of one number, for all of a slice. Ours and rten's write where they read; candle and PyTorch write elsewhere.

use crate::command_line::{Options, Python};
use crate::environment;
use crate::machine::Pass;
use crate::pytorch::PyTorch;
use crate::report::{Cell, Report};
use crate::rounds::Contestant;
use crate::{Error, SIZES, numbers};
use candle_core::{Device, Tensor};
use lanegrad::{Activation, Backend, Isa};
use lanegrad_kernels::elementwise::{Map, MapInPlace};
use lanegrad_kernels::math;
use lanegrad_kernels::simd::Simd;
use rten_simd::SimdUnaryOp;
use serde_json::json;
use std::hint::black_box;
use std::time::Duration;

#[derive(Clone, Copy)]
enum Function {
    Exp,
    Sigmoid,
    Tanh,
    Relu,
}

impl Function {
    const ALL: [Self; 4] = [Self::Exp, Self::Sigmoid, Self::Tanh, Self::Relu];

    /// As `pytorch.py` knows it.
    fn name(self) -> &'static str {
        match self {
            Self::Exp => "exp",
            Self::Sigmoid => "sigmoid",
            Self::Tanh => "tanh",
            Self::Relu => "ReLU",
        }
    }
}

/// Measures every function at every size.
pub(crate) fn measure(backend: &Backend, options: &Options, python: &Python) -> Result<Report, Error> {
    let mut report = Report::new(backend, options);
    report.describe("rten", format!("{}, 1 thread", environment::crate_version("rten-vecmath")));
    report.describe("candle", format!("{}; allocates its results", environment::crate_version("candle-core")));
    let pytorch = PyTorch::start(python.python.as_deref(), options.threads, &mut report)?;
    report.print_header();
    for function in Function::ALL {
        let name = function.name();
        for (size, len) in SIZES {
            let mut peers = Vec::new();
            peers.extend(rten(function));
            peers.push(candle(function, len)?);
            if let Some(pytorch) = &pytorch {
                peers.push(pytorch.contestant(&json!({ "kind": "function", "name": name, "size": len }))?);
            }
            let limit =
                Pass::Rewrite.seconds_an_element(Isa::detect(), options.threads, len, Duration::from_millis(20));
            let times = options.rounds().run(&mut numbers(len), ours(backend, function), &mut peers);
            let to_unit = 1e9 / len as f64;
            report.add(name, Cell::of_times(size.to_owned(), "ns an element", to_unit, limit * 1e9, times));
        }
        report.print_group(name);
    }
    Ok(report)
}

/// The one that is no activation function, and so not in the safe interface.
#[derive(Clone, Copy)]
struct Exp;

impl Map for Exp {
    #[inline(always)]
    fn apply<S: Simd>(self, simd: S, x: S::V) -> S::V {
        math::exp(simd, x)
    }
}

fn ours(backend: &Backend, function: Function) -> Contestant<'_, Vec<f32>> {
    Contestant::new("ours", move |x: &mut Vec<f32>| match function {
        Function::Exp => backend.isa().run(MapInPlace { map: Exp, x }),
        Function::Sigmoid => Activation::Sigmoid.apply(backend, x),
        Function::Tanh => Activation::Tanh.apply(backend, x),
        Function::Relu => Activation::Relu.apply(backend, x),
    })
}

fn rten(function: Function) -> Option<Contestant<'static, Vec<f32>>> {
    let name = "rten";
    match function {
        Function::Exp => Some(Contestant::new(name, |x: &mut Vec<f32>| rten_vecmath::Exp {}.map_mut(x))),
        Function::Sigmoid => Some(Contestant::new(name, |x: &mut Vec<f32>| rten_vecmath::Sigmoid {}.map_mut(x))),
        Function::Tanh => Some(Contestant::new(name, |x: &mut Vec<f32>| rten_vecmath::Tanh {}.map_mut(x))),
        Function::Relu => None,
    }
}

fn candle(function: Function, len: usize) -> Result<Contestant<'static, Vec<f32>>, Error> {
    let x = Tensor::from_vec(numbers(len), len, &Device::Cpu)?;
    Ok(Contestant::new("candle", move |_| {
        let result = match function {
            Function::Exp => x.exp(),
            Function::Sigmoid => candle_nn::ops::sigmoid(&x),
            Function::Tanh => x.tanh(),
            Function::Relu => x.relu(),
        };
        black_box(result.expect("there is memory for the result"));
    }))
}
