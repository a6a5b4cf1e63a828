//! What subnormal numbers cost: the time of a training step on them, as a part of that on ordinary ones. Exit code 1 if it is more
//! than twice as much anywhere.
//!
//! ```text
//! cargo run --release -p lanegrad-verify --example subnormals
//! ```
//! Some processors compute with subnormals at full speed; others stop for each vector that holds one, for some hundred cycles.

use lanegrad::{
    Activation, Backend, Batch, Error, Initialization, Isa, LayerOptions, LearningRate, MatRef, Method, Momentum,
    Network, Optimizer, Rule, SquaredErrorLoss, TrainOptions,
};
use lanegrad_verify::random::uniform;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::process::ExitCode;
use std::time::{Duration, Instant};

const BATCH: usize = 128;
const INPUTS: usize = 784;
const HIDDEN: usize = 128;
const OUTPUTS: usize = 10;

/// Ordinary numbers lie in ±1, and subnormal ones so far down that their sums are subnormal too.
const ORDINARY: f32 = 1.0;
const SUBNORMAL: f32 = f32::MIN_POSITIVE / 128.0;

/// What the inputs, the parameters and the targets are multiples of.
const DATA: [(&str, [f32; 3]); 4] = [
    ("ordinary", [ORDINARY, ORDINARY, ORDINARY]),
    // The weights' gradient is subnormal too.
    ("inputs", [SUBNORMAL, ORDINARY, ORDINARY]),
    // Outputs, deltas and gradients are subnormal too.
    ("parameters and targets", [ORDINARY, SUBNORMAL, SUBNORMAL]),
    ("all of it", [SUBNORMAL, SUBNORMAL, SUBNORMAL]),
];

const METHODS: [(&str, Method); 3] = [
    ("SGD", Method::Sgd),
    ("momentum", Method::Momentum { momentum: Momentum::Constant(0.9) }),
    ("Adam", Method::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }),
];

fn numbers(seed: u64, len: usize, scale: f32) -> Vec<f32> {
    let mut rng = StdRng::seed_from_u64(seed);
    (0..len).map(|_| scale * rng.random_range(-1.0_f32..1.0)).collect()
}

/// A network whose every step begins with the same parameters, so that they stay what they are.
struct Training {
    network: Network,
    optimizer: Optimizer,
    parameters: Vec<Vec<f32>>,
    x: Vec<f32>,
    y: Vec<f32>,
    fastest: Duration,
}

impl Training {
    fn new(method: Method, [x, theta, y]: [f32; 3]) -> Result<Self, Error> {
        let layer = |units, activation| LayerOptions { units, activation, initialization: Initialization::HeNormal };
        let layers = [layer(HIDDEN, Activation::Relu), layer(OUTPUTS, Activation::Identity)];
        let network = Network::new(INPUTS, &layers, uniform(1))?;
        let lens = [HIDDEN * INPUTS, HIDDEN, OUTPUTS * HIDDEN, OUTPUTS];
        Ok(Self {
            network,
            optimizer: Optimizer::new(Rule::new(method, LearningRate::Constant(0.01))?),
            parameters: lens.iter().zip(0..).map(|(&len, seed)| numbers(seed, len, theta)).collect(),
            x: numbers(4, BATCH * INPUTS, x),
            y: numbers(5, BATCH * OUTPUTS, y),
            fastest: Duration::MAX,
        })
    }

    fn step(&mut self, backend: &mut Backend) -> Result<(), Error> {
        for (tensor, numbers) in self.network.parameters_mut().flatten().zip(&self.parameters) {
            tensor.copy_from_slice(numbers);
        }
        let x = MatRef::new(&self.x, BATCH, INPUTS)?;
        let target = MatRef::new(&self.y, BATCH, OUTPUTS)?;
        let options = TrainOptions { loss: SquaredErrorLoss { c: 0.5 }, clip: None };
        let start = Instant::now();
        self.network.train_step(backend, &mut self.optimizer, options, Batch { x, target })?;
        self.fastest = self.fastest.min(start.elapsed());
        Ok(())
    }
}

fn main() -> Result<ExitCode, Error> {
    println!("{BATCH} examples, {INPUTS}-{HIDDEN}-{OUTPUTS}, ReLU, squared error: microseconds of a step\n");
    println!("{:<9} {:<9} {:<24} {:>9} {:>7}", "", "", "subnormal", "µs", "ratio");
    let mut most = 0.0_f64;
    for isa in Isa::available() {
        let mut backend = Backend::with_isa(isa);
        for (name, method) in METHODS {
            let runs = DATA.map(|(what, scales)| Training::new(method, scales).map(|training| (what, training)));
            let mut runs = runs.into_iter().collect::<Result<Vec<_>, _>>()?;
            // Everything in turn, since the machine's clock and its other users change; the fastest counts.
            for _ in 0..if isa.name() == "scalar" { 5 } else { 50 } {
                runs.iter_mut().try_for_each(|(_, training)| training.step(&mut backend))?;
            }
            let ordinary = runs[0].1.fastest;
            for (what, Training { fastest, .. }) in &runs {
                let ratio = fastest.as_secs_f64() / ordinary.as_secs_f64();
                most = most.max(ratio);
                println!("{:<9} {name:<9} {what:<24} {:>9.1} {ratio:>7.2}", isa.name(), 1e6 * fastest.as_secs_f64());
            }
        }
    }
    println!("\nat most {most:.2} times as long as on ordinary numbers");
    Ok(if most <= 2.0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
