//! Sizes at which a blocked kernel can go wrong.

use lanegrad::Isa;
use lanegrad_kernels::cache::L1_SET;
use lanegrad_kernels::gemm::{self, Order, Plan, Strides, Tiles};
use lanegrad_kernels::simd::Lowering;

/// The sizes at which tiles, vectors and blocks of an instruction set end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edges {
    /// Rows of a tile.
    pub mr: usize,
    /// Columns of a tile.
    pub nr: usize,
    /// The number of elements in a vector.
    pub lanes: usize,
    /// Whether `mul_add` rounds once.
    pub fused: bool,
    /// The longest block along k.
    pub kc: usize,
    /// The maximum number of rows of a block.
    pub mc: usize,
    /// The maximum number of columns of a block.
    pub nc: usize,
    /// Up to this many columns, rows are read without packing.
    pub unpacked_columns: usize,
    /// Up to this many rows, a product may be summed in lanes.
    pub lanes_rows: usize,
    /// Up to this many rows, the operands of a product may be exchanged.
    pub exchanged_rows: usize,
}

impl Edges {
    /// The edges of the library's kernels on this instruction set.
    pub fn of(isa: Isa) -> Self {
        Self::new(isa.lowering(), usize::MAX)
    }

    /// The same, with the tile of a product of `m` rows.
    pub fn new(lowering: Lowering, m: usize) -> Self {
        // Neither few rows nor few columns, and not contiguous in any direction: the loops.
        let strides = Strides { row: 2, col: 2 };
        let order = Order::Chain { accumulate: false };
        let Plan::Tiles(Tiles { mr, nr, .. }) = Plan::new(lowering, [m, usize::MAX, 1], strides, strides, order) else {
            unreachable!("nothing can be read in place")
        };
        Self {
            mr: mr.min(m),
            nr,
            lanes: lowering.lanes,
            fused: lowering.fused,
            kc: gemm::KC,
            mc: gemm::MC,
            nc: gemm::NC,
            unpacked_columns: gemm::IN_PLACE_MAX_N,
            lanes_rows: gemm::LANES_MAX_M,
            exchanged_rows: gemm::EXCHANGE_MAX_M,
        }
    }

