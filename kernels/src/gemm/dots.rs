//! Few rows: dot products, summed in sixteen lanes.
//!
//! ```text
//!   row j of Bᵀ, contiguous along k   │ 0 1 2 … 15 │ 16 17 … 31 │ 32 …          c[i][j] = Σ a[i][p]·b[p][j]
//!   row i of A, contiguous along k    │ 0 1 2 … 15 │ 16 17 … 31 │ 32 …
//!                                       └───┬────┘
//!   sixteen sums: lane l has p = l, l + 16, l + 32, …, in this order
//!   then the upper half of the lanes is added to the lower, until one remains
//! ```
//! A chain of all of k's steps would make each of them wait for the one before: with one or a few rows there is nothing else to do
//! meanwhile. This way B is read from one end to the other, at the speed of memory; with more rows on eight lanes three columns of it
//! twice, once for each half of the sixteen, as the sums of both do not fit the registers, the second time from L1. The order is a matter of the operation and
//! its shape alone ([`Order::of_forward`]): operands that are not contiguous along k are packed so that they are.
//! There are sixteen lanes on every instruction set, and so the same bits.

use super::Product;
use super::blocking::{DOTS_COLUMNS, DOTS_DEPTH, DOTS_MAX_M};
use super::{blocking, pack};
use crate::epilogue::Store;
use crate::simd::Simd;
use crate::view::{View, vectors};
use core::ops::Range;

/// The order in which the terms of an element are summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// One chain over k, from C₀ or zero.
    Chain,
    /// Sixteen lanes, for at most [`DOTS_MAX_M`] rows; C₀ is zero.
    Lanes,
}

impl Order {
    /// The order of a product whose operands are usually contiguous along k, as a layer's forward product of a mini-batch is.
    pub fn of_forward(m: usize) -> Self {
        if m <= DOTS_MAX_M { Self::Lanes } else { Self::Chain }
    }
}

/// Lanes of a sum, on every instruction set.
const LANES: usize = 16;

/// The sums of a row, of `DOTS_COLUMNS` columns.
type RowSums = [[f32; LANES]; DOTS_COLUMNS];
/// Numbers in the sums of all rows.
const SUMS: usize = DOTS_MAX_M * DOTS_COLUMNS * LANES;

/// `C = A·B`, a few columns of C at a time. Compiled once a lowering, not once an epilogue.
pub(super) fn multiply<S: Simd>(simd: S, product: Product<'_, Store>) {
    simd.vectorize(
        #[inline(always)]
        move || {
            let Product { m, n, k, a, b, c, c_stride, workspace, .. } = product;
            let (sums, workspace) = blocking::aligned(workspace).split_at_mut(SUMS);
            let (b_rows, packed) = workspace.split_at_mut(b_rows_len(k));
            let sums = sums.as_chunks_mut::<LANES>().0.as_chunks_mut::<DOTS_COLUMNS>().0;
            if k > 0 {
                pack_rows(simd, a, m, k, packed);
            } else {
                sums.as_flattened_mut().as_flattened_mut().fill(0.0);
            }
            for from in (0..n).step_by(DOTS_COLUMNS) {
                let columns = from..n.min(from + DOTS_COLUMNS);
                Dots { m, k, a: packed, b: b.t(), columns: columns.clone(), b_rows }.run(simd, sums);
                for i in 0..m {
                    for lanes in vectors(simd, columns.len()) {
                        let place = from + lanes.start..from + lanes.end;
                        simd.store_partial(fold(simd, &sums[i], lanes), &mut c[i * c_stride..][place]);
                    }
                }
            }
        },
    );
}

/// The sums of at most `LANES` columns, their own lanes added up, half to half.
#[inline(always)]
fn fold<S: Simd>(simd: S, sums: &RowSums, columns: Range<usize>) -> S::V {
    let sums = View { data: sums.as_flattened(), row_stride: LANES, col_stride: 1 };
    let quad = |lane| pack::load_columns(simd, sums, columns.clone(), lane);
    let (a, b, c, d) = (quad(0), quad(4), quad(8), quad(12));
    let mut lanes = [a[0], a[1], a[2], a[3], b[0], b[1], b[2], b[3]];
    for l in 0..4 {
        lanes[l] = simd.add(lanes[l], c[l]);
        lanes[l + 4] = simd.add(lanes[l + 4], d[l]);
    }
    for l in 0..4 {
        lanes[l] = simd.add(lanes[l], lanes[l + 4]);
    }
    simd.add(simd.add(lanes[0], lanes[2]), simd.add(lanes[1], lanes[3]))
}

