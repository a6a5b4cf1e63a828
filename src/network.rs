//! Dense layers in a row, trained mini-batch by mini-batch.

use crate::backend::{reserve, resize};
use crate::{Activation, Backend, Clip, Error, Loss, MatMut, MatRef, Optimizer, Target, dense};
use lanegrad_kernels::sabotage;
use rand::{Rng, RngExt};

/// How a layer's weights are drawn; its bias starts at 0. With `in` inputs and `out` units:
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Initialization {
    /// Uniform in ±√(6/(in + out)). Source: Glorot & Bengio 2010.
    GlorotUniform,
    /// Normal with variance 2/(in + out). Source: Glorot & Bengio 2010.
    GlorotNormal,
    /// Uniform in ±√(6/in). Source: He et al. 2015.
    HeUniform,
    /// Normal with variance 2/in. Source: He et al. 2015.
    HeNormal,
}

/// A layer to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerOptions {
    /// Number of units: the outputs of the layer.
    pub units: usize,
    /// h
    pub activation: Activation,
    /// How the weights are drawn.
    pub initialization: Initialization,
}

/// `z = h(x·wᵀ + b)`
#[derive(Clone, Debug)]
pub struct Layer {
    inputs: usize,
    units: usize,
    activation: Activation,
    w: Vec<f32>,
    b: Vec<f32>,
}

/// A network `f = f_L ∘ … ∘ f_1` of dense layers, with the buffers to train it.
///
/// ```
/// use lanegrad::*;
/// use rand::{SeedableRng, rngs::StdRng};
/// let mut backend = Backend::new()?;
/// let layer = |units, activation| LayerOptions { units, activation, initialization: Initialization::GlorotUniform };
/// let layers = [layer(8, Activation::Tanh), layer(1, Activation::Sigmoid)];
/// let mut network = Network::new(2, &layers, &mut StdRng::seed_from_u64(7))?;
/// let adam = Method::Adam { first_decay: 0.9, second_decay: 0.999, epsilon: 1e-8 };
/// let mut optimizer = Optimizer::new(adam, LearningRate::Constant(0.05))?;
/// // Exclusive or.
/// let x = MatRef::new(&[0., 0., 0., 1., 1., 0., 1., 1.], 4, 2)?;
/// let y = MatRef::new(&[0., 1., 1., 0.], 4, 1)?;
/// let batch = Batch { x, target: Target::Values(y), loss: Loss::SquaredError { c: 0.5 }, clip: None };
/// let mut loss = f64::NAN;
/// for _ in 0..500 {
///     loss = network.train_step(&mut backend, &mut optimizer, batch)?;
/// }
/// assert!(loss < 0.01);
/// # Ok::<(), lanegrad::Error>(())
/// ```
///
/// # NaN, infinite, huge and subnormal numbers
/// No number is an error, in inputs, targets or parameters: each is computed with as IEEE 754 has it, rounded to nearest, on every
/// instruction set.
/// * Subnormals are kept, never flushed to zero. README.md says what they cost.
/// * NaN in an example makes its outputs NaN, and no other example's. A training step on it makes the loss NaN, and every
///   parameter: clipping does not hold NaN back.
/// * Sums and products that are too large are infinite, and `∞ − ∞` and `0·∞` are NaN from there on. Softmax and
///   cross-entropy of finite outputs are finite, however large; their loss is a sum in `f64`.
/// * The loss that [`train_step`](Self::train_step) returns tells: look whether it is finite before the next step. Infinite
///   inputs of saturated units may leave it finite, and show in the next.
/// * The processor's rounding and flushing (MXCSR on x86) are used as they are, and not changed. Results are promised for how a
///   Rust program starts: to nearest, nothing flushed.
#[derive(Clone, Debug)]
pub struct Network {
    layers: Vec<Layer>,
    /// For each layer its output z and, while training, its delta and gradients.
    buffers: Vec<Buffers>,
}

#[derive(Clone, Debug, Default)]
struct Buffers {
    z: Vec<f32>,
    delta: Vec<f32>,
    dw: Vec<f32>,
    db: Vec<f32>,
}

/// A mini-batch, and what is to be minimised on it.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// Inputs, batch × inputs of the network.
    pub x: MatRef<'a>,
    /// What the outputs should be.
    pub target: Target<'a>,
    /// The loss.
    pub loss: Loss,
    /// How the gradients are clipped before the update, if at all.
    pub clip: Option<Clip>,
}

const TRAIN: &str = "train step";
const PREDICT: &str = "predict";

