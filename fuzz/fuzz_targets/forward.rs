//! `z = h(x·wᵀ + b)` in integers.
#![no_main]

use arbitrary::{Result, Unstructured};
use lanegrad::{Activation, dense};
use lanegrad_fuzz::{Input, Numbers, Output, backend, sizes};

fn run(u: &mut Unstructured<'_>) -> Result<()> {
    let (batch, inputs, outputs) = sizes(u)?;
    let (mut backend, mut numbers) = (backend(u)?, Numbers::new(u)?);
    let x = Input::new(u, &mut numbers, (batch, inputs))?;
    let w = Input::new(u, &mut numbers, (outputs, inputs))?;
    let bias = u.arbitrary::<bool>()?.then(|| numbers.take(outputs));
    let activation = *u.choose(&[Activation::Identity, Activation::Relu])?;
    let mut z = Output::new(u, &mut numbers, (batch, outputs), false)?;

    let layer = dense::Forward { x: x.view(), w: w.view(), bias: bias.as_deref(), activation };
    dense::forward(&mut backend, layer, z.view()).expect("the shapes fit");

    z.check(|i, j| {
        let product: i64 = (0..inputs).map(|p| x.at(i, p) * w.at(j, p)).sum();
        let a = product + bias.as_ref().map_or(0, |bias| bias[j] as i64);
        if activation == Activation::Relu { a.max(0) } else { a }
    });
    Ok(())
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    // Too short an input is no input.
    let _ = run(&mut Unstructured::new(data));
});
