//! Epilogues: the functions applied to finished sums before they are stored in C.

use crate::math::Activation;
use crate::simd::{DisjointMut, Simd, Strided, each};
use crate::view::View;
use core::ops::Range;

/// Maps the finished sums of a product to what is stored.
pub trait Epilogue: Copy {
    /// Whether it changes the sums.
    const CHANGES: bool = true;

    /// Its operand besides the sums, of the same shape.
    fn operand(&self) -> Option<View<'_>>;

    /// Maps a vector of sums, with the operand's elements at the same position if there is an operand.
    fn map<S: Simd>(&self, simd: S, sums: S::V, operand: Option<S::V>) -> S::V;

    /// Maps the sums of row `i` in `columns`, at most one vector. Lanes after the last column are ignored.
    #[inline(always)]
    fn apply<S: Simd>(&self, simd: S, sums: S::V, i: usize, columns: Range<usize>) -> S::V {
        match Epilogue::operand(self) {
            Some(operand) => self.map(simd, sums, Some(operand.load(simd, i, columns))),
            None => self.map(simd, sums, None),
        }
    }
}

/// What the products' loops see of an epilogue. The loops are compiled once per lowering, for all epilogues.
pub(crate) trait Sink<S: Simd> {
    /// See [`Epilogue::operand`].
    fn operand(&self) -> Option<View<'_>>;

    /// Applies the epilogue to finished sums, rows × columns of C.
    fn finish(&self, simd: S, c: &mut [f32], c_stride: usize, rows: Range<usize>, columns: Range<usize>);
}

impl<S: Simd, E: Epilogue> Sink<S> for E {
    fn operand(&self) -> Option<View<'_>> {
        Epilogue::operand(self)
    }
    fn finish(&self, simd: S, c: &mut [f32], c_stride: usize, rows: Range<usize>, columns: Range<usize>) {
        apply(simd, *self, c, c_stride, rows, columns);
    }
}

/// Stores the sums unchanged.
#[derive(Clone, Copy, Debug)]
pub struct Store;

/// `h(sum + bias[j])`
#[derive(Clone, Copy, Debug)]
pub struct BiasActivation<'a, H> {
    bias: Option<&'a [f32]>,
    activation: H,
}

/// `sum · h'(a)`, from `z = h(a)` at the same position.
#[derive(Clone, Copy, Debug)]
pub struct TimesDerivative<'a, H> {
    z: View<'a>,
    activation: H,
}

impl<'a, H: Activation> BiasActivation<'a, H> {
    /// Takes the bias, one element per column, or none.
    pub fn new(bias: Option<&'a [f32]>, activation: H) -> Self {
        Self { bias, activation }
    }
}

impl<'a, H: Activation> TimesDerivative<'a, H> {
    /// Takes `z`, which has the shape of the product.
    pub fn new(z: View<'a>, activation: H) -> Self {
        Self { z, activation }
    }
}

impl Epilogue for Store {
    const CHANGES: bool = false;

    #[inline(always)]
    fn operand(&self) -> Option<View<'_>> {
        None
    }
    #[inline(always)]
    fn map<S: Simd>(&self, _: S, sums: S::V, _: Option<S::V>) -> S::V {
        sums
    }
}

impl<H: Activation> Epilogue for BiasActivation<'_, H> {
    #[inline(always)]
    fn operand(&self) -> Option<View<'_>> {
        // The same for every row.
        Some(View { data: self.bias?, row_stride: 0, col_stride: 1 })
    }
    #[inline(always)]
    fn map<S: Simd>(&self, simd: S, sums: S::V, bias: Option<S::V>) -> S::V {
        match bias {
            Some(bias) => self.activation.value(simd, simd.add(sums, bias)),
            None => self.activation.value(simd, sums),
        }
    }
}

impl<H: Activation> Epilogue for TimesDerivative<'_, H> {
    #[inline(always)]
    fn operand(&self) -> Option<View<'_>> {
        Some(self.z)
    }
    #[inline(always)]
    fn map<S: Simd>(&self, simd: S, sums: S::V, z: Option<S::V>) -> S::V {
        match z {
            Some(z) => self.activation.times_derivative(simd, sums, z),
            None => sums,
        }
    }
}

/// Applies the epilogue to finished sums, rows × columns of C.
fn apply<S: Simd, E: Epilogue>(
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
            let (count, width) = (rows.len(), columns.len());
            if count == 0 || width == 0 {
                return;
            }
            let c = DisjointMut::new(&mut c[rows.start * c_stride + columns.start..], count, width, c_stride);
            match Epilogue::operand(&epilogue) {
                Some(View { data, row_stride, col_stride: 1 }) => {
                    let operand = &data[rows.start * row_stride + columns.start..];
                    each(
                        (c, Strided::new(operand, count, width, row_stride).groups::<1>(0, count)),
                        #[inline(always)]
                        |(row, [operand])| map_row(simd, epilogue, row, operand),
                    );
                }
                _ => {
                    let mut i = rows.start;
                    each(
                        c,
                        #[inline(always)]
                        |row| {
                            let mut from = columns.start;
                            for sums in row.chunks_mut(S::LANES) {
                                let all = from..from + sums.len();
                                simd.store_partial(epilogue.apply(simd, simd.load_partial(sums), i, all), sums);
                                from += S::LANES;
                            }
                            i += 1;
                        },
                    );
                }
            }
        },
    );
}

/// Maps one row of sums with the operand's row.
#[inline(always)]
fn map_row<S: Simd, E: Epilogue>(simd: S, epilogue: E, row: &mut [f32], operand: &[f32]) {
    let whole = row.len() / S::LANES * S::LANES;
    let (vectors, rest) = row.split_at_mut(whole);
    let (operands, other) = operand.split_at(whole);
    for (sums, operand) in vectors.chunks_exact_mut(S::LANES).zip(operands.chunks_exact(S::LANES)) {
        simd.store(epilogue.map(simd, simd.load(sums), Some(simd.load(operand))), sums);
    }
    if !rest.is_empty() {
        let sums = epilogue.map(simd, simd.load_partial(rest), Some(simd.load_partial(other)));
        simd.store_partial(sums, rest);
    }
}
