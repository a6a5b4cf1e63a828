//! Every operation of the vocabulary, on every lowering that this processor has, against plain `f32` arithmetic.

use lanegrad_kernels::isa::{Isa, Kernel};
use lanegrad_kernels::simd::{DisjointMut, Same, Simd, Strided, StridedMut, each};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Applies a lane-wise operation to whole slices of a multiple of 16 numbers.
struct Apply<'a> {
    operation: Operation,
    a: &'a [f32],
    b: &'a [f32],
    c: &'a [f32],
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Operation {
    Add,
    Sub,
    Mul,
    Div,
    Sqrt,
    Neg,
    Abs,
    MulAdd,
    NegMulAdd,
    Min,
    Max,
    SelectLess,
    SelectLessEqual,
    ZeroWhere,
    Splat,
}

const OPERATIONS: [Operation; 15] = [
    Operation::Add,
    Operation::Sub,
    Operation::Mul,
    Operation::Div,
    Operation::Sqrt,
    Operation::Neg,
    Operation::Abs,
    Operation::MulAdd,
    Operation::NegMulAdd,
    Operation::Min,
    Operation::Max,
    Operation::SelectLess,
    Operation::SelectLessEqual,
    Operation::ZeroWhere,
    Operation::Splat,
];

impl Kernel for Apply<'_> {
    /// The results, and whether `mul_add` rounds once.
    type Output = (Vec<f32>, bool);

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Self::Output {
        let mut results = vec![f32::NAN; self.a.len()];
        for at in (0..self.a.len()).step_by(S::LANES) {
            let (a, b, c) = (simd.load(&self.a[at..]), simd.load(&self.b[at..]), simd.load(&self.c[at..]));
            let v = match self.operation {
                Operation::Add => simd.add(a, b),
                Operation::Sub => simd.sub(a, b),
                Operation::Mul => simd.mul(a, b),
                Operation::Div => simd.div(a, b),
                Operation::Sqrt => simd.sqrt(a),
                Operation::Neg => simd.neg(a),
                Operation::Abs => simd.abs(a),
                Operation::MulAdd => simd.mul_add(a, b, c),
                Operation::NegMulAdd => simd.neg_mul_add(a, b, c),
                Operation::Min => simd.min(a, b),
                Operation::Max => simd.max(a, b),
                Operation::SelectLess => simd.select(simd.less(a, b), a, c),
                Operation::SelectLessEqual => simd.select(simd.less_equal(a, b), a, c),
                Operation::ZeroWhere => simd.zero_where(simd.less_equal(a, b), c),
                Operation::Splat => simd.splat(self.a[at / 16 * 16]),
            };
            simd.store(v, &mut results[at..]);
        }
        (results, S::FUSED)
    }
}

#[expect(clippy::disallowed_methods, reason = "the expectation of one rounding")]
fn expected(operation: Operation, a: f32, b: f32, c: f32, first: f32, fused: bool) -> f32 {
    match operation {
        Operation::Add => a + b,
        Operation::Sub => a - b,
        Operation::Mul => a * b,
        Operation::Div => a / b,
        Operation::Sqrt => a.sqrt(),
        Operation::Neg => f32::from_bits(a.to_bits() ^ 0x8000_0000),
        Operation::Abs => f32::from_bits(a.to_bits() & 0x7fff_ffff),
        Operation::MulAdd if fused => a.mul_add(b, c),
        Operation::MulAdd => a * b + c,
        Operation::NegMulAdd if fused => (-a).mul_add(b, c),
        Operation::NegMulAdd => c - a * b,
        Operation::Min => [b, a][usize::from(a < b)],
        Operation::Max => [b, a][usize::from(a > b)],
        Operation::SelectLess => [c, a][usize::from(a < b)],
        Operation::SelectLessEqual => [c, a][usize::from(a <= b)],
        Operation::ZeroWhere => [c, 0.0][usize::from(a <= b)],
        Operation::Splat => first,
    }
}

fn same(a: f32, b: f32) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

