//! The pool: each task is run once, and every call ends.

use crate::within_a_minute;
use lanegrad::Threads;
use lanegrad_kernels::threads::{Pool, share};
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

#[test]
fn every_task_is_run_once() {
    within_a_minute(|| {
        for threads in [1, 2, 3, 7] {
            let pool = Pool::new(threads).unwrap();
            for tasks in (0..40).chain([1000]) {
                let runs: Vec<_> = (0..tasks).map(|_| AtomicUsize::new(0)).collect();
                pool.run(tasks, &|number| {
                    runs[number].fetch_add(1, SeqCst);
                    thread::yield_now();
                });
                assert!(runs.iter().all(|runs| runs.load(SeqCst) == 1), "{tasks} tasks, {threads} threads");
            }
        }
    });
}

/// Tasks that wait for one another end only if each has a thread of its own.
#[test]
fn all_threads_take_part_and_have_names() {
    within_a_minute(|| {
        for threads in [2, 3, 7, 16] {
            let (pool, meeting) = (Pool::new(threads).unwrap(), Barrier::new(threads));
            for _ in 0..20 {
                let names = Mutex::new(HashSet::new());
                pool.run(threads, &|_| {
                    meeting.wait();
                    names.lock().unwrap().insert(thread::current().name().unwrap_or_default().to_owned());
                });
                let names = names.into_inner().unwrap();
                assert_eq!(names.len(), threads);
                assert!((1..threads).all(|number| names.contains(&format!("lanegrad-{number}"))), "{names:?}");
            }
        }
    });
}

#[test]
fn a_panic_of_a_task_is_a_panic_of_the_call_after_all_tasks_have_ended() {
    within_a_minute(|| {
        let pool = Pool::new(3).unwrap();
        for bad in 0..12 {
            let ended = AtomicUsize::new(0);
            let call = || {
                pool.run(12, &|number| {
                    if number == bad {
                        std::panic::resume_unwind(Box::new(bad));
                    }
                    thread::yield_now();
                    ended.fetch_add(1, SeqCst);
                });
            };
            let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).unwrap_err();
            assert_eq!((panic.downcast_ref(), ended.load(SeqCst)), (Some(&bad), 11));
        }
        let done = AtomicUsize::new(0);
        pool.run(5, &|_| {
            done.fetch_add(1, SeqCst);
        });
        assert_eq!(done.load(SeqCst), 5, "the pool can be used after a panic");
    });
}

#[test]
fn nested_and_concurrent_calls_are_run() {
    within_a_minute(|| {
        let pool = Arc::new(Pool::new(3).unwrap());
        let done = Arc::new(AtomicUsize::new(0));
        let callers: Vec<_> = (0..4)
            .map(|_| {
                let (pool, done) = (pool.clone(), done.clone());
                thread::spawn(move || {
                    for _ in 0..200 {
                        pool.run(4, &|_| {
                            pool.run(3, &|_| {
                                done.fetch_add(1, SeqCst);
                            })
                        });
                    }
                })
            })
            .collect();
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        assert_eq!(done.load(SeqCst), 4 * 200 * 4 * 3);
    });
}

/// What tasks write without synchronisation of their own is seen by the caller, and by the next call's tasks.
#[test]
fn parts_are_written_and_read() {
    within_a_minute(|| {
        let pool = Pool::new(4).unwrap();
        let mut numbers = vec![1_u64; 1000];
        for _ in 0..300 {
            share(&pool, numbers.chunks_mut(100), |part| part.iter_mut().for_each(|number| *number += 1));
            numbers.rotate_left(7);
        }
        assert!(numbers.iter().all(|number| *number == 301));
    });
}
