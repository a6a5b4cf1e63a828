//! `z = h(x·wᵀ + b)` in integers.
#![no_main]

use arbitrary::{Result, Unstructured};
use lanegrad_fuzz::{Numbers, backend, products};

fn run(u: &mut Unstructured<'_>) -> Result<()> {
    let (mut backend, mut numbers) = (backend(u)?, Numbers::new(u)?);
    products::forward(u, &mut backend, &mut numbers)
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    // Too short an input is no input.
    let _ = run(&mut Unstructured::new(data));
});
