//! A training step, on every instruction set. The throughput's "elements" are floating-point operations of the products: `Gelem/s`
//! is GFLOP/s.

mod measure;
mod net;

use criterion::{Criterion, SamplingMode, Throughput};
use lanegrad::{Error, Method};
use net::{NETS, Training};

const METHODS: [(&str, Method); 2] =
    [("SGD", Method::Sgd), ("Adam", Method::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 })];

fn measure_steps(criterion: &mut Criterion) -> Result<(), Error> {
    for (name, method) in METHODS {
        for net in NETS {
            let mut group = criterion.benchmark_group(format!("train step/{name}/{}", net.name()));
            group.sampling_mode(SamplingMode::Flat).throughput(Throughput::Elements(net.flops()));
            // Without an FMA instruction in the build, a scalar step takes a second on the wider networks.
            let is_small = net.flops() < 5_000_000;
            for backend in measure::backends().filter(|backend| is_small || backend.isa().name() != "scalar") {
                let isa = backend.isa();
                let mut training = Training::new(backend, net, method)?;
                training.step()?;
                group.bench_function(isa.name(), |bencher| bencher.iter(|| training.step()));
            }
            group.finish();
        }
    }
    Ok(())
}

fn main() -> Result<(), Error> {
    let mut criterion = measure::criterion();
    measure_steps(&mut criterion)?;
    criterion.final_summary();
    Ok(())
}
