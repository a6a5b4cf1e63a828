//! The lowerings for x86-64, and what they share.

/// Whether this processor has all these features, and `has` returns true for each.
macro_rules! detected {
    ($has:expr, $($feature:tt),*) => { $(is_x86_feature_detected!($feature) && $has($feature))&&* };
}

/// Defines a lowering's token. The file's `features!` has the lowering's features, as an attribute on the item and as a condition at run
/// time: a single list.
macro_rules! token {
    ($(#[$documentation:meta])* $name:ident) => {
        $(#[$documentation])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name(());

        impl $name {
            /// The token, if this processor has the features and `has` returns true for each.
            pub fn detect_with(has: &dyn Fn(&str) -> bool) -> Option<Self> {
                features!(detect has).then_some(Self(()))
            }
        }
    };
}

/// Each operation is a function with the features enabled. Its wrapper holds the token and is always inlined.
macro_rules! operations {
    ($($name:ident($($arg:ident: $type:ty),*) $(-> $result:ty)? $body:block)*) => {
        #[inline(always)]
        fn vectorize<R>(self, f: impl FnOnce() -> R) -> R {
            features! { #[enable] #[inline] fn inner<R>(f: impl FnOnce() -> R) -> R { f() } }
            // SAFETY: `self` exists only if `detect_with` found the features.
            unsafe { inner(f) }
        }
        #[inline(always)]
        fn prefetch(self, source: &[f32], ahead: usize) {
            prefetch(source, ahead);
        }
        $(
            #[inline(always)]
            fn $name(self, $($arg: $type),*) $(-> $result)? {
                features! { #[enable] #[inline] fn inner($($arg: $type),*) $(-> $result)? $body }
                // SAFETY: `self` exists only if `detect_with` found the features.
                unsafe { inner($($arg),*) }
            }
        )*
    };
}

mod avx2;
mod avx512;

pub use self::avx2::Avx2;
pub use self::avx512::Avx512;

use core::arch::x86_64::*;

#[inline(always)]
fn prefetch(source: &[f32], ahead: usize) {
    // SAFETY: a prefetch accepts any address, of any alignment.
    #[allow(unused_unsafe, reason = "needed in the oldest Rust that is supported")]
    unsafe {
        _mm_prefetch::<_MM_HINT_T0>(source.as_ptr().wrapping_add(ahead).cast());
    }
}

/// The sum of eight lanes. The upper half is added to the lower half until one lane remains.
#[target_feature(enable = "avx2,fma")]
#[inline]
fn reduce_add_eight(a: __m256) -> f32 {
    let four = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps::<1>(a));
    let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps::<1>(two, two)))
}
