//! The three products of a dense layer, side by side.
//!
//! | | formula | shapes |
//! |---|---|---|
//! | [`forward`] | `z = h(x·wᵀ + b)` | batch×in · in×out → batch×out |
//! | [`backward`] | `delta_below = (delta·w) ⊙ h'(a)` | batch×out · out×in → batch×in |
//! | [`gradient`] | `dw = deltaᵀ·x`, `db` = column sums of delta | out×batch · batch×in → out×in |
//!
//! `w` is out × in: `w[j][i]` goes from unit i to unit j. `delta = ∂L/∂a` of a mini-batch loss L that is already a mean, so
//! nothing here divides by the batch. Every output element is summed in the order of the summed index; only a forward product of
//! at most eight rows is summed in sixteen lanes (term p in lane p mod 16), whose upper half is added to the lower until one remains.

use crate::activation::with_activation;
use crate::backend::Sizes;
use crate::matrix::expect_len;
use crate::{Activation, Backend, Error, MatMut, MatRef};
use lanegrad_kernels::epilogue::{BiasActivation, Epilogue, Store, TimesDerivative};
use lanegrad_kernels::gemm::{Order, Product};
use lanegrad_kernels::reduce::ColumnSums;
use lanegrad_kernels::sabotage;

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
    /// h of the layer below and its output z, batch × in. Without it the result is `∂L/∂x` of this layer's inputs, so that
    /// a stack of ours can sit inside somebody else's net.
    pub below: Option<(Activation, MatRef<'a>)>,
}

/// The operands of [`gradient`].
#[derive(Clone, Copy, Debug)]
pub struct Gradient<'a> {
    /// `∂L/∂a` of this layer, batch × out.
    pub delta: MatRef<'a>,
    /// Inputs of this layer, batch × in.
    pub x: MatRef<'a>,
    /// Whether the gradient is added to what `dw` and `db` hold; otherwise it replaces it.
    pub accumulate: bool,
}

/// `z = h(x·wᵀ + b)`, batch × out, in one pass.
///
/// # Errors
/// When the shapes of `w`, `bias` or `z` do not fit `x`, or there is no memory for the workspace.
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
        (None, Activation::Identity) => product(backend, OPERATION, order, (x, w.t()), z, false, Store),
        _ => with_activation!(activation, h => {
            product(backend, OPERATION, order, (x, w.t()), z, false, BiasActivation::new(bias, h))
        }),
    }
}

/// `delta_below = (delta·w) ⊙ h'(a)`, batch × in, in one pass.
///
/// # Errors
/// When the shapes of `w`, `z` or `delta_below` do not fit `delta`, or there is no memory for the workspace.
pub fn backward(backend: &mut Backend, layer: Backward<'_>, delta_below: MatMut<'_>) -> Result<(), Error> {
    const OPERATION: &str = "dense backward";
    let Backward { delta, w, below } = layer;
    let (batch, inputs, outputs) = (delta.rows(), w.cols(), delta.cols());
    w.expect(OPERATION, "weights", (outputs, inputs))?;
    if let Some((_, z)) = below {
        z.expect(OPERATION, "outputs of the layer below", (batch, inputs))?;
    }
    delta_below.expect(OPERATION, "deltas of the layer below", (batch, inputs))?;
    match below {
        None | Some((Activation::Identity, _)) => {
            product(backend, OPERATION, Order::Chain, (delta, w), delta_below, false, Store)
        }
        Some((activation, z)) => with_activation!(activation, h => {
            product(backend, OPERATION, Order::Chain, (delta, w), delta_below, false, TimesDerivative::new(z.view(), h))
        }),
    }
}

/// `dw = deltaᵀ·x`, out × in, and `db` = column sums of delta, if there is a `db`.
///
/// # Errors
/// When the shapes of `x`, `dw` or `db` do not fit `delta`, or there is no memory for the workspace.
pub fn gradient(
    backend: &mut Backend,
    layer: Gradient<'_>,
    dw: MatMut<'_>,
    db: Option<&mut [f32]>,
) -> Result<(), Error> {
    const OPERATION: &str = "dense gradient";
    let Gradient { delta, x, accumulate } = layer;
    let (batch, inputs, outputs) = (delta.rows(), x.cols(), delta.cols());
    x.expect(OPERATION, "inputs", (batch, inputs))?;
    dw.expect(OPERATION, "weight gradients", (outputs, inputs))?;
    if let Some(db) = &db {
        expect_len(OPERATION, "bias gradient", outputs, db.len())?;
    }
    let accumulate_dw = sabotage!(accumulate, 14 => false, 14 b => true);
    product(backend, OPERATION, Order::Chain, (delta.t(), x), dw, accumulate_dw, Store)?;
    if let Some(sums) = db {
        backend.run(ColumnSums { rows: batch, a: delta.view(), sums, accumulate });
    }
    Ok(())
}

/// The workspace that the three products of a layer need.
pub(crate) fn reserve(backend: &mut Backend, batch: usize, inputs: usize, outputs: usize) -> Result<(), Error> {
    backend.workspace("dense forward", Sizes { m: batch, n: outputs, k: inputs })?;
    backend.workspace("dense backward", Sizes { m: batch, n: inputs, k: outputs })?;
    backend.workspace("dense gradient", Sizes { m: outputs, n: inputs, k: batch })?;
    Ok(())
}

/// `c = epilogue(c₀ + a·b)`, the shapes checked.
fn product<E: Epilogue>(
    backend: &mut Backend,
    operation: &'static str,
    order: Order,
    (a, b): (MatRef<'_>, MatRef<'_>),
    c: MatMut<'_>,
    accumulate: bool,
    epilogue: E,
) -> Result<(), Error> {
    let sizes = Sizes { m: a.rows(), n: b.cols(), k: a.cols() };
    // However large the other sizes are, there is nothing to compute.
    if sizes.m == 0 || sizes.n == 0 {
        return Ok(());
    }
    let (isa, workspace) = backend.workspace(operation, sizes)?;
    let Sizes { m, n, k } = sizes;
    let (c, c_stride) =
        sabotage!(c.into_parts(), 8 => (c.into_parts().0, n), 48 => sabotage::write_gaps(c.into_parts(), m, n));
    let a = sabotage!(a.view(), 7 => a.view().t(), 8 b => sabotage::without_gaps(a.view(), k));
    isa.run(Product { m, n, k, a, b: b.view(), c, c_stride, accumulate, order, epilogue, workspace });
    Ok(())
}
