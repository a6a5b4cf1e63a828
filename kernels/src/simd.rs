//! The vector vocabulary: every processor operation that a kernel may use.
//!
//! A kernel is written once, generic over [`Simd`], and compiled once per instruction set:
//!
//! | lowering     | lanes | needs                    | `mul_add` rounds |
//! |--------------|-------|--------------------------|------------------|
//! | [`Avx512`]   | 16    | AVX-512 F, BW, DQ, VL    | once             |
//! | [`Avx2`]     | 8     | AVX2, FMA                | once             |
//! | [`Portable`] | 8     | nothing (`wide::f32x8`)  | depends on the build's target |
//! | [`Scalar`]   | 1     | nothing                  | once             |
//!
//! A value of a lowering's type is a token: it exists only if the processor has the lowering's instructions, so using it is safe. The
//! lowerings contain the only `unsafe` code of the library, along with matrices, [`View`] and [`ViewMut`], and with [`Parts`] of slices, which
//! check bounds once for many elements.
//!
//! **The trap.** A function that is generic over `S: Simd` must be `#[inline(always)]`, or call [`Simd::vectorize`] itself. Otherwise
//! it is compiled without the target features, and every vector operation in it becomes a function call.

use core::fmt::Debug;

mod layout;
#[cfg(feature = "ndarray")]
#[expect(unsafe_code, reason = "arrays of `ndarray` are pointers and strides")]
mod ndarray;
#[expect(unsafe_code, reason = "the bounds of several slices are checked once")]
mod parts;
mod portable;
mod scalar;
#[expect(unsafe_code, reason = "the lengths of several slices are checked once")]
mod slices;
#[expect(unsafe_code, reason = "the bounds of several rows are checked once; between rows lies what is not borrowed")]
mod view;
#[expect(unsafe_code, reason = "as above; parts of a matrix are borrowed by themselves")]
mod view_mut;
#[cfg(all(target_arch = "x86_64", not(lanegrad_portable_only)))]
#[expect(unsafe_code, reason = "intrinsics; soundness rests on the tokens")]
mod x86_64;

pub use self::layout::Misfit;
pub use self::parts::{Parts, Same, StridedMut, each, vectors};
pub use self::slices::{Out, Row, Slices, Sums, zip};
pub use self::view::{ColumnGroup, ColumnGroups, RowGroups, View};
pub use self::view_mut::{RowsMut, ViewMut};
#[cfg(all(target_arch = "x86_64", not(lanegrad_portable_only)))]
pub use self::x86_64::{Avx2, Avx512};
pub use self::{portable::Portable, scalar::Scalar};

/// The properties of a lowering, without its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lowering {
    /// [`Simd::LANES`]
    pub lanes: usize,
    /// [`Simd::REGISTERS`]
    pub registers: usize,
    /// [`Simd::FUSED`]
    pub fused: bool,
    /// [`Simd::VARIANTS`]
    pub variants: bool,
}

