//! The three products of a dense layer, and its h' as a separate operation.
//!
//! | | formula | shapes |
//! |---|---|---|
//! | [`forward`] | `z = h(x·wᵀ + b)` | batch×in · in×out → batch×out |
//! | [`backward`] | `delta_below = (delta·w) ⊙ h'(a)` | batch×out · out×in → batch×in |
//! | [`activation_backward`] | `delta = g ⊙ h'(a)`, with `g = ∂L/∂z` | batch×out → batch×out |
//! | [`gradient`] | `dw = deltaᵀ·x`, `db` = column sums of delta | out×batch · batch×in → out×in |
//!
//! `w` is out × in: `w[j][i]` is the weight from unit i to unit j. `delta = ∂L/∂a` of a mini-batch loss L that is already a mean, so
//! nothing here divides by the batch. Every output element is summed in the order of the summed index. The only exception is a forward
//! product of at most eight rows: it is summed in sixteen lanes (term p in lane p mod 16), whose upper half is added to the lower half
//! until one lane remains.

use crate::activation::with_activation;
use crate::matrix::expect_len;
use crate::{Activation, Backend, Error, MatMut, MatRef};
use lanegrad_kernels::elementwise;
use lanegrad_kernels::epilogue::{Epilogue, Fused, Store};
use lanegrad_kernels::gemm::Order;
use lanegrad_kernels::reduce::ColumnSums;

/// The operands of [`forward`].
#[derive(Clone, Copy, Debug)]
pub struct Forward<'a> {
    /// Inputs, batch × in.
    pub x: MatRef<'a>,
    /// Weights, out × in.
    pub w: MatRef<'a>,
    /// Bias, of length out, or none.
    pub bias: Option<&'a [f32]>,
    /// h
    pub activation: Activation,
}

/// The operands of [`backward`].
#[derive(Clone, Copy, Debug)]
pub struct Backward<'a> {
    /// `∂L/∂a` of this layer, batch × out.
    pub delta: MatRef<'a>,
    /// Weights of this layer, out × in.
    pub w: MatRef<'a>,
    /// h of the layer below and its output z, batch × in. If `None`, the result is `∂L/∂x` of this layer's inputs, so that layers of
    /// this library can be part of another library's network.
    pub below: Option<(Activation, MatRef<'a>)>,
}

/// The operands of [`gradient`].
#[derive(Clone, Copy, Debug)]
pub struct Gradient<'a> {
    /// `∂L/∂a` of this layer, batch × out.
    pub delta: MatRef<'a>,
    /// Inputs of this layer, batch × in.
    pub x: MatRef<'a>,
    /// Whether the gradient is added to the contents of `dw` and `db`. Otherwise it replaces them.
    pub accumulate: bool,
}

/// The operands of [`activation_backward`].
#[derive(Clone, Copy, Debug)]
pub struct ActivationBackward<'a> {
    /// `∂L/∂z` of this layer, batch × out, as an autograd provides it.
    pub gradient: MatRef<'a>,
    /// The output of this layer, batch × out.
    pub z: MatRef<'a>,
    /// h
    pub activation: Activation,
}

/// `z = h(x·wᵀ + b)`, batch × out, in one pass.
///
/// The bits of an example depend on whether the batch has more than eight rows: up to eight, sums are taken in sixteen lanes (see the
/// [module](self)). They do not depend on anything else in the batch.
///
/// # Errors
/// If the shapes of `w`, `bias` or `z` do not fit `x`, or there is no memory for the workspace.
///
/// ```
/// use lanegrad::{Activation, Backend, MatMut, MatRef, dense};
/// let mut z = [0.0; 2];
/// dense::forward(
///     &mut Backend::new()?,
///     dense::Forward {
///         x: MatRef::new(&[1.0, 2.0], 1, 2)?,
///         w: MatRef::new(&[3.0, 4.0, -5.0, 0.0], 2, 2)?,
///         bias: Some(&[0.5, 0.5]),
///         activation: Activation::Relu,
///     },
///     MatMut::new(&mut z, 1, 2)?,
/// )?;
/// assert_eq!(z, [11.5, 0.0]);
/// # Ok::<(), lanegrad::Error>(())
/// ```
pub fn forward(backend: &mut Backend, layer: Forward<'_>, z: MatMut<'_>) -> Result<(), Error> {
    const OPERATION: &str = "dense forward";
    let Forward { x, w, bias, activation } = layer;
    let (batch, inputs, outputs) = (x.rows(), x.cols(), w.rows());
    w.expect(OPERATION, "weights", (outputs, inputs))?;
    if let Some(bias) = bias {
        expect_len(OPERATION, "bias", outputs, bias.len())?;
    }
    z.expect(OPERATION, "outputs", (batch, outputs))?;
    let order = Order::of_forward(batch);
    match (bias, activation) {
        (None, Activation::Identity) => product(backend, OPERATION, order, (x, w.t()), z, Store),
        _ => with_activation!(activation, h => {
            product(backend, OPERATION, order, (x, w.t()), z, Fused::bias_activation(bias, batch, outputs, h))
        }),
    }
}

