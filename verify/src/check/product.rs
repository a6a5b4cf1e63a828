//! Any product `C = C₀ + A·B`: exactly on integers, and within bounds on other values.

use crate::bound::{Data, gamma};
use crate::operand::{Layout, Operand, Output};
use crate::shapes::Edges;
use crate::tally::Tally;
use lanegrad::{MatMut, MatRef};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// The product under test: writes `A·B` to C or, if `accumulate` is true, adds it to the contents of C.
pub type Multiply<'a> = dyn FnMut(MatRef<'_>, MatRef<'_>, MatMut<'_>, bool) + 'a;

/// A product to check.
#[derive(Debug)]
pub struct Case {
    /// m×k
    pub a: Operand,
    /// k×n
    pub b: Operand,
    /// m×n
    pub c: Output,
    /// Whether `A·B` is added to the contents of C.
    pub accumulate: bool,
    place: String,
}

/// Integers small enough that every sum is exact, in products of all sizes at which the path may change.
///
/// The layouts of A and B, the gaps in C and accumulation take turns; every combination occurs many times. Operands with one repeated
/// row occur as well.
pub fn cases(edges: Edges) -> impl Iterator<Item = Case> {
    const LARGEST: i64 = 15;
    let mut rng = StdRng::seed_from_u64(1);
    let in_turn = edges.products().enumerate().map(|(turn, sizes)| (turn, sizes, Layout::pair_in_turn(turn)));
    let rows = [Layout::Rows, Layout::RowsWithGaps].into_iter().cycle().map(|b| (Layout::Columns, b));
    let rows_apart =
        edges.rows_apart().zip(rows).enumerate().map(|(turn, (sizes, layouts))| (1 + turn, sizes, layouts));
    in_turn.chain(rows_apart).map(move |(turn, [m, n, k], layouts)| {
        assert!(k as i64 * LARGEST * LARGEST + LARGEST <= 1 << 24, "a sum of {k} products may be inexact");
        let mut integer = || rng.random_range(1..=LARGEST) as f32 * if rng.random() { 1.0 } else { -1.0 };
        let a = match turn % 23 {
            0 => Operand::broadcast(m, k, |_| integer()),
            _ => Operand::from_fn(m, k, layouts.0, |_, _| integer()),
        };
        let b = match turn % 29 {
            0 => Operand::broadcast(k, n, |_| integer()),
            _ => Operand::from_fn(k, n, layouts.1, |_, _| integer()),
        };
        let accumulate = turn % 11 % 3 == 0;
        let mut c = Output::new(m, n, [0, 1, 5][turn % 7 % 3]);
        if accumulate {
            c.fill(|_, _| integer());
        }
        let place = format!("{m}×{n}×{k}, A {:?}, B {:?}, accumulate {accumulate}", layouts.0, layouts.1);
        Case { a, b, c, accumulate, place }
    })
}

/// Integers: whatever the order of the additions, each sum must agree bit for bit.
pub fn integers(edges: Edges, multiply: &mut Multiply<'_>, tally: &mut Tally) {
    for Case { a, b, mut c, accumulate, place } in cases(edges) {
        let before = c.clone();
        multiply(a.view(), b.view(), c.view(), accumulate);
        let (m, n, k) = (a.view().rows(), b.view().cols(), a.view().cols());
        // Row by row, so that B is read in order.
        let factors: Vec<i32> = (0..k * n).map(|at| b.at(at / n, at % n) as i32).collect();
        for i in 0..m {
            let mut sums: Vec<i32> = (0..n).map(|j| if accumulate { before.at(i, j) as i32 } else { 0 }).collect();
            for p in 0..k {
                let a = a.at(i, p) as i32;
                sums.iter_mut().zip(&factors[p * n..]).for_each(|(sum, b)| *sum += a * b);
            }
            for (j, sum) in sums.into_iter().enumerate() {
                // A sum of 0 may have either sign.
                tally.same(c.at(i, j) + 0.0, sum as f32, || format!("{place}, element ({i}, {j})"));
            }
        }
        if let Some(at) = c.stray_write() {
            tally.wrong(|| format!("{place}: number {at} was written, which is not C's"));
        }
    }
}

/// One element of A and one of B are 1, and all others are 0: exactly one element of C is 1.
pub fn one_hot(edges: Edges, multiply: &mut Multiply<'_>, tally: &mut Tally) {
    let (m, n, k) = (edges.mr + 2, edges.nr + edges.lanes + 1, edges.lanes + 2);
    for p in 0..k {
        for i in 0..m {
            for j in (0..n).step_by(1 + i % 3) {
                let hot = |is: bool| f32::from(u8::from(is));
                let a = Operand::from_fn(m, k, Layout::in_turn(i), |r, c| hot((r, c) == (i, p)));
                let b = Operand::from_fn(k, n, Layout::in_turn(j), |r, c| hot((r, c) == (p, j)));
                let mut c = Output::new(m, n, 0);
                multiply(a.view(), b.view(), c.view(), false);
                for row in 0..m {
                    for column in 0..n {
                        tally.same(c.at(row, column), hot((row, column) == (i, j)), || {
                            format!("{m}×{n}×{k}, A hot at ({i}, {p}), B at ({p}, {j}): element ({row}, {column})")
                        });
                    }
                }
            }
        }
    }
}

