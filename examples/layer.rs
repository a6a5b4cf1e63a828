//! A layer on your own buffers: forward, backward and gradients, one pass each, and no allocation after the first call.
//!
//! ```sh
//! cargo run --release --example layer
//! ```

use lanegrad::{Activation, Backend, Error, MatMut, MatRef, dense};

const BATCH: usize = 32;
const INPUTS: usize = 100;
const UNITS: usize = 10;

fn main() -> Result<(), Error> {
    let mut backend = Backend::new()?;
    let x: Vec<f32> = (0..BATCH * INPUTS).map(|at| (at % 7) as f32 / 7.0).collect();
    let (w, b) = (vec![0.01; UNITS * INPUTS], vec![0.1; UNITS]);
    let (mut z, mut dx) = (vec![0.0; BATCH * UNITS], vec![0.0; BATCH * INPUTS]);
    let (mut dw, mut db) = (vec![0.0; UNITS * INPUTS], vec![0.0; UNITS]);

    // The views cost nothing: make them when you need them. With `with_strides` a row may be a part of a longer one of yours.
    let x = MatRef::new(&x, BATCH, INPUTS)?;
    let w = MatRef::new(&w, UNITS, INPUTS)?;

    // z = tanh(x·wᵀ + b)
    let layer = dense::Forward { x, w, bias: Some(&b), activation: Activation::Tanh };
    dense::forward(&mut backend, layer, MatMut::new(&mut z, BATCH, UNITS)?)?;

    // Here the gradient ∂L/∂z is z itself: L = Σ z²/2. From it, delta = ∂L/∂z ⊙ tanh'(a).
    let mut delta = vec![0.0; BATCH * UNITS];
    let outputs = MatRef::new(&z, BATCH, UNITS)?;
    let operands = dense::ActivationBackward { gradient: outputs, z: outputs, activation: Activation::Tanh };
    dense::activation_backward(&backend, operands, MatMut::new(&mut delta, BATCH, UNITS)?)?;

    // dw = deltaᵀ·x, db = column sums of delta, dx = delta·w
    let delta = MatRef::new(&delta, BATCH, UNITS)?;
    let gradient = dense::Gradient { delta, x, accumulate: false };
    dense::gradient(&mut backend, gradient, MatMut::new(&mut dw, UNITS, INPUTS)?, Some(&mut db))?;
    dense::backward(&mut backend, dense::Backward { delta, w, below: None }, MatMut::new(&mut dx, BATCH, INPUTS)?)?;

    println!("z[0][0] = {}, dw[0][0] = {}, db[0] = {}, dx[0][0] = {}", z[0], dw[0], db[0], dx[0]);
    Ok(())
}
