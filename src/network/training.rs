//! Training: forward, loss, backward, clipping and update in one call.

use super::{Layer, Network, TAKE, matrix, matrix_mut, numbers};
use crate::{Backend, Clip, Error, Loss, MatRef, Optimizer, dense};

/// A mini-batch.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a, T> {
    /// Inputs, batch × inputs of the network.
    pub x: MatRef<'a>,
    /// The target: the [`Loss::Target`] of the loss.
    pub target: T,
}

/// The loss, and how the gradients are clipped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrainOptions<L> {
    /// The loss: [`SquaredErrorLoss`](crate::SquaredErrorLoss) or [`CrossEntropyLoss`](crate::CrossEntropyLoss).
    pub loss: L,
    /// How the gradients are clipped before the update, or `None`.
    pub clip: Option<Clip>,
}

/// The results of a training step for one layer: see [`Network::last_step`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct LayerStep<'a> {
    /// Outputs z, batch × units.
    pub z: MatRef<'a>,
    /// `∂L/∂a`, batch × units.
    pub delta: MatRef<'a>,
    /// `∂L/∂w`, units × inputs, after clipping if the step clips.
    pub dw: MatRef<'a>,
    /// `∂L/∂b`, of length units, after clipping if the step clips.
    pub db: &'a [f32],
}

/// A layer's output z, delta and gradients.
#[derive(Clone, Debug, Default)]
pub(super) struct Buffers {
    z: Vec<f32>,
    delta: Vec<f32>,
    dw: Vec<f32>,
    db: Vec<f32>,
}

const TRAIN: &str = "train step";

impl Network {
    /// Performs one step of training: looks ahead if the optimizer does, runs forward and backward, clips and updates. Returns the loss
    /// of the mini-batch before the update.
    ///
    /// The weight decay of the optimizer's rule applies to weights, not to biases. The keys of the tensors are 0, 1, 2, …: w and b of
    /// the first layer, of the second layer, and so on. The optimizer belongs to one network: it notices another network's parameters
    /// under the same keys only if their lengths differ.
    ///
    /// The second and later steps allocate nothing, unless the mini-batch is larger than all before.
    ///
    /// # Errors
    /// If a shape, label or limit is wrong, the loss does not fit the last layer's activation, the optimizer was used for other
    /// parameters, or there is no memory for the buffers. No parameter is changed in that case.
    ///
    /// The target of a squared error is a matrix of values:
    ///
    /// ```
    /// use lanegrad::*;
    /// fn step(network: &mut Network, backend: &mut Backend, optimizer: &mut Optimizer, x: MatRef<'_>, target: MatRef<'_>) {
    ///     let options = TrainOptions { loss: SquaredErrorLoss { c: 0.5 }, clip: None };
    ///     let _ = network.train_step(backend, optimizer, options, Batch { x, target });
    /// }
    /// ```
    ///
    /// and not a list of labels:
    ///
    /// ```compile_fail
    /// use lanegrad::*;
    /// fn step(network: &mut Network, backend: &mut Backend, optimizer: &mut Optimizer, x: MatRef<'_>, target: &[u32]) {
    ///     let options = TrainOptions { loss: SquaredErrorLoss { c: 0.5 }, clip: None };
    ///     let _ = network.train_step(backend, optimizer, options, Batch { x, target });
    /// }
    /// ```
    pub fn train_step<L: Loss>(
        &mut self,
        backend: &mut Backend,
        optimizer: &mut Optimizer,
        options: TrainOptions<L>,
        batch: Batch<'_, L::Target<'_>>,
    ) -> Result<f64, Error> {
        let (TrainOptions { loss, clip }, Batch { x, target }) = (options, batch);
        x.expect(TRAIN, "inputs", (x.rows(), self.layers[0].inputs))?;
        if let Some(clip) = clip {
            clip.validate()?;
        }
        loss.check(target, self.activation(), (x.rows(), self.outputs()))?;
        self.reserve(backend, x.rows())?;
        optimizer.prepare((0..).zip(self.layers.iter().flat_map(Layer::lens)))?;

        // Nothing can fail from here on.
        self.examples = x.rows();
        let (rule, step) = (optimizer.rule(), optimizer.next_step());
        for (index, theta) in self.layers.iter_mut().flat_map(Layer::tensors).enumerate() {
            optimizer.state_mut(index, index as u64).move_ahead_for_good(backend.executor(), &rule, step, theta);
        }
        self.forward(backend, x)?;
        let loss = self.loss(backend, loss, target, x.rows())?;
        self.backward(backend, x)?;
        if let Some(clip) = clip {
            self.clip(backend, clip);
        }
        let step = optimizer.count();
        let rules = [rule, rule.without_weight_decay()];
        let gradients = self.buffers.iter().flat_map(|buffers| [&buffers.dw, &buffers.db]);
        for (index, (theta, gradient)) in self.layers.iter_mut().flat_map(Layer::tensors).zip(gradients).enumerate() {
            optimizer.state_mut(index, index as u64).run(backend.executor(), &rules[index % 2], step, theta, gradient);
        }
        Ok(loss)
    }

