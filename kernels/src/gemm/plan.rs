//! How a product is computed. Everything that depends on its sizes, its strides or the instruction set is decided here, once; what
//! executes a plan has no thresholds.
//!
//! A plan never changes a bit of the result: the order of each sum is the [`Order`] that the operation has chosen.

use crate::cache::{L1, L1_SET, L2, L3, LINE};
use crate::simd::{Lowering, View};
use crate::threads::Team;
use core::ops::Range;

/// The longest block along k. C is read and written again once in 1024 steps; a panel of B, 1024×16, is 64 KiB and streams from L2.
pub const KC: usize = 1024;
/// The most rows of a block of A: with KC, 528 KiB, about an L2. A mini-batch of 128 is one block.
pub const MC: usize = L2 / KC + 4;
/// The most columns of a block of B: with KC, 8 MiB, which stays in L3.
pub const NC: usize = L3 / KC;
/// Up to this many steps along k a block of A has [`SHALLOW_MC`] rows: a strip of B is read from L1 by all of them.
pub const SHALLOW_KC: usize = 64;
/// The most rows of a block of A with at most [`SHALLOW_KC`] steps.
pub const SHALLOW_MC: usize = 8 * MC;

/// Up to this many rows a forward product is summed in sixteen lanes. This is a matter of the operation's documented order, not of speed
/// alone.
pub const LANES_MAX_M: usize = 8;
/// Columns of C at a time in a product summed in lanes: B's are read by all rows while they are in L2.
pub const LANES_COLUMNS: usize = 24;
/// Rows of C at a time in such a product.
pub const LANES_ROWS: usize = 4;

/// Up to this many terms, each row of C is computed from end to end, if it is long enough.
pub const FEW_TERMS: usize = 8;
/// Long enough: this many columns for each term. Of shorter rows too few vectors are whole, and tiles are faster.
pub const FEW_TERMS_COLUMNS: usize = 32;
/// Columns at a time in one row of C, or with one term: C's row and B's stay in L1.
pub const ROW_PIECE: usize = L1 / 2;

/// Up to this many columns, or with a B of at most [`NARROW_LEN`] elements, a single row is summed in registers.
pub const NARROW_N: usize = 128;
/// 64 KiB: nothing of B has to be prefetched.
pub const NARROW_LEN: usize = 2 * L1;

/// Up to this many rows, a product with both operands contiguous along k is computed as `Cᵀ = Bᵀ·Aᵀ`: what has to be packed then is A.
pub const EXCHANGE_MAX_M: usize = 64;
/// Up to this many columns, A is read in place: each of its elements is used too seldom to pay for packing.
pub const IN_PLACE_MAX_N: usize = 128;
/// Up to this many elements, 28 KiB, B stays in L1, and nothing is packed or copied.
pub const NEAR: usize = L1 - L1 / 8;
/// Up to this many tiles of rows, B is read in place by each of them: copying costs the first tile more than it saves the others.
pub const IN_PLACE_TILES: usize = 6;
/// Columns of B that are packed together where its rows are [`L1_SET`] apart: four cache lines of each row.
pub const GROUP: usize = 4 * LINE;
/// From this many elements on a matrix does not stay in L2, and is prefetched.
pub const FAR: usize = L2;

/// A row is prefetched this many steps before it is read, because the hardware prefetcher does not anticipate rows that are far apart.
pub(super) const STEPS_AHEAD: usize = 4;
/// The same for rows that are copied, mostly from a B that does not stay in L2.
pub(super) const COPIED_STEPS_AHEAD: usize = 16;
/// Steps of an A with contiguous columns that are packed for all micro-panels before the next ones: A is then read almost sequentially.
pub(super) const PACKED_STEPS: usize = 32;

/// The order in which the terms of an element are summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// One chain over k.
    Chain {
        /// Whether it starts from what C holds, otherwise from zero, and C is not read before it is written.
        accumulate: bool,
    },
    /// Sixteen lanes, for at most [`LANES_MAX_M`] rows: term p in lane p mod 16, whose upper half is added to the lower until one remains.
    Lanes,
}

