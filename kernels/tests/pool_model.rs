//! The pool of threads under `loom`: every order of its operations that the memory model allows, for a few threads and tasks.
//!
//! ```sh
//! RUSTFLAGS="--cfg loom" cargo test --release -p lanegrad-kernels --test pool_model
//! ```
//! Elsewhere this file is empty. It compiles the pool's own source with the types of `loom`.

#![cfg(loom)]

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use pool::Pool;

#[path = "../src/threads/pool.rs"]
#[expect(unsafe_code, unreachable_pub, reason = "the library's own source")]
mod pool;

const MAX_THREADS: usize = 64;

trait Threads {
    fn count(&self) -> usize;
    fn shortest_task(&self) -> usize;
    fn shortest_task_now(&self) -> usize;
    fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync));
}

/// The names of `kernels/src/threads/sync.rs`.
mod sync {
    pub(super) use loom::cell::UnsafeCell;
    use loom::sync::Condvar;
    pub(super) use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
    pub(super) use loom::sync::{Arc, Mutex};
    use std::cell::RefCell;
    use std::io;

    /// As std has it. That of loom confuses a thread that joins another one, and is unparked meanwhile.
    #[derive(Clone)]
    pub(super) struct Thread(Arc<(Mutex<bool>, Condvar)>);

    impl Thread {
        fn new() -> Self {
            Self(Arc::new((Mutex::new(false), Condvar::new())))
        }

        pub(super) fn unpark(&self) {
            let (token, woken) = &*self.0;
            *token.lock().unwrap() = true;
            woken.notify_one();
        }
    }

    loom::thread_local! {
        static CURRENT: RefCell<Option<Thread>> = RefCell::new(None);
    }

    pub(super) fn current() -> Thread {
        CURRENT.with(|current| current.borrow_mut().get_or_insert_with(Thread::new).clone())
    }

    pub(super) fn park() {
        let current = current();
        let (token, woken) = &*current.0;
        let mut token = token.lock().unwrap();
        while !*token {
            token = woken.wait(token).unwrap();
        }
        *token = false;
    }

    pub(super) struct JoinHandle<T> {
        handle: loom::thread::JoinHandle<T>,
        thread: Thread,
    }

    impl<T> JoinHandle<T> {
        pub(super) fn thread(&self) -> &Thread {
            &self.thread
        }
        pub(super) fn join(self) -> std::thread::Result<T> {
            self.handle.join()
        }
    }

    pub(super) fn spawn(_: String, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
        let thread = Thread::new();
        let own = thread.clone();
        let handle = loom::thread::spawn(move || {
            CURRENT.with(|current| current.replace(Some(own)));
            work();
        });
        Ok(JoinHandle { handle, thread })
    }

    pub(super) struct Calls;

    impl Calls {
        pub(super) fn new() -> Self {
            Self
        }
        pub(super) fn are_frequent(&self) -> bool {
            false
        }
    }

    /// Nobody spins: spinning only adds orders that are like those of a thread that is slow to sleep.
    pub(super) struct Patience;

    impl Patience {
        pub(super) fn new() -> Self {
            Self
        }
        pub(super) fn is_left(&mut self) -> bool {
            false
        }
    }
}

/// Runs the model, with at most `switches` switches away from a thread that could go on: three threads have too many orders.
fn model(switches: usize, test: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(switches);
    builder.check(test);
}

/// What tasks write is seen by the caller, without synchronisation of its own.
fn run(pool: &Pool, tasks: usize) {
    let cells: Vec<_> = (0..tasks).map(|_| loom::cell::UnsafeCell::new(0)).collect();
    let cells = Cells(cells);
    pool.run(tasks, &|number| cells.add(number));
    assert_eq!(cells.sum(), tasks);
}

struct Cells(Vec<loom::cell::UnsafeCell<usize>>);

#[expect(unsafe_code, reason = "loom's cells report an access that is not synchronised")]
mod cells {
    use super::Cells;

    // SAFETY: whether that holds is what is tested.
    unsafe impl Sync for Cells {}

    impl Cells {
        pub(super) fn add(&self, number: usize) {
            // SAFETY: the cell reports an access that is not exclusive.
            self.0[number].with_mut(|cell| unsafe { *cell += 1 });
        }

        pub(super) fn sum(&self) -> usize {
            // SAFETY: as above.
            self.0.iter().map(|cell| cell.with(|cell| unsafe { *cell })).sum()
        }
    }
}

#[test]
fn two_calls_one_after_the_other() {
    model(3, || {
        let pool = Pool::new(2).unwrap();
        run(&pool, 2);
        run(&pool, 2);
    });
}

#[test]
fn three_tasks_of_two_workers() {
    model(1, || run(&Pool::new(3).unwrap(), 3));
}

#[test]
fn two_callers_at_once() {
    model(2, || {
        let pool = Arc::new(Pool::new(2).unwrap());
        let other = pool.clone();
        let caller = loom::thread::spawn(move || run(&other, 2));
        run(&pool, 2);
        caller.join().unwrap();
    });
}

#[test]
fn a_panic_is_passed_on() {
    model(3, || {
        let (pool, ended) = (Pool::new(2).unwrap(), AtomicUsize::new(0));
        let call = || {
            pool.run(2, &|number| match number {
                0 => std::panic::resume_unwind(Box::new(0)),
                _ => drop(ended.fetch_add(1, Relaxed)),
            });
        };
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).is_err());
        assert_eq!(ended.load(Relaxed), 1);
    });
}

#[test]
fn dropped_at_once() {
    model(3, || drop(Pool::new(3).unwrap()));
}
