//! How the loops are cut, and the workspace that the cut needs.
//!
//! | constant | value | why |
//! |---|---|---|
//! | mr × nr | 6×64 AVX-512; 6×16, of few rows 4×16 and 2×32, AVX2 | sums in registers; 8 chains of FMA hide its latency of 4 at 2 a cycle |
//! | KC | 1024 | C is read and written again once in 1024 steps; a panel of B, 1024×16, is 64 KiB and streams from L2 |
//! | MC | 132 | a block of A, 132×1024, is 528 KiB: about an L2; a multiple of mr, and a mini-batch of 128 is one block |
//! | | 1056 of k ≤ 64 | no larger a block; a strip's B is read from L1 by all of its rows, and kept for no other block |
//! | NC | 2048 | the panels of B, 1024×2048, are 8 MiB: they stay in L3 |
//!
//! All are constants of the code: no cache size is read from the machine, so that nothing about a result depends on it.

use super::dots;
use crate::simd::Simd;
use crate::view::View;
use core::ops::Range;

/// The longest block of k.
pub const KC: usize = 1024;
/// The most rows of a block of A.
pub const MC: usize = 132;
/// Up to so many steps of k, a block of A has more rows.
pub const SHALLOW_KC: usize = 64;
/// The most rows of a block of A of few steps.
pub const SHALLOW_MC: usize = 8 * MC;
/// The most columns of a block of B.
pub const NC: usize = 2048;
/// Up to so many rows, a product whose operands are both contiguous along k is computed transposed: what is packed then is A.
pub const THIN_MAX_M: usize = 64;
/// Up to so many rows, a forward product is summed in lanes.
pub const DOTS_MAX_M: usize = 8;
/// Columns of C of which dot products are computed at a time.
pub(super) const DOTS_COLUMNS: usize = 24;
/// Steps of k at a time in dot products: four rows of A and three of B, 28 KiB, stay in L1 with them.
pub const DOTS_DEPTH: usize = 1024;

/// Multiples of every instruction set's mr and nr: rounding up to these is enough for each of them.
const EVERY_MR: usize = 12;
const EVERY_NR: usize = 64;
/// Columns of B that are packed at a time where B lies beyond L2 and is contiguous across: four cache lines of a row cost hardly more
/// time than one. A tile of AVX-512 is as wide.
pub const GROUP: usize = EVERY_NR;
/// Up to so many tiles of rows, B's rows are read where they are by each of them: to copy them on the way costs the first tile more
/// than the others save, even if they have to come from L2 again.
pub const IN_PLACE_TILES: usize = 6;
/// But not where they lie so many numbers or a multiple of it apart, 2 KiB: those of a strip share a few sets of L1 and of L2, and
/// come from beyond.
pub const IN_PLACE_CROWDED_STRIDE: usize = 512;
/// The most lanes, and a multiple of all others.
const MAX_LANES: usize = 16;

/// Up to so many columns, A's rows are read where they are, if they can be: packing them would cost more than it saves.
pub const UNPACKED_MAX_N: usize = 128;
/// With 32 registers a tile reads so little of A that its rows are always read where they are, unless, so many numbers or a multiple
/// of it apart, 4 KiB, those of a tile share a set of L1. With fewer, loads from equal places of several rows meet in a bank of L1
/// and slow the tile down by a tenth.
pub const CROWDED_STRIDE: usize = 1024;

/// Whether A is read where it is, in a product with `n` columns.
pub(super) fn unpacked<S: Simd>(_: S, mr: usize, a: View<'_>, m: usize, n: usize) -> bool {
    let few = m <= mr || n <= UNPACKED_MAX_N;
    if a.col_stride == 1 {
        few || S::REGISTERS >= 32 && (n <= 2 * UNPACKED_MAX_N || !a.row_stride.is_multiple_of(CROWDED_STRIDE))
    } else {
        few && a.row_stride == 1 && a.col_stride >= mr
    }
}

/// The rows of a block in tiles, and how many rows each tile is compiled for: `mr`, 4, 2 or 1. One or two rows behind a whole
/// tile would be short of independent sums: they and the tile before them become two of four.
#[inline(always)]
pub fn row_tiles(mr: usize, m: usize) -> impl Iterator<Item = (Range<usize>, usize)> {
    let mut from = 0;
    core::iter::from_fn(
        #[inline(always)]
        move || {
            let height = match m - from {
                0 => return None,
                left @ 1..=2 => left,
                3 | 4 => mr.min(4),
                7 | 8 if mr == 6 => 4,
                _ => mr,
            };
            let rows = from..m.min(from + height);
            from = rows.end;
            Some((rows, height))
        },
    )
}

