//! Training steps of candle alone and with this crate, alternately in one process: medians of processor time.
//!
//! ```sh
//! MALLOC_TOP_PAD_=268435456 MALLOC_TRIM_THRESHOLD_=1073741824 MALLOC_MMAP_THRESHOLD_=1073741824 RAYON_NUM_THREADS=1 \
//!     cargo run --release --example bench
//! ```
//!
//! The variables tell glibc to keep its memory: otherwise candle's time depends on how often the system takes pages back.

use candle_core::{D, DType, Device, Result, Tensor, Var};
use candle_nn::{Module, Optimizer, ParamsAdamW, VarBuilder, VarMap, loss, ops};
use cpu_time::ProcessTime;
use lanegrad_candle::{Activation, Mlp};

/// candle alone.
mod candle_alone {
    use super::*;
    use candle_nn::{AdamW, Linear, SGD, linear};
    include!("network.rs");
}

/// The same code with other imports.
mod other_imports {
    use super::*;
    use lanegrad_candle::{AdamW, Linear, SGD, linear};
    include!("network.rs");
}

/// With the activation and the loss of this crate as well.
fn fused(
    sizes: &[usize],
    method: Method,
    variables: &VarMap,
    (images, labels): (Tensor, Tensor),
) -> Result<Box<dyn FnMut() -> Result<Tensor>>> {
    use lanegrad_candle::{AdamW, SGD, loss};
    let vb = VarBuilder::from_varmap(variables, DType::F32, &Device::Cpu);
    let mlp = Mlp::new(sizes, Activation::Relu, vb)?;
    let loss = move || loss::cross_entropy(&mlp.forward(&images)?, &labels);
    Ok(match method {
        Method::Sgd => {
            let mut optimizer = SGD::new(variables.all_vars(), 0.05)?;
            Box::new(move || loss().and_then(|loss| optimizer.backward_step(&loss).map(|()| loss)))
        }
        Method::AdamW => {
            let mut optimizer = AdamW::new(variables.all_vars(), ParamsAdamW::default())?;
            Box::new(move || loss().and_then(|loss| optimizer.backward_step(&loss).map(|()| loss)))
        }
    })
}

