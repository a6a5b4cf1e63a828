//! What the pool synchronises by. `tests/pool_model.rs` has the same names for the types of `loom`.

use core::cell;
use std::time::{Duration, Instant};
use std::{hint, io, thread};

pub(super) use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
pub(super) use std::sync::{Arc, Mutex};
pub(super) use std::thread::{JoinHandle, Thread, current, park};

/// Starts a thread.
pub(super) fn spawn(name: String, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name(name).spawn(work)
}

/// How long a thread spins before it sleeps: longer than what lies between two products of a training step, a few times as long as
/// waking a thread takes.
const SPIN: Duration = Duration::from_micros(50);

/// Counts how long a thread has spun.
pub(super) struct Patience {
    spins: u32,
    since: Option<Instant>,
}

impl Patience {
    pub(super) fn new() -> Self {
        Self { spins: 0, since: None }
    }

    /// Spins once, if patience is left.
    pub(super) fn is_left(&mut self) -> bool {
        hint::spin_loop();
        self.spins += 1;
        if !self.spins.is_multiple_of(32) {
            return true;
        }
        let now = Instant::now();
        now - *self.since.get_or_insert(now) < SPIN
    }
}

/// A cell that is accessed through pointers.
pub(super) struct UnsafeCell<T>(cell::UnsafeCell<T>);

impl<T> UnsafeCell<T> {
    pub(super) fn new(content: T) -> Self {
        Self(cell::UnsafeCell::new(content))
    }
    pub(super) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        f(self.0.get())
    }
    pub(super) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        f(self.0.get())
    }
}
