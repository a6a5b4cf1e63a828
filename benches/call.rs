//! What a call costs where there is next to nothing to compute: a 16×16 layer, sixteen numbers. On every instruction set; the
//! time itself is the figure.

mod layer;
mod measure;

use criterion::Criterion;
use lanegrad::{Activation, Error, LearningRate, Method, Optimizer, Parameter, Rule};
use layer::{Operands, Operation, Shape};
use measure::{backends, numbers};

const SHAPES: [Shape; 2] = [Shape::new(1, 16, 16), Shape::new(16, 16, 16)];

fn measure_products(criterion: &mut Criterion) -> Result<(), Error> {
    for operation in Operation::ALL {
        for shape in SHAPES {
            let mut operands = Operands::new(shape);
            let mut group = criterion.benchmark_group(format!("call/{}/{}", operation.name(), shape.name()));
            for mut backend in backends() {
                operands.run(&mut backend, operation, true)?;
                group.bench_function(backend.isa().name(), |bencher| {
                    bencher.iter(|| operands.run(&mut backend, operation, true));
                });
            }
            group.finish();
        }
    }
    Ok(())
}

fn measure_slices(criterion: &mut Criterion) -> Result<(), Error> {
    let mut x = numbers(16);
    let mut group = criterion.benchmark_group("call/ReLU/16");
    for backend in backends() {
        group.bench_function(backend.isa().name(), |bencher| {
            bencher.iter(|| Activation::Relu.apply(&backend, &mut x));
        });
    }
    group.finish();

    let gradient = numbers(16);
    let mut group = criterion.benchmark_group("call/SGD/16");
    for backend in backends() {
        let mut optimizer = Optimizer::new(Rule::new(Method::Sgd, LearningRate::Constant(1e-6))?);
        group.bench_function(backend.isa().name(), |bencher| {
            bencher.iter(|| optimizer.begin(&backend, &mut Parameter::numbered([&mut x]))?.finish(&[&gradient]));
        });
    }
    group.finish();
    Ok(())
}

fn main() -> Result<(), Error> {
    let mut criterion = measure::criterion();
    measure_products(&mut criterion)?;
    measure_slices(&mut criterion)?;
    criterion.final_summary();
    Ok(())
}