/// Vectors of `f32` and the operations on them, lane by lane.
///
/// Every operation is correctly rounded to nearest, ties to even, and keeps subnormals, on every lowering. Exceptions are documented on
/// the operation. Where an operation returns NaN, its sign and payload are unspecified.
pub trait Simd: Copy + Debug + Send + Sync + 'static {
    /// A vector of [`LANES`](Self::LANES) elements.
    type V: Copy + Debug;
    /// One boolean per lane.
    type M: Copy + Debug;

    /// The number of elements in a vector. It divides 16.
    const LANES: usize;
    /// The number of vectors that the register file holds. Kernels choose their tiles by it.
    const REGISTERS: usize;
    /// Whether products also have micro-kernels for an A with adjacent rows, and for a B that is copied while it is read. They are more
    /// code, and somewhat faster.
    const VARIANTS: bool;
    /// Whether [`mul_add`](Self::mul_add) rounds once. All lowerings for which it does return the same bits.
    const FUSED: bool;

    /// These properties as a value.
    const LOWERING: Lowering =
        Lowering { lanes: Self::LANES, registers: Self::REGISTERS, fused: Self::FUSED, variants: Self::VARIANTS };

    /// Runs `f` with the lowering's target features enabled. Call it once per block of work.
    fn vectorize<R>(self, f: impl FnOnce() -> R) -> R;

    /// Runs `f`. In a fuzzing build it is a function of its own: with a sanitizer's checks, a large function takes many minutes to compile.
    #[cfg_attr(not(fuzzing), inline(always))]
    #[cfg_attr(fuzzing, inline(never))]
    fn split_if_fuzzing<R>(self, f: impl FnOnce() -> R) -> R {
        if cfg!(fuzzing) { self.vectorize(f) } else { f() }
    }

    /// Loads the first `LANES` elements of `source`.
    ///
    /// # Panics
    /// If `source` is shorter, in every build.
    fn load(self, source: &[f32]) -> Self::V;
    /// Loads the first `LANES` elements of `source`, or all of them followed by zeros if there are fewer.
    fn load_partial(self, source: &[f32]) -> Self::V;
    /// Writes the first `LANES` elements of `target`.
    ///
    /// # Panics
    /// If `target` is shorter, in every build.
    fn store(self, v: Self::V, target: &mut [f32]);
    /// Writes the first `LANES` elements of `target`, or all of them if there are fewer. Nothing after them is written.
    fn store_partial(self, v: Self::V, target: &mut [f32]);
    /// Loads the first `N` vectors of `source`. Lanes after its end are zero.
    #[inline(always)]
    fn load_vectors<const N: usize>(self, source: &[f32]) -> [Self::V; N] {
        let mut vectors = [self.splat(0.0); N];
        if source.len() >= N * Self::LANES {
            for j in 0..N {
                vectors[j] = self.load(&source[j * Self::LANES..]);
            }
        } else {
            for j in 0..N {
                vectors[j] = self.load_partial(source.get(j * Self::LANES..).unwrap_or_default());
            }
        }
        vectors
    }
    /// Writes the first `N` vectors of `target`, or as many elements as it has. Nothing after them is written.
    #[inline(always)]
    fn store_vectors<const N: usize>(self, vectors: [Self::V; N], target: &mut [f32]) {
        if target.len() >= N * Self::LANES {
            for j in 0..N {
                self.store(vectors[j], &mut target[j * Self::LANES..]);
            }
        } else {
            for j in 0..N {
                self.store_partial(vectors[j], target.get_mut(j * Self::LANES..).unwrap_or_default());
            }
        }
    }
    /// Prefetches the cache line of the element `ahead` elements after the start of `source`. It need not lie in the slice: a prefetch
    /// affects only timing.
    #[inline(always)]
    fn prefetch(self, _source: &[f32], _ahead: usize) {}
    /// `x` in every lane.
    fn splat(self, x: f32) -> Self::V;

    /// `a + b`
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a − b`
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a · b`
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a / b`
    fn div(self, a: Self::V, b: Self::V) -> Self::V;
    /// `√a`
    fn sqrt(self, a: Self::V) -> Self::V;
    /// `−a`: flips the sign bit, also of zeros and NaN.
    fn neg(self, a: Self::V) -> Self::V;
    /// `|a|`: clears the sign bit.
    fn abs(self, a: Self::V) -> Self::V;
    /// `a · b + c`, rounded once if [`FUSED`](Self::FUSED), otherwise twice.
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `c − a · b`, rounded once if [`FUSED`](Self::FUSED), otherwise twice.
    fn neg_mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `a < b ? a : b`. The result is `b` if either is NaN, or if both are zeros.
    fn min(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a > b ? a : b`. The result is `b` if either is NaN, or if both are zeros.
    fn max(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a` rounded to the nearest integer, ties to even, for `|a| ≤ 2²²`. NaN gives NaN.
    fn round_ties_even(self, a: Self::V) -> Self::V;
    /// `a · 2ⁿ` with one rounding, for an integral `|n| ≤ 250` and `½ ≤ |a| < 4`. The result is unspecified for other `n`.
    fn mul_pow2(self, a: Self::V, n: Self::V) -> Self::V;

    /// `a < b`, and false if either is NaN.
    fn less(self, a: Self::V, b: Self::V) -> Self::M;
    /// `a ≤ b`, and false if either is NaN.
    fn less_equal(self, a: Self::V, b: Self::V) -> Self::M;
    /// `mask ? yes : no`
    fn select(self, mask: Self::M, yes: Self::V, no: Self::V) -> Self::V;
    /// `mask ? 0 : v`
    #[inline(always)]
    fn zero_where(self, mask: Self::M, v: Self::V) -> Self::V {
        self.select(mask, self.splat(0.0), v)
    }

    /// The sum of the lanes. The upper half is added to the lower half until one lane remains.
    fn reduce_add(self, a: Self::V) -> f32;
    /// [`reduce_add`](Self::reduce_add) of each vector.
    #[inline(always)]
    fn reduce_add_quad(self, a: [Self::V; 4]) -> [f32; 4] {
        [self.reduce_add(a[0]), self.reduce_add(a[1]), self.reduce_add(a[2]), self.reduce_add(a[3])]
    }
    /// Loads the first four columns of the first `LANES` rows: lane r of vector c is element (r, c).
    ///
    /// # Panics
    /// If there are fewer rows or columns, or a row is not contiguous, in every build.
    fn load_columns(self, rows: View<'_>) -> [Self::V; 4];
}

/// Sums `lanes` in the order of [`Simd::reduce_add`].
fn fold_halves<const N: usize>(mut lanes: [f32; N]) -> f32 {
    let mut half = N / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] += lanes[i + half];
        }
        half /= 2;
    }
    lanes[0]
}
