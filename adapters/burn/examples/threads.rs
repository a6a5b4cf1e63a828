//! Training steps on one thread and on several, alternately in one process: medians of the time that passes. The argument is the number
//! of threads.
//!
//! ```sh
//! cargo run --release --example threads -- 2
//! ```

use burn::optim::GradientsParams;
use burn::tensor::{Device, Distribution, Int, Tensor};
use lanegrad_burn::{AdamWConfig, CrossEntropyLoss, MlpConfig, lanegrad::Error, set_threads};
use std::time::Instant;

const ROUNDS: usize = 41;

fn trainer(sizes: &[usize], images: Tensor<2>, labels: Tensor<1, Int>) -> Result<impl FnMut(), Error> {
    let mut network = Some(MlpConfig::new(sizes.to_vec()).init(&Device::flex().autodiff()));
    let mut optimizer = AdamWConfig::new().init()?;
    Ok(move || {
        network = network.take().map(|network| {
            let loss = CrossEntropyLoss::new().forward(network.forward(images.clone()), labels.clone());
            let gradients = GradientsParams::from_grads(loss.backward(), &network);
            optimizer.step(1e-3, network, gradients)
        });
    })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() -> Result<(), Error> {
    let several = std::env::args().nth(1).and_then(|number| number.parse().ok()).unwrap_or(2);
    println!(
        "time of a training step with AdamW, medians of {ROUNDS} rounds; ratio to one thread, median of the rounds'"
    );
    for (sizes, batch) in
        [(&[6, 64, 8, 4][..], 32), (&[784, 128, 10], 128), (&[784, 512, 512, 10], 128), (&[784, 1024, 1024, 10], 256)]
    {
        let device = Device::flex().autodiff();
        let images = Tensor::<2>::random([batch, sizes[0]], Distribution::Default, &device);
        let classes = sizes[sizes.len() - 1];
        let labels: Vec<i32> = (0..batch).map(|row| (row * 7 % classes) as i32).collect();
        let labels = Tensor::<1, Int>::from_data(labels.as_slice(), &device);
        let mut step = trainer(sizes, images, labels)?;
        let work = batch * sizes.windows(2).map(|pair| pair[0] * pair[1]).sum::<usize>();
        let count = (100_000_000 / work).clamp(2, 200);
        let mut times = [const { Vec::new() }; 2];
        for _ in 0..ROUNDS {
            for (threads, times) in [1, several].into_iter().zip(&mut times) {
                set_threads(threads)?;
                step();
                let start = Instant::now();
                (0..count).for_each(|_| step());
                times.push(start.elapsed().as_secs_f64() / count as f64);
            }
        }
        let [one, more] = times;
        let ratio = median(one.iter().zip(&more).map(|(one, more)| one / more).collect());
        let sizes: Vec<String> = sizes.iter().map(usize::to_string).collect();
        let [one, more] = [one, more].map(|times| median(times) * 1e3);
        println!(
            "{:16} batch {batch}: 1 thread {one:.3} ms, {several} threads {more:.3} ms, {ratio:.2}",
            sizes.join("-")
        );
    }
    Ok(())
}
