//! Slices of the same length, processed together: whole vectors, then the rest.

use super::{Simd, View};
use core::ops::{Deref, Range};

/// What [`zip`] processes: a slice, an array of slices, an [`Out`], [`Sums`], a [`Row`], or several of these in a tuple.
pub trait Slices {
    /// What is read at one place: a vector of each slice, nothing of an [`Out`].
    type Read<S: Simd>;
    /// What is written there: a vector of each slice that is mutable.
    type Written<S: Simd>;

    /// Whether each has `len` elements.
    fn have_len(&self, len: usize) -> bool;

    /// Reads at most a vector of elements. Missing lanes are zero.
    ///
    /// # Safety
    /// There must be a length that all slices have, and `lanes` must not end after it.
    unsafe fn read<S: Simd>(&self, simd: S, lanes: Range<usize>) -> Self::Read<S>;

    /// Writes at most a vector of elements.
    ///
    /// # Safety
    /// As for [`read`](Self::read).
    unsafe fn write<S: Simd>(&mut self, simd: S, lanes: Range<usize>, v: Self::Written<S>);
}

/// Calls `f` with the vectors of slices of `len` elements, from the first to the last, and writes what it returns. The last vector may be
/// partial: its missing lanes are zero, and are not written.
///
/// `f` also receives the number of the vector in its group of `GROUP` elements, a constant in whole groups. A group has at least one vector.
///
/// # Panics
/// If a slice has another length, in every build.
#[inline(always)]
pub fn zip<const GROUP: usize, S: Simd, T: Slices>(
    simd: S,
    len: usize,
    mut slices: T,
    mut f: impl FnMut(usize, T::Read<S>) -> T::Written<S>,
) {
    assert!(slices.have_len(len), "zip: slices that differ in length");
    let vectors = GROUP.div_ceil(S::LANES);
    let groups = len / (vectors * S::LANES);
    for group in 0..groups {
        for index in 0..vectors {
            let at = (group * vectors + index) * S::LANES;
            // SAFETY: all slices have `len` elements, of which this many groups are whole.
            unsafe { step(simd, &mut slices, index, at..at + S::LANES, &mut f) };
        }
    }
    for index in 0..vectors {
        let at = (groups * vectors + index) * S::LANES;
        if at < len {
            // SAFETY: all slices have `len` elements.
            unsafe { step(simd, &mut slices, index, at..len.min(at + S::LANES), &mut f) };
        }
    }
}

/// Processes at most a vector of elements.
///
/// # Safety
/// As for [`Slices::read`].
#[inline(always)]
unsafe fn step<S: Simd, T: Slices>(
    simd: S,
    slices: &mut T,
    index: usize,
    lanes: Range<usize>,
    f: &mut impl FnMut(usize, T::Read<S>) -> T::Written<S>,
) {
    // SAFETY: the caller upholds it.
    let written = f(index, unsafe { slices.read(simd, lanes.clone()) });
    // SAFETY: the caller upholds it.
    unsafe { slices.write(simd, lanes, written) };
}

/// Read only.
impl Slices for &[f32] {
    type Read<S: Simd> = S::V;
    type Written<S: Simd> = ();

    #[inline(always)]
    fn have_len(&self, len: usize) -> bool {
        self.len() == len
    }
    #[inline(always)]
    unsafe fn read<S: Simd>(&self, simd: S, lanes: Range<usize>) -> S::V {
        // SAFETY: the caller upholds it.
        simd.load_partial(unsafe { self.get_unchecked(lanes) })
    }
    #[inline(always)]
    unsafe fn write<S: Simd>(&mut self, _: S, _: Range<usize>, (): ()) {}
}

/// Updated in place.
impl Slices for &mut [f32] {
    type Read<S: Simd> = S::V;
    type Written<S: Simd> = S::V;

    #[inline(always)]
    fn have_len(&self, len: usize) -> bool {
        self.len() == len
    }
    #[inline(always)]
    unsafe fn read<S: Simd>(&self, simd: S, lanes: Range<usize>) -> S::V {
        // SAFETY: the caller upholds it.
        simd.load_partial(unsafe { self.get_unchecked(lanes) })
    }
    #[inline(always)]
    unsafe fn write<S: Simd>(&mut self, simd: S, lanes: Range<usize>, v: S::V) {
        // SAFETY: the caller upholds it.
        simd.store_partial(v, unsafe { self.get_unchecked_mut(lanes) });
    }
}

/// A slice that is only written.
#[derive(Debug)]
pub struct Out<'a>(pub &'a mut [f32]);

impl Slices for Out<'_> {
    type Read<S: Simd> = ();
    type Written<S: Simd> = S::V;

    #[inline(always)]
    fn have_len(&self, len: usize) -> bool {
        self.0.len() == len
    }
    #[inline(always)]
    unsafe fn read<S: Simd>(&self, _: S, _: Range<usize>) {}
    #[inline(always)]
    unsafe fn write<S: Simd>(&mut self, simd: S, lanes: Range<usize>, v: S::V) {
        // SAFETY: the caller upholds it.
        simd.store_partial(v, unsafe { self.0.get_unchecked_mut(lanes) });
    }
}

/// Row `1` of a matrix with any strides, read only.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a>(pub View<'a>, pub usize);

