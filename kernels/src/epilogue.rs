//! Epilogues: the functions applied to finished sums before they are stored in C.

use crate::math::Activation;
use crate::simd::{Row, Simd, Slices, View, ViewMut, each, zip};
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

/// An epilogue that maps each sum, together with an operand's element at the same position.
#[derive(Clone, Copy, Debug)]
pub struct Fused<'a, F> {
    /// It has the shape of the product.
    operand: View<'a>,
    map: F,
}

/// A lane function of a sum and an operand's element.
pub trait MapSums: Copy + Send {
    /// Returns what is stored.
    fn apply<S: Simd>(self, simd: S, sums: S::V, operand: S::V) -> S::V;
}

impl<F: MapSums> Epilogue for Fused<'_, F> {
    fn t(self) -> Self {
        Self { operand: self.operand.t(), ..self }
    }
    fn block(self, rows: Range<usize>, columns: Range<usize>) -> Self {
        Self { operand: self.operand.block(rows, columns), ..self }
    }
    fn sink<S: Simd>(&self) -> Option<&dyn Sink<S>> {
        Some(self)
    }
}

impl<S: Simd, F: MapSums> Sink<S> for Fused<'_, F> {
    fn operand(&self) -> View<'_> {
        self.operand
    }
    fn finish(&self, simd: S, c: ViewMut<'_>, rows: Range<usize>, columns: Range<usize>) {
        if c.has_contiguous_rows() {
            self.run(simd, c, rows, columns);
        } else {
            self.t().run(simd, c.t(), columns, rows);
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
pub struct BiasActivation<H>(H);

/// `sum · h'(a)`, from `z = h(a)` at the same position.
#[derive(Clone, Copy, Debug)]
pub struct TimesDerivative<H>(H);

impl<H: Activation> MapSums for BiasActivation<H> {
    #[inline(always)]
    fn apply<S: Simd>(self, simd: S, sums: S::V, bias: S::V) -> S::V {
        self.0.value(simd, simd.add(sums, bias))
    }
}

impl<H: Activation> MapSums for TimesDerivative<H> {
    #[inline(always)]
    fn apply<S: Simd>(self, simd: S, sums: S::V, z: S::V) -> S::V {
        self.0.times_derivative(simd, sums, z)
    }
}

impl<'a, H: Activation> Fused<'a, BiasActivation<H>> {
    /// Takes the bias, one element per column, or none, for a product of `rows` × `columns`.
    #[inline(always)]
    pub fn bias_activation(bias: Option<&'a [f32]>, rows: usize, columns: usize, activation: H) -> Self {
        // Adding −0 changes no sum, not even a −0.
        let operand = bias.map_or(View::constant(&-0.0, rows, columns), |bias| View::repeated_row(bias, rows));
        Self { operand, map: BiasActivation(activation) }
    }
}

impl<'a, H: Activation> Fused<'a, TimesDerivative<H>> {
    /// Takes `z`, which has the shape of the product.
    #[inline(always)]
    pub fn times_derivative(z: View<'a>, activation: H) -> Self {
        Self { operand: z, map: TimesDerivative(activation) }
    }
}

impl<F: MapSums> Fused<'_, F> {
    /// Maps the sums in these rows and columns of C, whose rows are contiguous.
    fn run<S: Simd>(self, simd: S, c: ViewMut<'_>, rows: Range<usize>, columns: Range<usize>) {
        simd.vectorize(
            #[inline(always)]
            move || {
                let Self { operand, map } = self;
                let (count, width) = (rows.len(), columns.len());
                let c = c.block(rows.clone(), columns.clone()).into_rows();
                let operand = operand.block(rows, columns);
                if operand.col_stride() == 1 {
                    each(
                        (c, operand.row_groups::<1>(0, count, width)),
                        #[inline(always)]
                        |(sums, [operand])| map_row(simd, map, sums, operand),
                    );
                } else {
                    let mut i = 0;
                    each(
                        c,
                        #[inline(always)]
                        |sums| {
                            map_row(simd, map, sums, Row(operand, i));
                            i += 1;
                        },
                    );
                }
            },
        );
    }
}

/// Maps one row of sums with the operand's row.
#[inline(always)]
fn map_row<S: Simd, F: MapSums>(
    simd: S,
    map: F,
    sums: &mut [f32],
    operand: impl Slices<Read<S> = S::V, Written<S> = ()>,
) {
    zip::<1, _, _>(
        simd,
        sums.len(),
        (sums, operand),
        #[inline(always)]
        |_, (sums, operand)| (map.apply(simd, sums, operand), ()),
    );
}
