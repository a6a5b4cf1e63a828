//! Eight lanes: AVX2 and FMA (Haswell, Zen, and later).

use super::super::{Simd, View};
use super::{prefetch, reduce_add_eight};
use core::arch::x86_64::*;

/// The lowering's features, as an attribute on the item and as a condition at run time: a single list.
macro_rules! features {
    (#[enable] $($item:tt)*) => { #[target_feature(enable = "avx2,fma")] $($item)* };
    (detect $has:expr) => { detected!($has, "avx2", "fma") };
}

token! {
    /// Proof that the processor has AVX2 and FMA.
    Avx2
}

/// Eight entries of −1, then eight zeros: `PREFIX[8 − n..]` starts with a mask of n lanes.
static PREFIX: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];

impl Simd for Avx2 {
    type V = __m256;
    type M = __m256;
    const LANES: usize = 8;
    const REGISTERS: usize = 16;
    const VARIANTS: bool = true;
    const FUSED: bool = true;

    operations! {
        load(source: &[f32]) -> __m256 {
            let source: &[f32; 8] = source.first_chunk().expect("load: the slice is shorter than a vector");
            // SAFETY: the array has eight elements; their alignment does not matter.
            unsafe { _mm256_loadu_ps(source.as_ptr()) }
        }
        load_partial(source: &[f32]) -> __m256 {
            let count = source.len();
            if count >= 8 {
                // SAFETY: there are eight elements; their alignment does not matter.
                return unsafe { _mm256_loadu_ps(source.as_ptr()) };
            }
            let mask: &[i32; 8] = PREFIX[8 - count..].first_chunk().expect("count is below 8");
            // SAFETY: the mask has eight elements. Only lanes below `count` are read, which lie inside `source`. Neither needs any
            // alignment.
            unsafe { _mm256_maskload_ps(source.as_ptr(), _mm256_loadu_si256(mask.as_ptr().cast())) }
        }
        store(v: __m256, target: &mut [f32]) {
            let target: &mut [f32; 8] = target.first_chunk_mut().expect("store: the slice is shorter than a vector");
            // SAFETY: the array has eight elements; their alignment does not matter.
            unsafe { _mm256_storeu_ps(target.as_mut_ptr(), v) }
        }
        // In steps of 8, 4, 2 and 1: a masked store takes seven times as long on Zen 4.
        store_partial(v: __m256, target: &mut [f32]) {
            let count = target.len();
            let mut target = target.as_mut_ptr();
            // SAFETY: each step writes as many elements as the bit of `count` that it tests stands for, and advances by that number.
            // `_mm_store_ss` needs the alignment of an `f32`, which every element has. The other stores need none.
            unsafe {
                if count >= 8 {
                    return _mm256_storeu_ps(target, v);
                }
                let mut rest = _mm256_castps256_ps128(v);
                if count & 4 != 0 {
                    _mm_storeu_ps(target, rest);
                    rest = _mm256_extractf128_ps::<1>(v);
                    target = target.add(4);
                }
                if count & 2 != 0 {
                    // Not `_mm_storel_pd`, which needs the alignment of an `f64`.
                    _mm_storel_epi64(target.cast(), _mm_castps_si128(rest));
                    rest = _mm_movehl_ps(rest, rest);
                    target = target.add(2);
                }
                if count & 1 != 0 {
                    _mm_store_ss(target, rest);
                }
            }
        }
        splat(x: f32) -> __m256 { _mm256_set1_ps(x) }

        add(a: __m256, b: __m256) -> __m256 { _mm256_add_ps(a, b) }
        sub(a: __m256, b: __m256) -> __m256 { _mm256_sub_ps(a, b) }
        mul(a: __m256, b: __m256) -> __m256 { _mm256_mul_ps(a, b) }
        div(a: __m256, b: __m256) -> __m256 { _mm256_div_ps(a, b) }
        sqrt(a: __m256) -> __m256 { _mm256_sqrt_ps(a) }
        neg(a: __m256) -> __m256 { _mm256_xor_ps(a, _mm256_set1_ps(-0.0)) }
        abs(a: __m256) -> __m256 { _mm256_andnot_ps(_mm256_set1_ps(-0.0), a) }
        mul_add(a: __m256, b: __m256, c: __m256) -> __m256 { _mm256_fmadd_ps(a, b, c) }
        neg_mul_add(a: __m256, b: __m256, c: __m256) -> __m256 { _mm256_fnmadd_ps(a, b, c) }
        min(a: __m256, b: __m256) -> __m256 { _mm256_min_ps(a, b) }
        max(a: __m256, b: __m256) -> __m256 { _mm256_max_ps(a, b) }
        round_ties_even(a: __m256) -> __m256 {
            _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a)
        }
        // Two factors, because 2ⁿ itself may be out of range. The first product is exact.
        mul_pow2(a: __m256, n: __m256) -> __m256 {
            let n = _mm256_cvtps_epi32(n);
            let half = _mm256_srai_epi32::<1>(n);
            let bias = _mm256_set1_epi32(127);
            let first = _mm256_slli_epi32::<23>(_mm256_add_epi32(half, bias));
            let second = _mm256_slli_epi32::<23>(_mm256_add_epi32(_mm256_sub_epi32(n, half), bias));
            _mm256_mul_ps(_mm256_mul_ps(a, _mm256_castsi256_ps(first)), _mm256_castsi256_ps(second))
        }

