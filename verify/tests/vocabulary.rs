//! Every operation of the vocabulary, on every lowering that this processor has, against plain `f32` arithmetic.

use core::ops::Range;
use lanegrad_kernels::isa::{Isa, Kernel};
use lanegrad_kernels::simd::{Same, Simd, StridedMut, Sums, View, ViewMut, each, zip};
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

/// Partial loads and stores, of one vector and of three, and horizontal sums.
struct Memory<'a> {
    source: &'a [f32],
    /// Where the slices begin: their alignment is that of one number.
    at: usize,
    len: usize,
}

impl Kernel for Memory<'_> {
    /// For one vector and for three: what a load gave, what a store left, the lanes. Then the sum.
    type Output = ([(Vec<f32>, Vec<f32>, usize); 2], f32);

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Self::Output {
        let source = &self.source[self.at..];
        let mut loaded = vec![f32::NAN; S::LANES];
        simd.store(simd.load_partial(&source[..self.len]), &mut loaded);
        let mut stored = vec![-1.0; 80];
        simd.store_partial(simd.load(source), &mut stored[self.at..][..self.len]);
        let mut three_loaded = vec![f32::NAN; 3 * S::LANES];
        simd.store_vectors::<3>(simd.load_vectors(&source[..self.len]), &mut three_loaded);
        let mut three_stored = vec![-1.0; 80];
        simd.store_vectors::<3>(simd.load_vectors(source), &mut three_stored[self.at..][..self.len]);
        let three = (three_loaded, three_stored, 3 * S::LANES);
        ([(loaded, stored, S::LANES), three], simd.reduce_add(simd.load(source)))
    }
}

#[test]
fn partial_loads_and_stores_stay_inside_the_slice() {
    let source: Vec<f32> = (1..=80).map(|i| i as f32).collect();
    for isa in Isa::available() {
        for (at, len) in (0..16).flat_map(|at| (0..=60).map(move |len| (at, len))) {
            let (memory, sum) = isa.run(Memory { source: &source, at, len });
            for (loaded, stored, lanes) in &memory {
                for (i, &x) in loaded.iter().enumerate() {
                    let expected = if i < len { source[at + i] } else { 0.0 };
                    assert_eq!(x, expected, "{isa}: lane {i} of {lanes} of a load of {len} from {at}");
                }
                for (i, &x) in stored.iter().enumerate() {
                    let expected = if (at..at + len.min(*lanes)).contains(&i) { source[i] } else { -1.0 };
                    assert_eq!(x, expected, "{isa}: element {i} of a store of {len} of {lanes} from {at}");
                }
            }
            let lanes = memory[0].2;
            assert_eq!(sum, source[at..at + lanes].iter().sum::<f32>(), "{isa}");
        }
    }
}

struct LoadColumns<'a> {
    rows: View<'a>,
    /// How many rows, of a view's own operation; none for the vocabulary's.
    count: Option<usize>,
    target: &'a mut [[f32; 16]; 4],
}

impl Kernel for LoadColumns<'_> {
    type Output = usize;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> usize {
        let columns = match self.count {
            Some(count) => self.rows.load_columns(simd, 0..count.min(S::LANES), 0),
            None => simd.load_columns(self.rows),
        };
        for (column, target) in columns.into_iter().zip(self.target) {
            simd.store(column, target);
        }
        S::LANES
    }
}

#[test]
fn four_columns_are_loaded_from_a_row_per_lane() {
    for isa in Isa::available() {
        for stride in [0_isize, 1, 4, 19, -1, -7] {
            let mut target = [[-1.0; 16]; 4];
            let source: Vec<f32> = (0..16 * stride.unsigned_abs() + 4).map(|i| i as f32).collect();
            let rows = View::new(&source, 16, 4, stride, 1).unwrap();
            let lanes = isa.run(LoadColumns { rows, count: None, target: &mut target });
            for (c, column) in target.iter().enumerate() {
                for (r, &found) in column.iter().enumerate() {
                    assert_eq!(found, if r < lanes { rows.at(r, c) } else { -1.0 }, "{isa}: element ({c}, {r})");
                }
            }
            for count in 0..=lanes {
                isa.run(LoadColumns { rows, count: Some(count), target: &mut target });
                for (c, r) in (0..4).flat_map(|c| (0..lanes).map(move |r| (c, r))) {
                    let expected = if r < count { rows.at(r, c) } else { 0.0 };
                    assert_eq!(target[c][r], expected, "{isa}: element ({c}, {r}) of {count} rows");
                }
            }
            // No more is needed than what is loaded, and no less will do.
            isa.run(LoadColumns { rows: rows.block(0..lanes, 0..4), count: None, target: &mut target });
            for short in [rows.block(0..lanes - 1, 0..4), rows.block(0..lanes, 0..3)] {
                let load = || isa.run(LoadColumns { rows: short, count: None, target: &mut [[0.0; 16]; 4] });
                assert!(panics(load), "{isa}: stride {stride}");
            }
        }
        let apart = View::new(&[0.0; 128], 16, 4, 8, 2).unwrap();
        assert!(panics(|| isa.run(LoadColumns { rows: apart, count: None, target: &mut [[0.0; 16]; 4] })), "{isa}");
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
            assert!(panics(|| StridedMut::new(short, count, width, stride).part().len()), "the slice is too short");
        }
    }
    let numbers = &mut [0.0; 8];
    for (count, width, stride) in [(2, 1, usize::MAX), (usize::MAX, 1, 2), (2, usize::MAX, 1), (1, usize::MAX, 0)] {
        assert!(panics(|| StridedMut::new(numbers, count, width, stride).part().len()));
    }
}

