//! Threads: what it costs to hand tasks to them, which more of them do not make shorter, and products on one thread and on all.
//!
//! `region/awake` follows another region at once. Before `region/asleep`, the threads had the time to fall asleep: it includes the time
//! that the operating system takes to wake them.

mod layer;
mod measure;

use criterion::Criterion;
use lanegrad::{Backend, Error, Pool, Threads};
use layer::{Operands, Operation, Shape};
use std::hint;
use std::thread;
use std::time::{Duration, Instant};

/// Longer than the threads spin before they fall asleep.
const PAUSE: Duration = Duration::from_micros(500);

fn measure_regions(criterion: &mut Criterion, threads: usize) {
    let pool = Pool::new(threads).expect("threads are started");
    let region = || {
        pool.run(threads, &|number| {
            hint::black_box(number);
        });
    };
    let mut group = criterion.benchmark_group(format!("region/{threads} threads"));
    group.bench_function("awake", |bencher| bencher.iter(region));
    group.bench_function("asleep", |bencher| {
        bencher.iter_custom(|count| {
            let measure = |_| {
                let pause = Instant::now();
                while pause.elapsed() < PAUSE {
                    hint::spin_loop();
                }
                let start = Instant::now();
                region();
                start.elapsed()
            };
            (0..count).map(measure).sum()
        });
    });
    group.finish();
}

fn measure_products(criterion: &mut Criterion, threads: usize) -> Result<(), Error> {
    for shape in [Shape::new(32, 784, 128), Shape::new(128, 512, 512), Shape::new(512, 1024, 1024)] {
        for operation in Operation::ALL {
            let mut operands = Operands::new(shape);
            let mut group = criterion.benchmark_group(format!("threads/{}/{}", operation.name(), shape.name()));
            for threads in [1, threads] {
                let mut backend = Backend::builder().threads(threads).build()?;
                group.bench_function(threads.to_string(), |bencher| {
                    bencher.iter(|| operands.run(&mut backend, operation, true));
                });
            }
            group.finish();
        }
    }
    Ok(())
}

fn main() -> Result<(), Error> {
    let threads = thread::available_parallelism().map_or(2, usize::from).max(2);
    let mut criterion = measure::criterion();
    measure_regions(&mut criterion, threads);
    measure_products(&mut criterion, threads)?;
    criterion.final_summary();
    Ok(())
}
