//! Training steps on one thread and on several, alternately in one process: medians of the time that passes. The argument is the number
//! of threads; otherwise it is that of candle's own products.
//!
//! ```sh
//! MALLOC_TOP_PAD_=268435456 MALLOC_TRIM_THRESHOLD_=1073741824 MALLOC_MMAP_THRESHOLD_=1073741824 cargo run --release --example threads
//! ```

use candle_core::utils::get_num_threads;
use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{Module, Optimizer, ParamsAdamW, VarBuilder, VarMap, linear};
use lanegrad_candle::{Activation, Mlp, set_threads};
use std::time::Instant;

const ROUNDS: usize = 41;

type Step = Box<dyn FnMut() -> Result<()>>;

fn of_candle(sizes: &[usize], images: Tensor, labels: Tensor) -> Result<Step> {
    let variables = VarMap::new();
    let vb = VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu);
    let layers = sizes.windows(2).enumerate().map(|(i, pair)| linear(pair[0], pair[1], vb.pp(i)));
    let layers = layers.collect::<Result<Vec<_>>>()?;
    let mut optimizer = candle_nn::AdamW::new(variables.all_vars(), ParamsAdamW::default())?;
    Ok(Box::new(move || {
        let mut x = layers[0].forward(&images)?;
        for layer in &layers[1..] {
            x = layer.forward(&x.relu()?)?;
        }
        optimizer.backward_step(&candle_nn::loss::cross_entropy(&x, &labels)?)
    }))
}

fn of_this_crate(sizes: &[usize], images: Tensor, labels: Tensor) -> Result<Step> {
    let variables = VarMap::new();
    let mlp = Mlp::new(sizes, Activation::Relu, VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu))?;
    let mut optimizer = lanegrad_candle::AdamW::new(variables.all_vars(), ParamsAdamW::default())?;
    Ok(Box::new(move || {
        optimizer.backward_step(&lanegrad_candle::loss::cross_entropy(&mlp.forward(&images)?, &labels)?)
    }))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() -> Result<()> {
    let several = std::env::args().nth(1).and_then(|number| number.parse().ok()).unwrap_or_else(get_num_threads);
    println!(
        "time of a training step with AdamW, medians of {ROUNDS} rounds; ratio to one thread, median of the rounds'"
    );
    for (sizes, batch) in
        [(&[64, 32, 10][..], 32), (&[784, 128, 10], 128), (&[784, 512, 512, 10], 128), (&[784, 1024, 1024, 10], 256)]
    {
        let images = Tensor::rand(0.0_f32, 1.0, (batch, sizes[0]), &Device::Cpu)?;
        let labels: Vec<u32> = (0..batch as u32).map(|row| row * 7 % 10).collect();
        let labels = Tensor::from_vec(labels, batch, &Device::Cpu)?;
        let mut steps = [
            (1, of_candle(sizes, images.clone(), labels.clone())?),
            (1, of_this_crate(sizes, images.clone(), labels.clone())?),
            (several, of_this_crate(sizes, images, labels)?),
        ];
        let work = batch * sizes.windows(2).map(|pair| pair[0] * pair[1]).sum::<usize>();
        let count = (100_000_000 / work).clamp(2, 200);
        let mut times = [const { Vec::new() }; 3];
        for _ in 0..ROUNDS {
            for ((threads, step), times) in steps.iter_mut().zip(&mut times) {
                set_threads(*threads)?;
                step()?;
                let start = Instant::now();
                for _ in 0..count {
                    step()?;
                }
                times.push(start.elapsed().as_secs_f64() / count as f64);
            }
        }
        let [candle, one, more] = times;
        let ratio = median(one.iter().zip(&more).map(|(one, more)| one / more).collect());
        let sizes: Vec<String> = sizes.iter().map(usize::to_string).collect();
        let [candle, one, more] = [candle, one, more].map(|times| median(times) * 1e3);
        println!(
            "{:16} batch {batch}: candle {candle:.3} ms, 1 thread {one:.3} ms, {several} threads {more:.3} ms, {ratio:.2}",
            sizes.join("-")
        );
    }
    Ok(())
}
