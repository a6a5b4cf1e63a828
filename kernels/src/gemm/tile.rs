//! The tile: `ROWS × NV` vectors of sums, held in registers while k runs; and the strips that tiles are the parts of.
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

use super::blocking::row_tiles;
use super::operands::{
    Across, Columns, Copied, Far, InPlace, Left, LeftSteps, Packed, Place, Read, Right, RightSteps, Rows, load,
};
use crate::simd::{Parts, Simd, Strided, StridedMut, each};
use core::ops::Range;

/// The largest tile of a product of `m` rows: rows and columns. Fewer rows leave registers for more columns.
pub fn tile_shape<S: Simd>(_: S, m: usize) -> (usize, usize) {
    let mr = if S::REGISTERS >= 16 { 6 } else { 4 };
    // The first tile is the highest.
    let highest = row_tiles(mr, m).next().map_or(mr, |(_, height)| height);
    let vectors = (1..=MAX_VECTORS).rev().find(|vectors| fits::<S>(highest, *vectors)).unwrap_or(1);
    (highest, vectors * S::LANES)
}

/// The most vectors in a row of a tile.
const MAX_VECTORS: usize = 4;

/// Whether a tile's sums, a step of B and a number of A fit the registers, one of which the compiler needs to itself.
const fn fits<S: Simd>(rows: usize, vectors: usize) -> bool {
    rows * vectors + vectors + 1 < S::REGISTERS
}

/// A strip of C, no wider than a tile: `c ← c₀ + rows·columns` over a block of k.
pub(super) struct Strip<'a> {
    pub(super) a: Rows<'a>,
    pub(super) b: Columns<'a>,
    /// The block of k, as columns of A.
    pub(super) depth: Range<usize>,
    /// Rows of A and C.
    pub(super) rows: Range<usize>,
    /// C from the strip's first element on.
    pub(super) c: &'a mut [f32],
    pub(super) c_stride: usize,
    pub(super) columns: usize,
    /// Whether c₀ is what C holds; otherwise it is zero.
    pub(super) from_c: bool,
}

impl Strip<'_> {
    /// Sums the strip tile by tile. Each width and each way to read A is a function of its own, compiled once a lowering: with more
    /// tiles in one function the compiler would keep in memory what an inner loop needs.
    #[inline(never)]
    pub(super) fn sum<S: Simd>(self, simd: S, mr: usize) {
        // No more vectors a row than the columns need.
        match self.columns.div_ceil(S::LANES) {
            1 => self.vectors::<S, 1>(simd, mr),
            2 => self.vectors::<S, 2>(simd, mr),
            3 => self.vectors::<S, 3>(simd, mr),
            _ => self.vectors::<S, MAX_VECTORS>(simd, mr),
        }
    }

    /// Some of its rows, to be summed in order: the first ones may copy B for the others, into a panel of that width.
    pub(super) fn part(&mut self, rows: Range<usize>, width: usize) -> Strip<'_> {
        let a = match self.a {
            Rows::Packed(panels) => Rows::Packed(&panels[rows.start * self.depth.len()..]),
            in_place => in_place,
        };
        let Self { c_stride, columns, from_c, .. } = *self;
        let b = if rows.start == 0 { self.b.by_ref() } else { self.b.by_ref().copied(width) };
        let c = &mut self.c[rows.start * c_stride..];
        let rows = self.rows.start + rows.start..self.rows.start + rows.end;
        Strip { a, b, depth: self.depth.clone(), rows, c, c_stride, columns, from_c }
    }

    #[inline(always)]
    fn vectors<S: Simd, const NV: usize>(self, simd: S, mr: usize) {
        match self.a {
            Rows::InPlace(a) => self.tiles::<S, NV, _>(simd, mr, InPlace(a)),
            Rows::Across(a, last) => self.tiles::<S, NV, _>(simd, mr, Across(a, last)),
            Rows::Packed(panels) => self.tiles::<S, NV, _>(simd, mr, Packed(panels)),
        }
    }

    #[inline(always)]
    fn tiles<S: Simd, const NV: usize, R: Read>(self, simd: S, mr: usize, a: R) {
        simd.vectorize(
            #[inline(always)]
            move || {
                // Each in a variable of its own: what lies in memory would be read again behind each store to C.
                let Self { mut b, depth, rows, c, c_stride, columns, from_c, .. } = self;
                let (step, packed_depth) = (depth.start, depth.len());
                let depth = sabotage!(packed_depth, 4 => packed_depth.max(1) - 1);
                for (tile, height) in row_tiles(mr, rows.len()) {
                    let packed = tile.start * packed_depth;
                    let place = Place { row: rows.start + tile.start, rows: tile.len(), packed, step };
                    let c = &mut c[tile.start * c_stride..];
                    let tile = Tile { c, c_stride, rows: tile.len(), columns, depth, from_c };
                    // Few rows get a tile of few rows: those of a whole one would be summed in vain. The conditions are
                    // constants: no tile is compiled that the registers do not hold.
                    match height {
                        1 if fits::<S>(1, NV) => tile.with::<S, 1, NV>(simd, a.rows::<1>(place, depth), &mut b),
                        2 if fits::<S>(2, NV) => tile.with::<S, 2, NV>(simd, a.rows::<2>(place, depth), &mut b),
                        4 if fits::<S>(4, NV) => tile.with::<S, 4, NV>(simd, a.rows::<4>(place, depth), &mut b),
                        6 if fits::<S>(6, NV) => tile.with::<S, 6, NV>(simd, a.rows::<6>(place, depth), &mut b),
                        _ => unreachable!("no tile of {height} rows and {NV} vectors"),
                    }
                    b = b.copied(NV * S::LANES);
                }
            },
        );
    }
}

