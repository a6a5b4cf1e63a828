//! The three products of a dense layer, on every instruction set, with the peak of its arithmetic units and with `matrixmultiply`.
//!
//! ```text
//! cargo bench --bench product              a table in 8 s, then criterion's own groups
//! cargo bench --bench product -- none      only the table
//! ```
//! The throughput's "elements" are floating-point operations, 2·m·n·k per product: `Gelem/s` is GFLOP/s.
//!
//! The peak is measured, not looked up: it changes with the clock, and so do the products. So the table takes the best of many
//! short runs, in turn.

mod layer;
mod limits;
mod measure;

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};
use lanegrad::{Backend, Error, Isa};
use lanegrad_verify::foreign;
use layer::{Operands, Operation, SHAPES, Shape};
use std::time::{Duration, Instant};

/// All shapes but the largest, which takes a fifth of a second per product; the others take tens of milliseconds at most.
fn shapes() -> impl Iterator<Item = Shape> {
    SHAPES.into_iter().filter(|shape| shape.flops() < 5_000_000_000)
}

/// The library that computes.
enum Peer {
    Ours(Backend),
    Matrixmultiply,
}

impl Peer {
    fn all() -> Vec<Self> {
        let ours = Isa::available().map(|isa| Self::Ours(Backend::with_isa(isa)));
        ours.chain([Self::Matrixmultiply]).collect()
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Ours(backend) => backend.isa().name(),
            Self::Matrixmultiply => "matrixmultiply",
        }
    }

    /// The instruction set whose peak is the reference; `matrixmultiply` has kernels for AVX2 and FMA at most.
    fn isa(&self) -> Isa {
        match self {
            Self::Ours(backend) => backend.isa(),
            Self::Matrixmultiply => Isa::from_name("avx2").or(Isa::from_name("portable")).unwrap_or(Isa::detect()),
        }
    }

    /// Without an FMA instruction in the build, a scalar `mul_add` is a function call: only the smallest shape is measured.
    fn takes(&self, shape: Shape) -> bool {
        self.name() != "scalar" || shape.flops() < 5_000_000
    }
}

/// The plain product, without bias and activation.
fn run(operands: &mut Operands, operation: Operation, peer: &mut Peer) -> Result<(), Error> {
    match peer {
        Peer::Ours(backend) => operands.run(backend, operation, false),
        Peer::Matrixmultiply => {
            let layer::Product { a, b, c } = operands.product(operation);
            foreign::matrixmultiply(a, b, c, false);
            Ok(())
        }
    }
}

/// The best rate of a task so far.
#[derive(Clone, Copy)]
struct Best {
    gigaflops: f64,
}

impl Best {
    const NONE: Self = Self { gigaflops: 0.0 };

    /// Runs the task for about two milliseconds, at least twice.
    fn measure(&mut self, flops: u64, mut run: impl FnMut()) {
        let start = Instant::now();
        let mut runs = 0;
        while runs < 2 || start.elapsed() < Duration::from_millis(2) {
            let start = Instant::now();
            run();
            self.gigaflops = self.gigaflops.max(flops as f64 / start.elapsed().as_nanos() as f64);
            runs += 1;
        }
    }
}

/// Measures everything in turn, repeatedly for some seconds, so that changes of the clock and other processes affect all alike.
fn print_table() -> Result<(), Error> {
    const TIME: Duration = Duration::from_secs(8);
    let start = Instant::now();
    let mut peers = Peer::all();
    let mut operands: Vec<Operands> = shapes().map(Operands::new).collect();
    let mut peaks: Vec<_> = peers.iter().map(|_| Best::NONE).collect();
    let mut bests = vec![vec![[Best::NONE; Operation::ALL.len()]; operands.len()]; peers.len()];
    while start.elapsed() < TIME {
        for ((peer, peak), bests) in peers.iter_mut().zip(&mut peaks).zip(&mut bests) {
            let isa = peer.isa();
            for (operands, bests) in operands.iter_mut().zip(bests) {
                if !peer.takes(operands.shape) {
                    continue;
                }
                peak.measure(limits::peak_flops(isa), || limits::run_peak(isa));
                for (operation, best) in Operation::ALL.into_iter().zip(bests) {
                    run(operands, operation, peer)?;
                    best.measure(operands.shape.flops(), || run(operands, operation, peer).expect("it did once"));
                }
            }
        }
    }

    println!("{:<15} {:<16} {:>22} {:>22} {:>22}", "GFLOP/s", "layer", "forward", "delta", "gradient");
    for ((peer, peak), bests) in peers.iter().zip(&peaks).zip(&bests) {
        println!("{:<15} peak of {}: {:.1}", peer.name(), peer.isa(), peak.gigaflops);
        for (shape, bests) in shapes().zip(bests).filter(|(shape, _)| peer.takes(*shape)) {
            print!("{:<15} {:<16}", peer.name(), shape.name());
            for best in bests {
                print!(" {:>9.1} ({:>3.0} % peak)", best.gigaflops, 100.0 * best.gigaflops / peak.gigaflops);
            }
            println!();
        }
    }
    println!();
    Ok(())
}

fn measure_peaks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("peak");
    for isa in Isa::available() {
        group.throughput(Throughput::Elements(limits::peak_flops(isa)));
        group.bench_function(isa.name(), |bencher| bencher.iter(|| limits::run_peak(isa)));
    }
    group.finish();
}

fn measure_products(criterion: &mut Criterion) -> Result<(), Error> {
    for operation in Operation::ALL {
        let mut group = criterion.benchmark_group(operation.name());
        group.sampling_mode(SamplingMode::Flat);
        for shape in shapes() {
            let mut operands = Operands::new(shape);
            group.throughput(Throughput::Elements(shape.flops()));
            for mut peer in Peer::all().into_iter().filter(|peer| peer.takes(shape)) {
                run(&mut operands, operation, &mut peer)?;
                group.bench_function(BenchmarkId::new(peer.name(), shape.name()), |bencher| {
                    bencher.iter(|| run(&mut operands, operation, &mut peer));
                });
            }
        }
        group.finish();
    }
    Ok(())
}

fn main() -> Result<(), Error> {
    // Only `cargo bench` passes it; `cargo test --benches` runs everything once.
    if std::env::args().any(|argument| argument == "--bench") {
        print_table()?;
    }
    let mut criterion = measure::criterion();
    measure_peaks(&mut criterion);
    measure_products(&mut criterion)?;
    criterion.final_summary();
    Ok(())
}