/// Zeros, subnormals, limits, infinities, NaN and ordinary numbers, each against each.
fn triples() -> [Vec<f32>; 3] {
    let tiny = f32::from_bits(1);
    let special = [0.0, 1.0, 1.5, tiny, f32::MIN_POSITIVE, f32::MAX, f32::INFINITY, 3.0e-20, 7.0e19, 16_777_216.0];
    let special: Vec<f32> = special.iter().flat_map(|&x| [x, -x]).chain([f32::NAN]).collect();
    let mut columns: [Vec<f32>; 3] = Default::default();
    for &a in &special {
        for &b in &special {
            for &c in &special {
                [a, b, c].into_iter().zip(&mut columns).for_each(|(x, column)| column.push(x));
            }
        }
    }
    let mut rng = StdRng::seed_from_u64(1);
    while columns[0].len() < 40_000 || !columns[0].len().is_multiple_of(16) {
        columns.iter_mut().for_each(|column| column.push(f32::from_bits(rng.random())));
    }
    columns
}

#[test]
fn lane_operations_are_plain_f32_arithmetic() {
    let [a, b, c] = triples();
    for isa in Isa::available() {
        for operation in OPERATIONS {
            let (results, fused) = isa.run(Apply { operation, a: &a, b: &b, c: &c });
            for (i, &found) in results.iter().enumerate() {
                let expected = expected(operation, a[i], b[i], c[i], a[i / 16 * 16], fused);
                assert!(
                    same(found, expected),
                    "{isa}: {operation:?} of {:e}, {:e}, {:e} is {found:e}, expected {expected:e}",
                    a[i],
                    b[i],
                    c[i]
                );
            }
        }
    }
}

/// Rounds, and multiplies by powers of two.
struct Scale<'a> {
    x: &'a [f32],
    exponent: f32,
}

impl Kernel for Scale<'_> {
    type Output = (Vec<f32>, Vec<f32>);

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Self::Output {
        let (mut rounded, mut scaled) = (vec![f32::NAN; self.x.len()], vec![f32::NAN; self.x.len()]);
        for at in (0..self.x.len()).step_by(S::LANES) {
            let x = simd.load(&self.x[at..]);
            simd.store(simd.round_ties_even(x), &mut rounded[at..]);
            simd.store(simd.mul_pow2(x, simd.splat(self.exponent)), &mut scaled[at..]);
        }
        (rounded, scaled)
    }
}

#[test]
fn rounding_and_powers_of_two_are_exact() {
    let mut rng = StdRng::seed_from_u64(2);
    let halves = (-64..64).map(|i| i as f32 / 2.0);
    let x: Vec<f32> = halves.chain((0..128).map(|_| rng.random_range(-4.0e6..4.0e6))).collect();
    // ½ ≤ |x| < 4, as `mul_pow2` wants it.
    let near_one: Vec<f32> =
        (0..256).map(|i| rng.random_range(0.5..4.0) * if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
    for isa in Isa::available() {
        let (rounded, _) = isa.run(Scale { x: &x, exponent: 0.0 });
        for (&x, &found) in x.iter().zip(&rounded) {
            assert_eq!(found, x.round_ties_even(), "{isa}: round_ties_even({x})");
        }
        for exponent in (-250..=250).step_by(5).chain([-151, -150, -149, -148, -127, -126, 126, 127, 128]) {
            let (_, scaled) = isa.run(Scale { x: &near_one, exponent: exponent as f32 });
            for (&x, &found) in near_one.iter().zip(&scaled) {
                // Exact in f64, so that the conversion is the one rounding.
                let expected = (f64::from(x) * 2_f64.powi(exponent)) as f32;
                assert!(same(found, expected), "{isa}: {x:e} · 2^{exponent} is {found:e}, expected {expected:e}");
            }
        }
        let (rounded, scaled) = isa.run(Scale { x: &[f32::NAN; 16], exponent: 3.0 });
        assert!(rounded.iter().chain(&scaled).all(|x| x.is_nan()), "{isa}: NaN is lost");
    }
}

/// Partial loads and stores, horizontal sums, transposition.
struct Memory<'a> {
    source: &'a [f32],
    /// Where the slices begin: their alignment is that of one number.
    at: usize,
    len: usize,
}

impl Kernel for Memory<'_> {
    /// What a partial load gave; what a partial store left; the sum; the lanes.
    type Output = (Vec<f32>, Vec<f32>, f32, usize);

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Self::Output {
        let mut loaded = vec![f32::NAN; S::LANES];
        let source = &self.source[self.at..];
        simd.store(simd.load_partial(&source[..self.len]), &mut loaded);
        let mut stored = vec![-1.0; 60];
        simd.store_partial(simd.load(source), &mut stored[self.at..][..self.len]);
        (loaded, stored, simd.reduce_add(simd.load(source)), S::LANES)
    }
}

