//! The micro-kernel: a tile of `ROWS × NV` vectors of sums, held in registers while k runs; and strips, of which tiles are the parts.
//!
//! ```text
//!                     panel of B: kc × (NV vectors)
//!                     ┌────────┬────────┐
//!                   p │  b[0]  │  b[1]  │            for each p:
//!                     └────────┴────────┘              load NV vectors of B
//!   rows of A   ┌──┐  ┌────────┬────────┐              for each row:
//!   ROWS × kc   │a0│  │  sum   │  sum   │                broadcast a[i][p]
//!               │a1│  │  sum   │  sum   │                NV times sum ← a·b + sum
//!               │… │  │   …    │   …    │
//!               └──┘  └────────┴────────┘
//! ```

use super::plan::{Body, MAX_VECTORS, row_tiles};
use super::right::{Columns, Copied, Right, RightSteps};
use crate::cache::LINE;
use crate::simd::{ColumnGroups, Parts, Simd, View, ViewMut, each};
use core::ops::Range;

/// Rows of A over a block of k.
#[derive(Clone, Copy)]
pub(super) enum Rows<'a> {
    /// In place.
    InPlace(View<'a>),
    /// The micro-panels of the tiles, one after the other.
    Packed(&'a [f32]),
}

/// A strip of C, no wider than a tile: `c ← c₀ + rows·columns` over a block of k.
pub(super) struct Strip<'a> {
    pub(super) a: Rows<'a>,
    pub(super) b: Columns<'a>,
    /// Steps along k, at least one.
    pub(super) depth: usize,
    pub(super) c: ViewMut<'a>,
    /// Whether c₀ is what C holds; otherwise it is zero.
    pub(super) from_c: bool,
    /// Whether C, if it is read, is prefetched.
    pub(super) prefetch: bool,
    /// What the epilogue will read, if it is to be prefetched.
    pub(super) operand: Option<View<'a>>,
}

impl Strip<'_> {
    /// Sums the strip tile by tile, each of at most `mr` rows.
    #[inline(never)]
    pub(super) fn sum<S: Simd>(&mut self, simd: S, mr: usize) {
        // No more vectors per row than the columns need.
        match self.c.cols().div_ceil(S::LANES) {
            1 => self.vectors::<S, 1>(simd, mr),
            2 => self.vectors::<S, 2>(simd, mr),
            3 => self.vectors::<S, 3>(simd, mr),
            _ => self.vectors::<S, MAX_VECTORS>(simd, mr),
        }
    }

    #[inline(always)]
    fn vectors<S: Simd, const NV: usize>(&mut self, simd: S, mr: usize) {
        if S::VARIANTS && self.a.are_adjacent() {
            self.tiles::<S, NV, true>(simd, mr);
        } else {
            self.tiles::<S, NV, false>(simd, mr);
        }
    }

    /// Each width and each way to read A is a function of its own, compiled once per lowering: with more tiles in one function the
    /// compiler would keep in memory what an inner loop needs.
    #[inline(always)]
    fn tiles<S: Simd, const NV: usize, const ADJACENT: bool>(&mut self, simd: S, mr: usize) {
        simd.vectorize(
            #[inline(always)]
            move || {
                // Each in a variable of its own: what lies in memory would be read again after each store to C.
                let Self { a, depth, from_c, prefetch, operand, .. } = *self;
                let Self { b, c, .. } = self;
                let (rows, columns) = (c.rows(), c.cols());
                for tile in row_tiles(mr, rows) {
                    if prefetch && from_c {
                        // C's rows of the next tile, while this one is summed.
                        prefetch_rows(simd, c.as_view().block(tile.end..rows.min(tile.end + mr), 0..columns));
                    }
                    if let Some(operand) = operand {
                        prefetch_rows(simd, operand.block(tile.clone(), 0..columns));
                    }
                    let c = c.reborrow().block(tile.clone(), 0..columns);
                    let place = Tile { a: a.of(&tile, depth), c, depth, from_c };
                    match tile.len() {
                        1 if compiled::<S>(1, NV, ADJACENT, false) => place.read::<S, 1, NV, ADJACENT>(simd, b),
                        2 if compiled::<S>(2, NV, ADJACENT, false) => place.read::<S, 2, NV, ADJACENT>(simd, b),
                        3 if compiled::<S>(3, NV, ADJACENT, false) => place.read::<S, 3, NV, ADJACENT>(simd, b),
                        4 if compiled::<S>(4, NV, ADJACENT, false) => place.read::<S, 4, NV, ADJACENT>(simd, b),
                        5 if compiled::<S>(5, NV, ADJACENT, false) => place.read::<S, 5, NV, ADJACENT>(simd, b),
                        6 if compiled::<S>(6, NV, ADJACENT, false) => place.read::<S, 6, NV, ADJACENT>(simd, b),
                        height => unreachable!("no tile of {height} rows and {NV} vectors"),
                    }
                    b.copied();
                }
            },
        );
    }
}

