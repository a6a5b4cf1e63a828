//! A dense layer and its three products, shared by all benchmarks of products.

#![allow(dead_code, reason = "each benchmark takes a part of it")]

use lanegrad::{Activation, Backend, Error, MatMut, MatRef, dense};

/// A dense layer and its mini-batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) batch: usize,
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
}

/// Shapes with different limits: one example and few, thin and square, tiny and larger than the caches, and widths that are not a
/// multiple of anything.
pub(crate) const SHAPES: [Shape; 19] = [
    Shape::new(1, 1024, 1024),
    Shape::new(1, 784, 128),
    Shape::new(4, 256, 256),
    Shape::new(8, 784, 128),
    Shape::new(16, 512, 512),
    Shape::new(32, 784, 128),
    Shape::new(32, 512, 512),
    Shape::new(64, 64, 64),
    Shape::new(128, 128, 10),
    Shape::new(128, 784, 128),
    Shape::new(128, 512, 512),
    Shape::new(128, 1024, 1024),
    Shape::new(256, 256, 256),
    Shape::new(512, 512, 512),
    Shape::new(1024, 1024, 1024),
    Shape::new(2048, 2048, 2048),
    Shape::new(16, 16, 16),
    Shape::new(32, 32, 32),
    Shape::new(37, 101, 67),
];

impl Shape {
    pub(crate) const fn new(batch: usize, inputs: usize, outputs: usize) -> Self {
        Self { batch, inputs, outputs }
    }

    /// The floating-point operations of one of its products.
    pub(crate) fn flops(self) -> u64 {
        2 * (self.batch * self.inputs * self.outputs) as u64
    }

    /// The bytes of x, w and z, each once.
    pub(crate) fn bytes(self) -> usize {
        4 * (self.batch * self.inputs + self.outputs * self.inputs + self.batch * self.outputs)
    }

    /// `m,in,out`
    pub(crate) fn name(self) -> String {
        format!("{},{},{}", self.batch, self.inputs, self.outputs)
    }
}

/// One of the three products of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// `z = x·wᵀ`; fused: `z = relu(x·wᵀ + b)`
    Forward,
    /// `delta_below = delta·w`; fused: `(delta·w) ⊙ relu'(a)`
    Delta,
    /// `dw = deltaᵀ·x`; fused: and `db`, the column sums of delta
    Gradient,
}

impl Operation {
    pub(crate) const ALL: [Self; 3] = [Self::Forward, Self::Delta, Self::Gradient];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Delta => "delta",
            Self::Gradient => "gradient",
        }
    }
}

/// A layer's operands and results.
pub(crate) struct Operands {
    pub(crate) shape: Shape,
    pub(crate) x: Vec<f32>,
    pub(crate) w: Vec<f32>,
    pub(crate) b: Vec<f32>,
    pub(crate) delta: Vec<f32>,
    pub(crate) z: Vec<f32>,
    pub(crate) delta_below: Vec<f32>,
    pub(crate) dw: Vec<f32>,
    pub(crate) db: Vec<f32>,
}

/// A product `c = a·b`, in the form that other libraries take.
pub(crate) struct Product<'a> {
    pub(crate) a: MatRef<'a>,
    pub(crate) b: MatRef<'a>,
    pub(crate) c: MatMut<'a>,
}

impl Operands {
    pub(crate) fn new(shape: Shape) -> Self {
        let Shape { batch, inputs, outputs } = shape;
        let numbers = |len: usize| (0..len).map(|i| (i * 7 % 13) as f32 / 13.0 - 0.5).collect::<Vec<_>>();
        let [x, w, delta, b] = [batch * inputs, outputs * inputs, batch * outputs, outputs].map(numbers);
        let (z, delta_below, dw, db) = (delta.clone(), x.clone(), w.clone(), b.clone());
        Self { shape, x, w, b, delta, z, delta_below, dw, db }
    }

    /// The product by `lanegrad`; if fused, with all operations of the layer.
    pub(crate) fn run(&mut self, backend: &mut Backend, operation: Operation, fused: bool) -> Result<(), Error> {
        let Self { shape: Shape { batch, inputs, outputs }, x, w, b, delta, z, delta_below, dw, db } = self;
        let (x, w) = (matrix(x, *batch, *inputs), matrix(w, *outputs, *inputs));
        let delta = matrix(delta, *batch, *outputs);
        match operation {
            Operation::Forward => {
                let (bias, activation) =
                    if fused { (Some(&b[..]), Activation::Relu) } else { (None, Activation::Identity) };
                let layer = dense::Forward { x, w, bias, activation };
                dense::forward(backend, layer, matrix_mut(z, *batch, *outputs))
            }
            Operation::Delta => {
                // The output of the layer below is the input of this one.
                let layer = dense::Backward { delta, w, below: fused.then_some((Activation::Relu, x)) };
                dense::backward(backend, layer, matrix_mut(delta_below, *batch, *inputs))
            }
            Operation::Gradient => {
                let layer = dense::Gradient { delta, x, accumulate: false };
                dense::gradient(backend, layer, matrix_mut(dw, *outputs, *inputs), fused.then_some(&mut db[..]))
            }
        }
    }

    /// The bare product, for other libraries.
    pub(crate) fn product(&mut self, operation: Operation) -> Product<'_> {
        let Self { shape: Shape { batch, inputs, outputs }, x, w, delta, z, delta_below, dw, .. } = self;
        let (x, w) = (matrix(x, *batch, *inputs), matrix(w, *outputs, *inputs));
        let delta = matrix(delta, *batch, *outputs);
        match operation {
            Operation::Forward => Product { a: x, b: w.t(), c: matrix_mut(z, *batch, *outputs) },
            Operation::Delta => Product { a: delta, b: w, c: matrix_mut(delta_below, *batch, *inputs) },
            Operation::Gradient => Product { a: delta.t(), b: x, c: matrix_mut(dw, *outputs, *inputs) },
        }
    }
}

fn matrix(numbers: &[f32], rows: usize, cols: usize) -> MatRef<'_> {
    MatRef::new(numbers, rows, cols).expect("the numbers are as many")
}

fn matrix_mut(numbers: &mut [f32], rows: usize, cols: usize) -> MatMut<'_> {
    MatMut::new(numbers, rows, cols).expect("the numbers are as many")
}
