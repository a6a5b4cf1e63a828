//! Fault 3b: what lies behind a slice is read, by a real load of the lowering, and then not used. No result shows it: guard pages
//! and sanitizers are there to.

/// As many numbers from the start of `source` as asked for, whether they are there or not.
#[inline(always)]
pub(super) fn pretend(source: &[f32], len: usize) -> &[f32] {
    // SAFETY: there is none, if `len` is longer than `source`. Such a call is the fault.
    unsafe { core::slice::from_raw_parts(source.as_ptr(), len) }
}