/// Memory is taken in two rounds: all of it is asked for before any is filled, so that a mini-batch that is too large is refused
/// and not first filled in part.
const TAKE: [Take; 2] = [reserve, resize];
type Take = fn(&'static str, &mut Vec<f32>, usize) -> Result<(), Error>;

impl Initialization {
    /// A weight of a layer with `inputs` inputs and `units` units.
    fn draw<R: Rng + ?Sized>(self, inputs: usize, units: usize, rng: &mut R) -> f32 {
        let variance = match self {
            Self::GlorotUniform | Self::GlorotNormal => 2.0 / (inputs as f64 + units as f64),
            Self::HeUniform | Self::HeNormal => 2.0 / inputs as f64,
        };
        let standard = match self {
            Self::GlorotUniform | Self::HeUniform => (2.0 * rng.random::<f64>() - 1.0) * 3_f64.sqrt(),
            Self::GlorotNormal | Self::HeNormal => {
                // Box & Muller 1958; 1 − u keeps the logarithm finite.
                let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
                radius * (core::f64::consts::TAU * rng.random::<f64>()).cos()
            }
        };
        (variance.sqrt() * standard) as f32
    }
}

impl Layer {
    fn new<R: Rng + ?Sized>(inputs: usize, options: LayerOptions, rng: &mut R) -> Result<Self, Error> {
        const OPERATION: &str = "network";
        let LayerOptions { units, activation, initialization } = options;
        let len = inputs.checked_mul(units).ok_or(Error::OutOfMemory { operation: OPERATION, numbers: None })?;
        let (mut w, mut b) = (Vec::new(), Vec::new());
        resize(OPERATION, &mut w, len)?;
        resize(OPERATION, &mut b, units)?;
        for weight in &mut w {
            *weight = initialization.draw(inputs, units, rng);
        }
        Ok(Self { inputs, units, activation, w, b })
    }

    /// w, units × inputs.
    pub fn weights(&self) -> MatRef<'_> {
        matrix(&self.w, self.units, self.inputs)
    }

    /// b, of length units.
    pub fn bias(&self) -> &[f32] {
        &self.b
    }

    /// h
    pub fn activation(&self) -> Activation {
        self.activation
    }

    /// The parameter tensors, w before b, as the optimizer counts them.
    fn tensors(&mut self) -> [&mut [f32]; 2] {
        [&mut self.w, &mut self.b]
    }

    fn lens(&self) -> [usize; 2] {
        [self.w.len(), self.b.len()]
    }
}

impl Network {
    /// A network with `inputs` inputs, its weights drawn from `rng`.
    ///
    /// # Errors
    /// When there are no layers, inputs or units, or no memory for the weights.
    pub fn new<R: Rng + ?Sized>(inputs: usize, layers: &[LayerOptions], rng: &mut R) -> Result<Self, Error> {
        let empty = |operand| Err(Error::Empty { operation: "network", operand });
        if layers.is_empty() {
            return empty("layers");
        }
        if inputs == 0 {
            return empty("inputs");
        }
        if layers.iter().any(|layer| layer.units == 0) {
            return empty("units");
        }
        let mut below = inputs;
        let layers = layers.iter().map(|&options| {
            let layer = Layer::new(below, options, rng)?;
            below = options.units;
            Ok(layer)
        });
        let layers = layers.collect::<Result<Vec<_>, Error>>()?;
        Ok(Self { buffers: vec![Buffers::default(); layers.len()], layers })
    }

    /// The layers, the first one first.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// The parameters of each layer, the first one first: w row by row, and b. They may be changed; the layers may not be exchanged:
    ///
    /// ```compile_fail
    /// fn exchange(network: &mut lanegrad::Network, other: &lanegrad::Network) {
    ///     network.layers()[0] = other.layers()[0].clone(); // it may have another shape
    /// }
    /// ```
    pub fn parameters_mut(&mut self) -> impl Iterator<Item = [&mut [f32]; 2]> {
        self.layers.iter_mut().map(Layer::tensors)
    }

