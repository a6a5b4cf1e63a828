//! Stacks of dense layers, trained mini-batch by mini-batch.

mod initialization;
mod layer;
mod training;

pub use self::initialization::Initialization;
pub use self::layer::{Layer, LayerOptions};
pub use self::training::{Batch, LayerStep, TrainOptions};

use self::training::Buffers;
use crate::backend::{reserve, resize};
use crate::{Activation, Backend, Error, MatMut, MatRef};

/// A network `f = f_L ∘ … ∘ f_1` of dense layers, with buffers for training.
///
/// ```
/// use lanegrad::*;
/// use rand::{RngExt, SeedableRng, rngs::StdRng};
/// let mut backend = Backend::new()?;
/// let layer = |units, activation| LayerOptions { units, activation, initialization: Initialization::GlorotUniform };
/// let layers = [layer(8, Activation::Tanh), layer(1, Activation::Sigmoid)];
/// let mut rng = StdRng::seed_from_u64(7); // of any version of any crate
/// let mut network = Network::new(2, &layers, || rng.random())?;
/// let mut optimizer = Optimizer::new(Rule::new(Method::adam(), LearningRate::Constant(0.05))?);
/// let options = TrainOptions { loss: SquaredErrorLoss { c: 0.5 }, clip: None };
/// // Exclusive or.
/// let x = MatRef::new(&[0., 0., 0., 1., 1., 0., 1., 1.], 4, 2)?;
/// let y = MatRef::new(&[0., 1., 1., 0.], 4, 1)?;
/// let mut loss = f64::NAN;
/// for _ in 0..500 {
///     loss = network.train_step(&mut backend, &mut optimizer, options, Batch { x, target: y })?;
/// }
/// assert!(loss < 0.01);
/// # Ok::<(), lanegrad::Error>(())
/// ```
///
/// # NaN, infinite, huge and subnormal elements
/// No value is an error, in inputs, targets or parameters. Each is processed as IEEE 754 specifies, rounded to nearest, on every
/// instruction set.
/// * Subnormals are kept, never flushed to zero. README.md says what they cost.
/// * NaN in an example makes its outputs NaN, but no other example's. A training step on it makes the loss and every parameter
///   NaN: clipping does not hold NaN back.
/// * Sums and products that are too large become infinite, and `∞ − ∞` and `0·∞` become NaN. Softmax and cross-entropy of finite
///   outputs are finite, however large the outputs are; the loss is a sum in `f64`.
/// * The loss returned by [`train_step`](Self::train_step) shows this: check that it is finite before the next step. Infinite inputs
///   of saturated units may leave it finite, and show only in the next step.
/// * The processor's rounding and flushing modes (MXCSR on x86) are used as they are, and not changed. Results are guaranteed for
///   the modes that a Rust program starts with: to nearest, without flushing.
#[derive(Clone, Debug)]
pub struct Network {
    layers: Vec<Layer>,
    /// Used in training.
    buffers: Vec<Buffers>,
    /// The number of examples of the last training step; 0 before the first one.
    examples: usize,
}

/// A buffer for the layers' outputs in [`Network::predict`]. It can be reused, with any network.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    outputs: [Vec<f32>; 2],
}

const PREDICT: &str = "predict";