impl Slices for Row<'_> {
    type Read<S: Simd> = S::V;
    type Written<S: Simd> = ();

    #[inline(always)]
    fn have_len(&self, len: usize) -> bool {
        self.0.cols() == len
    }
    #[inline(always)]
    unsafe fn read<S: Simd>(&self, simd: S, lanes: Range<usize>) -> S::V {
        self.0.load(simd, self.1, lanes)
    }
    #[inline(always)]
    unsafe fn write<S: Simd>(&mut self, _: S, _: Range<usize>, (): ()) {}
}

/// Whether each has `len` elements. Loops, not `all`, `map` or `from_fn`, which are not always inlined.
#[inline(always)]
fn all_have_len<const N: usize>(slices: &[impl Deref<Target = [f32]>; N], len: usize) -> bool {
    let mut equal = true;
    for i in 0..N {
        equal &= slices[i].len() == len;
    }
    equal
}

/// Reads at most a vector of each.
///
/// # Safety
/// As for [`Slices::read`].
#[inline(always)]
unsafe fn read_all<S: Simd, const N: usize>(
    simd: S,
    slices: &[impl Deref<Target = [f32]>; N],
    lanes: Range<usize>,
) -> [S::V; N] {
    let mut vectors = [simd.splat(0.0); N];
    for i in 0..N {
        // SAFETY: the caller upholds it.
        vectors[i] = simd.load_partial(unsafe { slices[i].get_unchecked(lanes.clone()) });
    }
    vectors
}

/// Several slices, read only.
impl<const N: usize> Slices for [&[f32]; N] {
    type Read<S: Simd> = [S::V; N];
    type Written<S: Simd> = ();

    #[inline(always)]
    fn have_len(&self, len: usize) -> bool {
        all_have_len(self, len)
    }
    #[inline(always)]
    unsafe fn read<S: Simd>(&self, simd: S, lanes: Range<usize>) -> [S::V; N] {
        // SAFETY: the caller upholds it.
        unsafe { read_all(simd, self, lanes) }
    }
    #[inline(always)]
    unsafe fn write<S: Simd>(&mut self, _: S, _: Range<usize>, (): ()) {}
}

/// Several slices, updated in place.
impl<const N: usize> Slices for [&mut [f32]; N] {
    type Read<S: Simd> = [S::V; N];
    type Written<S: Simd> = [S::V; N];

    #[inline(always)]
    fn have_len(&self, len: usize) -> bool {
        all_have_len(self, len)
    }
    #[inline(always)]
    unsafe fn read<S: Simd>(&self, simd: S, lanes: Range<usize>) -> [S::V; N] {
        // SAFETY: the caller upholds it.
        unsafe { read_all(simd, self, lanes) }
    }
    #[inline(always)]
    unsafe fn write<S: Simd>(&mut self, simd: S, lanes: Range<usize>, v: [S::V; N]) {
        for i in 0..N {
            // SAFETY: the caller upholds it.
            simd.store_partial(v[i], unsafe { self[i].get_unchecked_mut(lanes.clone()) });
        }
    }
}

/// Several slices, written, and read if they are added to; otherwise zeros are read.
#[derive(Debug)]
pub struct Sums<'a, const N: usize> {
    /// The slices.
    pub slices: [&'a mut [f32]; N],
    /// Whether they are read.
    pub add: bool,
}

impl<const N: usize> Slices for Sums<'_, N> {
    type Read<S: Simd> = [S::V; N];
    type Written<S: Simd> = [S::V; N];

    #[inline(always)]
    fn have_len(&self, len: usize) -> bool {
        self.slices.have_len(len)
    }
    #[inline(always)]
    unsafe fn read<S: Simd>(&self, simd: S, lanes: Range<usize>) -> [S::V; N] {
        // SAFETY: the caller upholds it.
        if self.add { unsafe { self.slices.read(simd, lanes) } } else { [simd.splat(0.0); N] }
    }
    #[inline(always)]
    unsafe fn write<S: Simd>(&mut self, simd: S, lanes: Range<usize>, v: [S::V; N]) {
        // SAFETY: the caller upholds it.
        unsafe { self.slices.write(simd, lanes, v) };
    }
}

macro_rules! tuple {
    ($($T:ident $index:tt),*) => {
        impl<$($T: Slices),*> Slices for ($($T,)*) {
            type Read<S: Simd> = ($($T::Read<S>,)*);
            type Written<S: Simd> = ($($T::Written<S>,)*);

            #[inline(always)]
            fn have_len(&self, len: usize) -> bool {
                $(self.$index.have_len(len))&&*
            }
            #[inline(always)]
            unsafe fn read<S: Simd>(&self, simd: S, lanes: Range<usize>) -> Self::Read<S> {
                // SAFETY: the caller upholds it.
                unsafe { ($(self.$index.read(simd, lanes.clone()),)*) }
            }
            #[inline(always)]
            unsafe fn write<S: Simd>(&mut self, simd: S, lanes: Range<usize>, v: Self::Written<S>) {
                // SAFETY: the caller upholds it.
                unsafe { $(self.$index.write(simd, lanes.clone(), v.$index);)* }
            }
        }
    };
}

tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
