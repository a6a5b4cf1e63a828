//! The threads that share the work of one operation: one pool for the process, if the program asks for it.
//!
//! The pool is not rayon's. burn holds the lock of its graph during a backward pass, and a thread of rayon that waits runs other tasks
//! meanwhile: if one of them uses the same graph, it never ends. Threads of this pool run nothing but kernels, which lock nothing.

use lanegrad::{Backend, Error, Pool, Threads};
use std::io::ErrorKind;
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};

static POOL: RwLock<Option<Arc<Pool>>> = RwLock::new(None);

/// The size of the pool, for a look at every call.
static THREADS: AtomicUsize = AtomicUsize::new(1);

/// Shares the work of an operation of this crate among `threads` threads, the caller included, from 1 to 64. It is 1 at first.
///
/// The setting holds for the whole process, from the next operation on. The threads are started here and sleep when they have nothing
/// to do. The next setting ends them.
///
/// Results do not depend on the number of threads, to the last bit. Small operations stay on the caller's thread. So does an operation
/// that finds the threads busy with that of another caller: nobody waits.
///
/// ```
/// lanegrad_burn::set_threads(2)?;
/// assert_eq!(lanegrad_burn::threads(), 2);
/// # Ok::<(), lanegrad_burn::lanegrad::Error>(())
/// ```
///
/// # Errors
/// If the number is not from 1 to 64, or the system refuses to start a thread. The setting is unchanged then.
pub fn set_threads(threads: usize) -> Result<(), Error> {
    let pool = match threads {
        1 => None,
        _ => Some(Pool::new(threads).map_err(|error| {
            let refused = error.kind() != ErrorKind::InvalidInput;
            Error::Threads { found: threads, refused }
        })?),
    };
    let mut place = POOL.write().unwrap_or_else(PoisonError::into_inner);
    THREADS.store(threads, Relaxed);
    let last = mem::replace(&mut *place, pool.map(Arc::new));
    drop(place);
    // The last user of a pool joins its threads: this call, or an operation that is using it.
    drop(last);
    Ok(())
}

/// The number of threads that share the work of an operation: see [`set_threads`].
pub fn threads() -> usize {
    THREADS.load(Relaxed)
}

/// A backend that uses the pool.
pub(crate) fn backend() -> Result<Backend, Error> {
    let builder = Backend::builder();
    let builder = if threads() == 1 { builder } else { builder.pool(Arc::new(Shared)) };
    builder.build()
}

/// What the pool answers; without one, no task is long enough.
fn ask(question: impl FnOnce(&Pool) -> usize) -> usize {
    POOL.read().unwrap_or_else(PoisonError::into_inner).as_deref().map_or(usize::MAX, question)
}

/// The pool of the moment. A backend with it keeps no pool alive.
#[derive(Debug)]
struct Shared;

impl Threads for Shared {
    fn count(&self) -> usize {
        threads()
    }

    fn shortest_task(&self) -> usize {
        ask(|pool| pool.shortest_task())
    }

    fn shortest_task_now(&self) -> usize {
        ask(|pool| pool.shortest_task_now())
    }

    fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        let pool = POOL.read().unwrap_or_else(PoisonError::into_inner).clone();
        match pool {
            Some(pool) => pool.run(tasks, task),
            None => (0..tasks).for_each(task),
        }
    }
}
