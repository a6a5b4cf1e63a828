//! Losses with their deltas, on every instruction set: bytes read and written per second.

mod measure;

use criterion::Criterion;
use lanegrad::{Activation, Error, MatMut, MatRef, loss};
use measure::{backends, group_of_bytes, numbers};

/// Examples × outputs of the last layer.
const SHAPES: [(usize, usize); 3] = [(32, 10), (128, 10), (128, 1000)];

fn measure_softmax_cross_entropy(criterion: &mut Criterion) -> Result<(), Error> {
    for (batch, classes) in SHAPES {
        let (logits, mut delta) = (numbers(batch * classes), numbers(batch * classes));
        let labels: Vec<u32> = (0..batch as u32).map(|example| example % classes as u32).collect();
        let logits = MatRef::new(&logits, batch, classes)?;
        let name = format!("loss/softmax cross-entropy/{batch}×{classes}");
        let mut group = group_of_bytes(criterion, name, 8 * batch * classes);
        for backend in backends() {
            group.bench_function(backend.isa().name(), |bencher| {
                bencher.iter(|| {
                    let delta = MatMut::new(&mut delta, batch, classes)?;
                    loss::softmax_cross_entropy(&backend, loss::SoftmaxCrossEntropy { logits, labels: &labels }, delta)
                });
            });
        }
        group.finish();
    }
    Ok(())
}

fn measure_squared_error(criterion: &mut Criterion) -> Result<(), Error> {
    for (batch, outputs) in SHAPES {
        // The target is shifted by one element, so that no error is 0.
        let (predicted, mut delta) = (numbers(batch * outputs + 1), numbers(batch * outputs));
        let target = MatRef::new(&predicted[1..], batch, outputs)?;
        let predicted = MatRef::new(&predicted, batch, outputs)?;
        let loss = loss::SquaredError { predicted, target, c: 0.5, activation: Activation::Sigmoid };
        let name = format!("loss/squared error/{batch}×{outputs}");
        let mut group = group_of_bytes(criterion, name, 12 * batch * outputs);
        for backend in backends() {
            group.bench_function(backend.isa().name(), |bencher| {
                bencher.iter(|| loss::squared_error(&backend, loss, MatMut::new(&mut delta, batch, outputs)?));
            });
        }
        group.finish();
    }
    Ok(())
}

fn main() -> Result<(), Error> {
    let mut criterion = measure::criterion();
    measure_softmax_cross_entropy(&mut criterion)?;
    measure_squared_error(&mut criterion)?;
    criterion.final_summary();
    Ok(())
}
