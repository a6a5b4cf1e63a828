//! Panels: the order in which a tile reads its operands.
//!
//! ```text
//!   A, rows:     panel r holds mr rows;            B, columns:  panel c holds nr columns;
//!                p runs slowest                                 p runs slowest
//!                a00 a10 … a(mr−1)0                             b00 b01 … b0(nr−1)
//!                a01 a11 … a(mr−1)1                             b10 b11 … b1(nr−1)
//!                …                                              …
//! ```
//! Rows and columns that are missing at the edge are zeros. The last panel of B is only as many vectors wide as it needs.

use crate::simd::Simd;
use crate::view::View;
use core::ops::Range;

/// Numbers in the panels of `m` rows.
pub(super) fn rows_len(m: usize, kc: usize, mr: usize) -> Option<usize> {
    m.checked_next_multiple_of(mr)?.checked_mul(kc)
}

/// Numbers in the panels of `n` columns.
pub(super) fn columns_len(n: usize, kc: usize, nr: usize) -> Option<usize> {
    n.checked_next_multiple_of(nr)?.checked_mul(kc)
}

/// Packs A's `rows` × `depth` into panels of `MR` rows. Compiled once a lowering, not once an epilogue.
pub(super) fn rows<S: Simd, const MR: usize>(
    simd: S,
    a: View<'_>,
    rows: Range<usize>,
    depth: Range<usize>,
    panels: &mut [f32],
) {
    simd.vectorize(
        #[inline(always)]
        || pack_rows::<S, MR>(simd, a, rows, depth, panels),
    );
}

#[inline(always)]
fn pack_rows<S: Simd, const MR: usize>(
    simd: S,
    a: View<'_>,
    rows: Range<usize>,
    depth: Range<usize>,
    panels: &mut [f32],
) {
    let panels = panels.chunks_exact_mut((MR * depth.len()).max(1));
    for (from, panel) in rows.clone().step_by(MR).zip(panels) {
        let count = MR.min(rows.end - from);
        // Squares of LANES × LANES, of which the first MR rows are wanted: each column written overlaps the next one, which
        // is written after it. So a square must lie inside A's rows, and what its last column writes inside the panel.
        let mut packed = 0;
        if a.col_stride == 1 && S::LANES > MR && rows.end - from >= S::LANES {
            while (packed + S::LANES - 1) * MR + S::LANES <= panel.len() {
                let source = &a.data[from * a.row_stride + depth.start + packed..];
                simd.transpose(source, a.row_stride, &mut panel[packed * MR..], MR);
                packed += S::LANES;
            }
        }
        for (p, column) in depth.clone().zip(panel.chunks_exact_mut(MR)).skip(packed) {
            if a.row_stride == 1 && count == MR {
                column.copy_from_slice(a.t().row(p, from..from + MR));
            } else {
                for (i, slot) in column.iter_mut().enumerate() {
                    *slot = if i < count { a.at(from + i, p) } else { sabotage!(0.0, 15 => *slot) };
                }
            }
        }
    }
}

/// Packs B's `depth` × `columns` into panels of `nr` columns. Compiled once a lowering, not once an epilogue.
pub(super) fn columns<S: Simd>(
    simd: S,
    b: View<'_>,
    depth: Range<usize>,
    columns: Range<usize>,
    nr: usize,
    panels: &mut [f32],
) {
    simd.vectorize(
        #[inline(always)]
        || pack_columns(simd, b, depth, columns, nr, panels),
    );
}

#[inline(always)]
fn pack_columns<S: Simd>(
    simd: S,
    b: View<'_>,
    depth: Range<usize>,
    columns: Range<usize>,
    nr: usize,
    panels: &mut [f32],
) {
    if sabotage!(depth.is_empty(), 16 => depth.is_empty() || crate::sabotage::shrunk(depth.len() * columns.len())) {
        return;
    }
    let mut rest = panels;
    for from in columns.clone().step_by(nr) {
        let count = nr.min(columns.end - from);
        let width = count.next_multiple_of(S::LANES);
        let (panel, behind) = rest.split_at_mut(width * depth.len());
        rest = behind;
        if b.col_stride == 1 && count == width {
            for (p, row) in depth.clone().zip(panel.chunks_exact_mut(width)) {
                copy(simd, b.row(p, from..from + width), row);
            }
            continue;
        }
        for at in (0..width).step_by(S::LANES) {
            let lanes = from + at..columns.end.min(from + at + S::LANES);
            if b.row_stride == 1 {
                transposed(simd, b, depth.clone(), lanes, &mut panel[at..], width);
            } else {
                for (p, row) in depth.clone().zip(panel.chunks_exact_mut(width)) {
                    simd.store(b.load(simd, p, lanes.clone()), &mut row[at..]);
                }
            }
        }
    }
}

/// Whole vectors.
#[inline(always)]
fn copy<S: Simd>(simd: S, source: &[f32], target: &mut [f32]) {
    for (source, target) in source.chunks_exact(S::LANES).zip(target.chunks_exact_mut(S::LANES)) {
        simd.store(simd.load(source), target);
    }
}

/// At most `LANES` columns of B that are contiguous along k, in squares. Fewer are first copied into a square with zeros.
#[inline(always)]
fn transposed<S: Simd>(
    simd: S,
    b: View<'_>,
    depth: Range<usize>,
    columns: Range<usize>,
    panel: &mut [f32],
    width: usize,
) {
    let mut square = [0.0; 256];
    let whole = depth.len() / S::LANES * S::LANES;
    for p in (0..whole).step_by(S::LANES) {
        let source = &b.data[columns.start * b.col_stride + depth.start + p..];
        if columns.len() == S::LANES {
            simd.transpose(source, b.col_stride, &mut panel[p * width..], width);
        } else {
            for (c, row) in (0..columns.len()).zip(square.chunks_exact_mut(S::LANES)) {
                copy(simd, &source[c * b.col_stride..][..S::LANES], row);
            }
            simd.transpose(&square, S::LANES, &mut panel[p * width..], width);
        }
    }
    for p in whole..depth.len() {
        simd.store(b.load(simd, depth.start + p, columns.clone()), &mut panel[p * width..]);
    }
}
