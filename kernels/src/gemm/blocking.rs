//! How the loops are cut, and the workspace that the cut needs.
//!
//! | constant | value | why |
//! |---|---|---|
//! | mr × nr | 6×64 AVX-512, 6×16 AVX2 | sums in registers; 24 and 12 chains of FMA hide its latency of 4 at 2 (1) a cycle |
//! | KC | 512 | a tile's sums leave the registers once in 512 steps; a panel of B, 512×16, is 32 KiB and streams from L2 |
//! | MC | 96 | a block of A, 96×512, is 192 KiB: well inside an L2 of 512 KiB, and a multiple of mr |
//! | NC | 2048 | the panels of B, 512×2048, are 4 MiB: they stay in L3 |
//!
//! All are constants of the code: no cache size is read from the machine, so that nothing about a result depends on it.

use super::pack;

/// The longest block of k.
pub const KC: usize = 512;
/// The most rows of a block of A.
pub const MC: usize = 96;
/// The most columns of a block of B.
pub const NC: usize = 2048;
/// Up to so many columns, A's rows are read where they are, if they can be: packing them would cost more than it saves.
pub const UNPACKED_MAX_N: usize = 256;
/// Up to so many rows, and no more than a tile has columns, B's rows are read where they are, if they can be: packing pays
/// when many tiles read the same panel, and the sooner the fewer cache lines of a row a tile reads.
pub const UNPACKED_MAX_M: usize = 32;
/// Up to so many rows, a product whose operands are both contiguous along k is computed transposed: what is packed then is A.
pub const THIN_MAX_M: usize = 64;
/// With a row stride of a multiple of so many numbers, 4 KiB, the rows of a tile share a set of L1: wide products pack them.
pub const CROWDED_STRIDE: usize = 1024;

/// Multiples of every instruction set's mr and nr: rounding up to these is enough for each of them.
const EVERY_MR: usize = 12;
const EVERY_NR: usize = 64;
/// The most lanes, and a multiple of all others.
const MAX_LANES: usize = 16;

/// The workspace's parts.
pub(super) struct Blocking<'a> {
    pub(super) a_panels: &'a mut [f32],
    pub(super) b_panels: &'a mut [f32],
}

/// The block of k: as few blocks as KC allows, of as equal a length as can be.
pub(super) fn kc(k: usize) -> usize {
    k.div_ceil(k.div_ceil(KC).max(1)).max(1)
}

/// The numbers of workspace that a product of these sizes needs, on any instruction set; none, if that overflows. No smaller
/// product needs more.
pub fn workspace_len(m: usize, n: usize, k: usize) -> Option<usize> {
    // Not kc(k), which is 300 for 600 and 512 for 512.
    let kc = k.clamp(1, KC);
    let few = m.min(THIN_MAX_M);
    let sums = n.checked_next_multiple_of(MAX_LANES)?.checked_mul(few.next_multiple_of(MAX_LANES))?;
    let transposed = panels_len(n, few, kc)?.checked_add(sums)?;
    Some(panels_len(m, n, kc)?.max(transposed))
}

fn panels_len(m: usize, n: usize, kc: usize) -> Option<usize> {
    let a = pack::rows_len(m.min(MC), kc, EVERY_MR)?;
    let b = pack::columns_len(n.min(NC), kc, EVERY_NR)?;
    a.checked_add(b)?.checked_add(ALIGNMENT)
}

/// A cache line, in numbers.
const ALIGNMENT: usize = 16;

/// The parts of `workspace`, B's panels at the start of a cache line.
pub(super) fn split<const MR: usize>(workspace: &mut [f32], m: usize, n: usize, kc: usize, nr: usize) -> Blocking<'_> {
    let skip = workspace.as_ptr().align_offset(4 * ALIGNMENT).min(ALIGNMENT);
    let needed = "the workspace has workspace_len numbers";
    let (b_panels, rest) = workspace[skip..].split_at_mut(pack::columns_len(n.min(NC), kc, nr).expect(needed));
    let a_panels = &mut rest[..pack::rows_len(m.min(MC), kc, MR).expect(needed)];
    Blocking { a_panels, b_panels }
}