/// `delta_below = (delta·w) ⊙ h'(a)`, batch × in, in one pass.
///
/// # Errors
/// If the shapes of `w`, `z` or `delta_below` do not fit `delta`, or there is no memory for the workspace.
pub fn backward(backend: &mut Backend, layer: Backward<'_>, delta_below: MatMut<'_>) -> Result<(), Error> {
    const OPERATION: &str = "dense backward";
    let Backward { delta, w, below } = layer;
    let (batch, inputs, outputs) = (delta.rows(), w.cols(), delta.cols());
    w.expect(OPERATION, "weights", (outputs, inputs))?;
    if let Some((_, z)) = below {
        z.expect(OPERATION, "outputs of the layer below", (batch, inputs))?;
    }
    delta_below.expect(OPERATION, "deltas of the layer below", (batch, inputs))?;
    let order = Order::Chain { accumulate: false };
    match below {
        None | Some((Activation::Identity, _)) => product(backend, OPERATION, order, (delta, w), delta_below, Store),
        Some((activation, z)) => with_activation!(activation, h => {
            product(backend, OPERATION, order, (delta, w), delta_below, Fused::times_derivative(z.view(), h))
        }),
    }
}

/// `delta = g ⊙ h'(a)`, batch × out, from `g = ∂L/∂z` and `z = h(a)`: the first operation of a layer that receives the gradient of its
/// output.
///
/// # Errors
/// If the shapes of `z` or `delta` differ from that of `gradient`.
///
/// A layer in an autograd, whose node is called with `∂L/∂z` and returns `∂L/∂x`, `∂L/∂w` and `∂L/∂b`:
///
/// ```
/// use lanegrad::{Activation, Backend, Error, MatMut, MatRef, dense};
/// struct Layer<'a> { x: MatRef<'a>, w: MatRef<'a>, z: MatRef<'a> }
/// fn backward(
///     backend: &mut Backend, layer: &Layer<'_>, dz: MatRef<'_>, [dx, dw, db]: [&mut [f32]; 3],
/// ) -> Result<(), Error> {
///     let (batch, units, inputs) = (dz.rows(), dz.cols(), layer.x.cols());
///     let mut delta = vec![0.0; batch * units];
///     let operands = dense::ActivationBackward { gradient: dz, z: layer.z, activation: Activation::Tanh };
///     dense::activation_backward(backend, operands, MatMut::new(&mut delta, batch, units)?)?;
///     let delta = MatRef::new(&delta, batch, units)?;
///     let gradient = dense::Gradient { delta, x: layer.x, accumulate: true };
///     dense::gradient(backend, gradient, MatMut::new(dw, units, inputs)?, Some(db))?;
///     dense::backward(backend, dense::Backward { delta, w: layer.w, below: None }, MatMut::new(dx, batch, inputs)?)
/// }
/// let layer = Layer { x: MatRef::new(&[1.0], 1, 1)?, w: MatRef::new(&[3.0], 1, 1)?, z: MatRef::new(&[0.5], 1, 1)? };
/// let (mut dx, mut dw, mut db) = ([0.0], [0.0], [0.0]);
/// backward(&mut Backend::new()?, &layer, MatRef::new(&[2.0], 1, 1)?, [&mut dx, &mut dw, &mut db])?;
/// assert_eq!((dx, dw, db), ([4.5], [1.5], [1.5]));
/// # Ok::<(), Error>(())
/// ```
pub fn activation_backward(
    backend: &Backend,
    operands: ActivationBackward<'_>,
    delta: MatMut<'_>,
) -> Result<(), Error> {
    const OPERATION: &str = "activation backward";
    let ActivationBackward { gradient, z, activation } = operands;
    let (rows, columns) = (gradient.rows(), gradient.cols());
    z.expect(OPERATION, "outputs", (rows, columns))?;
    delta.expect(OPERATION, "deltas", (rows, columns))?;
    let (gradient, z, delta) = (gradient.view(), z.view(), delta.into_view());
    let (gradient, z, delta) =
        if delta.has_contiguous_rows() { (gradient, z, delta) } else { (gradient.t(), z.t(), delta.t()) };
    with_activation!(activation, h => {
        backend.share(elementwise::ActivationBackward { gradient, z, activation: h, delta });
    });
    Ok(())
}

