//! Maps of a slice onto itself.

use crate::isa::Kernel;
use crate::math::Activation;
use crate::simd::Simd;
use core::marker::PhantomData;

/// A lane function.
pub trait Map: Copy {
    /// The new value of each lane.
    fn apply<S: Simd>(self, simd: S, x: S::V) -> S::V;
}

/// `x ← map(x)` for all of a slice.
#[derive(Debug)]
pub struct MapInPlace<'a, F> {
    /// The lane function.
    pub map: F,
    /// The numbers.
    pub x: &'a mut [f32],
}

impl<F: Map> Kernel for MapInPlace<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        map(
            simd,
            self.x,
            #[inline(always)]
            |x| self.map.apply(simd, x),
        );
    }
}

/// `x ← f(x)` for all of a slice, a vector at a time.
#[inline(always)]
pub(crate) fn map<S: Simd>(simd: S, x: &mut [f32], f: impl Fn(S::V) -> S::V) {
    let mut chunks = x.chunks_exact_mut(S::LANES);
    for chunk in &mut chunks {
        simd.store(f(simd.load(chunk)), chunk);
    }
    let rest = chunks.into_remainder();
    simd.store_partial(f(simd.load_partial(rest)), rest);
}

/// `x · factor`
#[derive(Clone, Copy, Debug)]
pub struct Scale(pub f32);

/// `min(max(x, −limit), limit)`; NaN passes.
#[derive(Clone, Copy, Debug)]
pub struct Clamp(pub f32);

/// `h(x)`
#[derive(Clone, Copy, Debug)]
pub struct Activate<H>(PhantomData<H>);

impl<H: Activation> Activate<H> {
    /// The map of an activation function.
    pub fn new(_: H) -> Self {
        Self(PhantomData)
    }
}

impl Map for Scale {
    #[inline(always)]
    fn apply<S: Simd>(self, simd: S, x: S::V) -> S::V {
        simd.mul(x, simd.splat(self.0))
    }
}

impl Map for Clamp {
    #[inline(always)]
    fn apply<S: Simd>(self, simd: S, x: S::V) -> S::V {
        // The constant stands first, so that NaN passes.
        simd.min(simd.splat(self.0), simd.max(simd.splat(-self.0), x))
    }
}

impl<H: Activation> Map for Activate<H> {
    #[inline(always)]
    fn apply<S: Simd>(self, simd: S, x: S::V) -> S::V {
        H::value(simd, x)
    }
}