#[test]
fn partial_loads_and_stores_stay_inside_the_slice() {
    let source: Vec<f32> = (1..=60).map(|i| i as f32).collect();
    for isa in Isa::available() {
        for (at, len) in (0..16).flat_map(|at| (0..=36).map(move |len| (at, len))) {
            let (loaded, stored, sum, lanes) = isa.run(Memory { source: &source, at, len });
            for (i, &x) in loaded.iter().enumerate() {
                assert_eq!(
                    x,
                    if i < len { source[at + i] } else { 0.0 },
                    "{isa}: lane {i} of a load of {len} from {at}"
                );
            }
            for (i, &x) in stored.iter().enumerate() {
                let expected = if (at..at + len.min(lanes)).contains(&i) { source[i] } else { -1.0 };
                assert_eq!(x, expected, "{isa}: element {i} of a store of {len} from {at}");
            }
            assert_eq!(sum, source[at..at + lanes].iter().sum::<f32>(), "{isa}");
        }
    }
}

struct LoadColumns<'a> {
    source: &'a [f32],
    stride: usize,
    target: &'a mut [[f32; 16]; 4],
}

impl Kernel for LoadColumns<'_> {
    type Output = usize;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> usize {
        for (column, target) in simd.load_columns(self.source, self.stride).into_iter().zip(self.target) {
            simd.store(column, target);
        }
        S::LANES
    }
}

#[test]
fn four_columns_are_loaded_from_a_row_a_lane() {
    for isa in Isa::available() {
        for stride in [0, 1, 4, 19] {
            let mut target = [[-1.0; 16]; 4];
            let source: Vec<f32> = (0..16 * stride + 4).map(|i| i as f32).collect();
            let lanes = isa.run(LoadColumns { source: &source, stride, target: &mut target });
            for (c, column) in target.iter().enumerate() {
                for (r, &found) in column.iter().enumerate() {
                    let expected = if r < lanes { source[r * stride + c] } else { -1.0 };
                    assert_eq!(found, expected, "{isa}: element ({c}, {r})");
                }
            }
            // No number more is needed than the last one that is loaded, and none less will do.
            let exact = (lanes - 1) * stride + 4;
            isa.run(LoadColumns { source: &source[..exact], stride, target: &mut target });
            let short = &source[..exact - 1];
            let shorter = std::panic::catch_unwind(move || {
                isa.run(LoadColumns { source: short, stride, target: &mut [[0.0; 16]; 4] })
            });
            assert!(shorter.is_err(), "{isa}: stride {stride}");
        }
        for stride in [usize::MAX, usize::MAX / 2, usize::MAX / 7, 1 << 63] {
            let overflow = std::panic::catch_unwind(|| {
                isa.run(LoadColumns { source: &[0.0; 64], stride, target: &mut [[0.0; 16]; 4] })
            });
            assert!(overflow.is_err() || isa.name() == "scalar", "{isa}: stride {stride}");
        }
    }
}

/// A load or store of a full vector on a slice that is one short.
struct TooShort {
    store: bool,
}

impl Kernel for TooShort {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let mut slice = vec![0.0; S::LANES - 1];
        if self.store {
            simd.store(simd.splat(1.0), &mut slice);
        } else {
            simd.store(simd.load(&slice), &mut vec![0.0; S::LANES]);
        }
    }
}

#[test]
fn full_loads_and_stores_check_the_length() {
    for isa in Isa::available() {
        for store in [false, true] {
            assert!(std::panic::catch_unwind(|| isa.run(TooShort { store })).is_err(), "{isa}, store {store}");
        }
    }
}

fn panics<R>(f: impl FnOnce() -> R) -> bool {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).is_err()
}

