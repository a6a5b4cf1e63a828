//! `dw = deltaᵀ·x` and `db` = column sums of delta, replaced or accumulated, in integers.
#![no_main]

use arbitrary::{Result, Unstructured};
use lanegrad::dense;
use lanegrad_fuzz::{Input, Numbers, Output, backend, sizes};

fn run(u: &mut Unstructured<'_>) -> Result<()> {
    let (batch, inputs, outputs) = sizes(u)?;
    let (mut backend, mut numbers) = (backend(u)?, Numbers::new(u)?);
    let delta = Input::new(u, &mut numbers, (batch, outputs))?;
    let x = Input::new(u, &mut numbers, (batch, inputs))?;
    let (accumulate, with_bias): (bool, bool) = u.arbitrary()?;
    let mut dw = Output::new(u, &mut numbers, (outputs, inputs), accumulate)?;
    let mut db = Output::new(u, &mut numbers, (1, outputs), accumulate || !with_bias)?;

    let layer = dense::Gradient { delta: delta.view(), x: x.view(), accumulate };
    let bias = if with_bias { Some(db.slice()) } else { None };
    dense::gradient(&mut backend, layer, dw.view(), bias).expect("the shapes fit");

    let start = |output: &Output, i, j| if accumulate { output.was(i, j) } else { 0 };
    dw.check(|i, j| start(&dw, i, j) + (0..batch).map(|p| delta.at(p, i) * x.at(p, j)).sum::<i64>());
    db.check(|_, j| match with_bias {
        true => start(&db, 0, j) + (0..batch).map(|p| delta.at(p, j)).sum::<i64>(),
        false => db.was(0, j),
    });
    Ok(())
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    // Too short an input is no input.
    let _ = run(&mut Unstructured::new(data));
});
