//! A product on several threads: C is cut into blocks, and each is a product by itself.
//!
//! ```text
//!              k                     n
//!        ┌───────────┐   ┌────────┬────────┬────────┐
//!      m │  A rows 0 │ × │ B 0    │ B 1    │ B 2    │     C is cut into rows × columns of a [`Grid`]; block (i, j) needs
//!        ├───────────┤   │        │        │        │     A's rows i and B's columns j, and plans for itself
//!        │  A rows 1 │   └────────┴────────┴────────┘
//!        └───────────┘
//! ```
//! The summed dimension is never cut, so each element is the same chain. Each thread packs what it needs: what is packed twice costs less
//! than meeting between blocks would, and the grid is chosen such that it is little.

use super::{Grid, Operands, Product};
use crate::epilogue::Epilogue;
use crate::isa::Isa;
use crate::simd::Lowering;
use crate::threads::Team;

impl<'a, E: Epilogue> Product<'a, E> {
    /// Computes the product on several threads. The workspace has [`Grid::workspace_len`] elements.
    pub fn share(self, isa: Isa, team: &Team, grid: Grid, workspace: &'a mut [f32]) {
        let part = workspace.len() / grid.blocks();
        let blocks = self.blocks(isa.lowering(), grid).zip(workspace.chunks_exact_mut(part.max(1)));
        team.share(blocks, |(block, workspace)| isa.run(block.with_workspace(workspace)));
    }

    /// The blocks, from left to right and from top to bottom.
    fn blocks(self, lowering: Lowering, grid: Grid) -> impl Iterator<Item = Self> {
        let Self { operands: Operands { a, b, c, order, .. }, epilogue, .. } = self;
        let k = a.cols();
        c.into_blocks(grid.block_rows, grid.block_columns).map(move |(rows, columns, c)| {
            let (a, b) = (a.block(rows.clone(), 0..k), b.block(0..k, columns.clone()));
            Self::new(lowering, order, a, b, c, epilogue.block(rows, columns))
        })
    }
}
