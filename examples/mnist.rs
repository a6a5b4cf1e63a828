//! Digits, from scratch: a 784-128-10 net, mini-batches of 128, Adam.
//!
//! ```sh
//! cargo run --release --example mnist            # digits that are part of this repository
//! cargo run --release --example mnist -- DIR     # the four IDX files of MNIST, plain or gzipped
//! ```

use lanegrad::*;
use lanegrad_verify::data::DataSet;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use std::error::Error;
use std::path::Path;

const BATCH: usize = 128;

fn main() -> Result<(), Box<dyn Error>> {
    let data = match std::env::args().nth(1) {
        Some(directory) => DataSet::from_directory(Path::new(&directory))?,
        None => DataSet::embedded(),
    };
    let (train, test) = (&data.train, &data.test);
    let mut rng = StdRng::seed_from_u64(1);

    let hidden = LayerOptions { units: 128, activation: Activation::Relu, initialization: Initialization::HeNormal };
    let output =
        LayerOptions { units: 10, activation: Activation::Identity, initialization: Initialization::GlorotNormal };
    let mut network = Network::new(train.pixels(), &[hidden, output], || rng.random())?;
    let mut optimizer = Optimizer::new(Rule::new(Method::adam(), LearningRate::Constant(0.001))?);
    let (mut backend, mut scratch) = (Backend::new()?, Scratch::default());

    let mut order: Vec<usize> = (0..train.count()).collect();
    for epoch in 1..=5 {
        order.shuffle(&mut rng);
        let mut loss = 0.0;
        for rows in order.chunks(BATCH) {
            let images: Vec<f32> = rows.iter().flat_map(|&row| train.image(row)).copied().collect();
            let labels: Vec<u32> = rows.iter().map(|&row| train.labels()[row]).collect();
            let batch = Batch { x: MatRef::new(&images, rows.len(), train.pixels())?, target: &labels[..] };
            let options = TrainOptions { loss: CrossEntropyLoss, clip: None };
            loss += network.train_step(&mut backend, &mut optimizer, options, batch)? * rows.len() as f64;
        }

        let images = MatRef::new(test.images(), test.count(), test.pixels())?;
        let outputs = network.predict(&mut backend, &mut scratch, images)?;
        let right = (0..test.count()).filter(|&row| {
            let class = |j| outputs.get(row, j).unwrap_or(f32::NEG_INFINITY);
            (0..10).max_by(|&a, &b| class(a).total_cmp(&class(b))) == Some(test.labels()[row] as usize)
        });
        let accuracy = 100.0 * right.count() as f64 / test.count() as f64;
        println!("epoch {epoch}: loss {:.4}, {accuracy:.1} % of the test digits", loss / train.count() as f64);
    }
    Ok(())
}
