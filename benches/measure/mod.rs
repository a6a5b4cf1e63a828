//! What all criterion benchmarks share: durations, instruction sets, and data.

#![allow(dead_code, reason = "not every benchmark has slices of its own")]

use criterion::{BenchmarkGroup, Criterion, Throughput, measurement::WallTime};
use lanegrad::{Backend, Isa};
use std::time::Duration;

/// Lengths of slices: in L1, L2 and L3, on most machines.
pub(crate) const SIZES: [(&str, usize); 3] = [("4 Ki", 4 << 10), ("64 Ki", 64 << 10), ("1 Mi", 1 << 20)];

/// Short runs, because there are many of them.
pub(crate) fn criterion() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args()
}

/// A backend for each instruction set of this machine.
pub(crate) fn backends() -> impl Iterator<Item = Backend> {
    Isa::available().map(Backend::with_isa)
}

/// Normal values, none of them zero.
pub(crate) fn numbers(len: usize) -> Vec<f32> {
    (0..len).map(|i| (i * 7 % 13) as f32 / 13.0 - 0.49).collect()
}

/// A group whose throughput is the number of bytes read and written.
pub(crate) fn group_of_bytes<'a>(
    criterion: &'a mut Criterion,
    name: String,
    bytes: usize,
) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Bytes(bytes as u64));
    group
}
