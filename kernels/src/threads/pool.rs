//! A pool of threads that run the tasks of one call at a time.
//!
//! ```text
//!   caller                                   worker
//!   job ← the tasks; left ← n; open ← all    open ≠ ∅?  claim: take a task out of open, run it
//!   wakes those who sleep                    left ← left − 1; the last one wakes the caller, if it sleeps
//!   claims and runs tasks, as a worker does  no task: spins for a while, then sleeps
//!   waits until left = 0
//! ```
//! Tasks are claimed, not assigned: a worker that does not get a processor takes no task, so the caller never waits for it. But each thread
//! claims the task of its own number first: what it wrote in the call before is in its cache. A call that finds the pool busy, from
//! another thread or from inside a task, runs its tasks itself.
//!
//! Everything is synchronised by atomics and `park`. `tests/pool_model.rs` compiles this file with the types of `loom`, and
//! tries every order of their operations.

use super::sync::{self, Arc, AtomicBool, AtomicUsize, JoinHandle, Mutex, Ordering::*, Thread, UnsafeCell, fence};
use super::{MAX_THREADS, Threads};
use core::any::Any;
use core::{fmt, mem};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Threads of one backend, or of several that take turns: a call that finds them busy does its work alone. They are named `lanegrad-1`,
/// `lanegrad-2` and so on, sleep when they have nothing to do, and are joined when the pool is dropped.
pub struct Pool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    calls: sync::Calls,
}

/// The time of a task that pays for handing it to a thread that is awake, in nanoseconds: some twenty times what that takes.
pub const AWAKE_TASK: usize = 8_000;
/// The same for a thread that sleeps, before the only such kernel for a while.
const ASLEEP_TASK: usize = 40_000;

type Task<'a> = dyn Fn(usize) + Sync + 'a;

struct Shared {
    /// A bit for each task that nobody has claimed. Tasks whose numbers are equal modulo [`BITS`] are claimed together.
    open: AtomicUsize,
    /// Bits whose tasks are not finished.
    left: AtomicUsize,
    /// Whether a call is using the pool. That call alone writes the job.
    busy: AtomicBool,
    job: UnsafeCell<Option<Job>>,
    /// Whether the caller sleeps until the last task is finished.
    waiting: AtomicBool,
    /// Whether each worker sleeps.
    sleeping: Vec<AtomicBool>,
    stop: AtomicBool,
    /// What the first task that panicked has left.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

/// The number of bits in [`Shared::open`].
const BITS: usize = usize::BITS as usize;

struct Job {
    tasks: usize,
    /// Borrowed for the length of the call: it waits for all tasks, also if one panics.
    task: *const Task<'static>,
    caller: Thread,
}

// SAFETY: the job is written only by the call that has set `busy`, while no task is open or unfinished, and read only by those who have
// claimed a task of it. The task is `Sync`.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Pool {
    /// Starts `threads − 1` threads: the caller of [`run`](Threads::run) is one more.
    ///
    /// # Errors
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) if the number is not from 1 to 64, or what the system says when it refuses to start a
    /// thread.
    pub fn new(threads: usize) -> io::Result<Self> {
        if !(1..=MAX_THREADS).contains(&threads) {
            let message = format!("a pool has from 1 to {MAX_THREADS} threads, not {threads}");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let count = threads - 1;
        let shared = Arc::new(Shared {
            open: AtomicUsize::new(0),
            left: AtomicUsize::new(0),
            busy: AtomicBool::new(false),
            job: UnsafeCell::new(None),
            waiting: AtomicBool::new(false),
            sleeping: (0..count).map(|_| AtomicBool::new(false)).collect(),
            stop: AtomicBool::new(false),
            panic: Mutex::new(None),
        });
        let mut pool = Self { shared, workers: Vec::with_capacity(count), calls: sync::Calls::new() };
        for number in 0..count {
            let shared = pool.shared.clone();
            // If this fails, dropping the pool joins the others.
            pool.workers.push(sync::spawn(format!("lanegrad-{}", number + 1), move || shared.work(number))?);
        }
        Ok(pool)
    }
}

impl Threads for Pool {
    fn count(&self) -> usize {
        self.workers.len() + 1
    }

    fn shortest_task(&self) -> usize {
        AWAKE_TASK
    }