/// Of a block's rows those of the last tile, if they are fewer than its height.
#[inline(always)]
pub(super) fn part_of_a_tile(mr: usize, block: Range<usize>) -> Range<usize> {
    row_tiles(mr, block.len())
        .find(
            #[inline(always)]
            |(rows, height)| rows.len() < *height,
        )
        .map_or(
            0..0,
            #[inline(always)]
            |(rows, _)| block.start + rows.start..block.start + rows.end,
        )
}

/// A range in blocks of `len`, the last one shorter. A product of few numbers has no time for the divisions of `step_by`.
#[inline(always)]
pub(super) fn blocks(range: Range<usize>, len: usize) -> impl Iterator<Item = Range<usize>> {
    let mut from = range.start;
    core::iter::from_fn(
        #[inline(always)]
        move || {
            let block = from..range.end.min(from + len);
            from = block.end;
            (!block.is_empty()).then_some(block)
        },
    )
}

/// The workspace's parts.
pub(super) struct Blocking<'a> {
    pub(super) a_panels: &'a mut [f32],
    pub(super) b_panels: &'a mut [f32],
}

/// The block of k: as few blocks as KC allows, of as equal a length as can be.
pub(super) fn kc(k: usize) -> usize {
    if k <= KC { k.max(1) } else { k.div_ceil(k.div_ceil(KC)) }
}

/// The most rows of a block of A of so many steps.
pub(super) fn mc(kc: usize) -> usize {
    if kc <= SHALLOW_KC { SHALLOW_MC } else { MC }
}

/// The numbers of workspace that a product of these sizes needs, on any instruction set; none, if that overflows. No smaller
/// product needs more.
pub fn workspace_len(m: usize, n: usize, k: usize) -> Option<usize> {
    // Not kc(k), which is 600 for 1200 and 1024 for 1024.
    let kc = k.clamp(1, KC);
    let few = m.min(THIN_MAX_M);
    let sums = n.checked_next_multiple_of(MAX_LANES)?.checked_mul(few.next_multiple_of(MAX_LANES))?;
    let transposed = panels_len(n, few, kc)?.checked_add(sums)?;
    let dots = dots::workspace_len(m, k)?.checked_add(ALIGNMENT)?;
    Some(panels_len(m, n, kc)?.max(transposed).max(dots))
}

fn panels_len(m: usize, n: usize, kc: usize) -> Option<usize> {
    let a = rows_len(m, kc)?;
    let b = columns_len(m, n, kc)?;
    a.checked_add(b)?.checked_add(ALIGNMENT)
}

/// Numbers in the panels of a block of A of at most so many steps: of fewer steps it may have more rows.
fn rows_len(m: usize, kc: usize) -> Option<usize> {
    let len = |mc, kc| m.min(mc).checked_next_multiple_of(EVERY_MR)?.checked_mul(kc);
    Some(len(MC, kc)?.max(len(SHALLOW_MC, kc.min(SHALLOW_KC))?))
}

/// Numbers in the panels of a block of B: of all of them, if more than one block of A is to use them, else of a group.
fn columns_len(m: usize, n: usize, kc: usize) -> Option<usize> {
    let columns = if m > mc(kc) { n.min(NC) } else { n.min(EVERY_NR) };
    columns.checked_next_multiple_of(EVERY_NR)?.checked_mul(kc)
}

/// A cache line, in numbers.
const ALIGNMENT: usize = 16;

/// The workspace from the first cache line on.
pub(super) fn aligned(workspace: &mut [f32]) -> &mut [f32] {
    let skip = workspace.as_ptr().align_offset(4 * ALIGNMENT).min(ALIGNMENT);
    &mut workspace[skip..]
}

/// The parts of `workspace`, B's panels at the start of a cache line.
#[inline]
pub(super) fn split(workspace: &mut [f32], m: usize, n: usize, kc: usize) -> Blocking<'_> {
    let needed = "the workspace has workspace_len numbers";
    let (b_panels, a_panels) = aligned(workspace).split_at_mut(columns_len(m, n, kc).expect(needed));
    Blocking { a_panels, b_panels }
}