#[test]
fn rows_and_columns_of_a_matrix_are_those_of_an_index() {
    let numbers: Vec<f32> = (0..64).map(|i| i as f32).collect();
    let (rows, cols) = (7, 3);
    for (row, col) in [(9, 1), (-9, 1), (3, 1), (2, 1), (0, 1), (1, 7), (-1, -8), (5, 2), (0, 0)] {
        let view = View::new(&numbers, rows, cols, row, col).unwrap();
        let origin = [(rows, row), (cols, col)].map(|(count, stride)| (count as isize - 1) * (-stride).max(0));
        let element =
            |i: usize, j: usize| numbers[(origin[0] + origin[1] + i as isize * row + j as isize * col) as usize];
        let what = format!("strides {row} and {col}");
        for (i, j) in (0..rows).flat_map(|i| (0..cols).map(move |j| (i, j))) {
            assert_eq!((view.at(i, j), view.t().at(j, i)), (element(i, j), element(i, j)), "{what}");
            let block = view.block(i..rows, j..cols);
            assert_eq!((block.rows(), block.cols(), block.at(0, 0)), (rows - i, cols - j, element(i, j)), "{what}");
        }
        assert!(panics(|| view.at(rows, 0)) && panics(|| view.at(0, cols)) && panics(|| view.block(0..8, 0..1)));
        assert!(panics(|| view.block(0..1, 0..4)) && panics(|| view.block(Range { start: 2, end: 1 }, 0..1)));
        let expected = |rows: Range<usize>, width: usize| -> Vec<Vec<f32>> {
            rows.map(|i| (0..width).map(|j| element(i, j)).collect()).collect()
        };
        // Of rows that are not contiguous there is one element.
        let width = if col == 1 { cols } else { 1 };
        assert_eq!(panics(|| view.row_groups::<1>(0, 1, 2)), col != 1, "{what}");
        assert_eq!(panics(|| view.row(0, 0..2)), col != 1, "{what}");
        for from in 0..=rows {
            let mut seen = Vec::new();
            each(view.row_groups::<1>(from, rows - from, width), |[part]| seen.push(part.to_vec()));
            assert_eq!(seen, expected(from..rows, width), "{what}, from {from}");
            let pairs = (rows - from) / 2;
            let mut seen = Vec::new();
            each(view.row_groups::<2>(from, pairs, width), |pair| seen.extend(pair.map(<[f32]>::to_vec)));
            assert_eq!(seen, expected(from..from + 2 * pairs, width), "{what}, in pairs from {from}");
            assert!(panics(|| view.row_groups::<2>(from, pairs + 1, width)), "there are no more");
        }
        assert!(panics(|| view.row_groups::<1>(rows + 1, 0, width)) && panics(|| view.row_groups::<1>(0, 1, cols + 1)));
        assert!(panics(|| view.row_groups::<3>(0, usize::MAX, width)));
        for from in 0..=cols {
            let mut seen = Vec::new();
            each(view.column_groups::<7, 1>(from, cols - from), |column| seen.push([0, 3, 6].map(|i| column.at(i, 0))));
            let expected: Vec<_> = (from..cols).map(|j| [0, 3, 6].map(|i| element(i, j))).collect();
            assert_eq!(seen, expected, "{what}, columns from {from}");
            assert!(panics(|| view.column_groups::<7, 1>(from, cols - from + 1)), "there are no more");
        }
        each(view.column_groups::<2, 2>(1, 1), |pair| {
            assert_eq!([pair.at(0, 0), pair.at(1, 1)], [element(0, 1), element(1, 2)], "{what}");
            assert!(panics(|| pair.at(2, 0)) && panics(|| pair.at(0, 2)));
        });
        assert!(panics(|| view.column_groups::<8, 1>(0, 1)) && panics(|| view.column_groups::<1, 2>(0, usize::MAX)));
        assert_eq!(view.as_slice().is_some(), (row, col) == (3, 1), "{what}");
    }
    for (len, rows, cols, row, col) in [(63, 7, 4, 10, 1), (63, 4, 7, 1, -10), (0, 1, 1, 1, 1)] {
        assert!(View::new(&numbers[..len], rows, cols, row, col).is_err());
    }
    let empty = View::new(&[], 0, 5, 7, 7).unwrap();
    assert_eq!((empty.as_slice(), empty.t().rows()), (Some(&[][..]), 5));
}

