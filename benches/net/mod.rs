//! Networks in training, shared by all benchmarks of a training step.

#![allow(dead_code, reason = "each benchmark takes a part of it")]

use lanegrad::{
    Activation, Backend, Batch, CrossEntropyLoss, Error, Initialization, LayerOptions, LearningRate, MatRef, Method,
    Network, Optimizer, Rule, TrainOptions,
};
use lanegrad_verify::random::uniform;

/// The units of the layers, and the size of a mini-batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Net {
    pub(crate) layers: &'static [usize],
    pub(crate) batch: usize,
}

const SMALL: &[usize] = &[64, 32, 10];
const MNIST: &[usize] = &[784, 128, 10];
const WIDE: &[usize] = &[784, 512, 512, 10];
const DEEP: &[usize] = &[784, 1024, 1024, 1024, 10];

/// One example and many; networks that fit L1, L2, L3 and, with an optimizer's state, not even that.
pub(crate) const NETS: [Net; 12] = [
    Net { layers: SMALL, batch: 32 },
    Net { layers: MNIST, batch: 1 },
    Net { layers: MNIST, batch: 32 },
    Net { layers: MNIST, batch: 128 },
    Net { layers: WIDE, batch: 1 },
    Net { layers: WIDE, batch: 32 },
    Net { layers: WIDE, batch: 128 },
    Net { layers: WIDE, batch: 512 },
    Net { layers: DEEP, batch: 1 },
    Net { layers: DEEP, batch: 32 },
    Net { layers: DEEP, batch: 128 },
    Net { layers: DEEP, batch: 512 },
];

/// A small step, so that parameters and gradients stay in the normal range, however many steps are made.
pub(crate) const RATE: f64 = 1e-6;

impl Net {
    /// `784-128-10, 32`
    pub(crate) fn name(self) -> String {
        let units: Vec<String> = self.layers.iter().map(usize::to_string).collect();
        format!("{}, {}", units.join("-"), self.batch)
    }

    pub(crate) fn inputs(self) -> usize {
        self.layers[0]
    }

    pub(crate) fn parameters(self) -> usize {
        self.layers.windows(2).map(|units| (units[0] + 1) * units[1]).sum()
    }

    /// The floating-point operations of a step's products: three a layer, but that the first has no delta below it.
    pub(crate) fn flops(self) -> u64 {
        let products = self.layers.windows(2).enumerate().map(|(index, units)| {
            let product = 2 * (self.batch * units[0] * units[1]) as u64;
            if index == 0 { 2 * product } else { 3 * product }
        });
        products.sum()
    }

    /// Inputs, batch × inputs.
    pub(crate) fn x(self) -> Vec<f32> {
        (0..self.batch * self.inputs()).map(|i| (i * 7 % 13) as f32 / 13.0 - 0.49).collect()
    }

    /// A class for each example.
    pub(crate) fn labels(self) -> Vec<u32> {
        let classes = self.layers.last().map_or(1, |&classes| classes as u32);
        (0..self.batch as u32).map(|example| example % classes).collect()
    }
}

/// One of ours, with what it is trained on.
pub(crate) struct Training {
    net: Net,
    network: Network,
    optimizer: Optimizer,
    backend: Backend,
    x: Vec<f32>,
    labels: Vec<u32>,
}

impl Training {
    /// With ReLU, and softmax cross-entropy at the end.
    pub(crate) fn new(backend: Backend, net: Net, method: Method) -> Result<Self, Error> {
        let last = net.layers.len() - 1;
        let layers = net.layers.iter().enumerate().skip(1).map(|(index, &units)| LayerOptions {
            units,
            activation: if index == last { Activation::Identity } else { Activation::Relu },
            initialization: Initialization::HeUniform,
        });
        let network = Network::new(net.inputs(), &layers.collect::<Vec<_>>(), uniform(1))?;
        let optimizer = Optimizer::new(Rule::new(method, LearningRate::Constant(RATE))?);
        Ok(Self { net, network, optimizer, backend, x: net.x(), labels: net.labels() })
    }

    /// Makes a step. Returns the loss before it.
    pub(crate) fn step(&mut self) -> Result<f64, Error> {
        let x = MatRef::new(&self.x, self.net.batch, self.net.inputs())?;
        let options = TrainOptions { loss: CrossEntropyLoss, clip: None };
        self.network.train_step(&mut self.backend, &mut self.optimizer, options, Batch { x, target: &self.labels })
    }
}
