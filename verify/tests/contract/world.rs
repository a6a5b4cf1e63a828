//! What a call may write, as it is before a call; and operands for it.

use lanegrad::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

/// No number that a computation would leave by chance: it tells whether a buffer was touched.
const CANARY: f32 = f32::from_bits(0x7fc0_1234);
pub(crate) const DATA: [f32; 32] = [0.5; 32];

/// All that a call may write: outputs, and state in the middle of its life.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) backend: Backend,
    pub(crate) output: [f32; 24],
    pub(crate) bias: [f32; 8],
    parameters: [Vec<f32>; 2],
    pub(crate) optimizer: Optimizer,
    /// One with a last layer of tanh, one without activation; each with an optimizer that has made a step.
    pub(crate) networks: [(Network, Optimizer); 2],
}

pub(crate) fn layer(units: usize, activation: Activation) -> LayerOptions {
    LayerOptions { units, activation, initialization: Initialization::HeNormal }
}

pub(crate) fn view(rows: usize, cols: usize) -> MatRef<'static> {
    MatRef::new(&DATA, rows, cols).unwrap()
}

/// rows × cols out of one number: a mini-batch of any size.
pub(crate) fn broadcast(rows: usize, cols: usize) -> MatRef<'static> {
    MatRef::with_strides(&DATA, rows, cols, 0, 0).unwrap()
}

pub(crate) const TANH: usize = 0;
pub(crate) const IDENTITY: usize = 1;
pub(crate) const SQUARED: Loss = Loss::SquaredError { c: 0.5 };
pub(crate) const SOFTMAX: Loss = Loss::SoftmaxCrossEntropy;
pub(crate) const LABELS: Target<'_> = Target::Labels(&[0, 1, 2, 1]);

pub(crate) fn values(rows: usize, cols: usize) -> Target<'static> {
    Target::Values(view(rows, cols))
}

impl World {
    pub(crate) fn new(isa: Isa, method: Method) -> Self {
        let rate = LearningRate::Constant(0.125);
        let mut optimizer = Optimizer::new(method, rate).unwrap();
        let mut backend = Backend::with_isa(isa);
        let mut parameters = [vec![0.3; 37], vec![-0.7; 3]];
        let [w, b] = &mut parameters;
        optimizer.begin(&backend, &mut [w, b]).unwrap().finish(&[&[0.9; 37], &[-1.1; 3]]).unwrap();
        let networks = [(Activation::Tanh, values(4, 3), SQUARED), (Activation::Identity, LABELS, SOFTMAX)];
        let networks = networks.map(|(last, target, loss)| {
            let layers = [layer(17, Activation::Tanh), layer(3, last)];
            let mut network = Network::new(5, &layers, &mut StdRng::seed_from_u64(3)).unwrap();
            let mut optimizer = Optimizer::new(method, rate).unwrap();
            let batch = Batch { x: view(4, 5), target, loss, clip: None };
            network.train_step(&mut backend, &mut optimizer, batch).unwrap();
            (network, optimizer)
        });
        Self { backend, output: [CANARY; 24], bias: [CANARY; 8], parameters, optimizer, networks }
    }

    pub(crate) fn train(
        &mut self,
        network: usize,
        x: MatRef<'_>,
        target: Target<'_>,
        loss: Loss,
        clip: Option<Clip>,
    ) -> Result<(), Error> {
        let (network, optimizer) = &mut self.networks[network];
        network.train_step(&mut self.backend, optimizer, Batch { x, target, loss, clip }).map(drop)
    }

    pub(crate) fn begin(&mut self, lens: &[usize]) -> Result<(), Error> {
        let mut tensors: Vec<_> = lens.iter().map(|&len| vec![CANARY; len]).collect();
        let mut parameters: Vec<_> = tensors.iter_mut().map(Vec::as_mut_slice).collect();
        let result = self.optimizer.begin(&self.backend, &mut parameters).map(drop);
        assert_eq!(bits(&tensors.concat()), bits(&vec![CANARY; lens.iter().sum()]));
        result
    }

    pub(crate) fn finish(&mut self, lens: &[usize]) -> Result<(), Error> {
        let gradients: Vec<_> = lens.iter().map(|&len| vec![1.0_f32; len]).collect();
        let gradients: Vec<_> = gradients.iter().map(Vec::as_slice).collect();
        let [w, b] = &mut self.parameters;
        self.optimizer.begin(&self.backend, &mut [w, b])?.finish(&gradients)
    }

    /// Everything, in bits. The workspace and the buffers of a network are no state: the steps that follow do not see them.
    pub(crate) fn snapshot(&self) -> (Vec<u32>, String) {
        let layers = self.networks.iter().flat_map(|(network, _)| network.layers());
        let numbers = layers.flat_map(|layer| layer.weights().parts().0.iter().chain(layer.bias()));
        let numbers = numbers.chain(&self.output).chain(&self.bias).chain(self.parameters.iter().flatten());
        let optimizers = (&self.optimizer, &self.networks[0].1, &self.networks[1].1);
        (numbers.map(|x| x.to_bits()).collect(), format!("{optimizers:?}"))
    }

    /// The bits after one more step of everything.
    pub(crate) fn later(mut self) -> (Vec<u32>, String) {
        self.train(TANH, view(4, 5), values(4, 3), SQUARED, None).unwrap();
        self.train(IDENTITY, view(4, 5), LABELS, SOFTMAX, None).unwrap();
        let [w, b] = &mut self.parameters;
        self.optimizer.begin(&self.backend, &mut [w, b]).unwrap().finish(&[&[0.5; 37], &[0.25; 3]]).unwrap();
        self.snapshot()
    }
}

fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|x| x.to_bits()).collect()
}