/// `dw = deltaᵀ·x`, out × in, and `db`, the column sums of delta. Each is optional.
///
/// Each sum is one chain over the batch in `f32`, within `batch·2⁻²⁴` of the sum of absolute terms. This is visible in a db of millions
/// of equal terms: 2·10⁷ ones sum to 2²⁴. A batch processed in parts, with `accumulate`, is the same chain.
///
/// # Errors
/// If the shapes of `x`, `dw` or `db` do not fit `delta`, or there is no memory for the workspace.
///
/// Training only the bias:
///
/// ```
/// use lanegrad::{Backend, MatRef, dense};
/// let (delta, x) = (MatRef::new(&[1.0, 2.0, 3.0, 4.0], 2, 2)?, MatRef::new(&[0.0; 6], 2, 3)?);
/// let mut db = [0.0; 2];
/// dense::gradient(&mut Backend::new()?, dense::Gradient { delta, x, accumulate: false }, None, Some(&mut db))?;
/// assert_eq!(db, [4.0, 6.0]);
/// # Ok::<(), lanegrad::Error>(())
/// ```
pub fn gradient<'w>(
    backend: &mut Backend,
    layer: Gradient<'_>,
    dw: impl Into<Option<MatMut<'w>>>,
    db: Option<&mut [f32]>,
) -> Result<(), Error> {
    const OPERATION: &str = "dense gradient";
    let Gradient { delta, x, accumulate } = layer;
    let (batch, inputs, outputs) = (delta.rows(), x.cols(), delta.cols());
    x.expect(OPERATION, "inputs", (batch, inputs))?;
    let dw = dw.into();
    if let Some(dw) = &dw {
        dw.expect(OPERATION, "weight gradients", (outputs, inputs))?;
    }
    if let Some(db) = &db {
        expect_len(OPERATION, "bias gradient", outputs, db.len())?;
    }
    if let Some(dw) = dw {
        let order = Order::Chain { accumulate };
        product(backend, OPERATION, order, (delta.t(), x), dw, Store)?;
    }
    if let Some(sums) = db {
        backend.share(ColumnSums { a: delta.view(), sums, accumulate });
    }
    Ok(())
}

/// Reserves the workspace that the three products of a layer need.
pub(crate) fn reserve(backend: &mut Backend, batch: usize, inputs: usize, outputs: usize) -> Result<(), Error> {
    backend.reserve("dense forward", [batch, outputs, inputs])?;
    backend.reserve("dense backward", [batch, inputs, outputs])?;
    backend.reserve("dense gradient", [outputs, inputs, batch])
}

/// `c = epilogue(c₀ + a·b)`, for checked shapes.
#[inline]
fn product<E: Epilogue>(
    backend: &mut Backend,
    operation: &'static str,
    order: Order,
    (a, b): (MatRef<'_>, MatRef<'_>),
    c: MatMut<'_>,
    epilogue: E,
) -> Result<(), Error> {
    // There is nothing to compute, however large the other sizes are.
    if c.rows() == 0 || c.cols() == 0 {
        return Ok(());
    }
    backend.multiply(operation, order, (a.view(), b.view()), c.into_view(), epilogue)
}
