//! Functions of one variable, in units in the last place (ULP), over all 2³² arguments or over an everyday part of them.
//!
//! A kernel is an in-place function of a slice. The expected function is a [`Function`] with its reference in f64, whose own error is
//! far below an f32's ULP. All cores are used, and the reference is computed once for all kernels:
//!
//! ```
//! use lanegrad_verify::ulp::{Coverage, Function, Symmetry, measure};
//! let sine = Function {
//!     name: "sin",
//!     exact: f64::sin,
//!     rises: false,
//!     symmetry: Symmetry::Odd,
//!     range: [-1.0, 1.0],
//!     boundaries: &[0.0, 1.0, f32::MAX],
//! };
//! let kernel = |x: &mut [f32]| x.iter_mut().for_each(|x| *x = x.sin());
//! let [found] = measure(&sine, Coverage::Everyday, [&kernel], &mut |_, _| ());
//! assert!(found.faults(&sine).is_empty(), "{:?}", found.faults(&sine));
//! ```

mod block;
mod coverage;
mod function;
mod measurement;
mod report;

pub use self::coverage::{Coverage, Run};
pub use self::function::{EXP, FUNCTIONS, Function, LIMIT, RELU, SIGMOID, SOFTSIGN, Symmetry, TANH};
pub use self::measurement::{Largest, Measurement};
pub use self::report::Report;

use self::block::Block;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

/// A kernel: replaces every element of a slice. It is called from several threads.
pub type Kernel<'a> = &'a (dyn Fn(&mut [f32]) + Sync);

/// Measures kernels that should compute the same function. `progress` receives the amount of work done and its total.
pub fn measure<const N: usize>(
    function: &Function,
    coverage: Coverage,
    kernels: [Kernel<'_>; N],
    progress: &mut dyn FnMut(usize, usize),
) -> [Measurement; N] {
    let found = measure_all(function, coverage, &kernels, progress);
    found.try_into().expect("as many measurements as kernels")
}

/// [`measure`], for any number of kernels.
pub fn measure_all(
    function: &Function,
    coverage: Coverage,
    kernels: &[Kernel<'_>],
    progress: &mut dyn FnMut(usize, usize),
) -> Vec<Measurement> {
    let runs = coverage.runs(function.boundaries);
    let next = AtomicUsize::new(0);
    let (done, news) = mpsc::channel();
    let mut total: Vec<_> = kernels.iter().map(|kernel| specials(function, *kernel)).collect();
    thread::scope(|scope| {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let work = || {
            let done = done.clone();
            let (runs, next) = (&runs, &next);
            scope.spawn(move || {
                let mut found = vec![Measurement::new(); kernels.len()];
                while let Some(run) = runs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    for block in run.blocks() {
                        Block::new(function, block).measure(kernels, &mut found);
                    }
                    // A missing receiver is no reason to stop.
                    let _ = done.send(());
                }
                found
            })
        };
        let workers: Vec<_> = (0..threads).map(|_| work()).collect();
        drop(done);
        for (earlier, ()) in news.iter().enumerate() {
            progress(earlier + 1, runs.len());
        }
        for worker in workers {
            let found = worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            total.iter_mut().zip(found).for_each(|(total, found)| total.merge(found));
        }
    });
    total
}

/// NaN, infinities, zeros, and the ends of the subnormals and normals, one at a time: the results must be the nearest floats, with the
/// sign of zeros.
fn specials(function: &Function, kernel: Kernel<'_>) -> Measurement {
    let mut found = Measurement::new();
    let largest_subnormal = f32::MIN_POSITIVE.next_down();
    for x in [f32::NAN, f32::INFINITY, 0.0, f32::from_bits(1), largest_subnormal, f32::MIN_POSITIVE, f32::MAX] {
        for x in [x, -x] {
            let mut y = [x];
            kernel(&mut y);
            let expected = (function.exact)(x.into()) as f32;
            if y[0].to_bits() != expected.to_bits() && !(y[0].is_nan() && expected.is_nan()) {
                found.specials.push([x, y[0], expected]);
            }
        }
    }
    found
}
