//! Instruction sets: which ones exist, which ones this processor has, and how a kernel runs on one.

#[cfg(all(target_arch = "x86_64", not(lanegrad_portable_only)))]
use crate::simd::{Avx2, Avx512};
use crate::simd::{Lowering, Portable, Scalar, Simd};
use core::fmt;

/// An instruction set that this processor has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Isa {
    /// 16 lanes, AVX-512 F, BW, DQ and VL.
    #[cfg(all(target_arch = "x86_64", not(lanegrad_portable_only)))]
    Avx512(Avx512),
    /// 8 lanes, AVX2 and FMA.
    #[cfg(all(target_arch = "x86_64", not(lanegrad_portable_only)))]
    Avx2(Avx2),
    /// 8 lanes, with the vector instructions of the build's target.
    Portable(Portable),
    /// One lane.
    Scalar(Scalar),
}

/// A block of work, generic over the vocabulary.
pub trait Kernel {
    /// What the work returns.
    type Output;
    /// Does the work. Mark it `#[inline(always)]`, along with everything it calls with `simd`: see [`crate::simd`].
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

impl Isa {
    /// The names of all instruction sets of this build, best first.
    #[cfg(all(target_arch = "x86_64", not(lanegrad_portable_only)))]
    pub const NAMES: &'static [&'static str] = &["avx512", "avx2", "portable", "scalar"];
    /// The names of all instruction sets of this build, best first.
    #[cfg(not(all(target_arch = "x86_64", not(lanegrad_portable_only))))]
    pub const NAMES: &'static [&'static str] = &["portable", "scalar"];

    /// The instruction sets of this processor, best first. `portable` and `scalar` are always available.
    pub fn available() -> impl Iterator<Item = Self> + Clone {
        Self::available_with(&|_| true)
    }

    /// The instruction sets of a processor like this one but without the features for which `has` returns false, best first. Features
    /// are named as in `is_x86_feature_detected!`.
    pub fn available_with(has: &dyn Fn(&str) -> bool) -> impl Iterator<Item = Self> + Clone + use<> {
        #[cfg(all(target_arch = "x86_64", not(lanegrad_portable_only)))]
        let vectors = [Avx512::detect_with(has).map(Self::Avx512), Avx2::detect_with(has).map(Self::Avx2)];
        #[cfg(not(all(target_arch = "x86_64", not(lanegrad_portable_only))))]
        let (vectors, _) = ([None, None], has);
        vectors.into_iter().flatten().chain([Self::Portable(Portable), Self::Scalar(Scalar)])
    }

    /// The best instruction set of this processor.
    pub fn detect() -> Self {
        Self::available().next().expect("the portable lowering is always available")
    }

    /// The instruction set named `name`, if this processor has it.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::available().find(|isa| isa.name() == name)
    }

    /// The name: `avx512`, `avx2`, `portable` or `scalar`.
    pub fn name(self) -> &'static str {
        match self {
            #[cfg(all(target_arch = "x86_64", not(lanegrad_portable_only)))]
            Self::Avx512(_) => "avx512",
            #[cfg(all(target_arch = "x86_64", not(lanegrad_portable_only)))]
            Self::Avx2(_) => "avx2",
            Self::Portable(_) => "portable",
            Self::Scalar(_) => "scalar",
        }
    }

    /// The properties that plans depend on.
    #[inline]
    pub fn lowering(self) -> Lowering {
        const fn of<S: Simd>(_: S) -> Lowering {
            S::LOWERING
        }
        match self {
            #[cfg(all(target_arch = "x86_64", not(lanegrad_portable_only)))]
            Self::Avx512(simd) => of(simd),
            #[cfg(all(target_arch = "x86_64", not(lanegrad_portable_only)))]
            Self::Avx2(simd) => of(simd),
            Self::Portable(simd) => of(simd),
            Self::Scalar(simd) => of(simd),
        }
    }

    /// Runs `kernel` on this instruction set. Call it once per public operation, never in a loop over tiles.
    #[inline]
    pub fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self {
            #[cfg(all(target_arch = "x86_64", not(lanegrad_portable_only)))]
            Self::Avx512(simd) => run(simd, kernel),
            #[cfg(all(target_arch = "x86_64", not(lanegrad_portable_only)))]
            Self::Avx2(simd) => run(simd, kernel),
            Self::Portable(simd) => run(simd, kernel),
            Self::Scalar(simd) => run(simd, kernel),
        }
    }
}

/// Runs `kernel` with the lowering's target features enabled.
#[inline(always)]
fn run<S: Simd, K: Kernel>(simd: S, kernel: K) -> K::Output {
    simd.vectorize(
        #[inline(always)]
        || kernel.run(simd),
    )
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
