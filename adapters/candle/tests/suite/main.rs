//! The adapter against candle itself. One binary, because linking candle takes longer than all tests.

mod allocations;
#[expect(unsafe_code, reason = "the one way to count allocations is a global allocator")]
mod counting_allocator;
mod errors;
mod gradients;
mod layer;
mod losses;
mod operands;
mod optimizers;
mod threads;
