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
//! The plan decides whatever depends on sizes, strides and the instruction set: `plan.rs`. It deviates from these loops where that pays.
//! The gains are the time without a deviation ÷ the time with it, as geometric means of those cells of `benches/peers product` that it
//! changes by 4 % or more, with the largest one (AVX2 on a Zen 3, 2026-11-26):
//!
//! 1. **In place.** An operand that is contiguous along or across is read in place where it is used too seldom to pay for packing. A
//!    micro-panel is read in the same way, with another stride. A: 1.25, up to 1.7 (16³); B: 1.21, up to 2.5 (delta 4×256×256).
//! 2. **Copied.** The first tile of a strip reads B in place and copies it into the micro-panel on the way. 1.09, up to 1.4 (delta
//!    16×512×512).
//! 3. **Exchanged.** `Cᵀ = Bᵀ·Aᵀ` where A has few rows and both operands are contiguous along k: A is packed, which is less than B. 1.2, up to
//!    1.5 (forward 16×512×512).
//! 4. **Rows** (`rows.rs`). With one row or few terms, rows of C are computed from end to end. 1.56, up to 4.7 (gradient 1×1024×1024).
//! 5. **Lanes** (`lanes.rs`). Forward products of at most eight rows are sums in sixteen lanes. 2.0, up to 7.4 (1×784×128).
//! 6. **Prefetch.** Where C does not stay in L2, the next tile's rows of C, and what the epilogue reads, are prefetched, and so is an operand
//!    that is packed from beyond L2. 1.03, up to 1.1.
//! 7. **Grouped.** Of a B beyond L2 whose rows are 4 KiB apart, four cache lines of each row are packed at a time, not one. 1.1, up to 1.2
//!    (delta 128×1024×1024).
//! 8. **Transposed.** A C with contiguous columns is computed as `Cᵀ = Bᵀ·Aᵀ`, whose rows are contiguous: [`Product::new`].
//! 9. **Shared** (`shared.rs`). For several threads C is cut into blocks, each of which is a product by itself. `cargo bench --bench threads`.
//!
//! **The order of a sum.** Each element of C is one chain `c ← c + a[i][p]·b[p][j]` over p = 0, 1, …, k−1, started from
//! C₀: between blocks of k the chain is parked in C itself. So its bits depend neither on the blocking nor on the tile nor on
//! what else is computed beside it; and with FMA they are the same on every instruction set. The exception is [`Order::Lanes`],
//! which is a matter of the operation and its m alone: sixteen chains, on every instruction set.
//!
//! Source: Goto & van de Geijn 2008; Van Zee & van de Geijn 2015 (BLIS).

mod lanes;
mod pack;
mod plan;
mod right;
mod rows;
mod shared;
mod tile;

pub use self::plan::*;

use self::right::Columns;
use self::tile::{Rows as StripRows, Strip};
use crate::cache::LINE;
use crate::epilogue::{Epilogue, Sink};
use crate::isa::Kernel;
use crate::simd::{Lowering, Simd, View, ViewMut, vectors};
use crate::threads::Team;
use core::ops::Range;

/// `C = epilogue(C₀ + A·B)`.
#[derive(Debug)]
pub struct Product<'a, E> {
    operands: Operands<'a>,
    epilogue: E,
    plan: Plan,
}

/// The operands, as the executors of plans see them.
#[derive(Debug)]
struct Operands<'a> {
    /// m×k
    a: View<'a>,
    /// k×n
    b: View<'a>,
    /// m×n. Its rows are contiguous, unless the order is [`Order::Lanes`].
    c: ViewMut<'a>,
    order: Order,
    workspace: &'a mut [f32],
}

impl<'a, E: Epilogue> Product<'a, E> {
    /// Takes A m×k, B k×n and C m×n, and plans the product for an instruction set.
    #[inline]
    pub fn new(lowering: Lowering, order: Order, a: View<'a>, b: View<'a>, c: ViewMut<'a>, epilogue: E) -> Self {
        // An element is the same chain in the transposed product, whose output has contiguous rows. Lanes are stored one by one.
        let (a, b, c, epilogue) = if c.has_contiguous_rows() || order == Order::Lanes {
            (a, b, c, epilogue)
        } else {
            (b.t(), a.t(), c.t(), epilogue.t())
        };
        let operands = Operands { a, b, c, order, workspace: &mut [] };
        let plan = Plan::new(lowering, operands.sizes(), Strides::of(a), Strides::of(b), order);
        Self { operands, epilogue, plan }
    }