impl Order {
    /// The order of a product whose operands are usually contiguous along k, as a layer's forward product of a mini-batch is.
    #[inline]
    pub fn of_forward(m: usize) -> Self {
        if m <= LANES_MAX_M { Self::Lanes } else { Self::Chain { accumulate: false } }
    }
}

/// The strides of a matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strides {
    /// From one row to the next.
    pub row: isize,
    /// From one column to the next.
    pub col: isize,
}

/// How a product is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Without terms: C is C₀.
    NoTerms,
    /// In sixteen lanes: `lanes.rs`.
    Lanes(Lanes),
    /// One row, in registers: `rows.rs`.
    OneRow,
    /// Row by row, from end to end: `rows.rs`.
    Rows(Rows),
    /// Tile by tile: the loops of `gemm.rs`.
    Tiles(Tiles),
    /// The loops compute `Cᵀ = Bᵀ·Aᵀ` in the workspace; its transpose is stored.
    Exchanged(Tiles),
}

/// A sum in sixteen lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lanes {
    /// Whether A's rows are copied first: they are not contiguous.
    pub pack_a: bool,
    /// Whether B's columns are copied first, a few at a time: they are not contiguous.
    pub pack_b: bool,
    /// Whether B is prefetched where it is copied.
    pub prefetch: bool,
}

/// Rows of C from end to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rows {
    /// Rows of C at a time.
    pub rows: usize,
    /// Terms at a time.
    pub terms: usize,
    /// Columns at a time.
    pub columns: usize,
}

/// How the loops are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tiles {
    /// The most rows of a tile.
    pub mr: usize,
    /// The most columns of a tile, whole vectors.
    pub nr: usize,
    /// Steps along k of a block.
    pub kc: usize,
    /// Rows of a block.
    pub mc: usize,
    /// How A is read.
    pub a: Left,
    /// How B is read.
    pub b: Right,
    /// Whether all of a block's panels of B are kept, since another block of A will read them.
    pub keep_b: bool,
    /// Whether A is prefetched where it is packed and contiguous along k.
    pub prefetch_a: bool,
    /// The same for B.
    pub prefetch_b: bool,
    /// Whether C, where it is read, and the epilogue's operand are prefetched.
    pub prefetch_c: bool,
}

/// How the loops read A.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// In place.
    InPlace,
    /// From micro-panels.
    Packed,
}

/// How the loops read B.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// In place, by every tile.
    InPlace,
    /// In place by the first tile of a strip, which copies it into a micro-panel for the others.
    Copied,
    /// From micro-panels.
    Packed,
    /// From micro-panels, of which [`GROUP`] columns are packed together, row by row.
    Grouped,
}

impl Strides {
    /// Those of a view.
    #[inline]
    pub fn of(view: View<'_>) -> Self {
        Self { row: view.row_stride(), col: view.col_stride() }
    }

    /// Those of the transposed matrix.
    #[inline]
    pub fn t(self) -> Self {
        Self { row: self.col, col: self.row }
    }
}

impl Plan {
    /// The plan for `C = C₀ + A·B` with A m×k, B k×n.
    #[inline]
    pub fn new(lowering: Lowering, [m, n, k]: [usize; 3], a: Strides, b: Strides, order: Order) -> Self {
        let Order::Chain { accumulate } = order else {
            return if k == 0 { Self::NoTerms } else { Self::Lanes(Lanes::new([n, k], a, b)) };
        };
        if k == 0 {
            return Self::NoTerms;
        }
        if b.col == 1 && m == 1 && (n <= NARROW_N || k.saturating_mul(n) <= NARROW_LEN) {
            return Self::OneRow;
        }
        if b.col == 1 && (m == 1 || k <= FEW_TERMS && n >= FEW_TERMS_COLUMNS * k) {
            return Self::Rows(Rows::new(m, k));
        }
        if m <= EXCHANGE_MAX_M && m < n && a.col == 1 && b.row == 1 && !accumulate && fills_pairs(lowering, m) {
            let tiles = Tiles::new(lowering, [n, m, k], b.t(), a.t());
            return Self::Exchanged(Tiles { prefetch_c: false, ..tiles });
        }
        Self::Tiles(Tiles::new(lowering, [m, n, k], a, b))
    }