#[test]
fn strided_parts_are_those_of_an_index_and_lie_in_the_slice() {
    for (count, width, stride) in [(0, 3, 5), (1, 3, 0), (1, 5, 2), (4, 3, 5), (4, 5, 5), (3, 0, 2), (3, 4, 2)] {
        let needed = count.max(1) * stride - stride + width;
        let mut numbers: Vec<f32> = (0..needed).map(|i| i as f32).collect();
        let expected: Vec<Vec<f32>> = (0..count).map(|part| numbers[part * stride..][..width].to_vec()).collect();
        let parts: Vec<Vec<f32>> = Strided::new(&numbers, count, width, stride).map(<[f32]>::to_vec).collect();
        assert_eq!(parts, expected, "{count} parts of {width}, {stride} apart");
        let mut written = StridedMut::new(&mut numbers, count, width, stride);
        for part in 0..count {
            written.part().fill(-(part as f32));
        }
        assert!(panics(|| written.part().len()), "there are no more than {count}");
        for (i, x) in numbers.iter().enumerate() {
            let last = (0..count).rev().find(|part| (part * stride..part * stride + width).contains(&i));
            assert_eq!(
                *x,
                last.map_or(i as f32, |part| -(part as f32)),
                "{count} parts of {width}, {stride} apart, at {i}"
            );
        }
        if count > 0 && needed > 0 {
            let short = &mut numbers[..needed - 1];
            assert!(panics(|| Strided::new(short, count, width, stride).count()), "the slice is too short");
            assert!(panics(|| StridedMut::new(short, count, width, stride).part().len()), "the slice is too short");
        }
    }
    let numbers = &mut [0.0; 8];
    for (count, width, stride) in [(2, 1, usize::MAX), (usize::MAX, 1, 2), (2, usize::MAX, 1), (1, usize::MAX, 0)] {
        assert!(panics(|| Strided::new(numbers, count, width, stride).count()));
        assert!(panics(|| StridedMut::new(numbers, count, width, stride).part().len()));
    }
}

#[test]
fn parts_walked_together_are_those_of_an_index_as_many_as_the_fewest() {
    let numbers: Vec<f32> = (0..64).map(|i| i as f32).collect();
    let count = 7;
    for (width, stride) in [(3, 9), (9, 9), (3, 1), (2, 0)] {
        let strided = Strided::new(&numbers, count, width, stride);
        for from in 0..=count {
            let expected = |part: usize| &numbers[part * stride..][..width];
            let mut seen = Vec::new();
            each(strided.groups::<1>(from, count - from), |[part]| seen.push(part));
            assert_eq!(seen, (from..count).map(expected).collect::<Vec<_>>(), "{width}, {stride} apart, from {from}");
            let pairs = (count - from) / 2;
            let mut seen = Vec::new();
            each(strided.groups::<2>(from, pairs), |pair| seen.extend(pair));
            assert_eq!(seen, (from..from + 2 * pairs).map(expected).collect::<Vec<_>>(), "in pairs");
            assert!(panics(|| strided.groups::<2>(from, pairs + 1)), "there are no more");
        }
        assert!(panics(|| strided.groups::<1>(count + 1, 0)));
        assert!(panics(|| strided.groups::<3>(0, usize::MAX)));
    }

    for shorter in 0..5 {
        let (long, short) = (&numbers[..5], &numbers[8..8 + shorter]);
        let mut target = [0.0; 9];
        for together in [[long, short, long], [short, long, long], [long, long, short]] {
            let mut seen = Vec::new();
            each(together, |part| seen.push(part.map(|x| *x)));
            let expected: Vec<_> = (0..shorter).map(|i| together.map(|slice| slice[i])).collect();
            assert_eq!(seen, expected);
        }
        for chunks in 0..=3 {
            target.fill(0.0);
            let mut calls = 0;
            each(((short, DisjointMut::new(&mut target, chunks, 3, 3)), Same(100.0)), |((x, chunk), more)| {
                calls += 1;
                chunk.fill(x + more);
            });
            assert_eq!(calls, shorter.min(chunks));
            for (i, x) in target.iter().enumerate() {
                assert_eq!(*x, if i / 3 < calls { numbers[8 + i / 3] + 100.0 } else { 0.0 });
            }
        }
    }
    let target = &mut [0.0; 8];
    for (count, width, stride) in [
        (3, 3, 3),
        (9, 1, 1),
        (1, 9, 9),
        (2, usize::MAX, usize::MAX),
        (usize::MAX, 2, 2),
        (2, 4, 3),
        (3, 1, 0),
        (2, 3, 6),
    ] {
        assert!(
            panics(|| each(DisjointMut::new(target, count, width, stride), |_| ())),
            "{count} of {width}, {stride} apart"
        );
    }
    let mut seen = Vec::new();
    each(DisjointMut::new(target, 3, 2, 3), |part| {
        part.fill(1.0);
        seen.push(part);
    });
    seen[0][0] = 2.0;
    assert_eq!(target, &[2.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0]);
}