/// A tile of C, of as many rows and columns as there are.
struct Tile<'a> {
    c: &'a mut [f32],
    c_stride: usize,
    rows: usize,
    columns: usize,
    /// Steps along k.
    depth: usize,
    from_c: bool,
}

impl Tile<'_> {
    #[inline(always)]
    fn with<S: Simd, const ROWS: usize, const NV: usize>(self, simd: S, a: impl Left, b: &mut Columns<'_>) {
        match b {
            Columns::Near(steps) => self.sum::<S, ROWS, NV, _>(simd, a, *steps),
            Columns::Far(steps) => self.sum::<S, ROWS, NV, _>(simd, a, Far(*steps)),
            Columns::Copied(steps, panel) => self.sum::<S, ROWS, NV, _>(simd, a, Copied(*steps, panel)),
        }
    }

    #[inline(always)]
    fn sum<S: Simd, const ROWS: usize, const NV: usize, B: Right>(mut self, simd: S, a: impl Left, mut b: B) {
        let whole = self.rows == ROWS && self.columns == NV * S::LANES;
        let mut sums = [[simd.splat(0.0); NV]; ROWS];
        if self.from_c && whole {
            let mut rows = Strided::new(self.c, ROWS, NV * S::LANES, self.c_stride);
            for i in 0..ROWS {
                sums[i] = load(simd, rows.next().expect("there are as many"));
            }
        } else if self.from_c {
            for i in 0..ROWS {
                if i < self.rows {
                    let row = self.row(i, self.columns);
                    for j in 0..NV {
                        sums[i][j] = simd.load_partial(&row[j * S::LANES..]);
                    }
                }
            }
        }

        let width = NV * S::LANES;
        let pairs = self.depth / 2 * 2;
        steps::<S, ROWS, NV, 2>(simd, &mut sums, a.steps::<2>(0, pairs), b.steps::<2>(0, pairs, width));
        if pairs < self.depth {
            steps::<S, ROWS, NV, 1>(simd, &mut sums, a.steps::<1>(pairs, 1), b.steps::<1>(pairs, 1, width));
        }

        // Index loops: iterating over the sums by value would spill them all.
        if sabotage!(whole, 2 => false) {
            let mut rows = StridedMut::new(self.c, ROWS, NV * S::LANES, self.c_stride);
            for i in 0..ROWS {
                let row = rows.part();
                for j in 0..NV {
                    simd.store(sums[i][j], &mut row[j * S::LANES..]);
                }
            }
        } else {
            for i in 0..ROWS {
                if i < self.rows {
                    let row = self.row(i, sabotage!(self.columns, 2 => self.columns + 1));
                    for j in 0..NV {
                        simd.store_partial(sums[i][j], &mut row[j * S::LANES..]);
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn row(&mut self, i: usize, columns: usize) -> &mut [f32] {
        &mut self.c[i * self.c_stride..][..columns]
    }
}

/// `U` steps along k at a time, as long as there are so many.
#[inline(always)]
fn steps<S: Simd, const ROWS: usize, const NV: usize, const U: usize>(
    simd: S,
    sums: &mut [[S::V; NV]; ROWS],
    a: impl Parts<Part: LeftSteps>,
    b: impl Parts<Part: RightSteps>,
) {
    each(
        (a, b),
        #[inline(always)]
        |(rows, mut columns)| {
            for u in 0..U {
                let vectors = columns.load::<S, NV>(simd, u);
                for i in 0..ROWS {
                    let a = simd.splat(rows.at(u, i));
                    for j in 0..NV {
                        sums[i][j] = simd.mul_add(a, vectors[j], sums[i][j]);
                    }
                }
            }
        },
    );
}
