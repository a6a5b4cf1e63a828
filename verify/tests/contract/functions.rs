//! Every function that takes matrices, in one form.

use crate::world::layer;
use lanegrad::*;
use lanegrad_verify::objective::Objective;
use lanegrad_verify::random::uniform;

/// Batch, inputs, outputs.
pub(crate) type Sizes = [usize; 3];

/// A function of matrices.
pub(crate) struct Function {
    pub(crate) name: &'static str,
    /// Whether it takes matrices of these sizes.
    pub(crate) takes: fn(Sizes) -> bool,
    pub(crate) inputs: fn(Sizes) -> Vec<(usize, usize)>,
    pub(crate) output: fn(Sizes) -> (usize, usize),
    /// Besides the matrices, it gets a slice with a number for each output, to read or to write.
    pub(crate) call: Call,
}

pub(crate) type Call = fn(&mut Backend, &[MatRef<'_>], MatMut<'_>, &mut [f32]) -> Result<f64, Error>;

/// Every function that takes matrices.
pub(crate) const FUNCTIONS: [Function; 12] = [
    Function {
        name: "dense::forward",
        takes: |_| true,
        inputs: |[batch, inputs, outputs]| vec![(batch, inputs), (outputs, inputs)],
        output: |[batch, _, outputs]| (batch, outputs),
        call: |backend, inputs, z, _| {
            let layer = dense::Forward { x: inputs[0], w: inputs[1], bias: None, activation: Activation::Identity };
            dense::forward(backend, layer, z).map(|()| 0.0)
        },
    },
    Function {
        name: "dense::forward with bias and activation",
        takes: |_| true,
        inputs: |[batch, inputs, outputs]| vec![(batch, inputs), (outputs, inputs)],
        output: |[batch, _, outputs]| (batch, outputs),
        call: |backend, inputs, z, bias| {
            let layer = dense::Forward { x: inputs[0], w: inputs[1], bias: Some(bias), activation: Activation::Tanh };
            dense::forward(backend, layer, z).map(|()| 0.0)
        },
    },
    Function {
        name: "dense::backward",
        takes: |_| true,
        inputs: |[batch, inputs, outputs]| vec![(batch, outputs), (outputs, inputs)],
        output: |[batch, inputs, _]| (batch, inputs),
        call: |backend, inputs, below, _| {
            let layer = dense::Backward { delta: inputs[0], w: inputs[1], below: None };
            dense::backward(backend, layer, below).map(|()| 0.0)
        },
    },
    Function {
        name: "dense::backward with a layer below",
        takes: |_| true,
        inputs: |[batch, inputs, outputs]| vec![(batch, outputs), (outputs, inputs), (batch, inputs)],
        output: |[batch, inputs, _]| (batch, inputs),
        call: |backend, inputs, below, _| {
            let z = Some((Activation::Tanh, inputs[2]));
            dense::backward(backend, dense::Backward { delta: inputs[0], w: inputs[1], below: z }, below).map(|()| 0.0)
        },
    },
    Function {
        name: "dense::activation_backward",
        takes: |[_, inputs, _]| inputs == 1,
        inputs: |[batch, _, outputs]| vec![(batch, outputs); 2],
        output: |[batch, _, outputs]| (batch, outputs),
        call: |backend, inputs, delta, _| {
            let (gradient, z) = (inputs[0], inputs[1]);
            let operands = dense::ActivationBackward { gradient, z, activation: Activation::Tanh };
            dense::activation_backward(backend, operands, delta).map(|()| 0.0)
        },
    },
    Function {
        name: "dense::gradient",
        takes: |_| true,
        inputs: |[batch, inputs, outputs]| vec![(batch, outputs), (batch, inputs)],
        output: |[_, inputs, outputs]| (outputs, inputs),
        call: |backend, inputs, dw, db| {
            let layer = dense::Gradient { delta: inputs[0], x: inputs[1], accumulate: false };
            dense::gradient(backend, layer, dw, Some(db)).map(|()| 0.0)
        },
    },
    Function {
        name: "dense::gradient, accumulated",
        takes: |_| true,
        inputs: |[batch, inputs, outputs]| vec![(batch, outputs), (batch, inputs)],
        output: |[_, inputs, outputs]| (outputs, inputs),
        call: |backend, inputs, dw, db| {
            let layer = dense::Gradient { delta: inputs[0], x: inputs[1], accumulate: true };
            dense::gradient(backend, layer, dw, Some(db)).map(|()| 0.0)
        },
    },
    Function {
        name: "loss::squared_error",
        takes: |[batch, inputs, _]| batch > 0 && inputs == 1,
        inputs: |[batch, _, outputs]| vec![(batch, outputs); 2],
        output: |[batch, _, outputs]| (batch, outputs),
        call: |backend, inputs, delta, _| {
            let (predicted, target) = (inputs[0], inputs[1]);
            let loss = loss::SquaredError { predicted, target, c: 0.5, activation: Activation::Sigmoid };
            loss::squared_error(backend, loss, delta)
        },
    },
    Function {
        name: "loss::softmax_cross_entropy",
        takes: |[batch, inputs, outputs]| batch > 0 && inputs == 1 && outputs > 0,
        inputs: |[batch, _, outputs]| vec![(batch, outputs)],
        output: |[batch, _, outputs]| (batch, outputs),
        call: |backend, inputs, delta, _| {
            let labels: Vec<_> = (0..inputs[0].rows()).map(|i| (i % inputs[0].cols()) as u32).collect();
            loss::softmax_cross_entropy(
                backend,
                loss::SoftmaxCrossEntropy { logits: inputs[0], labels: &labels },
                delta,
            )
        },
    },
    Function {
        name: "Network::predict",
        takes: |[_, inputs, outputs]| inputs > 0 && outputs > 0,
        inputs: |[batch, inputs, _]| vec![(batch, inputs)],
        output: |[batch, _, outputs]| (batch, outputs),
        call: |backend, inputs, output, side| {
            let network = network(inputs[0].cols(), output.cols());
            let mut scratch = Scratch::default();
            let found = network.predict(backend, &mut scratch, inputs[0])?;
            assert_eq!((found.rows(), found.cols()), (output.rows(), output.cols()));
            for (j, x) in side.iter_mut().enumerate() {
                *x = (0..found.rows()).filter_map(|i| found.get(i, j)).sum();
            }
            Ok(0.0)
        },
    },
    Function {
        name: "Network::train_step on values",
        takes: |[batch, inputs, outputs]| batch > 0 && inputs > 0 && outputs > 0,
        inputs: |[batch, inputs, outputs]| vec![(batch, inputs), (batch, outputs)],
        output: |[batch, _, outputs]| (batch, outputs),
        call: |backend, inputs, _, side| {
            let objective = Objective::SquaredError { c: 0.5, target: inputs[1] };
            train(backend, inputs[0], objective, Clip::GlobalNorm(1.0), side)
        },
    },
    Function {
        name: "Network::train_step on labels",
        takes: |[batch, inputs, outputs]| batch > 0 && inputs > 0 && outputs > 0,
        inputs: |[batch, inputs, _]| vec![(batch, inputs)],
        output: |[batch, _, outputs]| (batch, outputs),
        call: |backend, inputs, _, side| {
            let labels: Vec<_> = (0..inputs[0].rows()).map(|i| (i % side.len()) as u32).collect();
            train(backend, inputs[0], Objective::CrossEntropy { labels: &labels }, Clip::Value(0.1), side)
        },
    },
];

fn network(inputs: usize, outputs: usize) -> Network {
    let layers = [layer(3, Activation::Relu), layer(outputs, Activation::Identity)];
    Network::new(inputs, &layers, uniform(3)).unwrap()
}

/// Leaves the biases of the last layer in `side`.
fn train(
    backend: &mut Backend,
    x: MatRef<'_>,
    objective: Objective<'_>,
    clip: Clip,
    side: &mut [f32],
) -> Result<f64, Error> {
    let mut network = network(x.cols(), side.len());
    let momentum = Momentum::Constant(0.9);
    let mut optimizer = Optimizer::new(Rule::new(Method::Nesterov { momentum }, LearningRate::Constant(0.1))?);
    objective.train_step(&mut network, backend, &mut optimizer, x, Some(clip))?;
    let loss = objective.train_step(&mut network, backend, &mut optimizer, x, Some(clip))?;
    side.copy_from_slice(network.layers()[1].bias());
    Ok(loss)
}