    /// Whether a workspace is needed: [`workspace_len`] elements.
    #[inline]
    pub fn needs_workspace(&self, n: usize, lanes: usize) -> bool {
        match self {
            Self::NoTerms | Self::OneRow | Self::Rows(_) => false,
            Self::Lanes(lanes) => lanes.pack_a || lanes.pack_b,
            Self::Exchanged(_) => true,
            // Lanes are a power of two.
            Self::Tiles(tiles) => tiles.a == Left::Packed || tiles.b != Right::InPlace || n & (lanes - 1) != 0,
        }
    }
}

/// How C is cut into blocks, for several threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Rows of a block. The last ones may have fewer.
    pub block_rows: usize,
    /// Columns of a block. The last ones may have fewer.
    pub block_columns: usize,
    /// The number of blocks.
    blocks: usize,
}

impl Grid {
    /// Cuts a product for several threads, if that pays.
    #[inline]
    pub fn new(lowering: Lowering, sizes @ [m, n, k]: [usize; 3], team: &Team) -> Option<Self> {
        // A nanosecond for each multiplication is more than any lowering takes: small products pay for no division.
        if team.is_too_short(m.saturating_mul(n).saturating_mul(k)) {
            return None;
        }
        match team.parts(Self::time(lowering, sizes)) {
            1 => None,
            parts => Self::of(lowering, sizes, parts),
        }
    }

    /// The time of a product on one thread, roughly, in nanoseconds.
    fn time(Lowering { lanes, .. }: Lowering, [m, n, k]: [usize; 3]) -> usize {
        // Six multiplications and additions of vectors in a nanosecond, or twelve elements from L3.
        let arithmetic = m.saturating_mul(n).saturating_mul(k) / (6 * lanes);
        arithmetic.max(m.saturating_mul(k).saturating_add(k.saturating_mul(n)).saturating_add(m.saturating_mul(n)) / 12)
    }

    /// The grid of at most `parts` blocks whose largest block takes the least time, with what it packs.
    fn of(lowering: Lowering, [m, n, k]: [usize; 3], parts: usize) -> Option<Self> {
        let nr = MAX_VECTORS * lowering.lanes;
        let grids = (1..=parts).map(|rows| {
            let block_rows = m.div_ceil(rows);
            // Whole tiles: all strips but the last one are as wide.
            let block_columns = n.div_ceil(parts / rows).next_multiple_of(nr).min(n);
            let packed = block_rows.saturating_add(block_columns).saturating_mul(k) / 2;
            let time = Self::time(lowering, [block_rows, block_columns, k]).saturating_add(packed);
            (time, Self { block_rows, block_columns, blocks: m.div_ceil(block_rows) * n.div_ceil(block_columns) })
        });
        grids.min_by_key(|(time, _)| *time).map(|(_, grid)| grid).filter(|grid| grid.blocks > 1)
    }

    /// The number of blocks.
    pub fn blocks(self) -> usize {
        self.blocks
    }

    /// The elements of workspace that all blocks need together, on any instruction set and with any strides; none if that overflows.
    pub fn workspace_len(self, k: usize) -> Option<usize> {
        let block = workspace_len(self.block_rows, self.block_columns, k)?.checked_next_multiple_of(LINE)?;
        block.checked_mul(self.blocks)
    }
}

impl Lanes {
    #[inline]
    fn new([n, k]: [usize; 2], a: Strides, b: Strides) -> Self {
        let prefetch = n.saturating_mul(k) >= FAR;
        Self { pack_a: a.col != 1, pack_b: b.row != 1, prefetch }
    }
}

