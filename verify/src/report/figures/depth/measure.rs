//! Norms of a deep net's gradients and Jacobians.

use crate::check::network::peer;
use crate::random::uniform;
use crate::reference::{self, Matrix, singular_values};
use lanegrad::{
    Activation, Backend, Batch, Error, Initialization, LayerOptions, LearningRate, MatMut, MatRef, Method, Network,
    Optimizer, Rule, SquaredErrorLoss, TrainOptions, clip, dense,
};

pub(super) const LAYERS: usize = 50;
pub(super) const EXAMPLES: usize = 32;
/// The layers whose Jacobians are measured are so far apart.
pub(super) const EVERY: usize = 5;

/// Norms of a net.
pub(super) struct Norms {
    /// `‖∂L/∂a_l‖` for l = 1, …, L: the root of the sum of squares over the mini-batch.
    pub(super) deltas: Vec<f64>,
    /// The spectral norm of `∂z_L/∂z_l` at the first example, for l = 0, 5, …, L.
    pub(super) jacobians: Vec<f64>,
    /// `∏ σ_max(f'_k)` over the layers k = l + 1, …, L, for the same l.
    pub(super) bounds: Vec<f64>,
}

impl Norms {
    /// Those of a net of `width` units in each layer, whose weights are normal with the variance `scale/in`, with biases of 0, at inputs that are normal with variance 1. The
    /// same seed gives the same weights but for their scale.
    pub(super) fn measure(
        backend: &mut Backend,
        activation: Activation,
        scale: f32,
        width: usize,
        seed: u64,
    ) -> Result<Self, Error> {
        let mut uniform = uniform(seed);
        // As many units as inputs: the variance is 1/in.
        let layer = LayerOptions { units: width, activation, initialization: Initialization::GlorotNormal };
        let mut network = Network::new(width, &[layer; LAYERS], &mut uniform)?;
        for [w, _] in network.parameters_mut() {
            w.iter_mut().for_each(|weight| *weight *= scale.sqrt());
        }
        let mut normal = || {
            // Box & Muller 1958; 1 − u keeps the logarithm finite.
            let radius = (-2.0 * (1.0 - uniform()).ln()).sqrt();
            (radius * (std::f64::consts::TAU * uniform()).cos()) as f32
        };
        let x: Vec<f32> = (0..EXAMPLES * width).map(|_| normal()).collect();
        let y: Vec<f32> = (0..EXAMPLES * width).map(|_| normal()).collect();
        let batch = Batch { x: MatRef::new(&x, EXAMPLES, width)?, target: MatRef::new(&y, EXAMPLES, width)? };
        // A step of length 0: gradients alone are wanted.
        let mut optimizer = Optimizer::new(Rule::new(Method::sgd(), LearningRate::Constant(0.0))?);
        let options = TrainOptions { loss: SquaredErrorLoss { c: 0.5 }, clip: None };
        network.train_step(backend, &mut optimizer, options, batch)?;

        let deltas = network
            .last_step()
            .map(|layer| {
                clip::global_norm(backend, &[layer.delta.as_slice().expect("a network's matrices have no gaps")])
            })
            .collect();
        Ok(Self { deltas, jacobians: jacobians(&network, backend, width)?, bounds: bounds(&network) })
    }
}

/// The spectral norms of `∂z_L/∂z_l`, for l = 0, 5, …, L.
///
/// Backward of a mini-batch whose row k has 1 at output k and 0 elsewhere: row k becomes that output's gradient, so the mini-batch becomes the
/// Jacobian, layer by layer down to the inputs.
fn jacobians(network: &Network, backend: &mut Backend, width: usize) -> Result<Vec<f64>, Error> {
    let mut jacobian: Vec<f32> = (0..width * width).map(|at| f32::from(u8::from(at % (width + 1) == 0))).collect();
    let mut delta = jacobian.clone();
    let mut norms = vec![1.0];
    for (l, (layer, step)) in network.layers().iter().zip(network.last_step()).enumerate().rev() {
        // The first example's outputs, in every row.
        let z =
            MatRef::with_strides(step.z.as_slice().expect("a network's matrices have no gaps"), width, width, 0, 1)?;
        let gradient = MatRef::new(&jacobian, width, width)?;
        let operands = dense::ActivationBackward { gradient, z, activation: layer.activation() };
        dense::activation_backward(backend, operands, MatMut::new(&mut delta, width, width)?)?;
        let operands = dense::Backward { delta: MatRef::new(&delta, width, width)?, w: layer.weights(), below: None };
        dense::backward(backend, operands, MatMut::new(&mut jacobian, width, width)?)?;
        if l % EVERY == 0 {
            norms.push(largest(&Matrix::from_fn(width, width, |i, j| jacobian[i * width + j].into())));
        }
    }
    norms.reverse();
    Ok(norms)
}

/// The products of the largest singular values of `f'_k = diag(h'(a_k))·W_k` from layer l + 1 on, for l = 0, 5, …, L. No vector is
/// stretched by a product of matrices more than by each of them at most.
fn bounds(network: &Network) -> Vec<f64> {
    let (mut bounds, mut product) = (vec![1.0], 1.0);
    let layers = peer(network).layers;
    for (l, (reference::Layer { w, activation, .. }, step)) in layers.iter().zip(network.last_step()).enumerate().rev()
    {
        let z = step.z.as_slice().expect("a network's matrices have no gaps");
        product *=
            largest(&Matrix::from_fn(w.rows(), w.cols(), |j, i| activation.derivative(z[j].into()) * w.at(j, i)));
        if l % EVERY == 0 {
            bounds.push(product);
        }
    }
    bounds.reverse();
    bounds
}

fn largest(matrix: &Matrix) -> f64 {
    singular_values(matrix).first().copied().unwrap_or_default()
}
