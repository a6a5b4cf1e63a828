//! The three products of one layer, tied together by the adjoint triple: `⟨δ, x·wᵀ + b⟩ = ⟨δ·w, x⟩ + ⟨db, b⟩ = ⟨δᵀ·x, w⟩ + ⟨db, b⟩`.
//! In integers, so exactly; the products may run on different instruction sets.
#![no_main]

use arbitrary::{Result, Unstructured};
use lanegrad::{Activation, dense};
use lanegrad_fuzz::{Input, Numbers, Output, backend, sizes};

/// `Σ a_ij b_ij`
fn inner((rows, cols): (usize, usize), a: &Output, b: impl Fn(usize, usize) -> i64) -> i64 {
    let row = |i| (0..cols).map(|j| a.at(i, j) as i64 * b(i, j)).sum::<i64>();
    (0..rows).map(row).sum()
}

fn run(u: &mut Unstructured<'_>) -> Result<()> {
    let (batch, inputs, outputs) = sizes(u)?;
    let mut backends = [backend(u)?, backend(u)?, backend(u)?];
    let mut numbers = Numbers::new(u)?;
    let x = Input::new(u, &mut numbers, (batch, inputs))?;
    let w = Input::new(u, &mut numbers, (outputs, inputs))?;
    let delta = Input::new(u, &mut numbers, (batch, outputs))?;
    let bias = numbers.take(outputs);
    let mut z = Output::new(u, &mut numbers, (batch, outputs), false)?;
    let mut dx = Output::new(u, &mut numbers, (batch, inputs), false)?;
    let mut dw = Output::new(u, &mut numbers, (outputs, inputs), false)?;
    let mut db = Output::new(u, &mut numbers, (1, outputs), false)?;

    let fits = "the shapes fit";
    let activation = Activation::Identity;
    let forward = dense::Forward { x: x.view(), w: w.view(), bias: Some(&bias), activation };
    dense::forward(&mut backends[0], forward, z.view()).expect(fits);
    let backward = dense::Backward { delta: delta.view(), w: w.view(), below: None };
    dense::backward(&mut backends[1], backward, dx.view()).expect(fits);
    let gradient = dense::Gradient { delta: delta.view(), x: x.view(), accumulate: false };
    dense::gradient(&mut backends[2], gradient, dw.view(), Some(db.slice())).expect(fits);

    let of_bias = inner((1, outputs), &db, |_, j| bias[j] as i64);
    let by_forward = inner((batch, outputs), &z, |i, j| delta.at(i, j));
    let by_backward = inner((batch, inputs), &dx, |i, j| x.at(i, j)) + of_bias;
    let by_gradient = inner((outputs, inputs), &dw, |i, j| w.at(i, j)) + of_bias;
    assert!(by_forward == by_backward && by_backward == by_gradient, "{by_forward}, {by_backward}, {by_gradient}");
    for output in [&z, &dx, &dw, &db] {
        output.check_canaries();
    }
    Ok(())
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    // Too short an input is no input.
    let _ = run(&mut Unstructured::new(data));
});
