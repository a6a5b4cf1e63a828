//! Epilogues: the functions applied to finished sums before they are stored in C.

use crate::math::Activation;
use crate::simd::{Simd, View, ViewMut, each, vectors};
use core::ops::Range;

/// What happens to the finished sums of a product.
pub trait Epilogue: Copy + Send {
    /// The epilogue of the transposed product.
    fn t(self) -> Self;

    /// The epilogue of some rows and columns of the product.
    fn block(self, rows: Range<usize>, columns: Range<usize>) -> Self;

    /// What the product's loops see of it, if it changes the sums. The loops are compiled once per lowering, for all epilogues.
    fn sink<S: Simd>(&self) -> Option<&dyn Sink<S>>;
}

/// Takes finished sums.
pub trait Sink<S: Simd> {
    /// What it reads besides the sums, of the same shape.
    fn operand(&self) -> View<'_>;

    /// Finishes the sums in these rows and columns of C.
    fn finish(&self, simd: S, c: ViewMut<'_>, rows: Range<usize>, columns: Range<usize>);
}

/// Maps each sum, together with an operand's element.
pub trait Map: Copy + Send {
    /// Its operand besides the sums, of the same shape.
    fn operand(&self) -> View<'_>;

    /// The map of the transposed product.
    fn t(self) -> Self;

    /// The map of some rows and columns of the product.
    fn block(self, rows: Range<usize>, columns: Range<usize>) -> Self;

    /// Maps a vector of sums, with the operand's elements at the same position.
    fn map<S: Simd>(&self, simd: S, sums: S::V, operand: S::V) -> S::V;
}

impl<M: Map> Epilogue for M {
    fn t(self) -> Self {
        Map::t(self)
    }
    fn block(self, rows: Range<usize>, columns: Range<usize>) -> Self {
        Map::block(self, rows, columns)
    }
    fn sink<S: Simd>(&self) -> Option<&dyn Sink<S>> {
        Some(self)
    }
}

impl<S: Simd, M: Map> Sink<S> for M {
    fn operand(&self) -> View<'_> {
        Map::operand(self)
    }
    fn finish(&self, simd: S, c: ViewMut<'_>, rows: Range<usize>, columns: Range<usize>) {
        if c.has_contiguous_rows() {
            apply(simd, *self, c, rows, columns);
        } else {
            apply(simd, Map::t(*self), c.t(), columns, rows);
        }
    }
}

/// Stores the sums unchanged.
#[derive(Clone, Copy, Debug)]
pub struct Store;

impl Epilogue for Store {
    fn t(self) -> Self {
        self
    }
    fn block(self, _: Range<usize>, _: Range<usize>) -> Self {
        self
    }
    fn sink<S: Simd>(&self) -> Option<&dyn Sink<S>> {
        None
    }
}

/// `h(sum + bias[j])`
#[derive(Clone, Copy, Debug)]
pub struct BiasActivation<'a, H> {
    bias: View<'a>,
    activation: H,
}

/// `sum · h'(a)`, from `z = h(a)` at the same position.
#[derive(Clone, Copy, Debug)]
pub struct TimesDerivative<'a, H> {
    z: View<'a>,
    activation: H,
}

impl<'a, H: Activation> BiasActivation<'a, H> {
    /// Takes the bias, one element per column, or none, for a product of `rows` × `columns`.
    #[inline(always)]
    pub fn new(bias: Option<&'a [f32]>, rows: usize, columns: usize, activation: H) -> Self {
        // Adding −0 changes no sum, not even a −0.
        let bias = bias.map_or(View::constant(&-0.0, rows, columns), |bias| View::repeated_row(bias, rows));
        Self { bias, activation }
    }
}

impl<'a, H: Activation> TimesDerivative<'a, H> {
    /// Takes `z`, which has the shape of the product.
    #[inline(always)]
    pub fn new(z: View<'a>, activation: H) -> Self {
        Self { z, activation }
    }
}

impl<H: Activation> Map for BiasActivation<'_, H> {
    #[inline(always)]
    fn operand(&self) -> View<'_> {
        self.bias
    }
    #[inline(always)]
    fn t(self) -> Self {
        Self { bias: self.bias.t(), ..self }
    }
    #[inline(always)]
    fn block(self, rows: Range<usize>, columns: Range<usize>) -> Self {
        Self { bias: self.bias.block(rows, columns), ..self }
    }
    #[inline(always)]
    fn map<S: Simd>(&self, simd: S, sums: S::V, bias: S::V) -> S::V {
        self.activation.value(simd, simd.add(sums, bias))
    }
}

impl<H: Activation> Map for TimesDerivative<'_, H> {
    #[inline(always)]
    fn operand(&self) -> View<'_> {
        self.z
    }
    #[inline(always)]
    fn t(self) -> Self {
        Self { z: self.z.t(), ..self }
    }
    #[inline(always)]
    fn block(self, rows: Range<usize>, columns: Range<usize>) -> Self {
        Self { z: self.z.block(rows, columns), ..self }
    }
    #[inline(always)]
    fn map<S: Simd>(&self, simd: S, sums: S::V, z: S::V) -> S::V {
        self.activation.times_derivative(simd, sums, z)
    }
}

/// Applies the epilogue to finished sums, rows × columns of C.
fn apply<S: Simd, M: Map>(simd: S, map: M, c: ViewMut<'_>, rows: Range<usize>, columns: Range<usize>) {
    simd.vectorize(
        #[inline(always)]
        move || {
            let (count, width) = (rows.len(), columns.len());
            let c = c.block(rows.clone(), columns.clone()).into_rows();
            let operand = map.operand().block(rows, columns);
            if operand.col_stride() == 1 {
                each(
                    (c, operand.row_groups::<1>(0, count, width)),
                    #[inline(always)]
                    |(row, [operand])| map_row(simd, map, row, operand),
                );
            } else {
                let mut i = 0;
                each(
                    c,
                    #[inline(always)]
                    |row| {
                        for lanes in vectors(simd, width) {
                            let operand = operand.load(simd, i, lanes.clone());
                            let sums = &mut row[lanes];
                            simd.store_partial(map.map(simd, simd.load_partial(sums), operand), sums);
                        }
                        i += 1;
                    },
                );
            }
        },
    );
}

/// Maps one row of sums with the operand's row.
#[inline(always)]
fn map_row<S: Simd, M: Map>(simd: S, map: M, row: &mut [f32], operand: &[f32]) {
    let whole = row.len() / S::LANES * S::LANES;
    let (vectors, rest) = row.split_at_mut(whole);
    let (operands, other) = operand.split_at(whole);
    for (sums, operand) in vectors.chunks_exact_mut(S::LANES).zip(operands.chunks_exact(S::LANES)) {
        simd.store(map.map(simd, simd.load(sums), simd.load(operand)), sums);
    }
    if !rest.is_empty() {
        let sums = map.map(simd, simd.load_partial(rest), simd.load_partial(other));
        simd.store_partial(sums, rest);
    }
}