    /// The outputs `f(x)`, batch × units of the last layer.
    ///
    /// # Errors
    /// When x does not have as many columns as the network has inputs, or there is no memory for the buffers.
    pub fn predict(&mut self, backend: &mut Backend, x: MatRef<'_>) -> Result<MatRef<'_>, Error> {
        x.expect(PREDICT, "inputs", (x.rows(), self.layers[0].inputs))?;
        for take in TAKE {
            for (layer, buffers) in self.layers.iter().zip(&mut self.buffers) {
                take(PREDICT, &mut buffers.z, numbers(PREDICT, x.rows(), layer.units)?)?;
            }
        }
        self.forward(backend, x)?;
        let z = self.buffers.last().map_or(&[][..], |buffers| &buffers.z);
        Ok(matrix(z, x.rows(), self.outputs()))
    }

    /// One step of training: looks ahead if the optimizer does, runs forward and backward, clips, updates. Returns the loss of
    /// the mini-batch before the update.
    ///
    /// The second and later steps allocate nothing, unless the mini-batch is larger than those before.
    ///
    /// # Errors
    /// When a shape, label or limit is wrong, the loss does not go with its target or the last layer's activation, the
    /// optimizer was used for other parameters, or there is no memory for the buffers. No parameter has changed then.
    pub fn train_step(
        &mut self,
        backend: &mut Backend,
        optimizer: &mut Optimizer,
        batch: Batch<'_>,
    ) -> Result<f64, Error> {
        let Batch { x, target, loss, clip } = batch;
        x.expect(TRAIN, "inputs", (x.rows(), self.layers[0].inputs))?;
        if let Some(clip) = clip {
            clip.validate()?;
        }
        loss.validate(target, self.activation(), (x.rows(), self.outputs()))?;
        self.reserve(backend, x.rows())?;
        optimizer.prepare(2 * self.layers.len(), |index| self.layers[index / 2].lens()[index % 2])?;

        // Everything that can fail is behind us.
        if let Some(ahead) = optimizer.look_ahead() {
            for (index, theta) in self.layers.iter_mut().flat_map(Layer::tensors).enumerate() {
                optimizer.move_by(backend.isa(), ahead, index, theta);
            }
        }
        self.forward(backend, x)?;
        let loss = self.loss(backend, loss, target, x.rows())?;
        self.backward(backend, x)?;
        if let Some(clip) = clip {
            self.clip(backend, clip);
        }
        let rule = optimizer.advance();
        let gradients = self.buffers.iter().flat_map(|buffers| [&buffers.dw, &buffers.db]);
        for (index, (theta, gradient)) in self.layers.iter_mut().flat_map(Layer::tensors).zip(gradients).enumerate() {
            optimizer.update(backend.isa(), rule, index, theta, gradient);
        }
        Ok(loss)
    }

    /// The buffers and the workspace for a step on `batch` examples.
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

    /// All layers' z from x.
    fn forward(&mut self, backend: &mut Backend, x: MatRef<'_>) -> Result<(), Error> {
        let batch = x.rows();
        for (l, layer) in self.layers.iter().enumerate() {
            let (below, from) = self.buffers.split_at_mut(l);
            let x = below.last().map_or(x, |below| matrix(&below.z, batch, layer.inputs));
            let Layer { units, activation, ref b, .. } = *layer;
            let forward = dense::Forward { x, w: layer.weights(), bias: Some(b), activation };
            dense::forward(backend, forward, matrix_mut(&mut from[0].z, batch, units))?;
        }
        Ok(())
    }

    /// The loss, and the last layer's delta.
    fn loss(&mut self, backend: &Backend, loss: Loss, target: Target<'_>, batch: usize) -> Result<f64, Error> {
        let (activation, outputs) = (self.activation(), self.outputs());
        let Some(Buffers { z, delta, .. }) = self.buffers.last_mut() else { unreachable!("there is a layer") };
        let delta = matrix_mut(delta, batch, outputs);
        loss.of(backend, matrix(z, batch, outputs), activation, target, delta)
    }

    /// All layers' gradients and, but for the last, deltas.
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
                let z = matrix(sabotage!(&below.z, 19 => below.delta.clone().leak()), batch, layer.inputs);
                let below_activation = self.layers[l - 1].activation;
                let w = sabotage!(layer.weights(), 18 => matrix(sabotage::updated(&layer.w, dw), layer.units, layer.inputs));
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

    fn outputs(&self) -> usize {
        self.layers.last().map_or(0, |layer| layer.units)
    }

    fn activation(&self) -> Activation {
        self.layers.last().map_or(Activation::Identity, |layer| layer.activation)
    }
}

/// rows × cols, in a buffer that was made large enough.
fn matrix(data: &[f32], rows: usize, cols: usize) -> MatRef<'_> {
    MatRef::new(data, rows, cols).expect("the buffer was made large enough")
}

/// rows × cols, in a buffer that was made large enough.
fn matrix_mut(data: &mut [f32], rows: usize, cols: usize) -> MatMut<'_> {
    MatMut::new(data, rows, cols).expect("the buffer was made large enough")
}

fn numbers(operation: &'static str, rows: usize, cols: usize) -> Result<usize, Error> {
    sabotage!(rows.checked_mul(cols), 43 b => Some(rows.wrapping_mul(cols)))
        .ok_or(Error::OutOfMemory { operation, numbers: None })
}
