//! A stack of dense layers as one operation: the products of all layers, and one node in burn's graph.

use crate::Activation;
use crate::node::{Operation, apply};
use crate::tensor::{Matrix, contiguous, elements, error, from_elements, zeros};
use crate::thread::Scratch;
use burn::backend::DispatchTensor;
use burn::backend::flex::FlexTensor;
use burn::tensor::{ExecutionError, Tensor};
use lanegrad::dense::{self, ActivationBackward, Backward, Forward, Gradient};
use lanegrad::{Error, MatMut, MatRef};

const OPERATION: &str = "dense layer";

/// The number of layers of one node. A longer stack is several nodes.
const LAYERS: usize = 8;

/// One layer: its parameters as burn's `Linear` has them, with w of shape `[inputs, outputs]`, and its activation.
#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) weight: Tensor<2>,
    pub(crate) bias: Option<Tensor<1>>,
    pub(crate) activation: Activation,
}

/// `z = h(x·w + b)`, layer by layer. Dimensions of x before the last are batch dimensions.
pub(crate) fn forward<const D: usize>(x: Tensor<D>, layers: Vec<Layer>) -> Result<Tensor<D>, ExecutionError> {
    let shape = x.shape();
    let Some(&last) = shape.last() else {
        return Err(error(OPERATION, "inputs have no dimension, expected at least one"));
    };
    let mut width = last;
    for Layer { weight, bias, .. } in &layers {
        let [inputs, outputs] = weight.dims();
        if inputs != width {
            let expected =
                format_args!("inputs have {width} features, expected {inputs} (weights are {inputs}×{outputs})");
            return Err(error(OPERATION, expected));
        }
        if let Some([found]) = bias.as_ref().map(Tensor::dims).filter(|&[found]| found != outputs) {
            return Err(error(OPERATION, format_args!("bias has length {found}, expected {outputs}")));
        }
        width = outputs;
    }
    let mut z = x.into_dispatch();
    let mut layers = layers.into_iter().peekable();
    while let Some(first) = layers.next() {
        let mut node = Node::new(z, first);
        while let Some(layer) = layers.next_if(|layer| node.takes(layer)) {
            node.push(layer);
        }
        z = node.apply()?;
    }
    Ok(Tensor::from_dispatch(z))
}

/// The layers of a node in the making.
struct Node {
    dense: Dense,
    layers: usize,
    inputs: Vec<DispatchTensor>,
}

impl Node {
    fn new(x: DispatchTensor, layer: Layer) -> Self {
        let dense = Dense { activations: [lanegrad::Activation::Identity; LAYERS], biased: layer.bias.is_some() };
        let mut node = Self { dense, layers: 0, inputs: Vec::with_capacity(1 + 2 * LAYERS) };
        node.inputs.push(x);
        node.push(layer);
        node
    }

    fn takes(&self, layer: &Layer) -> bool {
        self.layers < LAYERS && layer.bias.is_some() == self.dense.biased
    }

    fn push(&mut self, layer: Layer) {
        self.dense.activations[self.layers] = layer.activation.into();
        self.layers += 1;
        self.inputs.push(layer.weight.into_dispatch());
        self.inputs.extend(layer.bias.map(Tensor::into_dispatch));
    }

    /// A node of burn's graph has its number of inputs in its type.
    fn apply(self) -> Result<DispatchTensor, ExecutionError> {
        macro_rules! with_inputs {
            ($($n:literal)*) => {
                match self.inputs.len() {
                    $($n => match <[DispatchTensor; $n]>::try_from(self.inputs) {
                        Ok(inputs) => apply(self.dense, inputs),
                        Err(_) => unreachable!("the length was matched"),
                    },)*
                    _ => unreachable!("a node has at most {LAYERS} layers"),
                }
            };
        }
        with_inputs!(2 3 4 5 6 7 8 9 11 13 15 17)
    }
}

/// The operation. Its inputs are x, then w and b of each layer, or only w.
#[derive(Debug)]
struct Dense {
    activations: [lanegrad::Activation; LAYERS],
    biased: bool,
}

/// What the backward pass needs.
#[derive(Clone, Debug)]
struct Saved {
    biased: bool,
    x: Matrix,
    weights: Vec<Matrix>,
    activations: [lanegrad::Activation; LAYERS],
    /// The outputs of all layers but the last, one after the other.
    hidden: Vec<f32>,
    /// The output of the last layer, if its activation needs it.
    output: Option<Matrix>,
}

impl<const N: usize> Operation<N> for Dense {
    type Saved = Saved;

    const NAME: &'static str = OPERATION;

