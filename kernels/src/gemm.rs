//! The product: `C = epilogue(C₀ + A·B)`, with A m×k, B k×n, C m×n, and `C₀` zero or what C held.
//!
//! The three products of a layer are this one (see `lanegrad::dense`): forward `x·wᵀ`, delta `delta·w`, gradient `deltaᵀ·x`.
//!
//! ```text
//!   LOOP 5, jc: n in steps of NC          columns whose panels of B fit L3
//!     LOOP 4, pc: k in steps of kc ≤ KC   the chains of sums are parked in C between them
//!       LOOP 3, ic: m in steps of mc      a block of A, packed into micro-panels of mr rows: stays in L2
//!         LOOP 2, jr: NC in steps of nr   a strip of C; its micro-panel of B, kc × nr: from L2, of few steps from L1
//!           LOOP 1, ir: mc in steps of mr the micro-kernel: mr × nr sums in registers, kc steps
//! ```
//! The plan decides whatever depends on sizes, strides and the instruction set: `plan.rs`. It deviates from these loops where that pays:
//!
//! 1. **In place.** An operand that is contiguous along or across is read in place where it is used too seldom to pay for packing. A
//!    micro-panel is read in the same way, with another stride.
//! 2. **Copied.** The first tile of a strip reads B in place and copies it into the micro-panel on the way.
//! 3. **Exchanged.** `Cᵀ = Bᵀ·Aᵀ` where A has few rows and both operands are contiguous along k: A is packed, which is less than B.
//! 4. **Rows** (`rows.rs`). With one row or few terms, rows of C are computed from end to end.
//! 5. **Lanes** (`lanes.rs`). Forward products of at most eight rows are sums in sixteen lanes.
//! 6. **Prefetch.** Where C does not stay in L2, the next tile's rows of C, and what the epilogue reads, are prefetched.
//!
//! **The order of a sum.** Each element of C is one chain `c ← c + a[i][p]·b[p][j]` over p = 0, 1, …, k−1, started from
//! C₀: between blocks of k the chain is parked in C itself. So its bits depend neither on the blocking nor on the tile nor on
//! what else is computed beside it; and with FMA they are the same on every instruction set. The exception is [`Order::Lanes`],
//! which is a matter of the operation and its m alone: sixteen chains, on every instruction set.
//!
//! Source: Goto & van de Geijn 2008; Van Zee & van de Geijn 2015 (BLIS).

mod lanes;
mod operands;
mod pack;
mod plan;
mod right;
mod rows;
mod tile;

pub use self::plan::*;

use self::operands::{Operands, aligned, blocks};
use self::right::{Columns, Steps};
use self::tile::{Elements, Rows as StripRows, Strip};
use crate::epilogue::{Epilogue, Sink};
use crate::isa::Kernel;
use crate::simd::Simd;
use crate::view::{View, vectors};
use core::ops::Range;

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
    /// In which order the terms of an element are summed.
    pub order: Order,
    /// Maps the finished sums to what is stored.
    pub epilogue: E,
    /// [`Plan::new`] of these sizes, strides and order on the instruction set that the product runs on.
    pub plan: Plan,
    /// At least [`workspace_len`] elements if the plan needs a workspace; what they hold does not matter.
    pub workspace: &'a mut [f32],
}

impl<E: Epilogue> Kernel for Product<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { m, n, k, a, b, c, c_stride, order, epilogue, plan, workspace } = self;
        let accumulate = order == Order::Chain { accumulate: true };
        let operands = Operands { m, n, k, a, b, c, c_stride, accumulate, workspace };
        // The loops are compiled once per lowering, not once per epilogue.
        let sink: Option<&dyn Sink<S>> = if E::CHANGES { Some(&epilogue) } else { None };
        multiply(simd, &plan, operands, sink);
    }
}

/// Executes the plan.
fn multiply<S: Simd>(simd: S, plan: &Plan, operands: Operands<'_>, sink: Option<&dyn Sink<S>>) {
    let Operands { m, n, k, a, b, c, c_stride, accumulate, workspace } = operands;
    let operands = Operands { m, n, k, a, b, c: &mut *c, c_stride, accumulate, workspace };
    match *plan {
        Plan::Tiles(ref plan) => return tiles(simd, plan, operands, sink),
        Plan::Exchanged(ref plan) => return exchanged(simd, plan, operands, sink),
        Plan::Lanes(plan) => lanes::multiply(simd, plan, operands),
        Plan::OneRow => rows::one(simd, operands),
        Plan::Rows(plan) => rows::multiply(simd, plan, operands),
        Plan::NoTerms => no_terms(operands),
    }
    if let Some(sink) = sink {
        sink.finish(simd, c, c_stride, 0..m, 0..n);
    }
}

/// C is C₀.
fn no_terms(operands: Operands<'_>) {
    let Operands { m, n, c, c_stride, accumulate, .. } = operands;
    if !accumulate {
        for i in 0..m {
            c[i * c_stride..][..n].fill(0.0);
        }
    }
}

