//! Sixteen lanes: AVX-512 F, BW, DQ and VL (Skylake-SP, Zen 4, and later).

use super::super::{Simd, View};
use super::{prefetch, reduce_add_eight};
use core::arch::x86_64::*;

/// The lowering's features, as an attribute on the item and as a condition at run time: a single list. Every such processor has AVX2
/// and FMA. Naming them lets the compiler use their shorter encodings.
macro_rules! features {
    (#[enable] $($item:tt)*) => {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")] $($item)*
    };
    (detect $has:expr) => { detected!($has, "avx512f", "avx512bw", "avx512dq", "avx512vl", "avx2", "fma") };
}

token! {
    /// Proof that the processor has AVX-512 F, BW, DQ and VL.
    Avx512
}

/// A mask of the first `count ≤ 16` lanes.
#[inline(always)]
fn prefix(count: usize) -> __mmask16 {
    ((1_u32 << count) - 1) as __mmask16
}

impl Simd for Avx512 {
    type V = __m512;
    type M = __mmask16;
    const LANES: usize = 16;
    const REGISTERS: usize = 32;
    const VARIANTS: bool = true;
    const FUSED: bool = true;

    operations! {
        load(source: &[f32]) -> __m512 {
            let source: &[f32; 16] = source.first_chunk().expect("load: the slice is shorter than a vector");
            // SAFETY: the array has sixteen elements; their alignment does not matter.
            unsafe { _mm512_loadu_ps(source.as_ptr()) }
        }
        load_partial(source: &[f32]) -> __m512 {
            // SAFETY: only the lanes inside `source` are read. No alignment is needed.
            unsafe { _mm512_maskz_loadu_ps(prefix(source.len().min(16)), source.as_ptr()) }
        }
        store(v: __m512, target: &mut [f32]) {
            let target: &mut [f32; 16] = target.first_chunk_mut().expect("store: the slice is shorter than a vector");
            // SAFETY: the array has sixteen elements; their alignment does not matter.
            unsafe { _mm512_storeu_ps(target.as_mut_ptr(), v) }
        }
        store_partial(v: __m512, target: &mut [f32]) {
            // SAFETY: only the lanes inside `target` are written. No alignment is needed.
            unsafe { _mm512_mask_storeu_ps(target.as_mut_ptr(), prefix(target.len().min(16)), v) }
        }
        splat(x: f32) -> __m512 { _mm512_set1_ps(x) }

        add(a: __m512, b: __m512) -> __m512 { _mm512_add_ps(a, b) }
        sub(a: __m512, b: __m512) -> __m512 { _mm512_sub_ps(a, b) }
        mul(a: __m512, b: __m512) -> __m512 { _mm512_mul_ps(a, b) }
        div(a: __m512, b: __m512) -> __m512 { _mm512_div_ps(a, b) }
        sqrt(a: __m512) -> __m512 { _mm512_sqrt_ps(a) }
        neg(a: __m512) -> __m512 { _mm512_xor_ps(a, _mm512_set1_ps(-0.0)) }
        abs(a: __m512) -> __m512 { _mm512_andnot_ps(_mm512_set1_ps(-0.0), a) }
        mul_add(a: __m512, b: __m512, c: __m512) -> __m512 { _mm512_fmadd_ps(a, b, c) }
        neg_mul_add(a: __m512, b: __m512, c: __m512) -> __m512 { _mm512_fnmadd_ps(a, b, c) }
        min(a: __m512, b: __m512) -> __m512 { _mm512_min_ps(a, b) }
        max(a: __m512, b: __m512) -> __m512 { _mm512_max_ps(a, b) }
        round_ties_even(a: __m512) -> __m512 {
            _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a)
        }
        mul_pow2(a: __m512, n: __m512) -> __m512 { _mm512_scalef_ps(a, n) }

        less(a: __m512, b: __m512) -> __mmask16 { _mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b) }
        less_equal(a: __m512, b: __m512) -> __mmask16 { _mm512_cmp_ps_mask::<_CMP_LE_OQ>(a, b) }
        select(mask: __mmask16, yes: __m512, no: __m512) -> __m512 { _mm512_mask_blend_ps(mask, no, yes) }

        reduce_add(a: __m512) -> f32 {
            reduce_add_eight(_mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps::<1>(a)))
        }
        load_columns(rows: View<'_>) -> [__m512; 4] {
            // Once, so that the checks of the rows are constants.
            assert!(rows.rows() >= 16 && rows.cols() >= 4 && rows.col_stride() == 1, "load_columns: not sixteen rows of four");
            macro_rules! rows {
                ($r:literal) => {
                    // SAFETY: each row has four elements; their alignment does not matter.
                    unsafe {
                        let v = _mm512_castps128_ps512(_mm_loadu_ps(rows.row($r, 0..4).as_ptr()));
                        let v = _mm512_insertf32x4::<1>(v, _mm_loadu_ps(rows.row($r + 4, 0..4).as_ptr()));
                        let v = _mm512_insertf32x4::<2>(v, _mm_loadu_ps(rows.row($r + 8, 0..4).as_ptr()));
                        _mm512_insertf32x4::<3>(v, _mm_loadu_ps(rows.row($r + 12, 0..4).as_ptr()))
                    }
                };
            }
            let (a, b, c, d) = (rows!(0), rows!(1), rows!(2), rows!(3));
            let (low, high) = (_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
            let (next_low, next_high) = (_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
            [
                _mm512_shuffle_ps::<0b01_00_01_00>(low, next_low),
                _mm512_shuffle_ps::<0b11_10_11_10>(low, next_low),
                _mm512_shuffle_ps::<0b01_00_01_00>(high, next_high),
                _mm512_shuffle_ps::<0b11_10_11_10>(high, next_high),
            ]
        }
    }
}
