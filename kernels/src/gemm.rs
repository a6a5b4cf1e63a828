//! The product: `C = epilogue(C₀ + A·B)`, with A m×k, B k×n, C m×n, and `C₀` zero or what C held.
//!
//! The three products of a layer are this one (see `lanegrad::dense`): forward `x·wᵀ`, delta `delta·w`, gradient `deltaᵀ·x`.
//!
//! ```text
//!   jc: n in steps of NC           columns whose panels of B fit L3
//!     pc: k in steps of kc ≤ KC
//!       ic: m in steps of MC       pack A[ic.., pc..] into panels, unless its rows can be read as they are
//!         jr: NC in steps of nr    one panel of B, kc × nr, packed for the first block of rows: stays in L2, of few steps in L1
//!           ir: MC in steps of mr  one tile: mr × nr sums in registers, kc steps
//! ```
//! How a strip gets its columns of B, packed or not: `columns.rs`.
//!
//! **Small sizes** have ways of their own, by shape and strides:
//!
//! | when | file | what |
//! |---|---|---|
//! | forward, m ≤ 8 | `dots.rs` | dot products: B is read once, from end to end |
//! | m = 1, or k ≤ 8 and n ≥ 32k, and B's rows contiguous | `rows.rs` | C's rows as sums of B's rows: B is read, or C written, from end to end |
//! | m ≤ 64, m < n, both contiguous along k | `thin.rs` | `Cᵀ = Bᵀ·Aᵀ`: packs A instead of the larger B |
//! | else | here | the loops above |
//!
//! **The order of a sum.** Each element of C is one chain `c ← c + a[i][p]·b[p][j]` over p = 0, 1, …, k−1, started from
//! C₀: between blocks of k the chain is parked in C itself. So its bits depend neither on the blocking nor on the tile nor on
//! what else is computed beside it; and with FMA they are the same on every instruction set. The exception is [`Order::Lanes`],
//! which is a matter of the operation and its m alone: sixteen chains, on every instruction set.
//!
//! Source: Goto & van de Geijn 2008; Van Zee & van de Geijn 2015 (BLIS).

mod ahead;
mod blocking;
mod columns;
mod dots;
mod operands;
mod pack;
mod rows;
mod thin;
mod tile;

pub use self::ahead::FAR;
pub use self::blocking::{
    CROWDED_STRIDE, DOTS_DEPTH, DOTS_MAX_M, GROUP, IN_PLACE_CROWDED_STRIDE, IN_PLACE_TILES, KC, MC, NC, SHALLOW_KC,
    SHALLOW_MC, THIN_MAX_M, UNPACKED_MAX_N, row_tiles, workspace_len,
};
pub use self::tile::tile_shape;

pub use self::dots::Order;
pub use self::rows::{ONE_ROW_MAX_LEN, ONE_ROW_MAX_N, ROWS_COLUMNS_A_TERM, ROWS_MAX_K, ROWS_PIECE};

use self::blocking::{Blocking, blocks, kc, mc};
use self::columns::{Source, StripPlace};
use self::operands::{Rows, Steps};
use self::tile::Strip;
use crate::epilogue::{self, Epilogue, Store};
use crate::isa::Kernel;
use crate::simd::Simd;
use crate::view::View;

/// `C = epilogue(C₀ + A·B)`. The caller has checked that every element named by the sizes lies inside its slice.
#[derive(Debug)]
pub struct Product<'a, E> {
    /// Rows of A and C.
    pub m: usize,
    /// Columns of B and C.
    pub n: usize,
    /// Columns of A, rows of B.
    pub k: usize,
    /// m×k
    pub a: View<'a>,
    /// k×n
    pub b: View<'a>,
    /// m×n, unit column stride.
    pub c: &'a mut [f32],
    /// From one row of C to the next, at least n.
    pub c_stride: usize,
    /// Whether C₀ is what C holds; otherwise it is zero and C is not read before it is written.
    pub accumulate: bool,
    /// In which order the terms of an element are summed.
    pub order: Order,
    /// Maps the finished sums to what is stored.
    pub epilogue: E,
    /// At least [`workspace_len`] numbers; what they hold does not matter.
    pub workspace: &'a mut [f32],
}

