//! Thin products: `Cᵀ = Bᵀ·Aᵀ` instead of `C = A·B`.
//!
//! ```text
//!   A, few rows, packed as the right operand       B's columns, contiguous along k, broadcast from where they are
//!        └────────────── Cᵀ in the workspace, n × m, m rounded up to whole vectors ──────────────┘
//!                                   LANES rows, four columns at a time, transposed
//!                                           C, through the epilogue
//! ```
//! Each element of C is the same chain: a product's factors may be exchanged.

use super::blocking::THIN_MAX_M;
use super::pack;
use super::{Order, Product};
use crate::epilogue::{Epilogue, Store};
use crate::simd::Simd;
use crate::view::{View, vectors};

/// Whether A has few rows and both operands are contiguous along k, as in the forward of a small mini-batch: then packing all
/// of B would cost more than exchanging the roles, packing A alone, and transposing C.
pub(super) fn suits<E>(product: &Product<'_, E>) -> bool {
    let Product { m, n, k, a, b, accumulate, .. } = product;
    *m <= THIN_MAX_M && m < n && *k > 0 && a.col_stride == 1 && b.row_stride == 1 && !accumulate
}

impl<E: Epilogue> Product<'_, E> {
    /// Computes `Cᵀ = Bᵀ·Aᵀ` in the workspace, then sends its transpose through the epilogue.
    #[inline(always)]
    pub(super) fn transposed<S: Simd>(self, simd: S) {
        let Self { m, n, k, a, b, c, c_stride, epilogue, workspace, .. } = self;
        let stride = m.next_multiple_of(S::LANES.max(4));
        let (sums, workspace) = workspace.split_at_mut(n.next_multiple_of(S::LANES) * stride);
        sums_of(
            simd,
            Product {
                m: n,
                n: m,
                k,
                a: b.t(),
                b: a.t(),
                c: sums,
                c_stride: stride,
                accumulate: false,
                order: Order::Chain,
                epilogue: Store,
                workspace,
            },
        );

        let sums = View { data: sums, row_stride: stride, col_stride: 1 };
        for columns in vectors(simd, n) {
            for from in (0..m).step_by(4) {
                let quad = pack::load_columns(simd, sums, columns.clone(), from);
                for (i, sums) in (from..m).zip(quad) {
                    let out = epilogue.apply(simd, sums, i, columns.clone());
                    simd.store_partial(out, &mut c[i * c_stride..][columns.clone()]);
                }
            }
        }
    }
}

/// Compiled once a lowering, not once an epilogue.
fn sums_of<S: Simd>(simd: S, product: Product<'_, Store>) {
    simd.vectorize(
        #[inline(always)]
        move || product.tiled(simd),
    );
}
