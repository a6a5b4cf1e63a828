//! Training steps of candle alone and with this crate, alternately in one process: medians of processor time.
//!
//! ```sh
//! MALLOC_TOP_PAD_=268435456 MALLOC_TRIM_THRESHOLD_=1073741824 MALLOC_MMAP_THRESHOLD_=1073741824 RAYON_NUM_THREADS=1 \
//!     cargo run --release --example bench
//! ```
//!
//! The variables tell glibc to keep its memory: otherwise candle's time depends on how often the system takes pages back.

use candle_core::{D, DType, Device, Result, Tensor};
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
    Ok(())
}