impl<'a> Rows<'a> {
    /// Whether the rows of a step are adjacent, as in a micro-panel.
    #[inline(always)]
    fn are_adjacent(self) -> bool {
        match self {
            Self::InPlace(rows) => rows.row_stride() == 1,
            Self::Packed(_) => true,
        }
    }

    /// The rows of a tile.
    #[inline(always)]
    fn of(self, tile: &Range<usize>, depth: usize) -> View<'a> {
        match self {
            Self::InPlace(rows) => rows.block(tile.clone(), 0..depth),
            Self::Packed(panels) => {
                let panel = View::row_major(&panels[tile.start * depth..], depth, tile.len());
                panel.expect("the panels were cut so").t()
            }
        }
    }
}

/// Prefetches all rows.
#[inline(always)]
fn prefetch_rows<S: Simd>(simd: S, matrix: View<'_>) {
    for i in 0..matrix.rows() {
        let row = matrix.row(i, 0..matrix.cols());
        for line in (0..row.len()).step_by(LINE) {
            simd.prefetch(row, line);
        }
        simd.prefetch(row, row.len() - 1);
    }
}

/// Whether there is such a micro-kernel. It is a constant wherever it is asked: no other is compiled.
#[inline(always)]
const fn compiled<S: Simd>(rows: usize, vectors: usize, adjacent: bool, copies: bool) -> bool {
    Body { rows, vectors, adjacent, copies }.is_compiled(S::LOWERING)
}

/// A tile of C.
struct Tile<'a> {
    /// Its rows of A.
    a: View<'a>,
    c: ViewMut<'a>,
    /// Steps along k.
    depth: usize,
    from_c: bool,
}

impl Tile<'_> {
    #[inline(always)]
    fn read<S: Simd, const ROWS: usize, const NV: usize, const ADJACENT: bool>(mut self, simd: S, b: &mut Columns<'_>) {
        if ADJACENT {
            self.a = self.a.with_adjacent_rows();
        }
        match b {
            Columns::InPlace(steps) => self.sum::<S, ROWS, NV>(simd, *steps),
            Columns::Copied(steps, panel) if compiled::<S>(ROWS, NV, ADJACENT, true) => {
                self.sum::<S, ROWS, NV>(simd, Copied(*steps, panel));
            }
            Columns::Copied(..) => unreachable!("no tile of {ROWS} rows and {NV} vectors copies B"),
        }
    }

    /// The micro-kernel.
    #[inline(always)]
    fn sum<S: Simd, const ROWS: usize, const NV: usize>(self, simd: S, mut b: impl Right) {
        simd.split_if_fuzzing(
            #[inline(always)]
            move || {
                let Self { a, mut c, depth, from_c } = self;
                let (columns, width) = (c.cols(), NV * S::LANES);
                let mut sums = [[simd.splat(0.0); NV]; ROWS];
                if from_c {
                    for i in 0..ROWS {
                        sums[i] = simd.load_vectors(c.row(i, 0..columns));
                    }
                }

                let pairs = depth / 2 * 2;
                steps::<S, ROWS, NV, 2>(simd, &mut sums, a.column_groups(0, pairs / 2), b.steps::<2>(0, pairs, width));
                if pairs < depth {
                    steps::<S, ROWS, NV, 1>(simd, &mut sums, a.column_groups(pairs, 1), b.steps::<1>(pairs, 1, width));
                }

                // Index loops: iterating over the sums by value would spill them all.
                for i in 0..ROWS {
                    simd.store_vectors(sums[i], c.row(i, 0..columns));
                }
            },
        );
    }
}

/// `U` steps along k per iteration, to halve the branches.
#[inline(always)]
fn steps<S: Simd, const ROWS: usize, const NV: usize, const U: usize>(
    simd: S,
    sums: &mut [[S::V; NV]; ROWS],
    a: ColumnGroups<'_, ROWS, U>,
    b: impl Parts<Part: RightSteps>,
) {
    each(
        (a, b),
        #[inline(always)]
        |(rows, mut columns)| {
            for u in 0..U {
                let vectors = columns.load::<S, NV>(simd, u);
                for i in 0..ROWS {
                    let a = simd.splat(rows.at(i, u));
                    for j in 0..NV {
                        sums[i][j] = simd.mul_add(a, vectors[j], sums[i][j]);
                    }
                }
            }
        },
    );
}