    /// How it is cut for several threads, if that pays.
    #[inline]
    pub fn grid(&self, lowering: Lowering, team: &Team) -> Option<Grid> {
        Grid::new(lowering, self.operands.sizes(), team)
    }

    /// The sizes m, n and k of a product that needs a workspace, of at least [`workspace_len`] elements.
    #[inline]
    pub fn needs_workspace(&self, lowering: Lowering) -> Option<[usize; 3]> {
        let sizes = self.operands.sizes();
        self.plan.needs_workspace(sizes[1], lowering.lanes).then_some(sizes)
    }

    /// Adds the workspace. What it holds does not matter.
    #[inline]
    pub fn with_workspace(mut self, workspace: &'a mut [f32]) -> Self {
        self.operands.workspace = workspace;
        self
    }
}

impl<E: Epilogue> Kernel for Product<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        multiply(simd, &self.plan, self.operands, self.epilogue.sink());
    }
}

impl Operands<'_> {
    /// `[m, n, k]`
    #[inline(always)]
    fn sizes(&self) -> [usize; 3] {
        [self.a.rows(), self.b.cols(), self.a.cols()]
    }

    /// Whether the sums start from what C holds.
    #[inline(always)]
    fn accumulate(&self) -> bool {
        self.order == Order::Chain { accumulate: true }
    }
}

/// Executes the plan.
fn multiply<S: Simd>(simd: S, plan: &Plan, mut operands: Operands<'_>, sink: Option<&dyn Sink<S>>) {
    let [m, n, k] = operands.sizes();
    debug_assert!(operands.c.rows() == m && operands.c.cols() == n && operands.b.rows() == k);
    match plan {
        Plan::Tiles(plan) => return tiles(simd, plan, &mut operands, sink),
        Plan::Exchanged(plan) => exchanged(simd, plan, &mut operands),
        Plan::Lanes(plan) => lanes::multiply(simd, plan, &mut operands),
        Plan::OneRow => rows::one(simd, &mut operands),
        Plan::Rows(plan) => rows::multiply(simd, plan, &mut operands),
        Plan::NoTerms if operands.accumulate() => {}
        Plan::NoTerms => operands.c.fill(0.0),
    }
    if let Some(sink) = sink {
        sink.finish(simd, operands.c, 0..m, 0..n);
    }
}

