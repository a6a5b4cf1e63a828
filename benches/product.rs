//! The three products of a dense layer, on every instruction set, beside what its arithmetic units can do at most and
//! beside `matrixmultiply`.
//!
//! ```text
//! cargo bench --bench product              a table in 8 s, then criterion's own groups
//! cargo bench --bench product -- none      the table alone
//! ```
//! The throughput's "elements" are floating-point operations, 2·m·n·k a product: `Gelem/s` is GFLOP/s.
//!
//! The peak is measured, not looked up: it moves with the clock, and so do the products. Hence the table takes the best of
//! many short runs, everything in turn.

#![expect(clippy::needless_range_loop, reason = "vectors are indexed, so that they stay in registers")]

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};
use lanegrad::{Activation, Backend, Isa, MatMut, MatRef, dense};
use lanegrad_kernels::isa::Kernel;
use lanegrad_kernels::simd::Simd;
use lanegrad_verify::foreign;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// A dense layer and its mini-batch.
#[derive(Clone, Copy)]
struct Shape {
    batch: usize,
    inputs: usize,
    outputs: usize,
}

const SHAPES: [Shape; 7] = [
    Shape { batch: 128, inputs: 128, outputs: 128 },
    Shape { batch: 512, inputs: 512, outputs: 512 },
    Shape { batch: 1024, inputs: 1024, outputs: 1024 },
    Shape { batch: 32, inputs: 784, outputs: 128 },
    Shape { batch: 128, inputs: 784, outputs: 128 },
    Shape { batch: 32, inputs: 512, outputs: 512 },
    Shape { batch: 128, inputs: 512, outputs: 512 },
];

#[derive(Clone, Copy)]
enum Operation {
    Forward,
    Backward,
    Gradient,
}

const OPERATIONS: [Operation; 3] = [Operation::Forward, Operation::Backward, Operation::Gradient];

impl Operation {
    fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Backward => "backward",
            Self::Gradient => "gradient",
        }
    }
}

impl Shape {
    fn flops(self) -> u64 {
        2 * (self.batch * self.inputs * self.outputs) as u64
    }

    fn name(self) -> String {
        format!("{}: {}→{}", self.batch, self.inputs, self.outputs)
    }
}

/// Who computes.
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

    /// The instruction set whose peak is the measure; `matrixmultiply` has kernels for AVX2 and FMA at most.
    fn isa(&self) -> Isa {
        match self {
            Self::Ours(backend) => backend.isa(),
            Self::Matrixmultiply => Isa::from_name("avx2").or(Isa::from_name("portable")).unwrap_or(Isa::detect()),
        }
    }

    /// Without an FMA instruction in the build, a scalar `mul_add` is a function call: only the smallest shape is worth it.
    fn takes(&self, shape: Shape) -> bool {
        self.name() != "scalar" || shape.flops() < 5_000_000
    }
}

/// A layer's operands and results.
struct Operands {
    shape: Shape,
    x: Vec<f32>,
    w: Vec<f32>,
    delta: Vec<f32>,
    z: Vec<f32>,
    below: Vec<f32>,
    dw: Vec<f32>,
}

impl Operands {
    fn new(shape: Shape) -> Self {
        let Shape { batch, inputs, outputs } = shape;
        let numbers = |len: usize| (0..len).map(|i| (i * 7 % 13) as f32 / 13.0 - 0.5).collect::<Vec<_>>();
        let [x, w, delta] = [batch * inputs, outputs * inputs, batch * outputs].map(numbers);
        Self { shape, z: delta.clone(), below: x.clone(), dw: w.clone(), x, w, delta }
    }

    /// The plain product, without bias and activation.
    fn run(&mut self, operation: Operation, peer: &mut Peer) -> Result<(), lanegrad::Error> {
        let Shape { batch, inputs, outputs } = self.shape;
        let x = MatRef::new(&self.x, batch, inputs)?;
        let w = MatRef::new(&self.w, outputs, inputs)?;
        let delta = MatRef::new(&self.delta, batch, outputs)?;
        match (operation, peer) {
            (Operation::Forward, Peer::Ours(backend)) => {
                let layer = dense::Forward { x, w, bias: None, activation: Activation::Identity };
                dense::forward(backend, layer, MatMut::new(&mut self.z, batch, outputs)?)?;
            }
            (Operation::Backward, Peer::Ours(backend)) => {
                let layer = dense::Backward { delta, w, below: None };
                dense::backward(backend, layer, MatMut::new(&mut self.below, batch, inputs)?)?;
            }
            (Operation::Gradient, Peer::Ours(backend)) => {
                let layer = dense::Gradient { delta, x, accumulate: false };
                dense::gradient(backend, layer, MatMut::new(&mut self.dw, outputs, inputs)?, None)?;
            }
            (Operation::Forward, Peer::Matrixmultiply) => {
                foreign::matrixmultiply(x, w.t(), MatMut::new(&mut self.z, batch, outputs)?, false);
            }
            (Operation::Backward, Peer::Matrixmultiply) => {
                foreign::matrixmultiply(delta, w, MatMut::new(&mut self.below, batch, inputs)?, false);
            }
            (Operation::Gradient, Peer::Matrixmultiply) => {
                foreign::matrixmultiply(delta.t(), x, MatMut::new(&mut self.dw, outputs, inputs)?, false);
            }
        }
        Ok(())
    }
}

