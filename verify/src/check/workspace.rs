//! The workspace: its previous contents do not matter, and only the panels in it are written, completely.

use super::platform::Platform;
use crate::operand::{Layout, Operand, Output};
use crate::shapes::Edges;
use crate::tally::Tally;
use lanegrad::Activation;
use lanegrad::dense::{self, Forward};
use lanegrad_kernels::epilogue::Store;
use lanegrad_kernels::gemm::{Order, Product, workspace_len};
use lanegrad_kernels::simd::ViewMut;

/// In a workspace that held NaN, only the panels, including their zero padding, are not NaN afterwards. The padding never reaches an
/// output, so this is the only way to check it. No operand here is contiguous, and none is a single row or column, so none can be read in place.
pub(super) fn panels(platform: &Platform, tally: &mut Tally) {
    const PACKED: [Layout; 2] = [Layout::ColumnsWithGaps, Layout::Scattered];
    let Edges { mr, nr, lanes, .. } = platform.edges();
    for (turn, m) in [2, mr - 1, mr, mr + 1, 2 * mr + 1].into_iter().enumerate() {
        for n in [2, lanes + 1, 2.max(nr - 1), nr, nr + 1] {
            for k in [2, 3, lanes + 1, 2 * lanes + 1] {
                let a = Operand::from_fn(m, k, Layout::Scattered, |i, p| (1 + i + p) as f32);
                let b = Operand::from_fn(k, n, PACKED[(turn + k) % 2], |p, j| (1 + p + 2 * j) as f32);
                let mut workspace = vec![f32::NAN; workspace_len(m, n, k).expect("it is small")];
                let mut c = vec![f32::NAN; m * n];
                let (order, lowering) = (Order::Chain { accumulate: false }, platform.isa().lowering());
                let output = ViewMut::row_major(&mut c, m, n).expect("the slice was made for it");
                let product = Product::new(lowering, order, a.view().into(), b.view().into(), output, Store);
                platform.isa().run(product.with_workspace(&mut workspace));
                // B has one panel at a time, because there is one block of rows.
                let Edges { nr, .. } = Edges::new(platform.isa().lowering(), m);
                let expected = (m + n.min(nr).next_multiple_of(lanes)) * k;
                let found = workspace.iter().filter(|x| !x.is_nan()).count();
                tally.holds(found == expected, || {
                    format!("{m}×{n}×{k}: {found} numbers are in the panels, expected {expected}")
                });
                tally
                    .holds(c.iter().all(|x| !x.is_nan()), || format!("{m}×{n}×{k}: NaN of the workspace came through"));
            }
        }
    }
}

/// A product after a larger one, in the same workspace.
pub(super) fn shrinking(platform: &Platform, tally: &mut Tally) {
    let Edges { mr, nr, lanes, .. } = platform.edges();
    let mut backend = platform.backend();
    let large = (2 * mr + 1, 2 * nr + 1, 40);
    for (turn, (m, n, k)) in [large, (mr + 1, nr + 1, 39), (mr, nr, 33), (2, lanes + 1, 7), (1, 1, 1), large, (3, 2, 2)]
        .into_iter()
        .enumerate()
    {
        let integer = |i: usize, j: usize| ((3 * i + 5 * j + 7 * turn) % 11) as f32 - 5.0;
        let x = Operand::from_fn(m, k, Layout::in_turn(turn + 2), integer);
        let w = Operand::from_fn(n, k, Layout::in_turn(turn), integer);
        let mut z = Output::new(m, n, 0);
        let layer = Forward { x: x.view(), w: w.view(), bias: None, activation: Activation::Identity };
        dense::forward(&mut backend, layer, z.view()).expect("the shapes fit");
        for (i, j) in (0..m).flat_map(|i| (0..n).map(move |j| (i, j))) {
            let expected = (0..k).map(|p| x.at(i, p) * w.at(j, p)).sum::<f32>();
            tally.same(z.at(i, j) + 0.0, expected + 0.0, || format!("{m}×{n}×{k}, product {turn}, element ({i}, {j})"));
        }
    }
}
