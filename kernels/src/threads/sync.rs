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

/// How long a thread spins: longer than what lies between most products of a training step, about as long as waking a thread takes.
const SPIN: Duration = Duration::from_micros(50);
/// How long a thread waits before it sleeps. After [`SPIN`], it offers its processor to others: longer than the layers take that are too
/// small to be shared.
const WAIT: Duration = Duration::from_micros(250);

/// Measures how long a thread has waited.
pub(super) struct Patience {
    spins: u32,
    since: Option<Instant>,
    yields: bool,
}

impl Patience {
    pub(super) fn new() -> Self {
        Self { spins: 0, since: None, yields: false }
    }

    /// Waits a moment, if patience is left.
    pub(super) fn is_left(&mut self) -> bool {
        if self.yields {
            thread::yield_now();
        } else {
            hint::spin_loop();
            self.spins += 1;
            if !self.spins.is_multiple_of(32) {
                return true;
            }
        }
        let now = Instant::now();
        let waited = now - *self.since.get_or_insert(now);
        self.yields = waited >= SPIN;
        waited < WAIT
    }
}

/// When the calls of a pool are.
pub(super) struct Calls {
    start: Instant,
    /// The last one, in nanoseconds after the start. It wraps where 64 bits are not an atomic.
    last: AtomicUsize,
}

impl Calls {
    pub(super) fn new() -> Self {
        Self { start: Instant::now(), last: AtomicUsize::new(0) }
    }

    /// Whether the last call of this function was a short time ago.
    pub(super) fn are_frequent(&self) -> bool {
        let now = self.start.elapsed().as_nanos() as usize;
        now.wrapping_sub(self.last.swap(now, Ordering::Relaxed)) < WAIT.as_nanos() as usize
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
