//! A training step of a 6-64-8-4 network at batch 32, by burn alone and with this crate: forward, loss, backward, optimizer.
//!
//! The networks train alternately in one run, on one thread. It prints the median processor time of a step, and of its parts.

use burn::module::Module;
use burn::nn::loss::{MseLoss, Reduction};
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Distribution, Tensor};
use burn::{nn, optim};
use cpu_time::ThreadTime;
use lanegrad_burn as ours;
use lanegrad_burn::Activation;
use std::time::Duration;

const SIZES: [usize; 4] = [6, 64, 8, 4];
const BATCH: usize = 32;
const ROUNDS: usize = 60;
const STEPS: usize = 100;
const PARTS: [&str; 5] = ["forward", "loss", "backward", "gradients", "optimizer"];

/// burn's squared error, or this crate's.
#[derive(Clone, Copy)]
enum Loss {
    Burn,
    Ours,
}

impl Loss {
    fn of(self, output: Tensor<2>, y: Tensor<2>) -> Tensor<1> {
        match self {
            Self::Burn => MseLoss::new().forward(output, y, Reduction::Mean),
            Self::Ours => ours::MseLoss::new().forward(output, y, Reduction::Mean),
        }
    }
}

/// burn's layers.
#[derive(Module, Debug)]
struct Burn {
    layers: Vec<nn::Linear>,
}

/// This crate's layers, one node each.
#[derive(Module, Debug)]
struct Layers {
    layers: Vec<ours::Linear>,
}

trait Network: Module {
    fn forward(&self, x: Tensor<2>) -> Tensor<2>;
}

impl Network for Burn {
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let [hidden @ .., last] = &self.layers[..] else { return x };
        last.forward(hidden.iter().fold(x, |x, layer| relu(layer.forward(x))))
    }
}

impl Network for Layers {
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        self.layers.iter().fold(x, |x, layer| layer.forward(x))
    }
}

impl Network for ours::Mlp {
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        ours::Mlp::forward(self, x)
    }
}

struct Candidate<N> {
    network: Option<N>,
    loss: Loss,
    optimizer: ModuleOptimizer,
    times: Vec<[Duration; PARTS.len()]>,
}

/// A candidate of any network.
trait Train {
    fn round(&mut self, x: &Tensor<2>, y: &Tensor<2>);
    fn times(&self) -> &[[Duration; PARTS.len()]];
}

impl<N: Network> Train for Candidate<N> {
    fn round(&mut self, x: &Tensor<2>, y: &Tensor<2>) {
        let mut times = [Duration::ZERO; PARTS.len()];
        for _ in 0..STEPS {
            let Some(network) = self.network.take() else { return };
            let mut clock = ThreadTime::now();
            let mut lap = |part: usize| {
                let now = ThreadTime::now();
                times[part] += now.duration_since(clock);
                clock = now;
            };
            let output = network.forward(x.clone());
            lap(0);
            let loss = self.loss.of(output, y.clone());
            lap(1);
            let gradients = loss.backward();
            lap(2);
            let gradients = GradientsParams::from_grads(gradients, &network);
            lap(3);
            self.network = Some(self.optimizer.step(1e-3, network, gradients));
            lap(4);
        }
        self.times.push(times.map(|time| time / STEPS as u32));
    }

    fn times(&self) -> &[[Duration; PARTS.len()]] {
        &self.times
    }
}

fn candidate<N: Network + 'static>(network: N, loss: Loss, optimizer: ModuleOptimizer) -> Box<dyn Train> {
    Box::new(Candidate { network: Some(network), loss, optimizer, times: Vec::new() })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() -> Result<(), lanegrad::Error> {
    let device = Device::flex().autodiff();
    let x = Tensor::<2>::random([BATCH, SIZES[0]], Distribution::Default, &device);
    let y = Tensor::<2>::random([BATCH, SIZES[3]], Distribution::Default, &device);

    let burn = Burn { layers: SIZES.windows(2).map(|s| nn::LinearConfig::new(s[0], s[1]).init(&device)).collect() };
    let layers = || -> Vec<ours::Linear> {
        let mut layers: Vec<ours::Linear> = burn.clone().layers.into_iter().map(ours::Linear::from).collect();
        layers[0].activation = Activation::Relu;
        layers[1].activation = Activation::Relu;
        layers
    };
    let burns = || optim::AdamWConfig::new().init();
    let adam_w = || ours::AdamWConfig::new().init();
    let mut candidates = [
        ("burn", candidate(burn.clone(), Loss::Burn, burns())),
        ("this crate's AdamW", candidate(burn.clone(), Loss::Burn, adam_w()?)),
        ("Linear", candidate(Layers { layers: layers() }, Loss::Burn, burns())),
        ("Linear, AdamW", candidate(Layers { layers: layers() }, Loss::Burn, adam_w()?)),
        ("Linear, AdamW, MseLoss", candidate(Layers { layers: layers() }, Loss::Ours, adam_w()?)),
        ("Mlp, AdamW, MseLoss", candidate(ours::Mlp { layers: layers() }, Loss::Ours, adam_w()?)),
    ];
    for _ in 0..ROUNDS {
        for (_, candidate) in &mut candidates {
            candidate.round(&x, &y);
        }
    }
    println!("µs a step, medians of {ROUNDS} rounds of {STEPS} steps:");
    print!("{:30}{:>8}{:>8}", "", "step", "ratio");
    PARTS.iter().for_each(|part| print!("{part:>11}"));
    println!();
    let steps = |times: &[[Duration; PARTS.len()]]| -> Vec<f64> {
        times.iter().map(|parts| parts.iter().sum::<Duration>().as_secs_f64() * 1e6).collect()
    };
    let reference = steps(candidates[0].1.times());
    for (name, candidate) in &candidates {
        let own = steps(candidate.times());
        let ratio = median(own.iter().zip(&reference).map(|(own, reference)| own / reference).collect());
        print!("{name:30}{:8.1}{ratio:8.3}", median(own));
        for part in 0..PARTS.len() {
            let times = candidate.times().iter().map(|parts| parts[part].as_secs_f64() * 1e6).collect();
            print!("{:11.1}", median(times));
        }
        println!();
    }
    Ok(())
}
