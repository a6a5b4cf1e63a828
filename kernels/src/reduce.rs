//! Sums in a fixed order.
//!
//! There are sixteen running sums on every lowering: element e is added to sum e mod 16. At the end the upper half is added to the
//! lower half until one sum remains. So the bits are the same for every vector length.

use crate::isa::Kernel;
use crate::simd::{Simd, View, vectors, zip};
use crate::threads::{Split, first_part};

/// The number of elements summed in `f32` before the sum is added to an `f64`. The longest chain is 256 + 4 additions.
const BLOCK: usize = 4096;

/// Sixteen running sums in `16 / LANES` vectors.
#[derive(Clone, Copy, Debug)]
pub struct Sum<S: Simd> {
    simd: S,
    parts: [S::V; 16],
}

impl<S: Simd> Sum<S> {
    const PARTS: usize = 16 / S::LANES;

    /// Starts with sixteen zeros.
    #[inline(always)]
    pub fn new(simd: S) -> Self {
        Self { simd, parts: [simd.splat(0.0); 16] }
    }

    /// Adds vector `index` of the sequence.
    #[inline(always)]
    pub fn add(&mut self, index: usize, v: S::V) {
        let part = &mut self.parts[index % Self::PARTS];
        *part = self.simd.add(*part, v);
    }

    /// Adds a slice. The sequence starts at its first element.
    #[inline(always)]
    pub fn add_slice(&mut self, x: &[f32]) {
        zip::<16, _, _>(
            self.simd,
            x.len(),
            x,
            #[inline(always)]
            |index, x| self.add(index, x),
        );
    }

    /// Adds `a·b` for vector `index` of the sequence.
    #[inline(always)]
    pub fn add_product(&mut self, index: usize, a: S::V, b: S::V) {
        let part = &mut self.parts[index % Self::PARTS];
        *part = self.simd.mul_add(a, b, *part);
    }

    /// Returns the total.
    #[inline(always)]
    pub fn total(self) -> f32 {
        self.simd.reduce_add(self.one_vector())
    }

    /// The totals of several.
    #[inline(always)]
    pub fn totals(sums: &[Self], totals: &mut [f32]) {
        let (quads, rest) = sums.as_chunks::<4>();
        let (quad_totals, rest_totals) = totals.as_chunks_mut::<4>();
        for ([a, b, c, d], totals) in quads.iter().zip(quad_totals) {
            *totals = a.simd.reduce_add_quad([a.one_vector(), b.one_vector(), c.one_vector(), d.one_vector()]);
        }
        for (sum, total) in rest.iter().zip(rest_totals) {
            *total = sum.total();
        }
    }

    /// The upper half of the vectors is added to the lower half until one remains.
    #[inline(always)]
    fn one_vector(mut self) -> S::V {
        let mut half = Self::PARTS / 2;
        while half > 0 {
            for i in 0..half {
                self.parts[i] = self.simd.add(self.parts[i], self.parts[i + half]);
            }
            half /= 2;
        }
        self.parts[0]
    }
}

/// Whether a sum of `terms` non-negative terms, each computed in `f32`, is exact but for rounding: neither the sum nor a term has
/// overflowed, and underflow of the terms has lost less than one rounding of the sum. False if the sum is NaN.
#[inline(always)]
pub fn in_range(sum: f32, terms: usize) -> bool {
    sum >= terms as f32 * f32::MIN_POSITIVE && sum < f32::INFINITY
}

/// `max |x|`, ignoring NaN; 0 if `x` is empty.
#[derive(Clone, Copy, Debug)]
pub struct MaxAbs<'a>(pub &'a [f32]);

impl Kernel for MaxAbs<'_> {
    type Output = f32;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> f32 {
        let mut max = simd.splat(0.0);
        zip::<1, _, _>(
            simd,
            self.0.len(),
            self.0,
            #[inline(always)]
            |_, x| max = simd.max(simd.abs(x), max),
        );
        let mut lanes = [0.0; 16];
        simd.store(max, &mut lanes);
        lanes.into_iter().fold(0.0, f32::max)
    }
}

/// `Σ (scale · x)²`, summed in `f32` within a block of 4096 elements and in `f64` across blocks.
#[derive(Clone, Copy, Debug)]
pub struct SumOfSquares<'a> {
    /// x
    pub x: &'a [f32],
    /// A power of two that keeps the squares in range.
    pub scale: f32,
}

impl Kernel for SumOfSquares<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> f64 {
        let scale = simd.splat(self.scale);
        let mut total = 0.0;
        for block in self.x.chunks(BLOCK) {
            let mut sum = Sum::new(simd);
            zip::<16, _, _>(
                simd,
                block.len(),
                block,
                #[inline(always)]
                |index, x| {
                    let x = simd.mul(x, scale);
                    sum.add_product(index, x, x);
                },
            );
            total += f64::from(sum.total());
        }
        total
    }
}

/// The bias gradient: `sums[j] = Σ_i a[i][j]`, in the order of i. The sums start from zero or from the contents of `sums`.
#[derive(Debug)]
pub struct ColumnSums<'a> {
    /// rows × `sums.len()`
    pub a: View<'a>,
    /// One sum per column.
    pub sums: &'a mut [f32],
    /// Whether the sums start from the contents of `sums`.
    pub accumulate: bool,
}

impl Split for ColumnSums<'_> {
    fn work(&self) -> usize {
        self.a.rows().saturating_mul(self.sums.len()) / 16
    }
    fn split(self, parts: usize) -> (Self, Self) {
        let Self { a, sums, accumulate } = self;
        let column = first_part(sums.len(), parts);
        let (first, others) = sums.split_at_mut(column);
        let part = |sums, columns| Self { a: a.block(0..a.rows(), columns), sums, accumulate };
        (part(first, 0..column), part(others, column..a.cols()))
    }
}

impl Kernel for ColumnSums<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for columns in vectors(simd, self.sums.len()) {
            let target = &mut self.sums[columns.clone()];
            let mut sum = if self.accumulate { simd.load_partial(target) } else { simd.splat(0.0) };
            for i in 0..self.a.rows() {
                sum = simd.add(sum, self.a.load(simd, i, columns.clone()));
            }
            simd.store_partial(sum, target);
        }
    }
}
