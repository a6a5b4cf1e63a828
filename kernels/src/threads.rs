//! Threads: a kernel is split into parts that write disjoint outputs, and each part is run by one of them.
//!
//! An element is computed by the same operations in the same order, whatever part it is in. So the number of threads, and who runs what,
//! never changes a bit. How many parts a kernel is split into is decided by [`Team::parts`], from its work.

#[expect(unsafe_code, reason = "borrowed tasks are handed to threads, which finish them before the call returns")]
mod pool;
mod sync;

pub use self::pool::{AWAKE_TASK, Pool};

use crate::cache::LINE;
use crate::isa::{Isa, Kernel};
use core::fmt::Debug;
use std::sync::{Arc, Mutex};

/// The most threads that share a kernel.
pub const MAX_THREADS: usize = 64;

/// Runs tasks on several threads: [`Pool`], or what a host has.
pub trait Threads: Debug + Send + Sync {
    /// The number of threads that run tasks, the caller included.
    fn count(&self) -> usize;

    /// The time of the shortest task that ever pays for handing it to a thread, in nanoseconds. A kernel is split into no more parts than
    /// are as long.
    fn shortest_task(&self) -> usize {
        40_000
    }

    /// The same at this moment: more, if the threads have to be woken. It is called for each kernel of at least two of the shortest tasks.
    fn shortest_task_now(&self) -> usize {
        self.shortest_task()
    }

    /// Calls `task(0)`, …, `task(tasks − 1)`, each once, in any order and on any thread, and returns when all have returned.
    ///
    /// A panic of a task is a panic of this function.
    fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync));
}

/// A kernel whose output can be split.
pub trait Split: Kernel<Output = ()> + Send + Sized {
    /// Its time on one thread, roughly, in nanoseconds.
    fn work(&self) -> usize;

    /// The first of `parts` about equal parts, and the others. There are at least two; either may be empty.
    fn split(self, parts: usize) -> (Self, Self);
}

/// The length of the first of `parts` about equal parts of a slice: whole vectors of every instruction set, and whole cache lines if the
/// slice starts with one.
#[inline]
pub fn first_part(len: usize, parts: usize) -> usize {
    len.div_ceil(parts).next_multiple_of(LINE).min(len)
}

/// Threads, and what decides whether a kernel is split: most kernels are short, and do not even have the time to ask.
#[derive(Clone, Debug)]
pub struct Team {
    threads: Arc<dyn Threads>,
    count: usize,
    shortest_task: usize,
}

impl Team {
    /// Asks the threads how many they are, once.
    pub fn new(threads: Arc<dyn Threads>) -> Self {
        let (count, shortest_task) = (threads.count(), threads.shortest_task());
        Self { threads, count, shortest_task }
    }

    /// Shares even the smallest kernel, to see what that changes.
    pub fn eager(threads: Arc<dyn Threads>) -> Self {
        Self { shortest_task: 0, ..Self::new(threads) }
    }

    /// The number of threads.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Whether a kernel of `work` nanoseconds is not split.
    #[inline]
    pub fn is_too_short(&self, work: usize) -> bool {
        work < self.shortest_task.saturating_mul(2)
    }

    /// How many parts a kernel of `work` nanoseconds is split into.
    #[inline]
    pub fn parts(&self, work: usize) -> usize {
        if self.is_too_short(work) {
            return 1;
        }
        let tasks = match self.shortest_task {
            0 => MAX_THREADS,
            shortest => work / self.threads.shortest_task_now().max(shortest),
        };
        tasks.min(self.count).clamp(1, MAX_THREADS)
    }

    /// [`share`] on these threads.
    pub fn share<T: Send>(&self, parts: impl Iterator<Item = T>, work: impl Fn(T) + Sync) {
        share(&*self.threads, parts, work);
    }
}

/// Runs a kernel, on several threads if it has work for them.
#[inline]
pub fn run<K: Split>(isa: Isa, team: Option<&Team>, kernel: K) {
    if let Some(team) = team {
        let parts = team.parts(kernel.work());
        if parts > 1 {
            return team.share(split(kernel, parts), |part| alone(isa, part));
        }
    }
    alone(isa, kernel);
}

/// Not inlined: whole kernels and parts of them are the same code.
#[inline(never)]
fn alone<K: Split>(isa: Isa, kernel: K) {
    isa.run(kernel);
}

/// The parts of a kernel, in order.
fn split<K: Split>(kernel: K, parts: usize) -> impl Iterator<Item = K> {
    let (mut rest, mut left) = (Some(kernel), parts);
    core::iter::from_fn(move || {
        let kernel = rest.take()?;
        if left == 1 {
            return Some(kernel);
        }
        let (first, others) = kernel.split(left);
        (rest, left) = (Some(others), left - 1);
        Some(first)
    })
}

/// Calls `work` with each part, at most [`MAX_THREADS`] of them, on several threads.
///
/// This does not depend on what a host's [`Threads`] do: a part is taken once, and those that were not taken are done at the end.
pub fn share<T: Send>(threads: &dyn Threads, mut parts: impl Iterator<Item = T>, work: impl Fn(T) + Sync) {
    let mut count = 0;
    let slots: [Mutex<Option<T>>; MAX_THREADS] = core::array::from_fn(|_| {
        let part = parts.next();
        count += usize::from(part.is_some());
        Mutex::new(part)
    });
    let take = |slot: &Mutex<Option<T>>| slot.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
    threads.run(count, &|number| {
        if let Some(part) = slots.get(number).and_then(take) {
            work(part);
        }
    });
    slots[..count].iter().filter_map(take).for_each(work);
}
