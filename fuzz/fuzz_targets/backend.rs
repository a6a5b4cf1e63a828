//! Calls in a row on one `Backend`, right ones and wrong ones, with changing shapes: what an earlier call left in the workspace
//! shows in no later one. In integers.
#![no_main]

use arbitrary::{Result, Unstructured};
use lanegrad::{Activation, Backend, Error, dense};
use lanegrad_fuzz::{Input, Numbers, Output, backend, products};

/// A call whose shapes do not fit, and that writes nothing.
fn wrong(u: &mut Unstructured<'_>, backend: &mut Backend, numbers: &mut Numbers) -> Result<()> {
    let (batch, inputs, outputs) = (u.int_in_range(0..=300)?, u.int_in_range(1..=300)?, u.int_in_range(1..=20)?);
    let x = Input::new(u, numbers, (batch, inputs))?;
    let w = Input::new(u, numbers, (outputs, inputs - 1))?;
    let mut z = Output::new(u, numbers, (batch, outputs), true)?;
    let layer = dense::Forward { x: x.view(), w: w.view(), bias: None, activation: Activation::Relu };
    let error = dense::forward(backend, layer, z.view()).expect_err("the weights do not fit");
    assert!(matches!(error, Error::Shape { .. }), "{error}");
    z.check(|i, j| z.was(i, j));
    Ok(())
}

fn run(u: &mut Unstructured<'_>) -> Result<()> {
    let (mut backend, mut numbers) = (backend(u)?, Numbers::new(u)?);
    for _ in 0..u.int_in_range(2..=8)? {
        let call = *u.choose(&[products::forward, products::backward, products::gradient, wrong])?;
        call(u, &mut backend, &mut numbers)?;
    }
    Ok(())
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    // Too short an input is no input.
    let _ = run(&mut Unstructured::new(data));
});