/// The loops around the micro-kernel.
fn tiles<S: Simd>(simd: S, plan: &Tiles, operands: Operands<'_>, sink: Option<&dyn Sink<S>>) {
    let Operands { m, n, k, a, b, c, c_stride, accumulate, workspace } = operands;
    let Tiles { mr, nr, kc, mc, .. } = *plan;
    let (b_panels, a_panels) = plan.split(n, workspace);
    // What the epilogue reads beside the sums, if it has a row for each row of C.
    let operand =
        sink.and_then(|sink| sink.operand()).filter(|operand| operand.row_stride > 0 && operand.col_stride == 1);

    // LOOP 5
    for jc in blocks(0..n, NC) {
        // LOOP 4
        for pc in blocks(0..k, kc) {
            let from_c = accumulate || pc.start > 0;
            let finished = pc.end == k;
            // LOOP 3
            for ic in blocks(0..m, mc) {
                let rows = plan.left(simd, a, ic.clone(), pc.clone(), a_panels);
                // LOOP 2
                for jr in blocks(jc.clone(), nr) {
                    let place =
                        StripPlace { pc: pc.clone(), jr: jr.clone(), at: jr.start - jc.start, first: ic.start == 0 };
                    let corner = ic.start * c_stride + jr.start;
                    let mut strip = Strip {
                        a: rows,
                        b: plan.right(simd, b, place, b_panels),
                        depth: pc.len(),
                        rows: ic.len(),
                        columns: jr.len(),
                        c: &mut c[corner..],
                        c_stride,
                        from_c,
                        prefetch: plan.prefetch,
                        operand: operand.filter(|_| plan.prefetch && finished).map(
                            |View { data, row_stride, .. }| Steps {
                                elements: &data[ic.start * row_stride + jr.start..],
                                stride: row_stride,
                            },
                        ),
                    };
                    // LOOP 1
                    strip.sum(simd, mr);
                    // The strip's sums are still in L1.
                    if let Some(sink) = sink.filter(|_| finished) {
                        sink.finish(simd, c, c_stride, ic.clone(), jr);
                    }
                }
            }
        }
    }
}

/// `Cᵀ = Bᵀ·Aᵀ` in the workspace, whose transpose is stored: each element is the same chain, since a product's factors may be exchanged.
///
/// ```text
///   A, few rows, packed as the right operand       B's columns, contiguous along k, broadcast in place
///        └────────────── Cᵀ in the workspace, n × m, m rounded up to whole vectors ──────────────┘
///                                   LANES rows, four columns at a time, transposed
///                                           C, through the epilogue
/// ```
fn exchanged<S: Simd>(simd: S, plan: &Tiles, operands: Operands<'_>, sink: Option<&dyn Sink<S>>) {
    let Operands { m, n, k, a, b, c, c_stride, accumulate, workspace } = operands;
    let stride = m.next_multiple_of(S::LANES.max(4));
    let (sums, workspace) = workspace.split_at_mut(n.next_multiple_of(S::LANES) * stride);
    let transposed = Operands { m: n, n: m, k, a: b.t(), b: a.t(), c: sums, c_stride: stride, accumulate, workspace };
    tiles(simd, plan, transposed, None);
    simd.vectorize(
        #[inline(always)]
        || {
            let sums = View { data: sums, row_stride: stride, col_stride: 1 };
            for columns in vectors(simd, n) {
                for from in (0..m).step_by(4) {
                    let quad = pack::load_columns(simd, sums, columns.clone(), from);
                    for (i, sums) in (from..m).zip(quad) {
                        simd.store_partial(sums, &mut c[i * c_stride..][columns.clone()]);
                    }
                }
            }
        },
    );
    if let Some(sink) = sink {
        sink.finish(simd, c, c_stride, 0..m, 0..n);
    }
}

/// A strip's place in the loops.
struct StripPlace {
    pc: Range<usize>,
    jr: Range<usize>,
    /// Columns of the block before the strip.
    at: usize,
    /// Whether its rows are the first block's.
    first: bool,
}

impl Tiles {
    /// The workspace's parts: panels of B, from the start of a cache line on, and of A.
    #[inline(always)]
    fn split<'p>(&self, n: usize, workspace: &'p mut [f32]) -> (&'p mut [f32], &'p mut [f32]) {
        let columns = if self.keep_b { n.min(NC) } else { self.nr };
        let aligned = aligned(workspace);
        let b = (columns.next_multiple_of(self.nr) * self.kc).min(aligned.len());
        aligned.split_at_mut(b)
    }

    /// A's rows `ic`, packed if they have to be.
    #[inline(always)]
    fn left<'p, S: Simd>(
        &self,
        simd: S,
        a: View<'p>,
        ic: Range<usize>,
        pc: Range<usize>,
        panels: &'p mut [f32],
    ) -> StripRows<'p> {
        match self.a {
            Left::Packed => {
                pack::rows(simd, self.mr, a, ic, pc, panels);
                StripRows::Packed(panels)
            }
            Left::InPlace => {
                let View { data, row_stride, col_stride } = a;
                let elements = &data[ic.start * row_stride + pc.start * col_stride..];
                StripRows::InPlace(Elements { elements, row_stride, col_stride })
            }
        }
    }

    /// A strip's columns of B, packed if they have to be: for the first block of rows; the others find them packed.
    #[inline(always)]
    fn right<'p, S: Simd>(&self, simd: S, b: View<'p>, place: StripPlace, panels: &'p mut [f32]) -> Columns<'p> {
        let StripPlace { pc, jr, at, first } = place;
        let width = jr.len().next_multiple_of(S::LANES);
        let whole = width == jr.len();
        let in_place =
            |b: View<'p>| Steps { elements: &b.data[pc.start * b.row_stride + jr.start..], stride: b.row_stride };
        if whole && self.b == Right::InPlace {
            return Columns::InPlace(in_place(b));
        }
        let from = if self.keep_b { at * pc.len() } else { 0 };
        let panel = &mut panels[from..][..width * pc.len()];
        if whole && first && self.b == Right::Copied {
            return Columns::Copied(in_place(b), panel);
        }
        if first {
            pack::panel(simd, b, pc, jr, width, panel);
        }
        Columns::InPlace(Steps { elements: panel, stride: width })
    }
}
