//! What a call may write, as it is before a call; and operands for it.

use lanegrad::*;
use lanegrad_verify::objective::Objective;
use lanegrad_verify::random::uniform;

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
    /// A tensor and its state, after an update.
    pub(crate) tensor: Vec<f32>,
    pub(crate) state: State,
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
pub(crate) const LABELS: Objective<'_> = Objective::CrossEntropy { labels: &[0, 1, 2, 1] };

pub(crate) fn values(rows: usize, cols: usize) -> Objective<'static> {
    Objective::SquaredError { c: 0.5, target: view(rows, cols) }
}

impl World {
    pub(crate) fn new(isa: Isa, method: Method) -> Self {
        let rate = LearningRate::Constant(0.125);
        let mut optimizer = Optimizer::new(Rule::new(method, rate).unwrap());
        let mut backend = Backend::with_isa(isa);
        let mut parameters = [vec![0.3; 37], vec![-0.7; 3]];
        let [w, b] = &mut parameters;
        optimizer.begin(&backend, &mut Parameter::numbered([w, b])).unwrap().finish(&[&[0.9; 37], &[-1.1; 3]]).unwrap();
        let mut state = State::new(method, 37).unwrap();
        let mut tensor = vec![0.4; 37];
        state.look_ahead(&backend, &optimizer.rule(), 1, &mut tensor).unwrap();
        state.update(&backend, &optimizer.rule(), 1, &mut tensor, &[0.7; 37]).unwrap();
        let networks = [(Activation::Tanh, values(4, 3)), (Activation::Identity, LABELS)];
        let networks = networks.map(|(last, objective)| {
            let layers = [layer(17, Activation::Tanh), layer(3, last)];
            let mut network = Network::new(5, &layers, uniform(3)).unwrap();
            let mut optimizer = Optimizer::new(Rule::new(method, rate).unwrap());
            objective.train_step(&mut network, &mut backend, &mut optimizer, view(4, 5), None).unwrap();
            (network, optimizer)
        });
        Self { backend, output: [CANARY; 24], bias: [CANARY; 8], parameters, optimizer, tensor, state, networks }
    }

    pub(crate) fn train(
        &mut self,
        network: usize,
        x: MatRef<'_>,
        objective: Objective<'_>,
        clip: Option<Clip>,
    ) -> Result<(), Error> {
        let (network, optimizer) = &mut self.networks[network];
        objective.train_step(network, &mut self.backend, optimizer, x, clip).map(drop)
    }

    /// Begins a step with tensors of these keys and lengths, each changed by `with`.
    pub(crate) fn begin(
        &mut self,
        tensors: &[(u64, usize)],
        with: fn(Parameter<'_>) -> Parameter<'_>,
    ) -> Result<(), Error> {
        let mut numbers: Vec<_> = tensors.iter().map(|&(_, len)| vec![CANARY; len]).collect();
        let keys = tensors.iter().map(|&(key, _)| key);
        let mut parameters: Vec<_> =
            keys.zip(&mut numbers).map(|(key, numbers)| with(Parameter::new(key, numbers))).collect();
        let result = self.optimizer.begin(&self.backend, &mut parameters).map(drop);
        assert!(numbers.iter().flatten().all(|number| number.to_bits() == CANARY.to_bits()));
        result
    }

    /// A step on both parameters with gradients of these lengths, in two halves or in one.
    pub(crate) fn finish(&mut self, halves: bool, lens: &[usize]) -> Result<(), Error> {
        let gradients: Vec<_> = lens.iter().map(|&len| vec![1.0_f32; len]).collect();
        let gradients: Vec<_> = gradients.iter().map(Vec::as_slice).collect();
        let [w, b] = &mut self.parameters;
        let mut parameters = Parameter::numbered([w, b]);
        if halves {
            self.optimizer.begin(&self.backend, &mut parameters)?.finish(&gradients)
        } else {
            self.optimizer.step(&self.backend, &mut parameters, &gradients)
        }
    }

    /// Everything, in bits. The workspace and the buffers of a network are no state: the steps that follow do not see them.
    pub(crate) fn snapshot(&self) -> (Vec<u32>, String) {
        let layers = self.networks.iter().flat_map(|(network, _)| network.layers());
        let numbers = layers.flat_map(|layer| layer.weights().as_slice().unwrap().iter().chain(layer.bias()));
        let numbers = numbers.chain(&self.output).chain(&self.bias).chain(self.parameters.iter().flatten());
        let numbers = numbers.chain(&self.tensor);
        let optimizers = (&self.optimizer, &self.state, &self.networks[0].1, &self.networks[1].1);
        (numbers.map(|x| x.to_bits()).collect(), format!("{optimizers:?}"))
    }

    /// The bits after one more step of everything.
    pub(crate) fn later(mut self) -> (Vec<u32>, String) {
        self.train(TANH, view(4, 5), values(4, 3), None).unwrap();
        self.train(IDENTITY, view(4, 5), LABELS, None).unwrap();
        let [w, b] = &mut self.parameters;
        let mut parameters = Parameter::numbered([w, b]);
        self.optimizer.begin(&self.backend, &mut parameters).unwrap().finish(&[&[0.5; 37], &[0.25; 3]]).unwrap();
        let rule = self.optimizer.rule();
        self.state.look_ahead(&self.backend, &rule, 2, &mut self.tensor).unwrap();
        self.state.update(&self.backend, &rule, 2, &mut self.tensor, &[0.5; 37]).unwrap();
        self.snapshot()
    }
}
