//! Losses of a mini-batch of m rows. Each computes its delta `∂L/∂a` in the same pass over the outputs.

use crate::simd::Simd;

mod softmax_cross_entropy;
mod squared_error;

pub use self::softmax_cross_entropy::SoftmaxCrossEntropy;
pub use self::squared_error::SquaredError;

/// The largest element of a row. NaN may be ignored.
#[inline(always)]
fn row_max<S: Simd>(simd: S, row: &[f32]) -> f32 {
    let (chunks, rest) = row.split_at(row.len() / S::LANES * S::LANES);
    let mut max = simd.splat(f32::NEG_INFINITY);
    for chunk in chunks.chunks_exact(S::LANES) {
        max = simd.max(simd.load(chunk), max);
    }
    let mut lanes = [f32::NEG_INFINITY; 16];
    simd.store(max, &mut lanes);
    rest.iter().chain(&lanes).copied().fold(f32::NEG_INFINITY, f32::max)
}
