//! A dense layer with its parameters.

use super::{Initialization, matrix, matrix_mut};
use crate::backend::resize;
use crate::{Activation, Backend, Error, MatRef, dense};

/// The options of a new layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerOptions {
    /// The number of units, which is the number of outputs of the layer.
    pub units: usize,
    /// h
    pub activation: Activation,
    /// The distribution of the initial weights.
    pub initialization: Initialization,
}

/// `z = h(x·wᵀ + b)`
#[derive(Clone, Debug)]
pub struct Layer {
    pub(super) inputs: usize,
    pub(super) units: usize,
    pub(super) activation: Activation,
    pub(super) w: Vec<f32>,
    pub(super) b: Vec<f32>,
}

impl Layer {
    pub(super) fn new(inputs: usize, options: LayerOptions, uniform: &mut impl FnMut() -> f64) -> Result<Self, Error> {
        const OPERATION: &str = "network";
        let LayerOptions { units, activation, initialization } = options;
        let len = inputs.checked_mul(units).ok_or(Error::OutOfMemory { operation: OPERATION, numbers: None })?;
        let (mut w, mut b) = (Vec::new(), Vec::new());
        resize(OPERATION, &mut w, len)?;
        resize(OPERATION, &mut b, units)?;
        for weight in &mut w {
            *weight = initialization.draw(inputs, units, uniform);
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

    /// The parameter tensors, w before b, in the optimizer's order.
    pub(super) fn tensors(&mut self) -> [&mut [f32]; 2] {
        [&mut self.w, &mut self.b]
    }

    pub(super) fn lens(&self) -> [usize; 2] {
        [self.w.len(), self.b.len()]
    }

    /// Computes z of `x` into a buffer that was made large enough.
    pub(super) fn forward(&self, backend: &mut Backend, x: MatRef<'_>, z: &mut [f32]) -> Result<(), Error> {
        let Self { units, activation, ref b, .. } = *self;
        let forward = dense::Forward { x, w: self.weights(), bias: Some(b), activation };
        dense::forward(backend, forward, matrix_mut(z, x.rows(), units))
    }
}
