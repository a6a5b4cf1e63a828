//! A training step of a 6-64-8-4 network at batch 32, by burn alone and with this crate: forward, loss, backward, optimizer.
//!
//! The networks train alternately in one run, on one thread. It prints the median processor time of a step, and of its parts, and
//! what single calls cost beside the kernels that they call. The argument is the number of rounds.

use burn::module::Module;
use burn::nn::loss::{MseLoss, Reduction};
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Distribution, Tensor};
use burn::{nn, optim};
use cpu_time::ThreadTime;
use lanegrad::{MatMut, MatRef, dense};
use lanegrad_burn as ours;
use lanegrad_burn::Activation;
use std::time::Duration;

const SIZES: [usize; 4] = [6, 64, 8, 4];
const BATCH: usize = 32;
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

/// lanegrad without burn.
struct Alone {
    network: lanegrad::Network,
    backend: lanegrad::Backend,
    optimizer: lanegrad::Optimizer,
    data: [Vec<f32>; 2],
    times: Vec<[Duration; PARTS.len()]>,
}

impl Alone {
    fn new(x: &Tensor<2>, y: &Tensor<2>) -> Result<Self, lanegrad::Error> {
        let layer = |(l, &units)| {
            let activation = if l < 2 { lanegrad::Activation::Relu } else { lanegrad::Activation::Identity };
            lanegrad::LayerOptions { units, activation, initialization: lanegrad::Initialization::HeUniform }
        };
        let layers: Vec<_> = SIZES[1..].iter().enumerate().map(layer).collect();
        let mut at = 0.0;
        let uniform = || {
            at = (at + 0.618_033_988_75) % 1.0;
            at
        };
        Ok(Self {
            network: lanegrad::Network::new(SIZES[0], &layers, uniform)?,
            backend: lanegrad::Backend::new()?,
            optimizer: lanegrad::Optimizer::new(lanegrad::Rule::adam_w(lanegrad::LearningRate::Constant(1e-3))?),
            data: [x, y].map(|tensor| tensor.to_data().try_into_vec_as().unwrap_or_default()),
            times: Vec::new(),
        })
    }

    fn step(&mut self) -> Result<f64, lanegrad::Error> {
        let [x, y] = &self.data;
        let (x, target) = (MatRef::new(x, BATCH, SIZES[0])?, MatRef::new(y, BATCH, SIZES[3])?);
        let loss = lanegrad::SquaredErrorLoss { c: 1.0 / SIZES[3] as f32 };
        let options = lanegrad::TrainOptions { loss, clip: None };
        self.network.train_step(&mut self.backend, &mut self.optimizer, options, lanegrad::Batch { x, target })
    }
}

impl Train for Alone {
    fn round(&mut self, _: &Tensor<2>, _: &Tensor<2>) {
        let clock = ThreadTime::now();
        (0..STEPS).for_each(|_| _ = self.step());
        let mut times = [Duration::ZERO; PARTS.len()];
        times[0] = clock.elapsed() / STEPS as u32;
        self.times.push(times);
    }

    fn times(&self) -> &[[Duration; PARTS.len()]] {
        &self.times
    }
}

/// Nanoseconds of processor time of each of two calls, in turns: medians.
fn alternate(rounds: usize, mut first: impl FnMut(), mut second: impl FnMut()) -> [f64; 2] {
    let time = |f: &mut dyn FnMut()| {
        let clock = ThreadTime::now();
        (0..STEPS).for_each(|_| f());
        clock.elapsed().as_secs_f64() * 1e9 / STEPS as f64
    };
    let (first, second) = (0..rounds).map(|_| (time(&mut first), time(&mut second))).unzip();
    [median(first), median(second)]
}

/// What the layer of 64 inputs and 8 units costs beside its kernels.
fn calls(rounds: usize) -> Result<(), lanegrad::Error> {
    let device = Device::flex();
    let layer = ours::LinearConfig::new(64, 8).with_activation(Activation::Relu).init(&device);
    let x = Tensor::<2>::random([BATCH, 64], Distribution::Default, &device);
    let data: Vec<f32> = x.to_data().try_into_vec_as().unwrap_or_default();
    let (w, bias, mut z) = (vec![0.1; 64 * 8], vec![0.1; 8], vec![0.0; BATCH * 8]);
    let mut backend = lanegrad::Backend::new()?;
    let mut kernel = || -> Result<(), lanegrad::Error> {
        let (x, w) = (MatRef::new(&data, BATCH, 64)?, MatRef::new(&w, 64, 8)?.t());
        let operands = dense::Forward { x, w, bias: Some(&bias), activation: lanegrad::Activation::Relu };
        dense::forward(&mut backend, operands, MatMut::new(&mut z, BATCH, 8)?)
    };
    let adapter = || drop(layer.forward(x.clone()));
    let [adapter, alone] = alternate(rounds, adapter, || _ = kernel());
    println!("Linear::forward of 64 to 8, without autodiff: {adapter:.0} ns, of which the kernel {alone:.0} ns");

    let rule = lanegrad::Rule::adam_w(lanegrad::LearningRate::Constant(1e-3))?;
    let (optimizer, backend) = (ours::RuleOptimizer::new(rule)?, lanegrad::Backend::new()?);
    let mut state = lanegrad::State::new(rule.method(), w.len())?;
    let (mut theta, mut kept) = (Some(Tensor::<2>::ones([64, 8], &device)), None);
    let (gradient, mut own) = (Tensor::<2>::ones([64, 8], &device), w.clone());
    let adapter = || {
        if let Some(tensor) = theta.take() {
            let (tensor, state) = optim::Optimizer::step(&optimizer, 1e-3, tensor, gradient.clone(), kept.take());
            (theta, kept) = (Some(tensor), state);
        }
    };
    let [adapter, alone] = alternate(rounds, adapter, || _ = state.update(&backend, &rule, 1, &mut own, &w));
    println!("AdamW of 512 parameters: {adapter:.0} ns, of which the kernel {alone:.0} ns");
    Ok(())
}

fn candidate<N: Network + 'static>(network: N, loss: Loss, optimizer: ModuleOptimizer) -> Box<dyn Train> {
    Box::new(Candidate { network: Some(network), loss, optimizer, times: Vec::new() })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() -> Result<(), lanegrad::Error> {
    let rounds = std::env::args().nth(1).and_then(|rounds| rounds.parse().ok()).unwrap_or(60).max(1);
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
        ("lanegrad without burn", Box::new(Alone::new(&x, &y)?)),
    ];
    for _ in 0..rounds {
        for (_, candidate) in &mut candidates {
            candidate.round(&x, &y);
        }
    }
    println!("µs a step, medians of {rounds} rounds of {STEPS} steps:");
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
    calls(rounds)
}
