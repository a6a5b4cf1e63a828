//! The vector vocabulary: everything a kernel may say to the processor.
//!
//! A kernel is written once, generic over [`Simd`], and compiled once per instruction set:
//!
//! | lowering     | lanes | needs                    | `mul_add` rounds |
//! |--------------|-------|--------------------------|------------------|
//! | [`Avx512`]   | 16    | AVX-512 F, BW, DQ, VL    | once             |
//! | [`Avx2`]     | 8     | AVX2, FMA                | once             |
//! | [`Portable`] | 8     | nothing (`wide::f32x8`)  | as the build's target does |
//! | [`Scalar`]   | 1     | nothing                  | once             |
//!
//! A value of a lowering's type is a token: it exists only where its instructions do, so that using it
//! is safe. The lowerings are the only `unsafe` code of the library, with [`Strided`], [`Parts`] and their like, which look at a
//! slice's end once for many parts of it.
//!
//! **The trap.** A function that is generic over `S: Simd` must be `#[inline(always)]`, or enter
//! [`Simd::vectorize`] itself. Otherwise it is compiled without the target features, and every
//! vector operation in it becomes a function call.

use core::fmt::Debug;

/// Whether this processor has all these features, and `has` lets each of them count.
#[cfg(all(target_arch = "x86_64", not(lanegrad_portable_only)))]
macro_rules! detected {
    ($has:expr, $($feature:tt),*) => { $(is_x86_feature_detected!($feature) && $has($feature))&&* };
}

#[cfg(all(target_arch = "x86_64", not(lanegrad_portable_only)))]
#[expect(unsafe_code, reason = "the AVX2 intrinsics; soundness rests on the token")]
mod avx2;
#[cfg(all(target_arch = "x86_64", not(lanegrad_portable_only)))]
#[expect(unsafe_code, reason = "the AVX-512 intrinsics; soundness rests on the token")]
mod avx512;
#[expect(unsafe_code, reason = "slices whose ends are looked at once, for all of them")]
mod parts;
mod portable;
mod scalar;
#[expect(unsafe_code, reason = "slices whose ends are looked at once, for all of them")]
mod strided;

pub use self::parts::{Parts, Same, each};
pub use self::strided::{DisjointMut, Grid, GridGroup, GridGroups, Groups, Strided, StridedMut};
#[cfg(all(target_arch = "x86_64", not(lanegrad_portable_only)))]
pub use self::{avx2::Avx2, avx512::Avx512};
pub use self::{portable::Portable, scalar::Scalar};

/// What there is to know of a lowering, without its type.
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

/// Vectors of `f32` and what can be done with them, lane by lane.
///
/// Every operation is correctly rounded to nearest, ties to even, and keeps subnormals, on every lowering; the exceptions are
/// stated at the operation. Where an operation returns NaN, its sign and payload are unspecified.
pub trait Simd: Copy + Debug + Send + Sync + 'static {
    /// A vector of [`LANES`](Self::LANES) numbers.
    type V: Copy + Debug;
    /// One truth value a lane.
    type M: Copy + Debug;

    /// Numbers in a vector; divides 16.
    const LANES: usize;
    /// Vectors that fit the register file; a kernel's tile is chosen from it.
    const REGISTERS: usize;
    /// Whether products also have micro-kernels for an A whose rows are adjacent, and for a B to be copied on the way: more code, and
    /// somewhat faster.
    const VARIANTS: bool;
    /// Whether [`mul_add`](Self::mul_add) rounds once. Where it does, every lowering returns the same bits.
    const FUSED: bool;

    /// The same, as a value.
    const LOWERING: Lowering =
        Lowering { lanes: Self::LANES, registers: Self::REGISTERS, fused: Self::FUSED, variants: Self::VARIANTS };

    /// Runs `f` with the lowering's target features on. To be entered once a block of work.
    fn vectorize<R>(self, f: impl FnOnce() -> R) -> R;

    /// The first `LANES` numbers of `source`.
    ///
    /// # Panics
    /// When there are fewer, in every build.
    fn load(self, source: &[f32]) -> Self::V;
    /// The first `LANES` numbers of `source`, or all of them followed by zeros when there are fewer.
    fn load_partial(self, source: &[f32]) -> Self::V;
    /// Writes the first `LANES` numbers of `target`.
    ///
    /// # Panics
    /// When there are fewer, in every build.
    fn store(self, v: Self::V, target: &mut [f32]);
    /// Writes the first `LANES` numbers of `target`, or all of them when there are fewer; nothing behind them.
    fn store_partial(self, v: Self::V, target: &mut [f32]);
    /// Asks for the cache line of the number `ahead` behind the start of `source`, which need not lie in the slice: only time can
    /// depend on it.
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
    /// `−a`, also of zeros and NaN: flips the sign bit.
    fn neg(self, a: Self::V) -> Self::V;
    /// `|a|`: clears the sign bit.
    fn abs(self, a: Self::V) -> Self::V;
    /// `a · b + c`, rounded once where [`FUSED`](Self::FUSED), else twice.
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `c − a · b`, rounded once where [`FUSED`](Self::FUSED), else twice.
    fn neg_mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `a < b ? a : b`: so `b` where either is NaN, and where both are zeros.
    fn min(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a > b ? a : b`: so `b` where either is NaN, and where both are zeros.
    fn max(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a`, an integer's value in `|a| ≤ 2²²` unless it is NaN, rounded to the nearest integer, ties to even.
    fn round_ties_even(self, a: Self::V) -> Self::V;
    /// `a · 2ⁿ` with one rounding, for an integer's value `|n| ≤ 250` and `½ ≤ |a| < 4`; any value for other `n`.
    fn mul_pow2(self, a: Self::V, n: Self::V) -> Self::V;

    /// `a < b`; false where either is NaN.
    fn less(self, a: Self::V, b: Self::V) -> Self::M;
    /// `a ≤ b`; false where either is NaN.
    fn less_equal(self, a: Self::V, b: Self::V) -> Self::M;
    /// `mask ? yes : no`
    fn select(self, mask: Self::M, yes: Self::V, no: Self::V) -> Self::V;
    /// `mask ? 0 : v`
    #[inline(always)]
    fn zero_where(self, mask: Self::M, v: Self::V) -> Self::V {
        self.select(mask, self.splat(0.0), v)
    }

    /// The sum of the lanes: the upper half is added to the lower until one lane remains.
    fn reduce_add(self, a: Self::V) -> f32;
    /// [`reduce_add`](Self::reduce_add) of each.
    #[inline(always)]
    fn reduce_add_quad(self, a: [Self::V; 4]) -> [f32; 4] {
        [self.reduce_add(a[0]), self.reduce_add(a[1]), self.reduce_add(a[2]), self.reduce_add(a[3])]
    }
    /// The first four columns of `LANES` rows: lane r of vector c is `source[r · stride + c]`.
    ///
    /// # Panics
    /// When the last of these elements does not lie in the slice, in every build.
    fn load_columns(self, source: &[f32], stride: usize) -> [Self::V; 4];
}

/// Adds `lanes` to `sum` in the order of [`Simd::reduce_add`].
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