/// The loops around the micro-kernel.
fn tiles<S: Simd>(simd: S, plan: &Tiles, operands: &mut Operands<'_>, sink: Option<&dyn Sink<S>>) {
    let ([m, n, k], accumulate) = (operands.sizes(), operands.accumulate());
    let Operands { a, b, c, workspace, .. } = operands;
    let Tiles { mr, nr, kc, mc, .. } = *plan;
    let (b_panels, a_panels) = plan.split(n, workspace);
    // What the epilogue reads besides the sums, if it is to be prefetched, and each row of C has a row of its own.
    let operand = sink.filter(|_| plan.prefetch_c).map(|sink| sink.operand());
    let operand = operand.filter(|operand| operand.row_stride() != 0 && operand.col_stride() == 1);

    // LOOP 5
    for jc in blocks(0..n, NC) {
        // LOOP 4
        for pc in blocks(0..k, kc) {
            let from_c = accumulate || pc.start > 0;
            let finished = pc.end == k;
            // LOOP 3
            for ic in blocks(0..m, mc) {
                let rows = plan.left(simd, a.block(ic.clone(), pc.clone()), a_panels);
                // LOOP 2
                for jr in blocks(jc.clone(), nr) {
                    let strip = Place { first: ic.start == 0, jc: jc.clone(), pc: pc.clone(), jr: jr.clone() };
                    let mut strip = Strip {
                        a: rows,
                        b: plan.right(simd, *b, strip, b_panels),
                        depth: pc.len(),
                        c: c.reborrow().block(ic.clone(), jr.clone()),
                        from_c,
                        prefetch: plan.prefetch_c,
                        operand: operand.filter(|_| finished).map(|operand| operand.block(ic.clone(), jr.clone())),
                    };
                    // LOOP 1
                    strip.sum(simd, mr);
                    // The strip's sums are still in L1.
                    if let Some(sink) = sink.filter(|_| finished) {
                        sink.finish(simd, c.reborrow(), ic.clone(), jr);
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
///                                           C
/// ```
fn exchanged<S: Simd>(simd: S, plan: &Tiles, operands: &mut Operands<'_>) {
    let [m, n, _] = operands.sizes();
    let Operands { a, b, c, order, workspace } = operands;
    // Whole vectors, so that the transpose has no edges.
    let (rows, columns) = (n.next_multiple_of(S::LANES), m.next_multiple_of(S::LANES.max(4)));
    let (sums, workspace) = workspace.split_at_mut(rows * columns);
    let transposed = ViewMut::row_major(sums, rows, columns).expect("the workspace has workspace_len elements");
    let c_transposed = transposed.block(0..n, 0..m);
    tiles(simd, plan, &mut Operands { a: b.t(), b: a.t(), c: c_transposed, order: *order, workspace }, None);
    simd.vectorize(
        #[inline(always)]
        || {
            let sums = View::row_major(sums, rows, columns).expect("the workspace has workspace_len elements");
            for columns in vectors(simd, n) {
                for from in (0..m).step_by(4) {
                    let quad = simd.load_columns(sums.block(columns.start..columns.start + S::LANES, from..from + 4));
                    for (i, sums) in (from..m).zip(quad) {
                        simd.store_partial(sums, c.row(i, columns.clone()));
                    }
                }
            }
        },
    );
}

/// A strip's place in the loops.
struct Place {
    jc: Range<usize>,
    pc: Range<usize>,
    jr: Range<usize>,
    /// Whether its rows are the first block's.
    first: bool,
}

impl Tiles {
    /// The workspace's parts: panels of B, from the start of a cache line on, and of A.
    #[inline(always)]
    fn split<'p>(&self, n: usize, workspace: &'p mut [f32]) -> (&'p mut [f32], &'p mut [f32]) {
        let columns = if self.keep_b { n.min(NC).next_multiple_of(self.nr) } else { EVERY_NR };
        let aligned = aligned(workspace);
        let b = (columns * self.kc).min(aligned.len());
        aligned.split_at_mut(b)
    }

    /// A block of A, packed if it has to be.
    #[inline(always)]
    fn left<'p, S: Simd>(&self, simd: S, a: View<'p>, panels: &'p mut [f32]) -> StripRows<'p> {
        if self.a == Left::InPlace {
            return StripRows::InPlace(a);
        }
        pack::rows(simd, self, a, panels);
        StripRows::Packed(panels)
    }

    /// A strip's columns of B, packed if they have to be: for the first block of rows; the others find them packed.
    #[inline(always)]
    fn right<'p, S: Simd>(&self, simd: S, b: View<'p>, place: Place, panels: &'p mut [f32]) -> Columns<'p> {
        let Place { jc, pc, jr, first } = place;
        let (depth, width) = (pc.len(), jr.len().next_multiple_of(S::LANES));
        let whole = width == jr.len();
        if whole && self.b == Right::InPlace {
            return Columns::InPlace(b.block(pc, jr));
        }
        let at = jr.start - jc.start;
        // The block's last columns may be fewer than a group.
        let grouped = self.b == Right::Grouped && at - at % GROUP + GROUP <= jc.len();
        let in_group = if grouped { at % GROUP } else { 0 };
        let panels = &mut panels[if self.keep_b { at } else { in_group } * depth..];
        if whole && first && self.b == Right::Copied {
            return Columns::Copied(b.block(pc, jr), &mut panels[..width * depth]);
        }
        if first && grouped && in_group == 0 {
            let columns = jr.start..jr.start + GROUP;
            pack::four_lines(simd, b.block(pc, columns), &mut panels[..GROUP * depth]);
        } else if first && !grouped {
            pack::panel(simd, b.block(pc, jr), width, self.prefetch_b, &mut panels[..width * depth]);
        }
        Columns::InPlace(View::row_major(panels, depth, width).expect("the panel was cut so"))
    }
}

/// The workspace from the first cache line on.
fn aligned(workspace: &mut [f32]) -> &mut [f32] {
    let skip = workspace.as_ptr().align_offset(4 * LINE).min(LINE).min(workspace.len());
    &mut workspace[skip..]
}

/// A range in blocks of `len`, the last one shorter.
#[inline(always)]
fn blocks(range: Range<usize>, len: usize) -> impl Iterator<Item = Range<usize>> {
    pieces(range, len, Ord::min)
}
