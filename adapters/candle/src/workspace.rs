//! A `Backend` for code that has only `&self`: one per thread and depth of nesting, kept from call to call.

use crate::pool;
use candle_core::Result;
use lanegrad::Backend;
use std::cell::RefCell;

/// What a call needs besides its operands.
pub(crate) struct Workspace {
    pub(crate) backend: Backend,
    /// The deltas of a layer, between h' and the products.
    pub(crate) delta: Vec<f32>,
}

thread_local! {
    static IDLE: RefCell<Vec<Workspace>> = const { RefCell::new(Vec::new()) };
}

/// Runs `f` with an idle workspace of this thread, or a new one, on as many threads as are set. No thread waits for another, and calls may
/// be nested.
pub(crate) fn with<R>(f: impl FnOnce(&mut Workspace) -> Result<R>) -> Result<R> {
    let idle = IDLE.try_with(|idle| idle.borrow_mut().pop()).ok().flatten();
    let mut workspace = match idle {
        Some(workspace) if workspace.backend.threads() == pool::threads() => workspace,
        _ => Workspace { backend: pool::backend()?, delta: Vec::new() },
    };
    let result = f(&mut workspace);
    // While a thread ends, its list may be gone already.
    let _ = IDLE.try_with(|idle| idle.borrow_mut().push(workspace));
    result
}