    /// Waking a thread costs the caller a few microseconds, and the thread is late by some tens. Where one kernel follows another, that is
    /// paid once.
    fn shortest_task_now(&self) -> usize {
        let asleep = self.shared.sleeping.iter().any(|sleeping| sleeping.load(Relaxed));
        if asleep && !self.calls.are_frequent() { ASLEEP_TASK } else { AWAKE_TASK }
    }

    fn run(&self, tasks: usize, task: &Task<'_>) {
        let shared = &*self.shared;
        if tasks <= 1 || self.workers.is_empty() || shared.busy.compare_exchange(false, true, Acquire, Relaxed).is_err()
        {
            return (0..tasks).for_each(task);
        }
        // SAFETY: only the lifetime changes. Nobody uses the task after this function has returned: it returns when `left` is 0, and
        // whoever has claimed a task uses it only before it decrements `left`.
        let task = unsafe { mem::transmute::<*const Task<'_>, *const Task<'static>>(task) };
        let job = Job { tasks, task, caller: sync::current() };
        let bits = tasks.min(BITS);
        // SAFETY: `busy` was set by this call, and the call before it waited until no task was open or unfinished.
        shared.job.with_mut(|place| unsafe { *place = Some(job) });
        shared.left.store(bits, Relaxed);
        shared.open.store(usize::MAX >> (BITS - bits), Release);
        // Either this call sees that a worker sleeps, or the worker sees that tasks are open: both store, pass a fence, and load.
        fence(SeqCst);
        // The caller takes one of the tasks itself.
        for (worker, sleeping) in self.workers.iter().zip(&shared.sleeping).take(tasks - 1) {
            if sleeping.load(Relaxed) {
                worker.thread().unpark();
            }
        }
        while let Some(bit) = shared.claim(0) {
            shared.execute(bit);
        }
        let mut patience = sync::Patience::new();
        while shared.left.load(Acquire) > 0 {
            if patience.is_left() {
                continue;
            }
            shared.waiting.store(true, Relaxed);
            // Either the last worker sees that this call sleeps, or this call sees that nothing is left.
            fence(SeqCst);
            if shared.left.load(Relaxed) > 0 {
                sync::park();
            }
            shared.waiting.store(false, Relaxed);
        }
        let panic = shared.panic.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
        shared.busy.store(false, Release);
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
    }
}

impl Shared {
    /// What a worker does until the pool is dropped.
    fn work(&self, number: usize) {
        let mut patience = sync::Patience::new();
        while !self.stop.load(Acquire) {
            if let Some(bit) = self.claim(number + 1) {
                self.execute(bit);
                patience = sync::Patience::new();
            } else if !patience.is_left() {
                self.sleeping[number].store(true, Relaxed);
                fence(SeqCst);
                if self.open.load(Relaxed) == 0 && !self.stop.load(Relaxed) {
                    sync::park();
                }
                self.sleeping[number].store(false, Relaxed);
                patience = sync::Patience::new();
            }
        }
    }

    /// Claims a bit of the current call, if one is open: `own` rather than another.
    fn claim(&self, own: usize) -> Option<usize> {
        let mut open = self.open.load(Relaxed);
        while open != 0 {
            let bit = if own < BITS && open >> own & 1 == 1 { own } else { open.trailing_zeros() as usize };
            // Success acquires the job: it reads from the store that has opened the tasks, or from a claim after it.
            match self.open.compare_exchange_weak(open, open & !(1 << bit), AcqRel, Relaxed) {
                Ok(_) => return Some(bit),
                Err(now) => open = now,
            }
        }
        None
    }

    /// Runs the tasks of a claimed bit.
    fn execute(&self, bit: usize) {
        // SAFETY: a task of this job was claimed and is not finished, so nobody writes the job.
        let (tasks, task, caller) = self.job.with(|job| unsafe {
            let job = (*job).as_ref().expect("a task is open only if there is a job");
            (job.tasks, job.task, job.caller.clone())
        });
        // SAFETY: the caller waits until this task is finished, so what it borrows is alive.
        let task = unsafe { &*task };
        for number in (bit..tasks).step_by(BITS) {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| task(number))) {
                self.panic.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).get_or_insert(panic);
            }
        }
        // From here on the job may be gone.
        if self.left.fetch_sub(1, AcqRel) == 1 {
            fence(SeqCst);
            if self.waiting.load(Relaxed) {
                caller.unpark();
            }
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.stop.store(true, Release);
        for worker in self.workers.drain(..) {
            worker.thread().unpark();
            // A worker catches the panics of its tasks, and has none of its own.
            let _ = worker.join();
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("threads", &self.count()).finish()
    }
}
