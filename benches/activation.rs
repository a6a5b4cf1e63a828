//! Activation functions, in place, on every instruction set: bytes read and written per second.

mod measure;

use criterion::Criterion;
use lanegrad::Activation;
use lanegrad_verify::training::name::ACTIVATIONS;
use measure::{SIZES, backends, group_of_bytes, numbers};

fn measure_activations(criterion: &mut Criterion) {
    for &(name, activation) in ACTIVATIONS.iter().filter(|(_, activation)| *activation != Activation::Identity) {
        for (size, len) in SIZES {
            let mut x = numbers(len);
            let mut group = group_of_bytes(criterion, format!("activation/{name}/{size}"), 8 * len);
            for backend in backends() {
                group.bench_function(backend.isa().name(), |bencher| {
                    bencher.iter(|| activation.apply(&backend, &mut x))
                });
            }
            group.finish();
        }
    }
}

fn main() {
    let mut criterion = measure::criterion();
    measure_activations(&mut criterion);
    criterion.final_summary();
}