struct Dots<'a> {
    m: usize,
    k: usize,
    /// A, packed.
    a: &'a [f32],
    /// n × k
    b: View<'a>,
    /// Rows of `b`, columns of C.
    columns: Range<usize>,
    /// Room for rows of `b`, if they have to be packed.
    b_rows: &'a mut [f32],
}

/// The rows of A in groups, and how many rows each group is compiled for: 1, 2 or 4.
#[inline(always)]
fn groups(m: usize) -> impl Iterator<Item = (Range<usize>, usize)> {
    let mut from = 0;
    core::iter::from_fn(
        #[inline(always)]
        move || {
            let rows = from..m.min(from + 4);
            from = rows.end;
            (!rows.is_empty()).then_some((rows.clone(), rows.len().next_power_of_two()))
        },
    )
}

/// Numbers of workspace: the sums, rows of B, and A packed.
pub(super) fn workspace_len(m: usize, k: usize) -> Option<usize> {
    let packed = m.min(DOTS_MAX_M).next_multiple_of(4).checked_mul(k.checked_next_multiple_of(LANES)?)?;
    packed.checked_add(SUMS + b_rows_len(k))
}

/// Numbers in rows of B that have to be packed.
fn b_rows_len(k: usize) -> usize {
    DOTS_COLUMNS * k.min(DOTS_DEPTH).next_multiple_of(LANES)
}

/// Packs A: group by group, step by step of sixteen, row by row. So a step's rows lie side by side and at the start of cache lines;
/// what is missing is zero.
#[inline(always)]
fn pack_rows<S: Simd>(simd: S, a: View<'_>, m: usize, k: usize, packed: &mut [f32]) {
    let steps = k.div_ceil(LANES);
    for (rows, height) in groups(m) {
        let group = packed[rows.start * steps * LANES..][..height * steps * LANES].as_chunks_mut::<LANES>().0;
        for row in 0..height {
            let i = rows.start + row;
            for (step, target) in group[row..].iter_mut().step_by(height).enumerate() {
                let columns = step * LANES..k.min((step + 1) * LANES);
                if i >= rows.end {
                    target.fill(0.0);
                } else if a.col_stride == 1 && columns.len() == LANES {
                    target.copy_from_slice(a.row(i, columns));
                } else {
                    for lanes in vectors(simd, LANES) {
                        let columns = (columns.start + lanes.start).min(k)..(columns.start + lanes.end).min(k);
                        simd.store(a.load(simd, i, columns), &mut target[lanes]);
                    }
                }
            }
        }
    }
}

impl Dots<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S, sums: &mut [RowSums]) {
        let Self { m, k, a, b, columns, b_rows } = self;
        let in_place = b.col_stride == 1;
        let longest = if in_place && m == 1 { k.max(1) } else { DOTS_DEPTH };
        for from in (0..k).step_by(longest) {
            let depth = from..k.min(from + longest);
            let b = if in_place {
                View { data: &b.data[columns.start * b.row_stride + from..], ..b }
            } else {
                let width = depth.len().next_multiple_of(LANES);
                pack::panel(simd, b, columns.clone(), depth.clone(), width, b_rows);
                View { data: b_rows, row_stride: width, col_stride: 1 }
            };
            for (rows, height) in groups(m) {
                let steps = k.next_multiple_of(LANES);
                let a = &a[rows.start * steps..][..height * steps][from * height..];
                let piece = Piece { a, b, len: depth.len(), columns: columns.len(), first: from == 0 };
                let sums = &mut sums[rows.start..];
                // Vectors of each sixteen, rows and columns at a time: eight sums or more that do not depend on each other, or six where
                // reading B is what takes the time.
                match (LANES / S::LANES, height) {
                    (1, 1) => piece.add::<S, 1, 1, 8>(simd, sums),
                    (1, 2) => piece.add::<S, 1, 2, 4>(simd, sums),
                    (1, _) => piece.add::<S, 1, 4, 3>(simd, sums),
                    (2, 1) => piece.add::<S, 2, 1, 3>(simd, sums),
                    (2, 2) => piece.add::<S, 2, 2, 3>(simd, sums),
                    (2, _) => piece.add::<S, 1, 4, 3>(simd, sums),
                    (_, 1) => piece.add::<S, 16, 1, 1>(simd, sums),
                    (_, 2) => piece.add::<S, 16, 2, 1>(simd, sums),
                    _ => piece.add::<S, 16, 4, 1>(simd, sums),
                }
            }
        }
    }
}

