//! The peak rates of the machine: multiply-adds in registers, and passes over memory. They are measured, not looked up: they change
//! with the clock, and so do the rates that are compared with them.

#![allow(dead_code, reason = "each benchmark compares with one limit or another")]
#![expect(clippy::needless_range_loop, reason = "vectors are indexed, so that they stay in registers")]

use lanegrad::Isa;
use lanegrad_kernels::isa::Kernel;
use lanegrad_kernels::simd::Simd;
use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

/// Steps of the chains in one run of [`run_peak`]: a tenth of a millisecond.
const STEPS: usize = 20_000;

/// Independent chains of `mul_add`, as many as fit in registers, so that neither latency nor memory limits the rate.
struct Peak {
    /// The initial values of the chains. Each one differs; otherwise the compiler would compute it once.
    start: [f32; 24 * 16],
}

impl Peak {
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
        for _ in 0..STEPS {
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

/// The floating-point operations of one step of [`Peak`].
struct FlopsAStep;

impl Kernel for FlopsAStep {
    type Output = u64;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> u64 {
        (2 * S::LANES * Peak::chains(simd)) as u64
    }
}

/// The floating-point operations of [`run_peak`].
pub(crate) fn peak_flops(isa: Isa) -> u64 {
    isa.run(FlopsAStep) * STEPS as u64
}

/// Runs the peak's chains once.
pub(crate) fn run_peak(isa: Isa) {
    black_box(isa.run(Peak { start: std::array::from_fn(|i| black_box(i as f32)) }));
}

/// The FLOP/s of an instruction set's multiply-adds on all threads together.
pub(crate) fn peak(isa: Isa, threads: usize, time: Duration) -> f64 {
    peak_flops(isa) as f64 * rate(threads, time, || || run_peak(isa))
}

/// A pass over arrays of one length, in its simplest form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    /// Reads an array.
    Read,
    /// Writes an array.
    Write,
    /// Reads an array and writes it in place.
    Rewrite,
    /// Reads an array and writes another.
    Copy,
    /// Reads a gradient, and parameters with this number of states; writes all but the gradient. Adam has two states.
    Update { states: usize },
}

impl Pass {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Rewrite => "re-write",
            Self::Copy => "copy",
            Self::Update { states: 0 } => "read 2-write 1",
            Self::Update { states: 1 } => "read 3-write 2",
            Self::Update { .. } => "read 4-write 3",
        }
    }

    fn arrays(self) -> usize {
        match self {
            Self::Read | Self::Write | Self::Rewrite => 1,
            Self::Copy => 2,
            Self::Update { states } => 2 + states,
        }
    }

    /// Bytes read and written per element of the arrays.
    fn bytes(self) -> usize {
        match self {
            Self::Read | Self::Write => 4,
            Self::Rewrite | Self::Copy => 8,
            Self::Update { states } => 4 * (3 + 2 * states),
        }
    }

    /// Bytes read and written per second by all threads together, each with its part of arrays of `bytes` in total.
    pub(crate) fn bandwidth(self, isa: Isa, threads: usize, bytes: usize, time: Duration) -> f64 {
        // Whole blocks of eight vectors of sixteen lanes.
        let each = (bytes / 4 / self.arrays() / threads).next_multiple_of(128);
        let passes = rate(threads, time, || {
            let mut arrays = vec![Array::new(each); self.arrays()];
            move || self.run(isa, &mut arrays)
        });
        (each * self.bytes()) as f64 * passes
    }

    /// Seconds per element of the arrays, in the best case.
    pub(crate) fn seconds_an_element(self, isa: Isa, threads: usize, len: usize, time: Duration) -> f64 {
        self.bytes() as f64 / self.bandwidth(isa, threads, 4 * len * self.arrays(), time)
    }

    fn run(self, isa: Isa, arrays: &mut [Array]) {
        let mut slices = arrays.iter_mut().map(Array::slice);
        let mut arrays: [&mut [f32]; 4] = std::array::from_fn(|_| slices.next().unwrap_or_default());
        match (self, &mut arrays[..self.arrays()]) {
            (Self::Read, [from]) => {
                black_box(isa.run(Read { from }));
            }
            (Self::Write, [to]) => isa.run(Write { to, value: black_box(1.0) }),
            (Self::Copy, [from, to]) => isa.run(Copy { from, to }),
            (Self::Rewrite, [array]) => isa.run(Update { gradient: None, arrays: [array] }),
            (Self::Update { .. }, [gradient, theta]) => isa.run(Update { gradient: Some(gradient), arrays: [theta] }),
            (Self::Update { .. }, [gradient, theta, first]) => {
                isa.run(Update { gradient: Some(gradient), arrays: [theta, first] });
            }
            (Self::Update { .. }, [gradient, theta, first, second]) => {
                isa.run(Update { gradient: Some(gradient), arrays: [theta, first, second] });
            }
            _ => unreachable!("as many arrays as the pass has"),
        }
        black_box(arrays);
    }
}

/// The number of elements in a cache line.
const LINE: usize = 16;

/// Elements from the start of a cache line on: vectors that cross lines take longer.
#[derive(Clone)]
struct Array {
    buffer: Vec<f32>,
    len: usize,
}

