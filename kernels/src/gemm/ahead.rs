//! Strips of a C beyond L2: what will be read is asked for ahead.
//!
//! ```text
//!   strip   ┌──┐  rows of four tiles: ask for C, if it is read, and for what the epilogue reads behind the strip;
//!           │  │                      then sum them, which takes longer than what was asked for to come
//!           ├──┤  the next four
//!           └──┘
//! ```
//! The processor does not foresee these reads itself: a few numbers of each row, rows far apart.

use super::operands::Steps;
use super::tile::Strip;
use crate::simd::Simd;

/// From so many numbers on, 512 KiB, a matrix does not stay in L2.
pub const FAR: usize = 128 * 1024;

/// Tiles of which the rows are asked for at a time.
const TILES: usize = 4;

/// Sums the strip; `reads` is what the epilogue will read, from the strip's first element on.
pub(super) fn sum<S: Simd>(simd: S, mr: usize, mut strip: Strip<'_>, reads: Option<Steps<'_>>) {
    let count = strip.rows.len();
    let width = strip.columns.next_multiple_of(S::LANES);
    let mut from = 0;
    while from < count {
        // No less than a tile is left over: one or two rows would be short of independent sums.
        let left = count - from;
        let rows = if left < (TILES + 1) * mr { left } else { TILES * mr };
        let part = strip.part(from..from + rows, width);
        if part.from_c {
            ask(simd, Steps { numbers: part.c, stride: part.c_stride }, rows, part.columns);
        }
        if let Some(Steps { numbers, stride }) = reads {
            ask(simd, Steps { numbers: &numbers[from * stride..], stride }, rows, part.columns);
        }
        part.sum(simd, mr);
        from += rows;
    }
}

/// Asks for the first `width` numbers of some rows.
fn ask<S: Simd>(simd: S, matrix: Steps<'_>, rows: usize, width: usize) {
    simd.vectorize(
        #[inline(always)]
        move || {
            for row in (0..rows).map(|i| i * matrix.stride) {
                for line in (0..width).step_by(16) {
                    simd.prefetch(matrix.numbers, row + line);
                }
                simd.prefetch(matrix.numbers, row + width - 1);
            }
        },
    );
}