    /// The results of the last [`train_step`](Self::train_step) for each layer, from first to last; nothing before the first step. A
    /// step that returned an error leaves them unchanged. For a Nesterov rule they were computed at θ̃.
    ///
    /// For example, how the gradients shrink or grow from layer to layer, and the gradient of the inputs:
    ///
    /// ```
    /// use lanegrad::*;
    /// let mut backend = Backend::new()?;
    /// let layer = LayerOptions { units: 2, activation: Activation::Tanh, initialization: Initialization::GlorotNormal };
    /// let mut network = Network::new(2, &[layer; 3], || 0.25)?;
    /// let mut optimizer = Optimizer::new(Rule::new(Method::sgd(), LearningRate::Constant(0.0))?); // gradients without an update
    /// let options = TrainOptions { loss: SquaredErrorLoss { c: 0.5 }, clip: None };
    /// let batch = Batch { x: MatRef::new(&[0.5; 8], 4, 2)?, target: MatRef::new(&[1.0; 8], 4, 2)? };
    /// network.train_step(&mut backend, &mut optimizer, options, batch)?;
    /// for (l, layer) in (1..).zip(network.last_step()) {
    ///     println!("layer {l}: {:e}", clip::global_norm(&backend, &[layer.dw.as_slice().unwrap(), layer.db]));
    /// }
    ///
    /// let first = network.last_step().next().unwrap();
    /// let mut dx = [0.0; 8];
    /// let backward = dense::Backward { delta: first.delta, w: network.layers()[0].weights(), below: None };
    /// dense::backward(&mut backend, backward, MatMut::new(&mut dx, 4, 2)?)?;
    /// # Ok::<(), Error>(())
    /// ```
    pub fn last_step(&self) -> impl DoubleEndedIterator<Item = LayerStep<'_>> + ExactSizeIterator {
        let examples = self.examples;
        let layers = if examples > 0 { &self.layers[..] } else { &[] };
        layers.iter().zip(&self.buffers).map(move |(layer, Buffers { z, delta, dw, db })| LayerStep {
            // Without the rest of a larger mini-batch, because a norm may be taken of the whole slice.
            z: matrix(&z[..examples * layer.units], examples, layer.units),
            delta: matrix(&delta[..examples * layer.units], examples, layer.units),
            dw: matrix(dw, layer.units, layer.inputs),
            db: &db[..layer.units],
        })
    }

    /// Reserves the buffers and the workspace for a step on `batch` examples.
    fn reserve(&mut self, backend: &mut Backend, batch: usize) -> Result<(), Error> {
        for take in TAKE {
            for (layer, buffers) in self.layers.iter().zip(&mut self.buffers) {
                let outputs = numbers(TRAIN, batch, layer.units)?;
                take(TRAIN, &mut buffers.z, outputs)?;
                take(TRAIN, &mut buffers.delta, outputs)?;
                take(TRAIN, &mut buffers.dw, layer.w.len())?;
                take(TRAIN, &mut buffers.db, layer.b.len())?;
            }
        }
        self.layers.iter().try_for_each(|layer| dense::reserve(backend, batch, layer.inputs, layer.units))
    }

    /// Computes z of all layers from x.
    fn forward(&mut self, backend: &mut Backend, x: MatRef<'_>) -> Result<(), Error> {
        let batch = x.rows();
        for (l, layer) in self.layers.iter().enumerate() {
            let (below, from) = self.buffers.split_at_mut(l);
            let x = below.last().map_or(x, |below| matrix(&below.z, batch, layer.inputs));
            layer.forward(backend, x, &mut from[0].z)?;
        }
        Ok(())
    }

    /// Computes the loss, and the delta of the last layer.
    fn loss<L: Loss>(&mut self, backend: &Backend, loss: L, target: L::Target<'_>, batch: usize) -> Result<f64, Error> {
        let (activation, outputs) = (self.activation(), self.outputs());
        let Some(Buffers { z, delta, .. }) = self.buffers.last_mut() else { unreachable!("there is a layer") };
        let delta = matrix_mut(delta, batch, outputs);
        loss.delta(backend, matrix(z, batch, outputs), activation, target, delta)
    }

    /// Computes the gradients of all layers and the deltas of all but the last one.
    fn backward(&mut self, backend: &mut Backend, x: MatRef<'_>) -> Result<(), Error> {
        let batch = x.rows();
        for (l, layer) in self.layers.iter().enumerate().rev() {
            let (below, from) = self.buffers.split_at_mut(l);
            let Buffers { delta, dw, db, .. } = &mut from[0];
            let delta = matrix(delta, batch, layer.units);
            let x = below.last().map_or(x, |below| matrix(&below.z, batch, layer.inputs));
            let gradient = dense::Gradient { delta, x, accumulate: false };
            dense::gradient(
                backend,
                gradient,
                matrix_mut(dw, layer.units, layer.inputs),
                Some(&mut db[..layer.units]),
            )?;
            if let Some(below) = below.last_mut() {
                let z = matrix(&below.z, batch, layer.inputs);
                let below_activation = self.layers[l - 1].activation;
                let w = layer.weights();
                let backward = dense::Backward { delta, w, below: Some((below_activation, z)) };
                dense::backward(backend, backward, matrix_mut(&mut below.delta, batch, layer.inputs))?;
            }
        }
        Ok(())
    }

    fn clip(&mut self, backend: &Backend, clip: Clip) {
        let clipping = clip.measure(backend, self.buffers.iter().flat_map(|buffers| [&buffers.dw[..], &buffers.db]));
        for gradient in self.buffers.iter_mut().flat_map(|buffers| [&mut buffers.dw, &mut buffers.db]) {
            clipping.apply(backend, gradient);
        }
    }
}