/// As many independent chains of `mul_add` as stay in registers, so that neither latency nor memory is in the way.
struct Peak {
    steps: usize,
    /// What the chains start from; each one differs, or the compiler would compute it once.
    start: [f32; 24 * 16],
}

impl Peak {
    fn new(steps: usize) -> Self {
        Self { steps, start: std::array::from_fn(|i| black_box(i as f32)) }
    }

    /// The chains of a lowering: two registers are left for the factor and the term.
    fn chains<S: Simd>(_: S) -> usize {
        match S::REGISTERS {
            32.. => 24,
            16.. => 12,
            _ => 6,
        }
    }

    #[inline(always)]
    fn run_chains<S: Simd, const N: usize>(self, simd: S) -> f32 {
        let (factor, term) = (simd.splat(black_box(0.999)), simd.splat(black_box(0.001)));
        let mut chains = [term; N];
        for i in 0..N {
            chains[i] = simd.load(&self.start[i * S::LANES..]);
        }
        for _ in 0..self.steps {
            for i in 0..N {
                chains[i] = simd.mul_add(chains[i], factor, term);
            }
        }
        let mut sum = chains[0];
        for i in 1..N {
            sum = simd.add(sum, chains[i]);
        }
        simd.reduce_add(sum)
    }
}

impl Kernel for Peak {
    type Output = f32;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> f32 {
        match S::REGISTERS {
            32.. => self.run_chains::<S, 24>(simd),
            16.. => self.run_chains::<S, 12>(simd),
            _ => self.run_chains::<S, 6>(simd),
        }
    }
}

/// The floating-point operations of a step of [`Peak`].
struct FlopsAStep;

impl Kernel for FlopsAStep {
    type Output = u64;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> u64 {
        (2 * S::LANES * Peak::chains(simd)) as u64
    }
}

const PEAK_STEPS: usize = 20_000;

/// Runs the peak's chains once.
fn run_peak(isa: Isa) {
    black_box(isa.run(Peak::new(PEAK_STEPS)));
}

/// The best rate of a piece of work so far.
#[derive(Clone, Copy)]
struct Best {
    gigaflops: f64,
}

impl Best {
    const NONE: Self = Self { gigaflops: 0.0 };

    /// Runs the work for about two milliseconds, at least twice.
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

/// Everything in turn, again and again for some seconds, so that a change of the clock or a neighbour meets all alike.
fn print_table() {
    const TIME: Duration = Duration::from_secs(8);
    let start = Instant::now();
    let mut peers = Peer::all();
    let mut operands = SHAPES.map(Operands::new);
    let mut peaks: Vec<_> = peers.iter().map(|_| Best::NONE).collect();
    let mut bests = vec![[[Best::NONE; OPERATIONS.len()]; SHAPES.len()]; peers.len()];
    while start.elapsed() < TIME {
        for ((peer, peak), bests) in peers.iter_mut().zip(&mut peaks).zip(&mut bests) {
            let isa = peer.isa();
            for (operands, bests) in operands.iter_mut().zip(bests) {
                if !peer.takes(operands.shape) {
                    continue;
                }
                peak.measure(isa.run(FlopsAStep) * PEAK_STEPS as u64, || run_peak(isa));
                for (operation, best) in OPERATIONS.into_iter().zip(bests) {
                    best.measure(operands.shape.flops(), || operands.run(operation, peer).expect("the shapes fit"));
                }
            }
        }
    }

    println!("{:<15} {:<16} {:>22} {:>22} {:>22}", "GFLOP/s", "layer", "forward", "backward", "gradient");
    for ((peer, peak), bests) in peers.iter().zip(&peaks).zip(&bests) {
        println!("{:<15} peak of {}: {:.1}", peer.name(), peer.isa(), peak.gigaflops);
        for (shape, bests) in SHAPES.into_iter().zip(bests).filter(|(shape, _)| peer.takes(*shape)) {
            print!("{:<15} {:<16}", peer.name(), shape.name());
            for best in bests {
                print!(" {:>9.1} ({:>3.0} % peak)", best.gigaflops, 100.0 * best.gigaflops / peak.gigaflops);
            }
            println!();
        }
    }
    println!();
}

fn measure_peaks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("peak");
    for isa in Isa::available() {
        group.throughput(Throughput::Elements(isa.run(FlopsAStep) * PEAK_STEPS as u64));
        group.bench_function(isa.name(), |bencher| bencher.iter(|| run_peak(isa)));
    }
    group.finish();
}

fn measure_products(criterion: &mut Criterion) {
    for operation in OPERATIONS {
        let mut group = criterion.benchmark_group(operation.name());
        group.sampling_mode(SamplingMode::Flat);
        for shape in SHAPES {
            let mut operands = Operands::new(shape);
            group.throughput(Throughput::Elements(shape.flops()));
            for mut peer in Peer::all().into_iter().filter(|peer| peer.takes(shape)) {
                group.bench_function(BenchmarkId::new(peer.name(), shape.name()), |bencher| {
                    bencher.iter(|| operands.run(operation, &mut peer).expect("the shapes fit"));
                });
            }
        }
        group.finish();
    }
}

fn main() {
    // Only `cargo bench` passes it; `cargo test --benches` runs everything once.
    if std::env::args().any(|argument| argument == "--bench") {
        print_table();
    }
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    measure_peaks(&mut criterion);
    measure_products(&mut criterion);
    criterion.final_summary();
}