/// Some steps of k: a group of A's rows, packed, and rows of Bᵀ that are contiguous along k.
struct Piece<'a> {
    a: &'a [f32],
    b: View<'a>,
    len: usize,
    columns: usize,
    /// Whether there are no sums yet.
    first: bool,
}

impl Piece<'_> {
    /// Adds to the sums of `ROWS` rows, `COLUMNS` columns at a time, `NV` vectors of each sixteen at a time.
    #[inline(always)]
    fn add<S: Simd, const NV: usize, const ROWS: usize, const COLUMNS: usize>(&self, simd: S, sums: &mut [RowSums]) {
        let (a, _) = self.a.as_chunks::<LANES>().0.as_chunks::<ROWS>();
        let sums = sums.first_chunk_mut().expect("there are sums for each row");
        for from in (0..self.columns).step_by(COLUMNS) {
            // Behind the last column it is taken again.
            let mut columns = [0; COLUMNS];
            for (j, column) in columns.iter_mut().enumerate() {
                *column = self.columns.min(from + j + 1) - 1;
            }
            for lane in (0..LANES).step_by(NV * S::LANES) {
                self.tile::<S, NV, ROWS, COLUMNS>(simd, a, columns, lane, sums);
            }
        }
    }

    /// Adds to the sums of `NV` vectors of lanes from `lane` on.
    #[inline(always)]
    fn tile<S: Simd, const NV: usize, const ROWS: usize, const COLUMNS: usize>(
        &self,
        simd: S,
        a: &[[[f32; LANES]; ROWS]],
        columns: [usize; COLUMNS],
        lane: usize,
        sums: &mut [RowSums; ROWS],
    ) {
        let mut vectors = [[[simd.splat(0.0); NV]; COLUMNS]; ROWS];
        if !self.first {
            for i in 0..ROWS {
                for j in 0..COLUMNS {
                    vectors[i][j] = load(simd, &sums[i][columns[j]], lane);
                }
            }
        }
        let whole = self.len / LANES;
        let (a, last) = (&a[..whole], a.get(whole));
        // A loop, not `map`, which is not always inlined.
        let (mut steps, mut rests) = ([[].as_slice(); COLUMNS], [[].as_slice(); COLUMNS]);
        for j in 0..COLUMNS {
            let (row, rest) = self.b.row(columns[j], 0..self.len).as_chunks::<LANES>();
            (steps[j], rests[j]) = (&row[..whole], rest);
        }
        for (step, a) in a.iter().enumerate() {
            let mut b = [&[0.0; LANES]; COLUMNS];
            for j in 0..COLUMNS {
                b[j] = &steps[j][step];
            }
            add_step(simd, a, b, lane, &mut vectors);
        }
        if let Some(a) = last.filter(|_| whole * LANES < self.len) {
            let mut factors = [[0.0; LANES]; COLUMNS];
            for j in 0..COLUMNS {
                factors[j][..rests[j].len()].copy_from_slice(rests[j]);
            }
            add_step(simd, a, factors.each_ref(), lane, &mut vectors);
        }
        for i in 0..ROWS {
            for j in 0..COLUMNS {
                for v in 0..NV {
                    simd.store(vectors[i][j][v], &mut sums[i][columns[j]][lane + v * S::LANES..]);
                }
            }
        }
    }
}

/// `vectors[i][j] ← a[i]·b[j] + vectors[i][j]`, of the lanes from `lane` on.
#[inline(always)]
fn add_step<S: Simd, const NV: usize, const ROWS: usize, const COLUMNS: usize>(
    simd: S,
    a: &[[f32; LANES]; ROWS],
    b: [&[f32; LANES]; COLUMNS],
    lane: usize,
    vectors: &mut [[[S::V; NV]; COLUMNS]; ROWS],
) {
    let mut columns = [[simd.splat(0.0); NV]; COLUMNS];
    for j in 0..COLUMNS {
        columns[j] = load(simd, b[j], lane);
    }
    for i in 0..ROWS {
        let a: [S::V; NV] = load(simd, &a[i], lane);
        for j in 0..COLUMNS {
            for v in 0..NV {
                vectors[i][j][v] = simd.mul_add(a[v], columns[j][v], vectors[i][j][v]);
            }
        }
    }
}

/// `NV` vectors of sixteen numbers, from `lane` on.
#[inline(always)]
fn load<S: Simd, const NV: usize>(simd: S, numbers: &[f32; LANES], lane: usize) -> [S::V; NV] {
    let mut vectors = [simd.splat(0.0); NV];
    for v in 0..NV {
        vectors[v] = simd.load(&numbers[lane + v * S::LANES..]);
    }
    vectors
}
