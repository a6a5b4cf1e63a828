//! The operands, as those who execute a plan see them, and how they cut them.

use crate::cache::LINE;
use crate::view::View;
use core::ops::Range;

/// The operands, as the executors of plans see them.
pub(super) struct Operands<'a> {
    pub(super) m: usize,
    pub(super) n: usize,
    pub(super) k: usize,
    pub(super) a: View<'a>,
    pub(super) b: View<'a>,
    pub(super) c: &'a mut [f32],
    pub(super) c_stride: usize,
    pub(super) accumulate: bool,
    pub(super) workspace: &'a mut [f32],
}

/// The workspace from the first cache line on.
pub(super) fn aligned(workspace: &mut [f32]) -> &mut [f32] {
    let skip = workspace.as_ptr().align_offset(4 * LINE).min(LINE).min(workspace.len());
    &mut workspace[skip..]
}

/// A range in blocks of `len`, the last one shorter. A product of few elements has no time for the divisions of `step_by`.
#[inline(always)]
pub(super) fn blocks(range: Range<usize>, len: usize) -> impl Iterator<Item = Range<usize>> {
    let mut from = range.start;
    core::iter::from_fn(
        #[inline(always)]
        move || {
            let block = from..range.end.min(from + len);
            from = block.end;
            (!block.is_empty()).then_some(block)
        },
    )
}