        less(a: __m256, b: __m256) -> __m256 { _mm256_cmp_ps::<_CMP_LT_OQ>(a, b) }
        less_equal(a: __m256, b: __m256) -> __m256 { _mm256_cmp_ps::<_CMP_LE_OQ>(a, b) }
        select(mask: __m256, yes: __m256, no: __m256) -> __m256 { _mm256_blendv_ps(no, yes, mask) }
        // LLVM turns a select whose result is stored where `v` was loaded from into a masked store, which takes 18 operations on Zen 3.
        zero_where(mask: __m256, v: __m256) -> __m256 { _mm256_andnot_ps(mask, v) }

        reduce_add(a: __m256) -> f32 {
            reduce_add_eight(a)
        }
        reduce_add_quad(a: [__m256; 4]) -> [f32; 4] {
            let [a, b, c, d] = a;
            // The four lanes of a and, in the upper half, of b.
            let ab = _mm256_add_ps(_mm256_permute2f128_ps::<0x20>(a, b), _mm256_permute2f128_ps::<0x31>(a, b));
            let cd = _mm256_add_ps(_mm256_permute2f128_ps::<0x20>(c, d), _mm256_permute2f128_ps::<0x31>(c, d));
            // Two lanes of a and of c and, in the upper half, of b and of d.
            let low = _mm256_shuffle_ps::<0b01_00_01_00>(ab, cd);
            let two = _mm256_add_ps(low, _mm256_shuffle_ps::<0b11_10_11_10>(ab, cd));
            let one = _mm256_add_ps(two, _mm256_movehdup_ps(two));
            let (ac, bd) = (_mm256_castps256_ps128(one), _mm256_extractf128_ps::<1>(one));
            // a, c, b and d, each in an even lane.
            let sums = _mm_shuffle_ps::<0b10_00_10_00>(ac, bd);
            let sums = _mm_shuffle_ps::<0b11_01_10_00>(sums, sums);
            let mut array = [0.0; 4];
            // SAFETY: the array has four elements; their alignment does not matter.
            unsafe { _mm_storeu_ps(array.as_mut_ptr(), sums) };
            array
        }
        load_columns(rows: View<'_>) -> [__m256; 4] {
            // Once, so that the checks of the rows are constants.
            assert!(rows.rows() >= 8 && rows.cols() >= 4 && rows.col_stride() == 1, "load_columns: not eight rows of four");
            macro_rules! rows {
                ($r:literal) => {
                    // SAFETY: each row has four elements; their alignment does not matter.
                    unsafe {
                        let low = _mm256_castps128_ps256(_mm_loadu_ps(rows.row($r, 0..4).as_ptr()));
                        _mm256_insertf128_ps::<1>(low, _mm_loadu_ps(rows.row($r + 4, 0..4).as_ptr()))
                    }
                };
            }
            let (a, b, c, d) = (rows!(0), rows!(1), rows!(2), rows!(3));
            let (low, high) = (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
            let (next_low, next_high) = (_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
            [
                _mm256_shuffle_ps::<0b01_00_01_00>(low, next_low),
                _mm256_shuffle_ps::<0b11_10_11_10>(low, next_low),
                _mm256_shuffle_ps::<0b01_00_01_00>(high, next_high),
                _mm256_shuffle_ps::<0b11_10_11_10>(high, next_high),
            ]
        }
    }
}
