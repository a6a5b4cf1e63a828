//! The faults of a copy of the workspace that `verify faults` has written: which one is on, and what the wrong expressions call.
//!
//! `verify faults` adds this file to the copy's `lanegrad-kernels` as the module `planted`. It is not part of any other build.
//!
//! The environment variable `LANEGRAD_FAULT` turns a fault on for the life of a process: its number, and a letter if there is
//! more than one way to make it. `verify/src/faults.rs` lists them. The faults of single vector operations are not expressions of
//! the kernels: every kernel runs on a lowering that wraps the real one, [`Saboteur`].

use crate::simd::{Simd, View, ViewMut};
use core::cell::Cell;
use core::hint::black_box;
use std::sync::LazyLock;

/// Number and letter in one word: kernels ask in their loops, and comparing words is quick.
#[inline(always)]
fn code(id: &str) -> u32 {
    id.bytes().fold(0, |code, byte| code << 8 | u32::from(byte))
}

static FAULT: LazyLock<u32> = LazyLock::new(|| {
    // An empty variable counts as unset.
    let id = std::env::var("LANEGRAD_FAULT").unwrap_or_default();
    assert!(id.len() <= 3, "LANEGRAD_FAULT is '{id}', expected a number and a letter");
    code(&id)
});

/// Whether this fault is on: `37`, or `36b` for the second way to make one.
#[inline(always)]
pub fn is(id: &str) -> bool {
    *FAULT == code(id)
}

