//! Threads: every way to use them ends, gives the right bits, and leaves nothing behind.

mod pool;
mod training;

use lanegrad::*;
use lanegrad_kernels::threads::{MAX_THREADS, Pool, share};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

/// Large enough to be shared.
const SIDE: usize = 160;

/// The test ends, or fails: a deadlock is not to hang.
fn within_a_minute(test: impl FnOnce() + Send + 'static) {
    let running = thread::spawn(test);
    let start = Instant::now();
    while !running.is_finished() {
        assert!(start.elapsed() < Duration::from_secs(60), "a deadlock");
        thread::sleep(Duration::from_millis(1));
    }
    running.join().expect("the test passes");
}

fn numbers(len: usize) -> Vec<f32> {
    (0..len).map(|at| ((at * 7 + at / 11) % 31) as f32 / 16.0 - 1.0).collect()
}

/// A product, in bits.
fn product(backend: &mut Backend) -> Vec<u32> {
    let (x, w) = (numbers(SIDE * SIDE), numbers(SIDE * (SIDE - 1)));
    let mut z = vec![f32::NAN; SIDE * (SIDE - 1)];
    let (x, w) = (MatRef::new(&x, SIDE, SIDE).unwrap(), MatRef::new(&w, SIDE - 1, SIDE).unwrap());
    let layer = dense::Forward { x, w, bias: None, activation: Activation::Tanh };
    dense::forward(backend, layer, MatMut::new(&mut z, SIDE, SIDE - 1).unwrap()).unwrap();
    z.iter().map(|z| z.to_bits()).collect()
}

fn with_threads(threads: usize) -> Backend {
    Backend::builder().threads(threads).build().unwrap()
}

#[test]
fn backends_on_several_threads_at_once_that_share_a_pool_or_not() {
    within_a_minute(|| {
        let expected = Arc::new(product(&mut Backend::new().unwrap()));
        let shared: Arc<dyn Threads> = Arc::new(Pool::new(2).unwrap());
        let start = Arc::new(Barrier::new(6));
        let hosts: Vec<_> = (0..6)
            .map(|host| {
                let (expected, shared, start) = (expected.clone(), shared.clone(), start.clone());
                thread::spawn(move || {
                    let builder = Backend::builder();
                    let builder = if host % 2 == 0 { builder.pool(shared) } else { builder.threads(2 + host) };
                    let mut backend = builder.build().unwrap();
                    start.wait();
                    (0..20).for_each(|_| assert!(product(&mut backend) == *expected));
                })
            })
            .collect();
        hosts.into_iter().for_each(|host| host.join().unwrap());
    });
}

/// The threads of this process.
fn running() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

#[test]
fn ten_thousand_backends_are_made_and_dropped() {
    within_a_minute(|| {
        let expected = product(&mut Backend::new().unwrap());
        for number in 0..10_000 {
            let mut backend = with_threads(2 + number % 2);
            if number % 500 == 0 {
                assert!(product(&mut backend) == expected);
            }
        }
        // Other tests of this process have threads, too.
        assert!(running() < 200, "threads are left");
    });
}

#[test]
fn the_builder_checks_the_number_of_threads() {
    assert_eq!(with_threads(1).threads(), 1);
    assert_eq!(with_threads(MAX_THREADS).threads(), MAX_THREADS);
    for found in [0, MAX_THREADS + 1, usize::MAX] {
        let error = Backend::builder().threads(found).build().unwrap_err();
        assert_eq!(error, Error::Threads { found, refused: false });
        assert_eq!(error.to_string(), format!("backend: {found} threads, expected from 1 to 64"));
    }
}

/// A host's threads that do not do what they should.
#[derive(Debug)]
struct Wrong {
    /// Calls of each task.
    calls: usize,
}

impl Threads for Wrong {
    fn count(&self) -> usize {
        5
    }
    fn shortest_task(&self) -> usize {
        1
    }
    fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        (0..self.calls).for_each(|_| (0..tasks + 3).rev().for_each(task));
        task(usize::MAX);
    }
}

#[test]
fn a_host_that_runs_tasks_never_or_twice_changes_nothing() {
    let expected = product(&mut Backend::new().unwrap());
    for calls in [0, 1, 2] {
        let mut backend = Backend::builder().pool(Arc::new(Wrong { calls })).build().unwrap();
        assert!(product(&mut backend) == expected, "{calls} calls");
        let done = AtomicUsize::new(0);
        share(&Wrong { calls }, 0..7, |part: usize| {
            done.fetch_add(1 << (4 * part), SeqCst);
        });
        assert_eq!(done.load(SeqCst), 0x111_1111);
    }
}

/// rayon's pool, as `recipes` shows it.
#[derive(Debug)]
struct Rayon(rayon::ThreadPool);

impl Threads for Rayon {
    fn count(&self) -> usize {
        self.0.current_num_threads()
    }
    fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        self.0.in_place_scope(|scope| {
            (1..tasks).for_each(|number| scope.spawn(move |_| task(number)));
            task(0);
        });
    }
}

#[test]
fn inside_of_tasks_of_the_hosts_own_pool() {
    within_a_minute(|| {
        let expected = product(&mut Backend::new().unwrap());
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        let threads: Arc<dyn Threads> = Arc::new(Rayon(pool));
        let run = |backend: &mut Backend| (0..5).for_each(|_| assert!(product(backend) == expected));
        run(&mut Backend::builder().pool(threads.clone()).build().unwrap());
        rayon::scope(|scope| {
            for own in [false, true, false, true] {
                let (threads, run) = (threads.clone(), &run);
                scope.spawn(move |_| {
                    let builder = Backend::builder();
                    let builder = if own { builder.threads(2) } else { builder.pool(threads) };
                    run(&mut builder.build().unwrap());
                });
            }
        });
    });
}