#[derive(Clone, Copy, Debug)]
enum Method {
    Sgd,
    AdamW,
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The median of the time of a call, in nanoseconds.
fn time_of_call(mut call: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut times = Vec::new();
    for _ in 0..21 {
        let start = ProcessTime::now();
        for _ in 0..500 {
            call()?;
        }
        times.push(start.elapsed().as_secs_f64() / 500.0 * 1e9);
    }
    Ok(median(&times))
}

/// What a call costs over the kernel that it runs.
fn calls() -> Result<()> {
    use lanegrad::{Backend, LearningRate, MatMut, MatRef, Rule, State, dense};
    use lanegrad_candle::{Linear, SGD};
    println!("nanoseconds of a call");
    for [batch, inputs, units] in [[1, 1, 1], [1, 64, 64], [32, 64, 64]] {
        let [x, w, b] = [(batch, inputs), (units, inputs), (1, units)]
            .map(|dims| Var::rand(-1.0_f32, 1.0, dims, &Device::Cpu).and_then(|var| var.flatten_all()));
        let (x, w, b) = (x?.detach(), w?.detach(), b?.detach());
        let slices = (x.to_vec1::<f32>()?, w.to_vec1::<f32>()?, b.to_vec1::<f32>()?, vec![0.0; batch * units]);
        let (xs, ws, bs, mut z) = slices;
        let mut backend = Backend::new().map_err(candle_core::Error::wrap)?;
        let kernel = time_of_call(|| {
            let matrix = |data, rows, cols| MatRef::new(data, rows, cols).map_err(candle_core::Error::wrap);
            let (x, w) = (matrix(&xs, batch, inputs)?, matrix(&ws, units, inputs)?);
            let layer = dense::Forward { x, w, bias: Some(&bs), activation: Activation::Identity };
            let z = MatMut::new(&mut z, batch, units).map_err(candle_core::Error::wrap)?;
            dense::forward(&mut backend, layer, z).map_err(candle_core::Error::wrap)
        })?;
        let (x, w) = (x.reshape((batch, inputs))?, w.reshape((units, inputs))?);
        let own = Linear::new(w.clone(), Some(b.clone()));
        let own = time_of_call(|| own.forward(&x).map(drop))?;
        let candle = candle_nn::Linear::new(w, Some(b));
        let candle = time_of_call(|| candle.forward(&x).map(drop))?;
        println!("  layer {batch}×{inputs}→{units}: kernel {kernel:.0}, Linear {own:.0}, candle's Linear {candle:.0}");
    }
    for len in [1, 1000] {
        let theta = Var::rand(-1.0_f32, 1.0, len, &Device::Cpu)?;
        let gradients = theta.sum_all()?.backward()?;
        let (mut values, gradient) = (theta.to_vec1::<f32>()?, vec![1.0; len]);
        let rule = Rule::new(lanegrad::Method::Sgd, LearningRate::Constant(1e-3)).map_err(candle_core::Error::wrap)?;
        let mut state = State::new(rule.method(), len).map_err(candle_core::Error::wrap)?;
        let backend = Backend::new().map_err(candle_core::Error::wrap)?;
        let kernel = time_of_call(|| {
            state.update(&backend, &rule, 1, &mut values, &gradient).map_err(candle_core::Error::wrap)
        })?;
        let mut own = SGD::new(vec![theta.clone()], 1e-3)?;
        let own = time_of_call(|| own.step(&gradients))?;
        let mut candle = candle_nn::SGD::new(vec![theta], 1e-3)?;
        let candle = time_of_call(|| candle.step(&gradients))?;
        println!("  SGD of {len}: kernel {kernel:.0}, step {own:.0}, candle's step {candle:.0}");
    }
    Ok(())
}

fn main() -> Result<()> {
    let rounds: usize = std::env::args().nth(1).and_then(|rounds| rounds.parse().ok()).unwrap_or(41);
    println!(
        "processor time of a training step, median of {rounds} rounds; ratio to candle alone, median of the rounds' ratios"
    );
    for (sizes, batch) in [(&[784, 128, 10][..], 128), (&[784, 512, 512, 10], 32)] {
        for method in [Method::AdamW, Method::Sgd] {
            let images = Tensor::rand(0.0_f32, 1.0, (batch, sizes[0]), &Device::Cpu)?;
            let labels: Vec<u32> = (0..batch as u32).map(|row| row * 7 % 10).collect();
            let labels = Tensor::from_vec(labels, batch, &Device::Cpu)?;
            let batch_of = || (images.clone(), labels.clone());
            let mut trainers = [
                ("candle alone", candle_alone::trainer(sizes, method, &VarMap::new(), batch_of())?),
                ("other imports", other_imports::trainer(sizes, method, &VarMap::new(), batch_of())?),
                ("fused", fused(sizes, method, &VarMap::new(), batch_of())?),
            ];
            let steps = (100_000_000 / (batch * sizes.windows(2).map(|pair| pair[0] * pair[1]).sum::<usize>())).max(4);
            let mut times = [const { Vec::new() }; 3];
            for round in 0..rounds + 1 {
                for ((_, step), times) in trainers.iter_mut().zip(&mut times) {
                    let start = ProcessTime::now();
                    for _ in 0..steps {
                        step()?;
                    }
                    // The first round warms up.
                    if round > 0 {
                        times.push(start.elapsed().as_secs_f64() / steps as f64);
                    }
                }
            }
            let sizes: Vec<String> = sizes.iter().map(usize::to_string).collect();
            println!("{}, mini-batches of {batch}, {method:?}", sizes.join("-"));
            for ((name, _), own) in trainers.iter().zip(&times) {
                let ratios: Vec<f64> = times[0].iter().zip(own).map(|(candle, own)| candle / own).collect();
                println!("  {name:13} {:7.1} µs  {:5.2}", median(own) * 1e6, median(&ratios));
            }
        }
    }
    calls()
}