#[test]
fn disjoint_parts_of_an_output_are_written_alone() {
    const ROWS: usize = 5;
    const COLS: usize = 4;
    for (row, col) in [(4, 1), (6, 1), (-5, 1), (1, 5), (1, 8), (1, -6)] {
        let matrix = |numbers: &mut [f32]| -> Vec<f32> {
            let view = View::new(numbers, ROWS, COLS, row, col).unwrap();
            (0..ROWS).flat_map(|i| (0..COLS).map(move |j| view.at(i, j))).collect()
        };
        let what = format!("strides {row} and {col}");
        for split in 0..=ROWS {
            let mut numbers = [0.0; 64];
            let (above, below) = ViewMut::new(&mut numbers, ROWS, COLS, row, col).unwrap().split_rows(split);
            for (mut part, element) in [(above, 1.0), (below, 2.0)] {
                let (rows, cols) = (part.rows(), part.cols());
                part.fill(element);
                assert!(panics(|| part.reborrow().block(0..rows + 1, 0..0).rows()) && cols == COLS);
            }
            let expected: Vec<f32> = (0..ROWS * COLS).map(|i| if i / COLS < split { 1.0 } else { 2.0 }).collect();
            assert_eq!(matrix(&mut numbers), expected, "{what}, split at {split}");
            assert_eq!(numbers.iter().filter(|x| **x != 0.0).count(), ROWS * COLS, "{what}: gaps were written");
        }
        for (height, width) in (1..=ROWS + 1).flat_map(|i| (1..=COLS + 1).map(move |j| (i, j))) {
            let mut numbers = [0.0; 64];
            let blocks = ViewMut::new(&mut numbers, ROWS, COLS, row, col).unwrap().into_blocks(height, width);
            // All are held at once.
            for (number, (rows, cols, mut block)) in blocks.collect::<Vec<_>>().into_iter().enumerate() {
                assert_eq!((block.rows(), block.cols()), (rows.len(), cols.len()), "{what}");
                assert_eq!(number, rows.start / height * COLS.div_ceil(width) + cols.start / width, "{what}");
                block.fill(1.0 + number as f32);
            }
            let expected: Vec<f32> = (0..ROWS * COLS)
                .map(|i| 1.0 + (i / COLS / height * COLS.div_ceil(width) + i % COLS / width) as f32)
                .collect();
            assert_eq!(matrix(&mut numbers), expected, "{what}, blocks of {height}×{width}");
            assert_eq!(numbers.iter().filter(|x| **x != 0.0).count(), ROWS * COLS, "{what}: gaps were written");
        }
        assert!(panics(|| ViewMut::row_major(&mut [0.0; 4], 2, 2).unwrap().into_blocks(0, 1).count()));
        let empty = ViewMut::row_major(&mut [], 0, 4).unwrap();
        assert_eq!(empty.into_blocks(1, 1).count(), 0);
        let mut numbers = [0.0; 64];
        let mut view = ViewMut::new(&mut numbers, ROWS, COLS, row, col).unwrap();
        assert!(
            panics(|| view.set(ROWS, 0, 1.0)) && panics(|| view.set(0, COLS, 1.0)) && panics(|| view.row(ROWS, 0..1))
        );
        assert_eq!(panics(|| view.reborrow().into_rows()), col != 1, "{what}");
        let mut rows = if col == 1 { view } else { view.t() };
        let shape = [rows.rows(), rows.cols()];
        let mut seen = Vec::new();
        each(rows.reborrow().into_rows(), |row| {
            row.fill(1.0);
            seen.push(row);
        });
        // All are held at once.
        seen.iter_mut().enumerate().for_each(|(i, row)| row[0] = i as f32);
        let [first, second] = rows.reborrow().into_row_array();
        assert_eq!((first[0], second[0], second[1]), (0.0, 1.0, 1.0), "{what}");
        assert!(panics(|| rows.reborrow().into_row_array::<6>()), "{what}");
        assert_eq!(rows.as_view().at(shape[0] - 1, shape[1] - 1), 1.0, "{what}");
    }
    for (rows, cols, row, col) in [(2, 3, 2, 1), (3, 2, 1, 2), (2, 2, 0, 1), (2, 2, 4, 2), (2, 2, 1, 1), (2, 2, 2, -1)]
    {
        assert!(ViewMut::new(&mut [0.0; 64], rows, cols, row, col).is_err(), "{rows}×{cols}, {row}, {col}");
    }
}