impl Rows {
    /// As many rows and terms as there are registers for their factors.
    #[inline]
    fn new(m: usize, k: usize) -> Self {
        if m == 1 {
            return Self { rows: 1, terms: 4, columns: ROW_PIECE };
        }
        let (rows, terms) = match k {
            1..=3 => (4, 3),
            4 => (3, 4),
            _ => (2, 4),
        };
        Self { rows, terms, columns: ROW_PIECE / k }
    }
}

impl Tiles {
    #[inline]
    fn new(lowering: Lowering, [m, n, k]: [usize; 3], a: Strides, b: Strides) -> Self {
        let Lowering { lanes, registers, variants, .. } = lowering;
        let largest = max_rows(registers);
        // Fewer rows leave registers for more columns.
        let mr = first_height(largest, m);
        let mut vectors = MAX_VECTORS;
        while vectors > 1 && !fits(registers, mr, vectors) {
            vectors -= 1;
        }
        let kc = if k <= KC { k } else { k.div_ceil(k.div_ceil(KC)) };
        let mc = if kc <= SHALLOW_KC { SHALLOW_MC } else { MC };
        let near = k.saturating_mul(b.row.unsigned_abs()) <= NEAR;

        // With 32 registers a tile reads so little of A that packing hardly pays.
        let many_registers = registers >= 32;
        let few = m <= mr || n <= IN_PLACE_MAX_N;
        let in_place = if a.col == 1 {
            // Rows of a tile that share a set of L1 evict one another. With 16 registers, loads from equal offsets of several rows meet in
            // a bank of L1, and slow the tile down by a tenth.
            let crowded = a.row.unsigned_abs().is_multiple_of(L1_SET);
            few || many_registers && (n <= 2 * IN_PLACE_MAX_N || !crowded)
        } else {
            a.row == 1 && (few || many_registers)
        };
        let nr = vectors * lanes;
        let right = if b.col != 1 {
            Right::Packed
        } else if near
            || m < 2 * largest
            || m <= IN_PLACE_TILES * largest && !b.row.unsigned_abs().is_multiple_of(L1_SET / 2)
        {
            // Rows 2 KiB apart share a few sets of L1 and L2, and would come from beyond for each tile.
            Right::InPlace
        } else if !variants {
            Right::Packed
        } else if nr == LINE && !few && b.row.unsigned_abs().is_multiple_of(L1_SET) && k.saturating_mul(n) >= FAR {
            // Of rows 4 KiB apart, a strip has a single line of each page, and all of them share a set of L1.
            Right::Grouped
        } else {
            Right::Copied
        };
        Self {
            mr: largest,
            nr,
            kc,
            mc,
            a: if in_place { Left::InPlace } else { Left::Packed },
            b: right,
            keep_b: m > mc,
            prefetch_a: m.saturating_mul(k) >= FAR,
            prefetch_b: k.saturating_mul(n) >= FAR,
            prefetch_c: m.saturating_mul(n) >= FAR,
        }
    }
}

/// The most rows of a tile.
pub const MAX_ROWS: usize = 6;
/// The most vectors in a row of a tile.
pub const MAX_VECTORS: usize = 4;

/// The most rows of a tile on a lowering.
const fn max_rows(registers: usize) -> usize {
    if registers >= 16 { MAX_ROWS } else { 4 }
}

/// Whether a tile's sums, a step of B and an element of A fit the registers, one of which the compiler needs to itself.
const fn fits(registers: usize, rows: usize, vectors: usize) -> bool {
    rows * vectors + vectors + 1 < registers
}

/// Whether `columns` columns end in a strip of two vectors. With 16 registers, six sums of one vector are too few to hide the latency of a
/// multiply-add; 32 registers have wider vectors, of which one is enough.
#[inline]
const fn fills_pairs(Lowering { lanes, registers, .. }: Lowering, columns: usize) -> bool {
    // Lanes are a power of two.
    registers >= 32 || (columns + lanes - 1) & lanes == 0
}

