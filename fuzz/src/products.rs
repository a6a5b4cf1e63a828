//! One product each, with any shapes, strides and places, on a backend that other products may have used before: in integers.

use crate::{Input, Numbers, Output, sizes};
use arbitrary::{Result, Unstructured};
use lanegrad::{Activation, Backend, dense};

/// `z = h(x·wᵀ + b)`
pub fn forward(u: &mut Unstructured<'_>, backend: &mut Backend, numbers: &mut Numbers) -> Result<()> {
    let (batch, inputs, outputs) = sizes(u)?;
    let x = Input::new(u, numbers, (batch, inputs))?;
    let w = Input::new(u, numbers, (outputs, inputs))?;
    let bias = u.arbitrary::<bool>()?.then(|| numbers.take(outputs));
    let activation = *u.choose(&[Activation::Identity, Activation::Relu])?;
    let mut z = Output::in_any_order(u, numbers, (batch, outputs), false)?;

    let layer = dense::Forward { x: x.view(), w: w.view(), bias: bias.as_deref(), activation };
    dense::forward(backend, layer, z.view()).expect("the shapes fit");

    z.check(|i, j| {
        let product: i64 = (0..inputs).map(|p| x.at(i, p) * w.at(j, p)).sum();
        let a = product + bias.as_ref().map_or(0, |bias| bias[j] as i64);
        if activation == Activation::Relu { a.max(0) } else { a }
    });
    Ok(())
}

/// `delta_below = (delta·w) ⊙ h'(a)`
pub fn backward(u: &mut Unstructured<'_>, backend: &mut Backend, numbers: &mut Numbers) -> Result<()> {
    let (batch, inputs, outputs) = sizes(u)?;
    let delta = Input::new(u, numbers, (batch, outputs))?;
    let w = Input::new(u, numbers, (outputs, inputs))?;
    let z = Input::new(u, numbers, (batch, inputs))?;
    let activation = *u.choose(&[None, Some(Activation::Identity), Some(Activation::Relu)])?;
    let mut below = Output::in_any_order(u, numbers, (batch, inputs), false)?;

    let h = activation.map(|activation| (activation, z.view()));
    let layer = dense::Backward { delta: delta.view(), w: w.view(), below: h };
    dense::backward(backend, layer, below.view()).expect("the shapes fit");

    below.check(|i, j| match activation {
        Some(Activation::Relu) if z.at(i, j) <= 0 => 0,
        _ => (0..outputs).map(|p| delta.at(i, p) * w.at(p, j)).sum(),
    });
    Ok(())
}

/// `dw = deltaᵀ·x` and `db` = column sums of delta, replaced or accumulated.
pub fn gradient(u: &mut Unstructured<'_>, backend: &mut Backend, numbers: &mut Numbers) -> Result<()> {
    let (batch, inputs, outputs) = sizes(u)?;
    let delta = Input::new(u, numbers, (batch, outputs))?;
    let x = Input::new(u, numbers, (batch, inputs))?;
    let (accumulate, with_bias): (bool, bool) = u.arbitrary()?;
    let mut dw = Output::in_any_order(u, numbers, (outputs, inputs), accumulate)?;
    let mut db = Output::new(u, numbers, (1, outputs), accumulate || !with_bias)?;

    let layer = dense::Gradient { delta: delta.view(), x: x.view(), accumulate };
    let bias = if with_bias { Some(db.slice()) } else { None };
    dense::gradient(backend, layer, dw.view(), bias).expect("the shapes fit");

    let start = |output: &Output, i, j| if accumulate { output.was(i, j) } else { 0 };
    dw.check(|i, j| start(&dw, i, j) + (0..batch).map(|p| delta.at(p, i) * x.at(p, j)).sum::<i64>());
    db.check(|_, j| match with_bias {
        true => start(&db, 0, j) + (0..batch).map(|p| delta.at(p, j)).sum::<i64>(),
        false => db.was(0, j),
    });
    Ok(())
}