/// Memory is taken in two rounds: all of it is reserved before any is filled, so that a mini-batch that is too large is refused before
/// part of it is filled.
const TAKE: [Take; 2] = [reserve, resize];
type Take = fn(&'static str, &mut Vec<f32>, usize) -> Result<(), Error>;

impl Network {
    /// Creates a network with `inputs` inputs. The weights are drawn from `uniform`, which returns values in [0, 1), layer by layer and
    /// row by row: the closure accepts the random numbers of any crate, such as `|| rng.random()`. Values outside [0, 1) produce
    /// weights outside their distribution, including NaN.
    ///
    /// # Errors
    /// If there are no layers, inputs or units, or no memory for the weights.
    pub fn new(inputs: usize, layers: &[LayerOptions], mut uniform: impl FnMut() -> f64) -> Result<Self, Error> {
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
            let layer = Layer::new(below, options, &mut uniform)?;
            below = options.units;
            Ok(layer)
        });
        let layers = layers.collect::<Result<Vec<_>, Error>>()?;
        Ok(Self { buffers: vec![Buffers::default(); layers.len()], layers, examples: 0 })
    }

    /// The layers, from first to last.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// The parameters of each layer, from first to last: w row by row, and b. They may be changed:
    ///
    /// ```
    /// fn start_at_0(network: &mut lanegrad::Network) {
    ///     network.parameters_mut().for_each(|[w, b]| (w.fill(0.0), b.fill(0.0)).0);
    /// }
    /// ```
    ///
    /// The layers cannot be replaced:
    ///
    /// ```compile_fail
    /// fn exchange(network: &mut lanegrad::Network, other: &lanegrad::Network) {
    ///     network.layers()[0] = other.layers()[0].clone(); // it may have another shape
    /// }
    /// ```
    pub fn parameters_mut(&mut self) -> impl Iterator<Item = [&mut [f32]; 2]> {
        self.layers.iter_mut().map(Layer::tensors)
    }

    /// Returns the outputs `f(x)`, batch × units of the last layer. The network is not changed, so it serves any number of threads at
    /// once, each with its own [`Backend`] and [`Scratch`].
    ///
    /// ```
    /// # use lanegrad::*;
    /// let layer = LayerOptions { units: 3, activation: Activation::Tanh, initialization: Initialization::GlorotNormal };
    /// let network = Network::new(4, &[layer; 2], || 0.25)?;
    /// std::thread::scope(|threads| {
    ///     let predict = || {
    ///         let (mut backend, mut scratch) = (Backend::new()?, Scratch::default());
    ///         let outputs = network.predict(&mut backend, &mut scratch, MatRef::new(&[1.0; 8], 2, 4)?)?;
    ///         Ok::<_, Error>((outputs.rows(), outputs.cols()))
    ///     };
    ///     for thread in [(); 4].map(|()| threads.spawn(predict)) {
    ///         assert_eq!(thread.join().unwrap(), Ok((2, 3)));
    ///     }
    /// });
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// If the number of columns of x is not the number of inputs of the network, or there is no memory for the outputs.
    pub fn predict<'s>(
        &self,
        backend: &mut Backend,
        scratch: &'s mut Scratch,
        x: MatRef<'_>,
    ) -> Result<MatRef<'s>, Error> {
        x.expect(PREDICT, "inputs", (x.rows(), self.layers[0].inputs))?;
        let batch = x.rows();
        for take in TAKE {
            for (l, layer) in self.layers.iter().enumerate() {
                take(PREDICT, &mut scratch.outputs[l % 2], numbers(PREDICT, batch, layer.units)?)?;
            }
        }
        for (l, layer) in self.layers.iter().enumerate() {
            let [even, odd] = &mut scratch.outputs;
            let (from, to) = if l % 2 == 0 { (odd, even) } else { (even, odd) };
            let x = if l == 0 { x } else { matrix(from, batch, layer.inputs) };
            layer.forward(backend, x, to)?;
        }
        Ok(matrix(&scratch.outputs[(self.layers.len() - 1) % 2], batch, self.outputs()))
    }

    fn outputs(&self) -> usize {
        self.layers.last().map_or(0, |layer| layer.units)
    }

    fn activation(&self) -> Activation {
        self.layers.last().map_or(Activation::Identity, |layer| layer.activation)
    }
}

/// A rows × cols view of a buffer that was made large enough.
fn matrix(data: &[f32], rows: usize, cols: usize) -> MatRef<'_> {
    MatRef::new(data, rows, cols).expect("the buffer was made large enough")
}

/// A rows × cols view of a buffer that was made large enough.
fn matrix_mut(data: &mut [f32], rows: usize, cols: usize) -> MatMut<'_> {
    MatMut::new(data, rows, cols).expect("the buffer was made large enough")
}

fn numbers(operation: &'static str, rows: usize, cols: usize) -> Result<usize, Error> {
    rows.checked_mul(cols).ok_or(Error::OutOfMemory { operation, numbers: None })
}
