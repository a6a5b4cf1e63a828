//! A lowering that wraps another one and, while one of these faults is planted, spoils a single operation of it.

use super::{over_read, planted};
use crate::isa::Kernel;
use crate::simd::Simd;
use core::cell::Cell;
use core::hint::black_box;

/// A kernel that gets a spoiled lowering.
#[derive(Debug)]
pub struct Sabotaged<K>(pub K);

impl<K: Kernel> Kernel for Sabotaged<K> {
    type Output = K::Output;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> K::Output {
        self.0.run(Saboteur::new(simd))
    }
}

/// Any lowering, with at most one operation spoiled.
#[derive(Clone, Copy, Debug)]
struct Saboteur<S> {
    simd: S,
    spoiled: Option<Spoiled>,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spoiled {
    /// 1: a partial store leaves out the last number.
    ShortStore,
    /// 1b: a partial load leaves out the last number.
    ShortLoad,
    /// 3: a partial load brings what lies behind the slice.
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
    fn new(simd: S) -> Self {
        use Spoiled::*;
        let faults = [
            (1, "", ShortStore),
            (1, "b", ShortLoad),
            (3, "", LongLoad),
            (3, "b", OverRead),
            (6, "", Transpose),
            (22, "", Max),
            (25, "", Subnormals),
            (28, "", UnfusedTail),
            (29, "", Precision),
            (30, "", Root),
        ];
        let spoiled = faults.into_iter().find(|(number, part, _)| planted(*number, part)).map(|(.., spoiled)| spoiled);
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
                // Veltkamp 1968: adding and taking away 2⁸ times as much leaves the upper 16 of 24 bits.
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
            let mut behind = [0.0; 16];
            behind[..source.len()].copy_from_slice(source);
            behind[source.len()] = f32::NAN;
            return self.simd.load(&behind);
        }
        if tail && !source.is_empty() && self.is(Spoiled::OverRead) {
            black_box(self.simd.load(over_read::pretend(source, S::LANES)));
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
    fn load_columns(self, source: &[f32], stride: usize) -> [S::V; 4] {
        let [a, b, c, d] = self.simd.load_columns(source, stride);
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
