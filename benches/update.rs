//! Optimizers: one step on one tensor, on every instruction set, in bytes read and written per second.

mod measure;

use criterion::Criterion;
use lanegrad::{Error, LearningRate, Method, Momentum, Optimizer, Parameter, Rule};
use measure::{SIZES, backends, group_of_bytes, numbers};

const MOMENTUM: Momentum = Momentum::Constant(0.9);

/// With the number of elements read and written per parameter: θ, g and the states. A look-ahead adds another pass over θ and v.
const METHODS: [(&str, Method, usize); 7] = [
    ("SGD", Method::Sgd, 3),
    ("momentum", Method::Momentum { momentum: MOMENTUM }, 5),
    ("Nesterov", Method::Nesterov { momentum: MOMENTUM }, 8),
    ("Adagrad", Method::Adagrad { epsilon: 1e-8 }, 5),
    ("RMSprop", Method::RmsProp { decay: 0.9, epsilon: 1e-8 }, 5),
    ("RMSprop Nesterov", Method::RmsPropNesterov { decay: 0.9, epsilon: 1e-8, momentum: MOMENTUM }, 10),
    ("Adam", Method::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }, 7),
];

fn measure_updates(criterion: &mut Criterion) -> Result<(), Error> {
    for (name, method, traffic) in METHODS {
        for (size, len) in SIZES {
            let (mut theta, gradient) = (numbers(len), numbers(len));
            let mut group = group_of_bytes(criterion, format!("update/{name}/{size}"), 4 * traffic * len);
            for backend in backends() {
                // A small step, so that no parameter leaves the normal range, however many steps are made.
                let mut optimizer = Optimizer::new(Rule::new(method, LearningRate::Constant(1e-6))?);
                group.bench_function(backend.isa().name(), |bencher| {
                    bencher.iter(|| {
                        optimizer.begin(&backend, &mut Parameter::numbered([&mut theta]))?.finish(&[&gradient])
                    });
                });
            }
            group.finish();
        }
    }
    Ok(())
}

fn main() -> Result<(), Error> {
    let mut criterion = measure::criterion();
    measure_updates(&mut criterion)?;
    criterion.final_summary();
    Ok(())
}
