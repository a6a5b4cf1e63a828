//! Threads that share even the smallest kernel, so that small operands show what threads change.

use lanegrad::Threads;
use lanegrad_kernels::threads::Pool;
use std::io;

/// A pool for which no kernel is too short to be split.
#[derive(Debug)]
pub struct Eager(Pool);

impl Eager {
    /// Starts the threads.
    ///
    /// # Errors
    /// If the system refuses to start one.
    pub fn new(threads: usize) -> io::Result<Self> {
        Pool::new(threads).map(Self)
    }
}

impl Threads for Eager {
    fn count(&self) -> usize {
        self.0.count()
    }
    fn shortest_task(&self) -> usize {
        0
    }
    fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        self.0.run(tasks, task);
    }
}
