//! The plans of products in words and numbers: how `lanegrad-kernels` computes them, on any instruction set, whether or not this
//! processor has it.

use crate::check::dense::Operation;
use core::fmt;
use lanegrad_kernels::gemm::{
    Body, GROUP, Grid, LANES_COLUMNS, LANES_ROWS, Left, MAX_ROWS, MAX_VECTORS, NC, Plan, Right, Strides, Tiles,
    row_tiles,
};
use lanegrad_kernels::simd::{Lowering, Portable, Scalar, Simd};
use lanegrad_kernels::threads::{AWAKE_TASK, Team, Threads};
use std::sync::Arc;

/// The lowerings of this build, by the names of their instruction sets.
#[cfg(all(target_arch = "x86_64", not(lanegrad_portable_only)))]
pub const LOWERINGS: [(&str, Lowering); 4] = [
    ("avx512", lanegrad_kernels::simd::Avx512::LOWERING),
    ("avx2", lanegrad_kernels::simd::Avx2::LOWERING),
    ("portable", Portable::LOWERING),
    ("scalar", Scalar::LOWERING),
];
/// The lowerings of this build, by the names of their instruction sets.
#[cfg(not(all(target_arch = "x86_64", not(lanegrad_portable_only))))]
pub const LOWERINGS: [(&str, Lowering); 2] = [("portable", Portable::LOWERING), ("scalar", Scalar::LOWERING)];

/// A product of a layer, on an instruction set.
#[derive(Clone, Copy, Debug)]
pub struct Planned {
    /// m, n, k
    pub sizes: [usize; 3],
    /// How it is computed.
    pub plan: Plan,
}

impl Planned {
    /// A product of a layer whose matrices have no gaps: batch × inputs → batch × outputs.
    pub fn new(lowering: Lowering, operation: Operation, [batch, inputs, outputs]: [usize; 3]) -> Self {
        let rows = |cols: usize| Strides { row: cols as isize, col: 1 };
        let (sizes, a, b) = match operation {
            Operation::Forward => ([batch, outputs, inputs], rows(inputs), rows(inputs).t()),
            Operation::Backward => ([batch, inputs, outputs], rows(outputs), rows(inputs)),
            Operation::Gradient => ([outputs, inputs, batch], rows(outputs).t(), rows(inputs)),
        };
        Self { sizes, plan: Plan::new(lowering, sizes, a, b, operation.order(sizes[0], false)) }
    }

    /// How it is cut for this number of threads, if it is.
    pub fn grid(&self, lowering: Lowering, threads: usize) -> Option<Grid> {
        Grid::new(lowering, self.sizes, &Team::new(Arc::new(Count(threads))))
    }
}

/// The micro-kernels that a lowering has.
pub fn bodies(lowering: Lowering) -> impl Iterator<Item = Body> {
    let sizes = (1..=MAX_ROWS).flat_map(|rows| (1..=MAX_VECTORS).map(move |vectors| (rows, vectors)));
    let reads = [(false, false), (false, true), (true, false), (true, true)];
    let all =
        sizes.flat_map(move |(rows, vectors)| reads.map(|(adjacent, copies)| Body { rows, vectors, adjacent, copies }));
    all.filter(move |body| body.is_compiled(lowering))
}

/// The micro-kernels that compute a product of m×n in the loops, from an A with these strides.
pub fn bodies_of(tiles: Tiles, lowering: Lowering, [m, n]: [usize; 2], a: Strides) -> impl Iterator<Item = Body> {
    let adjacent = lowering.variants && (tiles.a == Left::Packed || a.row == 1);
    let heights = move |rows: usize| row_tiles(tiles.mr, rows).map(|tile| tile.len());
    let rows = heights(m.min(tiles.mc)).chain(heights(if m > tiles.mc { m % tiles.mc } else { 0 }));
    let whole = (n.min(NC) / tiles.nr > 0).then_some(tiles.nr);
    let rest = [n.min(NC) % tiles.nr, if n > NC { n % NC % tiles.nr } else { 0 }];
    let widths = whole.into_iter().chain(rest).filter(|width| *width > 0);
    let strips: Vec<_> = widths.map(|width| (width.div_ceil(lowering.lanes), width % lowering.lanes == 0)).collect();
    rows.enumerate().flat_map(move |(tile, rows)| {
        let first = tile == 0 && tiles.b == Right::Copied;
        let body = move |(vectors, whole)| Body { rows, vectors, adjacent, copies: first && whole };
        strips.clone().into_iter().map(body)
    })
}

/// A number of threads that are awake, for plans alone.
#[derive(Debug)]
struct Count(usize);

impl Threads for Count {
    fn count(&self) -> usize {
        self.0
    }
    fn shortest_task(&self) -> usize {
        AWAKE_TASK
    }
    fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        (0..tasks).for_each(task);
    }
}

/// A single line.
impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [m, n, k] = self.sizes;
        write!(f, "{m}×{n}×{k}: ")?;
        match self.plan {
            Plan::NoTerms => write!(f, "no terms"),
            Plan::OneRow => write!(f, "one row, summed in registers"),
            Plan::Lanes(lanes) => {
                write!(f, "sixteen lanes, {} rows by {} columns at a time", LANES_ROWS.min(m), LANES_COLUMNS)?;
                let packed = |packed| if packed { "packed" } else { "in place" };
                write!(f, "; A {}, B {}", packed(lanes.pack_a), packed(lanes.pack_b))
            }
            Plan::Rows(rows) => {
                let (count, terms) = (rows.rows, rows.terms.min(k));
                write!(f, "rows from end to end, {count} by {terms} terms, {} columns at a time", rows.columns.min(n))
            }
            Plan::Tiles(tiles) => describe(tiles, self.sizes, f),
            Plan::Exchanged(tiles) => {
                write!(f, "exchanged; ")?;
                describe(tiles, [n, m, k], f)
            }
        }
    }
}

fn describe(tiles: Tiles, [m, n, k]: [usize; 3], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Tiles { mr, nr, kc, mc, .. } = tiles;
    write!(f, "tiles {}×{nr}, blocks mc {} kc {}", mr.min(m), mc.min(m), kc.min(k))?;
    let kib = |elements: usize| (4 * elements).div_ceil(1024);
    match tiles.a {
        Left::InPlace => write!(f, "; A in place")?,
        Left::Packed => write!(f, "; A packed, {} KiB", kib(mc.min(m) * kc.min(k)))?,
    }
    let columns = if tiles.keep_b { n.min(lanegrad_kernels::gemm::NC) } else { n.min(nr) };
    match tiles.b {
        Right::InPlace => write!(f, "; B in place")?,
        Right::Copied => write!(f, "; B copied by the first tile, {} KiB", kib(columns * kc.min(k)))?,
        Right::Packed => write!(f, "; B packed, {} KiB", kib(columns * kc.min(k)))?,
        Right::Grouped => {
            let columns = if tiles.keep_b { columns } else { n.min(GROUP) };
            write!(f, "; B packed, {GROUP} columns at a time, {} KiB", kib(columns * kc.min(k)))?;
        }
    }
    if tiles.prefetch_c {
        write!(f, "; C prefetched")?;
    }
    Ok(())
}