    fn input_name(&self, index: usize) -> &'static str {
        match index {
            0 => "inputs",
            _ if self.biased && index.is_multiple_of(2) => "biases",
            _ => "weights",
        }
    }

    fn forward(self, scratch: &mut Scratch, inputs: [FlexTensor; N]) -> Result<(FlexTensor, Saved), Error> {
        let Self { activations, biased } = self;
        let mut inputs = inputs.into_iter();
        let x = inputs.next().expect("the first input is x");
        let mut shape = x.layout().shape().clone();
        let x = Matrix::new(x);
        let batch = x.rows();
        let (mut weights, mut biases) = (Vec::with_capacity(N), [const { None }; LAYERS]);
        while let Some(weight) = inputs.next() {
            if biased {
                biases[weights.len()] = inputs.next().map(contiguous);
            }
            weights.push(Matrix::new(weight));
        }
        let top = weights.len() - 1;
        let units = |layer: usize| weights[layer].cols();
        let mut hidden = zeros(OPERATION, batch.checked_mul((0..top).map(units).sum()))?;
        let mut output = zeros(OPERATION, batch.checked_mul(units(top)))?;
        let mut run = |layer: usize, x: MatRef<'_>, z: &mut [f32]| {
            let (w, bias) = (weights[layer].view()?.t(), biases[layer].as_ref().map(elements));
            let operands = Forward { x, w, bias, activation: activations[layer] };
            dense::forward(&mut scratch.backend, operands, MatMut::new(z, batch, units(layer))?)
        };
        let (mut x_of_layer, mut rest) = (x.view()?, hidden.as_mut_slice());
        for layer in 0..top {
            let (z, tail) = core::mem::take(&mut rest).split_at_mut(batch * units(layer));
            run(layer, x_of_layer, z)?;
            (x_of_layer, rest) = (MatRef::new(z, batch, units(layer))?, tail);
        }
        run(top, x_of_layer, &mut output)?;
        if let Some(last) = shape.last_mut() {
            *last = units(top);
        }
        let output = from_elements(output, shape);
        let of_activation = (activations[top] != lanegrad::Activation::Identity).then(|| Matrix::new(output.clone()));
        Ok((output, Saved { biased, x, weights, activations, hidden, output: of_activation }))
    }

    fn backward(
        scratch: &mut Scratch,
        saved: Saved,
        gradient: FlexTensor,
        needed: [bool; N],
    ) -> Result<[Option<FlexTensor>; N], Error> {
        let Saved { biased, x, weights, activations, hidden, output } = saved;
        let Scratch { backend, deltas: [delta, below] } = scratch;
        let mut gradients = [const { None }; N];
        let (batch, top) = (x.rows(), weights.len() - 1);
        let gradient = Matrix::new(gradient);
        if let Some(output) = &output {
            let operands =
                ActivationBackward { gradient: gradient.view()?, z: output.view()?, activation: activations[top] };
            let delta = matrix(delta, batch, output.cols())?;
            dense::activation_backward(backend, operands, delta)?;
        }
        let mut end = hidden.len();
        for (layer, weight) in weights.iter().enumerate().rev() {
            let (inputs, units) = (weight.rows(), weight.cols());
            let delta_of_layer =
                if layer == top && output.is_none() { gradient.view()? } else { MatRef::new(delta, batch, units)? };
            let start = end - if layer > 0 { batch * inputs } else { 0 };
            let x_of_layer = if layer > 0 { MatRef::new(&hidden[start..end], batch, inputs)? } else { x.view()? };
            let of_weight = if biased { 1 + 2 * layer } else { 1 + layer };
            if needed[of_weight] {
                let mut dw = zeros(OPERATION, inputs.checked_mul(units))?;
                // burn's weights are in × out, so delta and x exchange their roles.
                let operands = Gradient { delta: x_of_layer, x: delta_of_layer, accumulate: false };
                dense::gradient(backend, operands, MatMut::new(&mut dw, inputs, units)?, None)?;
                gradients[of_weight] = Some(from_elements(dw, [inputs, units].into()));
            }
            if biased && needed[of_weight + 1] {
                let mut db = zeros(OPERATION, Some(units))?;
                let operands = Gradient { delta: delta_of_layer, x: x_of_layer, accumulate: false };
                dense::gradient(backend, operands, None, Some(&mut db))?;
                gradients[of_weight + 1] = Some(from_elements(db, [units].into()));
            }
            if !needed[..of_weight].contains(&true) {
                break;
            }
            let w = weight.view()?.t();
            if layer > 0 {
                let operands = Backward { delta: delta_of_layer, w, below: Some((activations[layer - 1], x_of_layer)) };
                dense::backward(backend, operands, matrix(below, batch, inputs)?)?;
                core::mem::swap(delta, below);
            } else {
                let mut dx = zeros(OPERATION, batch.checked_mul(inputs))?;
                let operands = Backward { delta: delta_of_layer, w, below: None };
                dense::backward(backend, operands, MatMut::new(&mut dx, batch, inputs)?)?;
                gradients[0] = Some(from_elements(dx, x.shape().clone()));
            }
            end = start;
        }
        Ok(gradients)
    }
}

/// A rows × cols view of a buffer, which grows if it is too short.
fn matrix(buffer: &mut Vec<f32>, rows: usize, cols: usize) -> Result<MatMut<'_>, Error> {
    let len = rows.checked_mul(cols);
    if len.is_none_or(|len| len > buffer.len()) {
        *buffer = zeros(OPERATION, len)?;
    }
    MatMut::new(buffer, rows, cols)
}