impl<E: Epilogue> Kernel for Product<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        if self.order == Order::Lanes {
            dots::multiply(simd, self.sums());
        } else if rows::suits(&self) {
            rows::multiply(simd, self.sums());
        } else if thin::suits(&self) {
            return self.transposed(simd);
        } else {
            return self.tiled(simd);
        }
        // The first two are shared by all epilogues, which are a pass of their own behind them.
        if E::CHANGES {
            epilogue::apply(simd, self.epilogue, self.c, self.c_stride, 0..self.m, 0..self.n);
        }
    }
}

impl<E: Epilogue> Product<'_, E> {
    /// The same product without its epilogue.
    #[inline(always)]
    fn sums(&mut self) -> Product<'_, Store> {
        let Self { m, n, k, a, b, c_stride, accumulate, order, .. } = *self;
        let (c, workspace) = (&mut *self.c, &mut *self.workspace);
        Product { m, n, k, a, b, c, c_stride, accumulate, order, epilogue: Store, workspace }
    }

    /// The loops around the tile.
    #[inline(always)]
    fn tiled<S: Simd>(self, simd: S) {
        let (mr, nr) = tile_shape(simd, self.m);
        let kc = kc(self.k);
        let Blocking { a_panels, b_panels } = blocking::split(self.workspace, self.m, self.n, kc);
        let a_in_place = blocking::unpacked(simd, mr, self.a, self.m, self.n);
        let b = Source::new(self.b, [self.m, self.n, self.k], (mr, nr));
        let far = self.m.saturating_mul(self.n) >= FAR;

        for block in blocks(0..self.n, NC) {
            // With k = 0 the one block is empty: C₀ still goes through the epilogue.
            for pc in blocks(0..self.k.max(1), sabotage!(kc, 5 => kc - usize::from(kc < self.k))) {
                let depth = pc.start..sabotage!(self.k, 44 => self.k.max(1)).min(pc.start + kc);
                let from_c = sabotage!(self.accumulate || pc.start > 0, 13 => true);
                let finish = sabotage!(depth.end == self.k, 11 => true);

                for rows in blocks(0..self.m, mc(kc)) {
                    let a = if !a_in_place {
                        pack::rows(simd, mr, self.a, rows.clone(), depth.clone(), a_panels);
                        Rows::Packed(a_panels)
                    } else if self.a.col_stride == 1 {
                        Rows::InPlace(self.a)
                    } else {
                        let part = blocking::part_of_a_tile(mr, rows.clone());
                        if !part.is_empty() {
                            pack::rows(simd, mr, self.a, part, depth.clone(), a_panels);
                        }
                        Rows::Across(self.a, a_panels)
                    };
                    for columns in blocks(block.clone(), nr) {
                        let place =
                            StripPlace { depth: &depth, block: &block, columns: &columns, first: rows.start == 0 };
                        let strip = Strip {
                            a,
                            b: b.columns(simd, place, b_panels),
                            depth: depth.clone(),
                            rows: rows.clone(),
                            c: &mut self.c[rows.start * self.c_stride + columns.start..],
                            c_stride: self.c_stride,
                            columns: columns.len(),
                            from_c,
                        };
                        let reads = match self.epilogue.operand() {
                            Some(View { data, row_stride: row_stride @ 1.., col_stride: 1 }) if finish => {
                                let numbers = &data[rows.start * row_stride + columns.start..];
                                Some(Steps { numbers, stride: row_stride })
                            }
                            _ => None,
                        };
                        if far && (from_c || reads.is_some()) {
                            ahead::sum(simd, mr, strip, reads);
                        } else {
                            strip.sum(simd, mr);
                        }
                        // The strip's sums are still in L1.
                        if finish && E::CHANGES {
                            epilogue::apply(simd, self.epilogue, self.c, self.c_stride, rows.clone(), columns);
                        }
                    }
                }
            }
        }
    }
}
