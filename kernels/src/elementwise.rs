//! Maps from a slice to itself, and from two matrices to a third.

use crate::isa::Kernel;
use crate::math::Activation;
use crate::simd::{Out, Row, Simd, View, ViewMut, zip};
use crate::threads::{Split, first_part};
use core::ops::Range;

/// A lane function.
pub trait Map: Copy + Send {
    /// Returns the new value of each lane.
    fn apply<S: Simd>(self, simd: S, x: S::V) -> S::V;
}

/// `x ← map(x)` for every element of a slice.
#[derive(Debug)]
pub struct MapInPlace<'a, F> {
    /// The lane function.
    pub map: F,
    /// The elements.
    pub x: &'a mut [f32],
}

impl<F: Map> Kernel for MapInPlace<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        zip::<1, _, _>(
            simd,
            self.x.len(),
            self.x,
            #[inline(always)]
            |_, x| self.map.apply(simd, x),
        );
    }
}

impl<F: Map> Split for MapInPlace<'_, F> {
    fn work(&self) -> usize {
        self.x.len() / 8
    }
    fn split(self, parts: usize) -> (Self, Self) {
        let (first, others) = self.x.split_at_mut(first_part(self.x.len(), parts));
        (Self { x: first, ..self }, Self { x: others, ..self })
    }
}

/// `out ← f(a, b)` for row i of two matrices, one vector at a time. `f` also receives the number of the vector in its group of sixteen
/// elements, for [`Sum`](crate::reduce::Sum).
#[inline(always)]
pub(crate) fn zip_row<S: Simd>(
    simd: S,
    (a, b): (View<'_>, View<'_>),
    i: usize,
    out: &mut [f32],
    mut f: impl FnMut(usize, S::V, S::V) -> S::V,
) {
    let len = out.len();
    if a.col_stride() == 1 && b.col_stride() == 1 {
        zip::<16, _, _>(
            simd,
            len,
            (a.row(i, 0..len), b.row(i, 0..len), Out(out)),
            #[inline(always)]
            |index, (a, b, ())| ((), (), f(index, a, b)),
        );
    } else {
        zip::<16, _, _>(
            simd,
            len,
            (Row(a, i), Row(b, i), Out(out)),
            #[inline(always)]
            |index, (a, b, ())| ((), (), f(index, a, b)),
        );
    }
}

/// `delta = g ⊙ h'(a)`, from the gradient `g = ∂L/∂z` and `z = h(a)`.
#[derive(Debug)]
pub struct ActivationBackward<'a, H> {
    /// rows × columns
    pub gradient: View<'a>,
    /// rows × columns
    pub z: View<'a>,
    /// h
    pub activation: H,
    /// rows × columns
    pub delta: ViewMut<'a>,
}

impl<H: Activation> Kernel for ActivationBackward<'_, H> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { gradient, z, activation, mut delta } = self;
        let (rows, columns) = (delta.rows(), delta.cols());
        // Without columns there is nothing to compute, however many rows there are.
        for i in 0..if columns == 0 { 0 } else { rows } {
            zip_row(
                simd,
                (gradient, z),
                i,
                delta.row(i, 0..columns),
                #[inline(always)]
                |_, gradient, z| activation.times_derivative(simd, gradient, z),
            );
        }
    }
}

impl<H: Activation> Split for ActivationBackward<'_, H> {
    fn work(&self) -> usize {
        // Three matrices pass through the cache.
        self.delta.rows().saturating_mul(self.delta.cols()) / 8
    }
    fn split(self, parts: usize) -> (Self, Self) {
        let Self { gradient, z, activation, delta } = self;
        let (rows, columns) = (delta.rows(), delta.cols());
        let row = rows.div_ceil(parts);
        let (first, others) = delta.split_rows(row);
        let part = |delta, rows: Range<usize>| Self {
            gradient: gradient.block(rows.clone(), 0..columns),
            z: z.block(rows, 0..columns),
            activation,
            delta,
        };
        (part(first, 0..row), part(others, row..rows))
    }
}

/// `x · factor`
#[derive(Clone, Copy, Debug)]
pub struct Scale(pub f32);

/// `min(max(x, −limit), limit)`. NaN is kept.
#[derive(Clone, Copy, Debug)]
pub struct Clamp(pub f32);

/// `h(x)`
#[derive(Clone, Copy, Debug)]
pub struct Activate<H>(pub H);

impl Map for Scale {
    #[inline(always)]
    fn apply<S: Simd>(self, simd: S, x: S::V) -> S::V {
        simd.mul(x, simd.splat(self.0))
    }
}

impl Map for Clamp {
    #[inline(always)]
    fn apply<S: Simd>(self, simd: S, x: S::V) -> S::V {
        // The constant is the first operand, so that NaN is kept.
        simd.min(simd.splat(self.0), simd.max(simd.splat(-self.0), x))
    }
}

impl<H: Activation> Map for Activate<H> {
    #[inline(always)]
    fn apply<S: Simd>(self, simd: S, x: S::V) -> S::V {
        self.0.value(simd, x)
    }
}
