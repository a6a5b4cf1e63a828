//! The cost of a call with next to nothing to compute: a 16×16 layer, sixteen elements. On every instruction set; the result is the
//! time itself.

mod layer;
mod measure;

use criterion::Criterion;
use lanegrad::{Activation, Error, LearningRate, Method, Optimizer, Parameter, Rule, State};
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

    for (name, method) in [("SGD", Method::sgd()), ("Adam", Method::adam())] {
        let (mut x, gradient) = (numbers(64), numbers(64));
        // A small step, so that no parameter leaves the normal range, however many steps are made.
        let rule = Rule::new(method, LearningRate::Constant(1e-6))?;
        let mut group = criterion.benchmark_group(format!("call/{name}/64"));
        for backend in backends() {
            let mut state = State::new(method, x.len())?;
            let mut step = 0;
            group.bench_function(backend.isa().name(), |bencher| {
                bencher.iter(|| {
                    step += 1;
                    state.update(&backend, &rule, step, &mut x, &gradient)
                });
            });
        }
        group.finish();
        let mut group = criterion.benchmark_group(format!("call/{name}/64 in a list"));
        for backend in backends() {
            let mut optimizer = Optimizer::new(rule);
            group.bench_function(backend.isa().name(), |bencher| {
                bencher.iter(|| optimizer.step(&backend, &mut Parameter::numbered([&mut x]), &[&gradient]));
            });
        }
        group.finish();
    }
    Ok(())
}

fn main() -> Result<(), Error> {
    let mut criterion = measure::criterion();
    measure_products(&mut criterion)?;
    measure_slices(&mut criterion)?;
    criterion.final_summary();
    Ok(())
}