/// A micro-kernel: each is compiled by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Body {
    /// Rows of the tile, at most 6.
    pub rows: usize,
    /// Vectors in a row of the tile, at most 4.
    pub vectors: usize,
    /// Whether it reads an A whose rows are adjacent in each step, as in a micro-panel; otherwise with any strides.
    pub adjacent: bool,
    /// Whether it copies B on the way.
    pub copies: bool,
}

impl Body {
    /// Whether a lowering has it: no other is compiled.
    pub const fn is_compiled(self, lowering: Lowering) -> bool {
        let Self { rows, vectors, adjacent, copies } = self;
        let Lowering { registers, variants, .. } = lowering;
        // B is copied for the rows of two tiles or more, the first of which is whole.
        rows <= max_rows(registers)
            && fits(registers, rows, vectors)
            && (!copies || rows == MAX_ROWS)
            && (variants || !adjacent && !copies)
    }
}

/// Rows of the next tile, where `left` are left: `mr` of them, or half of what is left if that is less than two tiles. One or two rows
/// alone would be short of independent sums.
#[inline(always)]
pub(super) fn first_height(mr: usize, left: usize) -> usize {
    if mr < left && left < 2 * mr { left.div_ceil(2) } else { left.min(mr) }
}

/// The rows of a block in tiles of at most `mr`.
#[inline(always)]
pub fn row_tiles(mr: usize, m: usize) -> impl Iterator<Item = Range<usize>> {
    pieces(0..m, mr, first_height)
}

/// A range in pieces of at most `len`. `first` returns the length of the next one from `len` and what is left. A product of few elements
/// has no time for the divisions of `step_by`.
#[inline(always)]
pub(super) fn pieces(
    range: Range<usize>,
    len: usize,
    first: impl Fn(usize, usize) -> usize,
) -> impl Iterator<Item = Range<usize>> {
    let mut from = range.start;
    core::iter::from_fn(
        #[inline(always)]
        move || {
            let piece = from..from + first(len, range.end - from);
            from = piece.end;
            (!piece.is_empty()).then_some(piece)
        },
    )
}

/// A multiple of every instruction set's mr and nr, and of [`GROUP`].
pub(super) const EVERY_NR: usize = 64;
/// A multiple of the lanes of every instruction set.
const EVERY_LANES: usize = 16;

/// The elements of workspace that a product of these sizes needs at most, on any instruction set and with any strides; none if that
/// overflows. No smaller product needs more.
pub fn workspace_len(m: usize, n: usize, k: usize) -> Option<usize> {
    // Not the block's own length, which is 600 for 1200 and 1024 for 1024.
    let kc = k.clamp(1, KC);
    let few = m.min(EXCHANGE_MAX_M);
    let sums = n.checked_next_multiple_of(EVERY_LANES)?.checked_mul(few.next_multiple_of(EVERY_LANES))?;
    let exchanged = panels_len(n, few, kc)?.checked_add(sums)?;
    let lanes = (m.min(LANES_MAX_M) + LANES_COLUMNS).checked_mul(lanes_stride(k)?)?.checked_add(LINE)?;
    Some(panels_len(m, n, kc)?.max(exchanged).max(lanes))
}

/// From one packed row of k elements to the next, in a product summed in lanes: not a multiple of what makes rows share a set of L1.
pub(super) fn lanes_stride(k: usize) -> Option<usize> {
    k.checked_next_multiple_of(EVERY_LANES)?.checked_add(LINE)
}

fn panels_len(m: usize, n: usize, kc: usize) -> Option<usize> {
    let a = m.min(MC).checked_mul(kc)?.max(m.min(SHALLOW_MC).checked_mul(kc.min(SHALLOW_KC))?);
    let columns = if m > (if kc <= SHALLOW_KC { SHALLOW_MC } else { MC }) { n.min(NC) } else { n.min(EVERY_NR) };
    let b = columns.checked_next_multiple_of(EVERY_NR)?.checked_mul(kc)?;
    a.checked_add(b)?.checked_add(LINE)
}