impl Array {
    fn new(len: usize) -> Self {
        Self { buffer: vec![1.0; len + LINE], len }
    }

    fn slice(&mut self) -> &mut [f32] {
        let from = self.buffer.as_ptr().align_offset(4 * LINE);
        &mut self.buffer[from..][..self.len]
    }
}

struct Read<'a> {
    from: &'a [f32],
}

impl Kernel for Read<'_> {
    type Output = f32;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> f32 {
        // Eight chains, so that the additions keep up with the loads.
        let mut sums = [simd.splat(0.0); 8];
        for block in self.from.chunks_exact(8 * S::LANES) {
            for i in 0..8 {
                sums[i] = simd.add(sums[i], simd.load(&block[i * S::LANES..]));
            }
        }
        let mut sum = sums[0];
        for i in 1..8 {
            sum = simd.add(sum, sums[i]);
        }
        simd.reduce_add(sum)
    }
}

struct Write<'a> {
    to: &'a mut [f32],
    value: f32,
}

impl Kernel for Write<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let value = simd.splat(self.value);
        for block in self.to.chunks_exact_mut(8 * S::LANES) {
            for vector in block.chunks_exact_mut(S::LANES) {
                simd.store(value, vector);
            }
        }
    }
}

struct Copy<'a> {
    from: &'a [f32],
    to: &'a mut [f32],
}

impl Kernel for Copy<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for (to, from) in self.to.chunks_exact_mut(8 * S::LANES).zip(self.from.chunks_exact(8 * S::LANES)) {
            for (to, from) in to.chunks_exact_mut(S::LANES).zip(from.chunks_exact(S::LANES)) {
                simd.store(simd.load(from), to);
            }
        }
    }
}

/// Each array is read and written. The arithmetic is the minimum that prevents the compiler from removing something.
struct Update<'a, const N: usize> {
    gradient: Option<&'a [f32]>,
    arrays: [&'a mut [f32]; N],
}

impl<const N: usize> Kernel for Update<'_, N> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { gradient, arrays } = self;
        // The compiler knows that all slices have this length, so the bounds checks leave the loop.
        let len = arrays[0].len();
        let arrays = arrays.map(|array| &mut array[..len]);
        match gradient {
            Some(gradient) => {
                let gradient = &gradient[..len];
                rewrite(
                    simd,
                    arrays,
                    #[inline(always)]
                    |at| simd.load(&gradient[at..at + S::LANES]),
                );
            }
            None => {
                let one = simd.splat(1.0);
                rewrite(
                    simd,
                    arrays,
                    #[inline(always)]
                    |_| one,
                );
            }
        }
    }
}

#[inline(always)]
fn rewrite<S: Simd, const N: usize>(simd: S, arrays: [&mut [f32]; N], term: impl Fn(usize) -> S::V) {
    let len = arrays[0].len();
    let mut at = 0;
    while at + 4 * S::LANES <= len {
        for vector in 0..4 {
            let at = at + vector * S::LANES;
            let term = term(at);
            for n in 0..N {
                let vector = &mut arrays[n][at..at + S::LANES];
                simd.store(simd.min(simd.load(vector), term), vector);
            }
        }
        at += 4 * S::LANES;
    }
}

/// Runs per second of all threads together. On one thread it is that of the fastest run, otherwise that of the best tenth of the time.
fn rate<R: FnMut()>(threads: usize, time: Duration, prepare: impl Fn() -> R + Sync) -> f64 {
    const PARTS: usize = 10;
    if threads == 1 {
        return 1.0 / best_seconds(time, prepare());
    }
    let (barrier, part) = (Barrier::new(threads), time / PARTS as u32);
    let measure = || {
        let mut run = prepare();
        [(); PARTS].map(|()| {
            barrier.wait();
            let (start, mut runs) = (Instant::now(), 0);
            while runs == 0 || start.elapsed() < part {
                // As in `best_seconds`.
                let before = Instant::now();
                while before.elapsed() < Duration::from_micros(20) {
                    run();
                    runs += 1;
                }
            }
            f64::from(runs) / start.elapsed().as_secs_f64()
        })
    };
    let rates: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(measure)).collect();
        workers.into_iter().map(|worker| worker.join().expect("a measurement does not panic")).collect()
    });
    let together = |part: usize| rates.iter().map(|rates| rates[part]).sum::<f64>();
    (0..PARTS).map(together).fold(0.0, f64::max)
}

/// The time in seconds of the fastest of the runs that fit in `time`, at least ten.
fn best_seconds(time: Duration, mut run: impl FnMut()) -> f64 {
    let start = Instant::now();
    let (mut runs, mut best) = (0, f64::INFINITY);
    while runs < 10 || start.elapsed() < time {
        // A short pass is repeated until the cost of reading the clock is negligible.
        let (before, mut passes) = (Instant::now(), 0);
        while passes == 0 || before.elapsed() < Duration::from_micros(20) {
            run();
            passes += 1;
        }
        best = best.min(before.elapsed().as_secs_f64() / f64::from(passes));
        runs += 1;
    }
    best
}
