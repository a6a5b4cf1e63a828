//! How a strip gets its columns of B.
//!
//! | B | when | way |
//! |---|---|---|
//! | contiguous across | it stays in L1 | each tile reads it where it is |
//! | | C has one tile of rows, or few, and B's rows do not crowd into few sets of a cache | each reads it where it is, and asks for rows ahead |
//! | | it lies beyond L2 | four panels are packed at a time, from whole rows of four cache lines |
//! | | else | the strip's first tile reads it where it is, and copies it into a panel |
//! | else, or narrower than a tile | | a panel is packed |
//!
//! Panels are packed for the first block of rows, and kept if there is another.

use super::ahead::FAR;
use super::blocking::{GROUP, IN_PLACE_CROWDED_STRIDE, IN_PLACE_TILES, kc, mc};
use super::operands::{Columns, Steps};
use super::pack;
use crate::simd::Simd;
use crate::view::View;
use core::ops::Range;

/// Up to so many numbers, 28 KiB, B's rows are read where they are by every tile: they stay in L1.
const NEAR: usize = 7 * 1024;

/// A product's B.
pub(super) struct Source<'a> {
    b: View<'a>,
    /// Columns of a tile.
    nr: usize,
    way: Way,
    /// Whether another block of rows will read the panels.
    keep: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Near,
    InPlace,
    Groups,
    Strips,
}

/// A strip's place in the loops.
pub(super) struct StripPlace<'r> {
    /// The block of k.
    pub(super) depth: &'r Range<usize>,
    /// The block of columns.
    pub(super) block: &'r Range<usize>,
    /// The strip's columns.
    pub(super) columns: &'r Range<usize>,
    /// Whether its rows are the first block's.
    pub(super) first: bool,
}

impl<'a> Source<'a> {
    /// B in a product of these sizes, with a tile of so many rows and columns.
    #[inline(always)]
    pub(super) fn new(b: View<'a>, [m, n, k]: [usize; 3], (mr, nr): (usize, usize)) -> Self {
        let depth = kc(k);
        let way = if b.col_stride != 1 {
            Way::Strips
        } else if k.saturating_mul(b.row_stride) <= NEAR {
            Way::Near
        } else if m <= mr || m <= IN_PLACE_TILES * mr && !b.row_stride.is_multiple_of(IN_PLACE_CROWDED_STRIDE) {
            Way::InPlace
        } else if 4 * nr == GROUP && depth.saturating_mul(n) >= FAR {
            Way::Groups
        } else {
            Way::Strips
        };
        Self { b, nr, way, keep: m > mc(depth) }
    }

    /// A strip's columns, packed into `panels` where they have to be.
    #[inline(always)]
    pub(super) fn columns<'p, S: Simd>(&self, simd: S, place: StripPlace<'_>, panels: &'p mut [f32]) -> Columns<'p>
    where
        'a: 'p,
    {
        let StripPlace { depth, block, columns, first } = place;
        let width = columns.len().next_multiple_of(S::LANES);
        let at = columns.start - block.start;
        let whole = self.b.col_stride == 1 && columns.len() == self.nr && !depth.is_empty();
        let group = self.way == Way::Groups && whole && at - at % GROUP + GROUP <= block.len();
        let panels = match self.way {
            _ if self.keep => &mut panels[at * depth.len()..],
            Way::Groups => &mut panels[at % GROUP * depth.len()..],
            _ => panels,
        };
        if first && group && at.is_multiple_of(GROUP) {
            pack::group(simd, self.b, depth.clone(), columns.start, &mut panels[..GROUP * depth.len()]);
        }
        let panel = &mut panels[..width * depth.len()];
        if whole && (first && !group || matches!(self.way, Way::Near | Way::InPlace)) {
            let numbers = &self.b.data[depth.start * self.b.row_stride + columns.start..];
            let steps = Steps { numbers, stride: self.b.row_stride };
            return match self.way {
                Way::Near => Columns::Near(steps),
                Way::InPlace => Columns::Far(steps),
                Way::Groups | Way::Strips => Columns::Copied(steps, panel),
            };
        }
        if first && !whole {
            pack::panel(simd, self.b, depth.clone(), columns.clone(), width, panel);
        }
        Columns::packed(panel, width)
    }
}