/// `|ĉ − c| ≤ γₙ(Σ|a||b| + |c₀|)` with n = k + 1: the rounding of a product, if it has a separate one, and k additions.
pub fn bounded(edges: Edges, multiply: &mut Multiply<'_>, tally: &mut Tally) {
    for data in [Data::ZeroMean, Data::OneSign] {
        compare(edges, data, &|k| gamma(k + 1), multiply, tally);
    }
}

/// The [tight bound](Data) of each kind of data.
pub fn tight(edges: Edges, multiply: &mut Multiply<'_>, tally: &mut Tally) {
    for data in [Data::ZeroMean, Data::OneSign] {
        compare(edges, data, &|k| data.tight(k), multiply, tally);
    }
}

fn compare(edges: Edges, data: Data, bound: &dyn Fn(usize) -> f64, multiply: &mut Multiply<'_>, tally: &mut Tally) {
    let mut rng = StdRng::seed_from_u64(2);
    for (turn, [m, n, k]) in edges.layers().into_iter().enumerate() {
        for accumulate in [false, true] {
            let mut number = || match data {
                Data::ZeroMean => 2.0 * rng.random::<f32>() - 1.0,
                Data::OneSign => 0.5 + rng.random::<f32>(),
            };
            let a = Operand::from_fn(m, k, Layout::in_turn(turn), |_, _| number());
            let b = Operand::from_fn(k, n, Layout::in_turn(turn + 2), |_, _| number());
            let mut c = Output::new(m, n, 0);
            if accumulate {
                c.fill(|_, _| number());
            }
            let before = c.clone();
            multiply(a.view(), b.view(), c.view(), accumulate);
            for i in 0..m {
                for j in 0..n {
                    let start = if accumulate { f64::from(before.at(i, j)) } else { 0.0 };
                    let (sum, terms) = sum(start, (0..k).map(|p| a.wide(i, p) * b.wide(p, j)));
                    tally.within(c.at(i, j).into(), sum, bound(k) * terms, || {
                        format!("{m}×{n}×{k}, {data:?}, accumulate {accumulate}, element ({i}, {j})")
                    });
                }
            }
        }
    }
}

/// A product too large for the scalar reference, compared with one that shares no code with it: each is within the tight bound of the
/// exact one.
pub fn against(oracle: &mut Multiply<'_>, edges: Edges, multiply: &mut Multiply<'_>, tally: &mut Tally) {
    let mut rng = StdRng::seed_from_u64(11);
    let mut number = |_, _| 2.0 * rng.random::<f32>() - 1.0;
    let (m, n, k) = (2 * edges.mc + 1, edges.nc + edges.nr + 1, 2 * edges.kc + 1);
    let a = Operand::from_fn(m, k, Layout::Rows, &mut number);
    let absolute =
        |operand: &Operand, rows, cols| Operand::from_fn(rows, cols, Layout::Rows, |i, j| operand.at(i, j).abs());
    let a_terms = absolute(&a, m, k);
    // A kernel reads a B with contiguous rows differently from one with contiguous columns.
    for layout in [Layout::ColumnsWithGaps, Layout::RowsWithGaps] {
        let b = Operand::from_fn(k, n, layout, &mut number);
        let b_terms = absolute(&b, k, n);
        let [mut c, mut expected, mut terms] = [Output::new(m, n, 1), Output::new(m, n, 0), Output::new(m, n, 0)];
        multiply(a.view(), b.view(), c.view(), false);
        oracle(a.view(), b.view(), expected.view(), false);
        oracle(a_terms.view(), b_terms.view(), terms.view(), false);
        for i in 0..m {
            for j in 0..n {
                let bound = 2.0 * Data::ZeroMean.tight(k) * f64::from(terms.at(i, j));
                let place = || format!("{m}×{n}×{k}, {layout:?}, element ({i}, {j}), against the oracle");
                tally.within(c.at(i, j).into(), expected.at(i, j).into(), bound, place);
            }
        }
    }
}

/// A sum, and the sum of its terms' absolute values.
pub fn sum(start: f64, terms: impl Iterator<Item = f64>) -> (f64, f64) {
    terms.fold((start, start.abs()), |(sum, absolute), term| (sum + term, absolute + term.abs()))
}
