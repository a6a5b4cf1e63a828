//! The product: `C = epilogue(C₀ + A·B)`, with A m×k, B k×n, C m×n, and `C₀` zero or what C held.
//!
//! The three products of a layer are this one (see `lanegrad::dense`): forward `x·wᵀ`, delta `delta·w`, gradient `deltaᵀ·x`.
//!
//! ```text
//!   jc: n in steps of NC           columns whose panels of B fit L3
//!     pc: k in steps of kc ≤ KC    pack B[pc.., jc..] into panels, unless few rows of A would use them
//!       ic: m in steps of MC       pack A[ic.., pc..] into panels, unless its rows can be read as they are
//!         jr: NC in steps of nr    one panel of B, kc × nr: stays in L1 (L2 with AVX-512)
//!           ir: MC in steps of mr  one tile: mr × nr sums in registers, kc steps
//! ```
//!
//! **Thin products.** With few rows of A, packing all of B would cost more than multiplying by it. Where B's rows are contiguous
//! (the delta), tiles read them where they are. Where B's columns are (the forward), `Cᵀ = Bᵀ·Aᵀ` is computed instead: A is what
//! is packed, B's columns are broadcast from where they are, and C is transposed on its way through the epilogue.
//!
//! **The order of a sum.** Each element of C is one chain `c ← c + a[i][p]·b[p][j]` over p = 0, 1, …, k−1, started from
//! C₀: between blocks of k the chain is parked in C itself. So its bits depend neither on the blocking nor on the tile nor on
//! what else is computed beside it; and with FMA they are the same on every instruction set.
//!
//! Source: Goto & van de Geijn 2008; Van Zee & van de Geijn 2015 (BLIS).

mod blocking;
mod pack;
mod thin;
mod tile;

pub use self::blocking::{CROWDED_STRIDE, KC, MC, NC, THIN_MAX_M, UNPACKED_MAX_M, UNPACKED_MAX_N, workspace_len};
pub use self::tile::tile_shape;

use self::blocking::{Blocking, kc};
use self::tile::{Panel, Rows, Strip};
use crate::epilogue::{self, Epilogue};
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
    /// Maps the finished sums to what is stored.
    pub epilogue: E,
    /// At least [`workspace_len`] numbers; what they hold does not matter.
    pub workspace: &'a mut [f32],
}

impl<E: Epilogue> Kernel for Product<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        if thin::thin(&self) {
            return self.transposed(simd);
        }
        self.tiled(simd);
    }
}

impl<E: Epilogue> Product<'_, E> {
    #[inline(always)]
    fn tiled<S: Simd>(self, simd: S) {
        // The tile, from the registers: mr·nv sums, nv vectors of B and a number of A must fit.
        if S::REGISTERS >= 32 {
            self.blocked::<S, 6, 4>(simd);
        } else if S::REGISTERS >= 16 {
            self.blocked::<S, 6, 2>(simd);
        } else {
            self.blocked::<S, 4, 1>(simd);
        }
    }

    /// The loops around the tile of `MR` rows and `NV` vectors.
    #[inline(always)]
    fn blocked<S: Simd, const MR: usize, const NV: usize>(self, simd: S) {
        let nr = NV * S::LANES;
        debug_assert_eq!(tile_shape(simd), (MR, nr), "what others are told about the tile");
        let kc = kc(self.k);
        let Blocking { a_panels, b_panels } = blocking::split::<MR>(self.workspace, self.m, self.n, kc, nr);
        let a_in_place =
            self.a.col_stride == 1 && (self.n <= UNPACKED_MAX_N || !self.a.row_stride.is_multiple_of(CROWDED_STRIDE));
        let b_in_place = self.b.col_stride == 1 && self.m <= nr.min(UNPACKED_MAX_M) && self.k > 0;

        for jc in (0..self.n).step_by(NC) {
            let columns = jc..self.n.min(jc + NC);
            // Whole panels may be read where they are; the last one is packed if it is narrower.
            let packed_from = if b_in_place { jc + columns.len() / nr * nr } else { jc };
            // With k = 0 the one block is empty: C₀ still goes through the epilogue.
            for pc in (0..self.k.max(1)).step_by(sabotage!(kc, 5 => kc - usize::from(kc < self.k))) {
                let depth = pc..sabotage!(self.k, 44 => self.k.max(1)).min(pc + kc);
                let from_c = sabotage!(self.accumulate || pc > 0, 13 => true);
                let finish = sabotage!(depth.end == self.k, 11 => true);
                pack::columns(simd, self.b, depth.clone(), packed_from..columns.end, nr, b_panels);

                for ic in (0..self.m).step_by(MC) {
                    let rows = ic..self.m.min(ic + MC);
                    let a = if a_in_place {
                        Rows::InPlace(self.a)
                    } else {
                        pack::rows::<S, MR>(simd, self.a, rows.clone(), depth.clone(), a_panels);
                        Rows::Packed(a_panels)
                    };
                    for jr in columns.clone().step_by(nr) {
                        let columns = jr..columns.end.min(jr + nr);
                        let panel = if jr < packed_from {
                            Panel::in_place(self.b, &depth, jr)
                        } else {
                            let width = columns.len().next_multiple_of(S::LANES);
                            Panel::packed(b_panels, jr - packed_from, width, depth.len())
                        };
                        let c = &mut self.c[rows.start * self.c_stride + columns.start..];
                        let (rows, c_stride) = (rows.clone(), self.c_stride);
                        let strip = Strip {
                            a,
                            panel,
                            depth: depth.clone(),
                            rows: rows.clone(),
                            c,
                            c_stride,
                            columns: columns.len(),
                            from_c,
                        };
                        strip.sum::<S, MR, NV>(simd);
                        // The strip's sums are still in L1.
                        if finish && E::CHANGES {
                            epilogue::apply(simd, self.epilogue, self.c, c_stride, rows, columns);
                        }
                    }
                }
            }
        }
    }
}