#[test]
fn parts_walked_together_are_those_of_an_index_as_many_as_the_fewest() {
    let numbers: Vec<f32> = (0..64).map(|i| i as f32).collect();
    for shorter in 0..5 {
        let rows = |count| View::row_major(&numbers, 8, 8).unwrap().row_groups::<1>(0, count, 2);
        let (long, short) = (rows(5), rows(shorter));
        for together in [(long, short), (short, long), (long, long)] {
            let mut seen = Vec::new();
            each((together, short), |(([a], [b]), [c])| seen.push([a.to_vec(), b.to_vec(), c.to_vec()]));
            let expected: Vec<_> = (0..shorter).map(|i| [(); 3].map(|()| numbers[8 * i..][..2].to_vec())).collect();
            assert_eq!(seen, expected);
        }
        for chunks in 0..=3 {
            let mut target = [0.0; 9];
            let mut calls = 0;
            let rows = ViewMut::row_major(&mut target, chunks, 3).unwrap().into_rows();
            each(((short, rows), Same(100.0)), |(([x], chunk), more)| {
                calls += 1;
                chunk.fill(x[1] + more);
            });
            assert_eq!(calls, shorter.min(chunks));
            for (i, x) in target.iter().enumerate() {
                assert_eq!(*x, if i / 3 < calls { numbers[8 * (i / 3) + 1] + 100.0 } else { 0.0 });
            }
        }
    }
}

/// `target ← target + 2·a + b₀·b₁`, or without the first term, and what `f` was told of each vector.
struct Zip<'a> {
    a: &'a [f32],
    b: [&'a [f32]; 2],
    target: &'a mut [f32],
    add: bool,
}

impl Kernel for Zip<'_> {
    /// The numbers of the vectors in their groups, and the lanes.
    type Output = (Vec<usize>, usize);

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Self::Output {
        let Self { a, b, target, add } = self;
        let (len, mut indices) = (a.len(), Vec::new());
        zip::<16, _, _>(
            simd,
            len,
            (a, b, Sums { slices: [target], add }),
            #[inline(always)]
            |index, (a, [b, c], [sum])| {
                indices.push(index);
                ((), (), [simd.mul_add(b, c, simd.mul_add(a, simd.splat(2.0), sum))])
            },
        );
        (indices, S::LANES)
    }
}

#[test]
fn zipped_slices_are_processed_from_the_first_element_to_the_last() {
    let numbers: Vec<f32> = (0..200).map(|i| i as f32).collect();
    for isa in Isa::available() {
        for (len, add) in (0..=70).flat_map(|len| [(len, false), (len, true)]) {
            let (a, b) = (&numbers[1..][..len], [&numbers[50..][..len], &numbers[99..][..len]]);
            let mut target = [7.0; 80];
            let (indices, lanes) = isa.run(Zip { a, b, target: &mut target[3..][..len], add });
            for (i, x) in target.iter().enumerate() {
                let inside = (3..3 + len).contains(&i);
                let expected = |i: usize| if add { 7.0 } else { 0.0 } + 2.0 * a[i] + b[0][i] * b[1][i];
                assert_eq!(*x, if inside { expected(i - 3) } else { 7.0 }, "{isa}: {i} of {len}, add {add}");
            }
            let expected: Vec<usize> = (0..len.div_ceil(lanes)).map(|vector| vector % (16 / lanes)).collect();
            assert_eq!(indices, expected, "{isa}: {len}");
            if len > 0 {
                let short = &numbers[..len - 1];
                for (a, b) in [(short, b), (a, [short, b[1]]), (a, [b[0], short])] {
                    assert!(panics(|| isa.run(Zip { a, b, target: &mut [0.0; 80][..len], add })), "{isa}: {len}");
                }
                assert!(panics(|| isa.run(Zip { a, b, target: &mut [0.0; 80][1..len], add })), "{isa}: {len}");
            }
        }
    }
}
