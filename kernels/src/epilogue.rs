//! What happens to finished sums before they are left in C.

use crate::math::Activation;
use crate::simd::Simd;
use crate::view::View;
use core::marker::PhantomData;
use core::ops::Range;

/// Maps the finished sums of a product to what is stored.
pub trait Epilogue: Copy {
    /// Whether it changes anything.
    const CHANGES: bool = true;

    /// The sums of row `i` in `columns`, at most a vector of them; lanes behind them are ignored.
    fn apply<S: Simd>(&self, simd: S, sums: S::V, i: usize, columns: Range<usize>) -> S::V;
}

/// Stores the sums as they are.
#[derive(Clone, Copy, Debug)]
pub struct Store;

/// `h(sum + bias[j])`
#[derive(Clone, Copy, Debug)]
pub struct BiasActivation<'a, H> {
    bias: Option<&'a [f32]>,
    activation: PhantomData<H>,
}

/// `sum · h'(a)`, from `z = h(a)` at the same place.
#[derive(Clone, Copy, Debug)]
pub struct TimesDerivative<'a, H> {
    z: View<'a>,
    activation: PhantomData<H>,
}

impl<'a, H: Activation> BiasActivation<'a, H> {
    /// A bias a column, or none.
    pub fn new(bias: Option<&'a [f32]>, _: H) -> Self {
        Self { bias, activation: PhantomData }
    }
}

impl<'a, H: Activation> TimesDerivative<'a, H> {
    /// `z` has the shape of the product.
    pub fn new(z: View<'a>, _: H) -> Self {
        Self { z, activation: PhantomData }
    }
}

impl Epilogue for Store {
    const CHANGES: bool = false;

    #[inline(always)]
    fn apply<S: Simd>(&self, _: S, sums: S::V, _: usize, _: Range<usize>) -> S::V {
        sums
    }
}

impl<H: Activation> Epilogue for BiasActivation<'_, H> {
    #[inline(always)]
    fn apply<S: Simd>(&self, simd: S, sums: S::V, _row: usize, columns: Range<usize>) -> S::V {
        match sabotage!(self.bias, 10 => None) {
            Some(bias) => {
                let bias = sabotage!(simd.load_partial(&bias[columns]), 12 => simd.splat(bias[_row % bias.len()]));
                H::value(simd, simd.add(sums, bias))
            }
            None => H::value(simd, sums),
        }
    }
}

impl<H: Activation> Epilogue for TimesDerivative<'_, H> {
    #[inline(always)]
    fn apply<S: Simd>(&self, simd: S, sums: S::V, i: usize, columns: Range<usize>) -> S::V {
        H::times_derivative(simd, sums, self.z.load(simd, i, columns))
    }
}

/// Sends finished sums, rows × columns of C, through the epilogue.
pub(crate) fn apply<S: Simd, E: Epilogue>(
    simd: S,
    epilogue: E,
    c: &mut [f32],
    c_stride: usize,
    rows: Range<usize>,
    columns: Range<usize>,
) {
    simd.vectorize(
        #[inline(always)]
        move || {
            let whole = columns.len() / S::LANES * S::LANES;
            for i in rows {
                let (vectors, rest) = c[i * c_stride..][columns.clone()].split_at_mut(whole);
                let mut at = columns.start;
                for vector in vectors.chunks_exact_mut(S::LANES) {
                    simd.store(epilogue.apply(simd, simd.load(vector), i, at..at + S::LANES), vector);
                    at += S::LANES;
                }
                if !rest.is_empty() {
                    let sums = simd.load_partial(rest);
                    simd.store_partial(epilogue.apply(simd, sums, i, at..at + rest.len()), rest);
                }
            }
        },
    );
}
