//! `delta_below = (delta·w) ⊙ h'(a)` in integers.
#![no_main]

use arbitrary::{Result, Unstructured};
use lanegrad::{Activation, dense};
use lanegrad_fuzz::{Input, Numbers, Output, backend, sizes};

fn run(u: &mut Unstructured<'_>) -> Result<()> {
    let (batch, inputs, outputs) = sizes(u)?;
    let (mut backend, mut numbers) = (backend(u)?, Numbers::new(u)?);
    let delta = Input::new(u, &mut numbers, (batch, outputs))?;
    let w = Input::new(u, &mut numbers, (outputs, inputs))?;
    let z = Input::new(u, &mut numbers, (batch, inputs))?;
    let activation = *u.choose(&[None, Some(Activation::Identity), Some(Activation::Relu)])?;
    let mut below = Output::new(u, &mut numbers, (batch, inputs), false)?;

    let h = activation.map(|activation| (activation, z.view()));
    let layer = dense::Backward { delta: delta.view(), w: w.view(), below: h };
    dense::backward(&mut backend, layer, below.view()).expect("the shapes fit");

    below.check(|i, j| match activation {
        Some(Activation::Relu) if z.at(i, j) <= 0 => 0,
        _ => (0..outputs).map(|p| delta.at(i, p) * w.at(p, j)).sum(),
    });
    Ok(())
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    // Too short an input is no input.
    let _ = run(&mut Unstructured::new(data));
});
