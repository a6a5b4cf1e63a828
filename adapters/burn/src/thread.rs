//! What each thread keeps between calls: a `Backend` and the buffers of the backward pass.

use crate::pool;
use lanegrad::{Backend, Error};
use std::cell::Cell;

/// A backend, and two buffers for the deltas of consecutive layers.
#[derive(Debug)]
pub(crate) struct Scratch {
    pub(crate) backend: Backend,
    pub(crate) deltas: [Vec<f32>; 2],
}

thread_local! {
    static IDLE: Cell<Option<Box<Scratch>>> = const { Cell::new(None) };
}

/// Calls `f` with this thread's scratch, whose backend has as many threads as are set. Calls do not wait for each other. A nested call gets
/// a scratch of its own, as does a call while the thread ends.
pub(crate) fn with_scratch<R>(f: impl FnOnce(&mut Scratch) -> Result<R, Error>) -> Result<R, Error> {
    let mut scratch = match IDLE.try_with(Cell::take) {
        Ok(Some(scratch)) if scratch.backend.threads() == pool::threads() => scratch,
        _ => Box::new(Scratch { backend: pool::backend()?, deltas: Default::default() }),
    };
    let result = f(&mut scratch);
    // While the thread ends, there is no place to keep it.
    let _ = IDLE.try_with(|idle| idle.set(Some(scratch)));
    result
}