/// Fault 7: the view with its strides swapped. Only if it is square: elements of others would lie elsewhere.
pub fn swapped_strides(view: View<'_>) -> View<'_> {
    if view.rows() == view.cols() { view.t() } else { view }
}

pub use self::beyond::{one_longer, output_without_gaps, without_gaps, write_gaps};

/// What views and slices do not allow.
#[expect(unsafe_code, reason = "reads and writes what it must not, to see that the checks notice")]
mod beyond {
    use super::{View, ViewMut};

    /// Fault 2: the row and the element after it.
    pub fn one_longer(row: &mut [f32]) -> &mut [f32] {
        // SAFETY: there is none. The rows of the checks' outputs have a gap or a margin after them.
        unsafe { core::slice::from_raw_parts_mut(row.as_mut_ptr(), row.len() + 1) }
    }

    /// Fault 8b: the view, as if there were no gaps between its rows.
    pub fn without_gaps(view: View<'_>) -> View<'_> {
        let (rows, cols) = (view.rows(), view.cols());
        if view.col_stride() != 1 || view.row_stride() <= cols as isize {
            return view;
        }
        // SAFETY: what is between the first and the last element belongs to the operands of the checks.
        unsafe { View::from_raw_parts(view.as_ptr(), rows, cols, cols as isize, 1) }
    }

    /// Fault 8: the same for an output.
    pub fn output_without_gaps(mut view: ViewMut<'_>) -> ViewMut<'_> {
        let (rows, cols) = (view.rows(), view.cols());
        if view.col_stride() != 1 || view.row_stride() <= cols as isize {
            return view;
        }
        // SAFETY: what is between the first and the last element belongs to the outputs of the checks.
        unsafe { ViewMut::from_raw_parts(view.as_mut_ptr(), rows, cols, cols as isize, 1) }.expect("rows are disjoint")
    }

    /// Fault 48: writes the first element after each row but the last, if it is in a gap.
    pub fn write_gaps(mut view: ViewMut<'_>) -> ViewMut<'_> {
        let (rows, cols, stride) = (view.rows(), view.cols(), view.row_stride());
        if view.col_stride() == 1 && stride > cols as isize {
            for i in 1..rows as isize {
                // SAFETY: it is between two rows, which belongs to the outputs of the checks.
                unsafe { *view.as_mut_ptr().offset((i - 1) * stride + cols as isize) = 0.0 }
            }
        }
        view
    }
}

/// Fault 16: whether something larger was packed before.
pub fn shrunk(elements: usize) -> bool {
    thread_local!(static LARGEST: Cell<usize> = const { Cell::new(0) });
    LARGEST.set(LARGEST.get().max(elements));
    elements < LARGEST.get()
}

/// Fault 18: the weights after a step of size 1.
pub fn updated(w: &[f32], dw: &[f32]) -> &'static [f32] {
    w.iter().zip(dw).map(|(w, dw)| w - dw).collect::<Vec<_>>().leak()
}

/// Fault 23b: `z ≤ 0`, except where z is −0.
#[inline(always)]
pub fn flat_except_at_minus_zero<S: Simd>(simd: S, z: S::V) -> S::M {
    let (zero, inverse) = (simd.splat(0.0), simd.div(simd.splat(-1.0), z));
    simd.less_equal(simd.select(simd.less_equal(simd.abs(z), zero), inverse, z), zero)
}

/// Fault 24: the largest x whose exponential is finite becomes the number below it.
#[inline(always)]
pub fn clamped_below_the_last<S: Simd>(simd: S, x: S::V) -> S::V {
    const LAST: f32 = f32::from_bits(0x42b1_7217);
    let clamped = simd.min(simd.splat(LAST.next_down()), x);
    simd.select(simd.less(simd.splat(LAST), x), simd.min(simd.splat(89.0), x), clamped)
}

/// Fault 3b: what lies after a slice is read, by a real load of the lowering, and then not used. No result shows it: guard pages
/// and sanitizers do.
#[expect(unsafe_code, reason = "reads what it must not, to see that guard pages and sanitizers notice")]
mod over_read {
    /// `len` elements from the start of `source` on, whether they are there or not.
    #[inline(always)]
    pub(super) fn longer(source: &[f32], len: usize) -> &[f32] {
        // SAFETY: there is none, if `len` is longer than `source`. Such a call is the fault.
        unsafe { core::slice::from_raw_parts(source.as_ptr(), len) }
    }
}

/// Any lowering, with at most one operation spoiled.
#[derive(Clone, Copy, Debug)]
pub struct Saboteur<S> {
    simd: S,
    spoiled: Option<Spoiled>,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spoiled {
    /// 1: a partial store leaves out the last element.
    ShortStore,
    /// 1b: a partial load leaves out the last element.
    ShortLoad,
    /// 3: a partial load brings an element after the slice's last.
    LongLoad,
    /// 3b: a partial load reads a whole vector; its result is right.
    OverRead,
    /// 6: a transposition exchanges two lanes.
    Transpose,
    /// 22: a maximum drops NaN.
    Max,
    /// 25: subnormal results are zeros.
    Subnormals,
    /// 28: after a partial load, products are rounded before they are added.
    UnfusedTail,
    /// 29: sums keep 16 bits.
    Precision,
    /// 30: `√a` is `a·(1/√a)`.
    Root,
}

thread_local! {
    /// Whether the last load was a partial one.
    static IN_TAIL: Cell<bool> = const { Cell::new(false) };
}

impl<S: Simd> Saboteur<S> {
    /// The lowering, with what is planted.
    pub fn new(simd: S) -> Self {
        use Spoiled::*;
        let faults = [
            ("1", ShortStore),
            ("1b", ShortLoad),
            ("3", LongLoad),
            ("3b", OverRead),
            ("6", Transpose),
            ("22", Max),
            ("25", Subnormals),
            ("28", UnfusedTail),
            ("29", Precision),
            ("30", Root),
        ];
        let spoiled = faults.into_iter().find(|(id, _)| is(id)).map(|(_, spoiled)| spoiled);
        Self { simd, spoiled }
    }

    fn is(self, spoiled: Spoiled) -> bool {
        self.spoiled == Some(spoiled)
    }

    /// What becomes of a sum. Not inlined, so that the kernels stay small.
    #[cold]
    #[inline(never)]
    fn spoil_sum(self, a: S::V, b: S::V, c: S::V) -> S::V {
        let simd = self.simd;
        match self.spoiled {
            Some(Spoiled::UnfusedTail) if IN_TAIL.get() => simd.add(simd.mul(a, b), c),
            Some(Spoiled::Precision) => {
                // Veltkamp 1968: adding 2⁸ times as much and subtracting it again leaves the upper 16 of 24 bits.
                let sum = simd.mul_add(a, b, c);
                let much = simd.mul(simd.splat(257.0), sum);
                simd.sub(much, simd.sub(much, sum))
            }
            Some(Spoiled::Subnormals) => self.flush(simd.mul_add(a, b, c)),
            _ => simd.mul_add(a, b, c),
        }
    }

    #[inline(always)]
    fn flush(self, x: S::V) -> S::V {
        let simd = self.simd;
        if self.is(Spoiled::Subnormals) {
            simd.select(simd.less(simd.abs(x), simd.splat(f32::MIN_POSITIVE)), simd.splat(0.0), x)
        } else {
            x
        }
    }

    #[inline(always)]
    fn note_load(self, partial: bool) {
        if self.is(Spoiled::UnfusedTail) {
            IN_TAIL.set(partial);
        }
    }
}

/// Operations that are left as they are.
macro_rules! pass {
    ($($name:ident($($arg:ident: $type:ty),*) $(-> $result:ty)?;)*) => {$(
        #[inline(always)]
        fn $name(self, $($arg: $type),*) $(-> $result)? {
            self.simd.$name($($arg),*)
        }
    )*};
}

impl<S: Simd> Simd for Saboteur<S> {
    type V = S::V;
    type M = S::M;
    const LANES: usize = S::LANES;
    const REGISTERS: usize = S::REGISTERS;
    const VARIANTS: bool = S::VARIANTS;
    const FUSED: bool = S::FUSED;

    #[inline(always)]
    fn vectorize<R>(self, f: impl FnOnce() -> R) -> R {
        self.simd.vectorize(f)
    }

    #[inline(always)]
    fn load(self, source: &[f32]) -> S::V {
        self.note_load(false);
        self.simd.load(source)
    }
    #[inline(always)]
    fn load_partial(self, source: &[f32]) -> S::V {
        let tail = source.len() < S::LANES;
        self.note_load(tail);
        if tail && self.is(Spoiled::LongLoad) {
            let mut longer = [0.0; 16];
            longer[..source.len()].copy_from_slice(source);
            longer[source.len()] = f32::NAN;
            return self.simd.load(&longer);
        }
        if tail && !source.is_empty() && self.is(Spoiled::OverRead) {
            black_box(self.simd.load(over_read::longer(source, S::LANES)));
        }
        let short = usize::from(tail && !source.is_empty() && self.is(Spoiled::ShortLoad));
        self.simd.load_partial(&source[..source.len() - short])
    }
    #[inline(always)]
    fn store_partial(self, v: S::V, target: &mut [f32]) {
        let short = usize::from((1..S::LANES).contains(&target.len()) && self.is(Spoiled::ShortStore));
        let len = target.len() - short;
        self.simd.store_partial(v, &mut target[..len]);
    }
    #[inline(always)]
    fn mul(self, a: S::V, b: S::V) -> S::V {
        self.flush(self.simd.mul(a, b))
    }
    #[inline(always)]
    fn sqrt(self, a: S::V) -> S::V {
        let (simd, root) = (self.simd, self.simd.sqrt(a));
        if self.is(Spoiled::Root) {
            let product = simd.mul(a, simd.div(simd.splat(1.0), root));
            return simd.select(simd.less_equal(a, simd.splat(0.0)), root, product);
        }
        root
    }
    #[inline(always)]
    fn mul_add(self, a: S::V, b: S::V, c: S::V) -> S::V {
        match self.spoiled {
            Some(Spoiled::UnfusedTail | Spoiled::Precision | Spoiled::Subnormals) => self.spoil_sum(a, b, c),
            _ => self.simd.mul_add(a, b, c),
        }
    }
    #[inline(always)]
    fn neg_mul_add(self, a: S::V, b: S::V, c: S::V) -> S::V {
        match self.spoiled {
            Some(Spoiled::UnfusedTail) => self.spoil_sum(self.simd.neg(a), b, c),
            _ => self.simd.neg_mul_add(a, b, c),
        }
    }
    #[inline(always)]
    fn max(self, a: S::V, b: S::V) -> S::V {
        if self.is(Spoiled::Max) { self.simd.max(b, a) } else { self.simd.max(a, b) }
    }
    #[inline(always)]
    fn mul_pow2(self, a: S::V, n: S::V) -> S::V {
        self.flush(self.simd.mul_pow2(a, n))
    }
    #[inline(always)]
    fn load_columns(self, rows: View<'_>) -> [S::V; 4] {
        let [a, b, c, d] = self.simd.load_columns(rows);
        if self.is(Spoiled::Transpose) { [b, a, c, d] } else { [a, b, c, d] }
    }

    pass! {
        store(v: S::V, target: &mut [f32]);
        splat(x: f32) -> S::V;
        add(a: S::V, b: S::V) -> S::V;
        sub(a: S::V, b: S::V) -> S::V;
        div(a: S::V, b: S::V) -> S::V;
        neg(a: S::V) -> S::V;
        abs(a: S::V) -> S::V;
        min(a: S::V, b: S::V) -> S::V;
        round_ties_even(a: S::V) -> S::V;
        less(a: S::V, b: S::V) -> S::M;
        less_equal(a: S::V, b: S::V) -> S::M;
        select(mask: S::M, yes: S::V, no: S::V) -> S::V;
        reduce_add(a: S::V) -> f32;
    }
}
