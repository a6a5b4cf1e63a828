//! The threads that share the work of one operation: one pool for the process, if the program asks for it.
//!
//! The pool is not rayon's. An operation runs while candle holds the lock of a tensor, and a thread of rayon that waits runs other tasks
//! meanwhile: if one of them locks the same tensor, it never ends. Threads of this pool run nothing but kernels, which lock nothing.

use candle_core::{Error, Result};
use lanegrad::{Backend, Pool, Threads};
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
/// `candle_core::utils::get_num_threads()` is the number of threads of candle's own products.
///
/// ```
/// lanegrad_candle::set_threads(2)?;
/// assert_eq!(lanegrad_candle::threads(), 2);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Errors
/// If the number is not from 1 to 64, or the system refuses to start a thread. The setting is unchanged then.
pub fn set_threads(threads: usize) -> Result<()> {
    let pool = match threads {
        1 => None,
        _ => Some(Pool::new(threads).map_err(|error| {
            let refused = error.kind() != ErrorKind::InvalidInput;
            Error::wrap(lanegrad::Error::Threads { found: threads, refused })
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
pub(crate) fn backend() -> Result<Backend> {
    let builder = Backend::builder();
    let builder = if threads() == 1 { builder } else { builder.pool(Arc::new(Shared)) };
    builder.build().map_err(Error::wrap)
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