    /// m, n, k around every edge: all sizes up to twice the tile plus one, with few k; then the edge of each block in turn.
    pub fn products(self) -> impl Iterator<Item = [usize; 3]> {
        let Self { mr, nr, kc, mc, nc, unpacked_columns, lanes_rows, exchanged_rows, .. } = self;
        let tiles = product(0..=2 * mr + 1, 0..=2 * nr + 1, [0, 1, 2, 5]);
        let vectors = product([1, mr, mr + 1], [1, nr - 1, nr, nr + 1], 0..=2 * self.lanes + 1);
        let depth = product([1, mr, mr + 1], [1, nr - 1, nr, nr + 1], around([kc, 2 * kc]));
        // Blocks have other heights if k is short: both sides of that edge, and the end of the block itself.
        let rows = product(around([mc, 2 * mc]), [1, nr, nr + 1, unpacked_columns + 1], around([gemm::SHALLOW_KC]));
        let shallow = product(around([gemm::SHALLOW_MC]), [1, nr + 1, unpacked_columns + 1], [1, self.lanes]);
        let columns =
            product([1, mr + 1, 33], around([unpacked_columns, 2 * unpacked_columns, nc]), [1, self.lanes, 33]);
        let thin = product(
            around([lanes_rows, exchanged_rows]),
            [1, nr, nr + 1, exchanged_rows, exchanged_rows + 1, 2 * exchanged_rows],
            [0, 1, 33],
        );
        // Rows at the distance for which wide products pack them, often enough for every layout.
        let crowded = product([2 * self.lanes + mr + 1], 2 * unpacked_columns + 1..2 * unpacked_columns + 11, [L1_SET]);
        // Dot products of every height, over parts of operands that have to be packed; sums of few rows, over several parts.
        let dots = product(1..=lanes_rows, [1, 15, 16, 17, 33], around([16, 32, gemm::KC]));
        let pieces = product([1, 3], around([gemm::ROW_PIECE / 4, gemm::ROW_PIECE]), [1, 3, 4, 5, 9, 13]);
        // Few terms: the number of columns from which whole rows are summed, one less and one more.
        let few =
            (0..=gemm::FEW_TERMS + 1).flat_map(|k| product([2, 5], around([k.max(1) * gemm::FEW_TERMS_COLUMNS]), [k]));
        // One row, on both sides of the edge between its two routes.
        let row = product([1], around([gemm::NARROW_N, 8 * self.lanes]), around([gemm::NARROW_LEN / gemm::NARROW_N]));
        // The last panel of the second block is narrower than a tile.
        let narrow = product([1, mr + 1], [nc + nr + nr / 2 + 1], [1, 33]);
        // A C beyond L2, summed in parts of four tiles, with a few more rows; and one that is not beyond L2.
        let beyond_l2 =
            [(4 * mr + 1, 0), (9 * mr + 2, 0), (5 * mr, 1)].map(|(m, less)| [m, gemm::FAR.div_ceil(m) - less, 9]);
        // A B that is copied by the first tile of a strip, with strips of each width, in all layouts.
        let vectors_in_a_row = nr / self.lanes;
        let copied = (1..=vectors_in_a_row).flat_map(move |vectors| {
            let n = nr + vectors * self.lanes;
            product([gemm::IN_PLACE_TILES * mr + 1], [n], gemm::NEAR / n + 1..gemm::NEAR / n + 26)
        });
        // Operands that are exchanged, the larger of them in several blocks of rows, in all layouts.
        let exchanged = product([exchanged_rows], [gemm::SHALLOW_MC + 1], 1..gemm::SHALLOW_KC);
        // A B that is read in place by each of a few tiles; and one tile more.
        let in_place = product(around([gemm::IN_PLACE_TILES * mr]), around([gemm::FAR / kc + nr]), [65]);
        tiles
            .chain(vectors)
            .chain(depth)
            .chain(rows)
            .chain(shallow)
            .chain(columns)
            .chain(thin)
            .chain(narrow)
            .chain(crowded)
            .chain(dots)
            .chain(pieces)
            .chain(few)
            .chain(copied)
            .chain(row)
            .chain(beyond_l2)
            .chain(in_place)
            .chain(exchanged)
    }

    /// m, n, k whose B lies beyond L2 and has rows 4 KiB apart, without gaps or with gaps of three; in one block of rows and in two.
    pub fn rows_apart(self) -> impl Iterator<Item = [usize; 3]> {
        product([2 * self.mr + 1, self.mc + 1], [L1_SET, L1_SET - 3], [gemm::FAR.div_ceil(L1_SET - 3)])
    }

    /// A few m, n, k whose sizes cut tiles, vectors and blocks, large enough for statistics.
    pub fn layers(self) -> Vec<[usize; 3]> {
        let Self { mr, nr, kc, unpacked_columns, .. } = self;
        vec![
            [1, 1, 1],
            [2, nr + 1, 3],
            [mr, nr, 64],
            [mr + 1, 2 * nr - 1, 100],
            [1, 10, 784],
            [7, 128, kc - 1],
            [33, nr + 3, kc + 1],
            [19, unpacked_columns + 5, 2 * kc + 1],
            [40, 10, 128],
            [5 * mr + 3, gemm::FAR / (5 * mr), 3],
        ]
    }

    /// Lengths of slices: every tail of up to four vectors, and two longer ones.
    pub fn lengths(self) -> impl Iterator<Item = usize> {
        (0..=4 * self.lanes + 1).chain([1000, 4096 + 4096 + 17])
    }
}

/// Each edge, with the sizes one below and one above it.
fn around<const N: usize>(edges: [usize; N]) -> impl Iterator<Item = usize> + Clone {
    edges.into_iter().flat_map(|edge| edge - 1..=edge + 1)
}

fn product<M, N, K>(m: M, n: N, k: K) -> impl Iterator<Item = [usize; 3]>
where
    M: IntoIterator<Item = usize>,
    N: IntoIterator<Item = usize, IntoIter: Clone>,
    K: IntoIterator<Item = usize, IntoIter: Clone>,
{
    let (n, k) = (n.into_iter(), k.into_iter());
    m.into_iter().flat_map(move |m| {
        let k = k.clone();
        n.clone().flat_map(move |n| k.clone().map(move |k| [m, n, k]))
    })
}
