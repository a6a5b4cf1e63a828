//! What belongs to a layer, for peers whose product does not have it: the same formulas as in our epilogue, in a pass of our
//! own vector code over what the product has left in memory.

use crate::layer::{Operands, Operation};
use lanegrad::Backend;
use lanegrad_kernels::epilogue::{BiasActivation, Epilogue, TimesDerivative};
use lanegrad_kernels::isa::Kernel;
use lanegrad_kernels::math::Relu;
use lanegrad_kernels::reduce::ColumnSums;
use lanegrad_kernels::simd::Simd;
use lanegrad_kernels::view::{View, vectors};

/// `c ← epilogue(c)`, rows of `columns` numbers.
struct SecondPass<'a, E> {
    c: &'a mut [f32],
    columns: usize,
    epilogue: E,
}

impl<E: Epilogue> Kernel for SecondPass<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let whole = self.columns / S::LANES * S::LANES;
        for (i, row) in self.c.chunks_exact_mut(self.columns).enumerate() {
            let (body, rest) = row.split_at_mut(whole);
            for (vector, columns) in body.chunks_exact_mut(S::LANES).zip(vectors(simd, whole)) {
                simd.store(self.epilogue.apply(simd, simd.load(vector), i, columns), vector);
            }
            if !rest.is_empty() {
                let sums = simd.load_partial(rest);
                simd.store_partial(self.epilogue.apply(simd, sums, i, whole..self.columns), rest);
            }
        }
    }
}

/// Adds to a bare product what [`Operands::run`] has fused.
pub(crate) fn run(backend: &Backend, operands: &mut Operands, operation: Operation) {
    let isa = backend.isa();
    let row_major = |data, columns| View { data, row_stride: columns, col_stride: 1 };
    let Operands { shape, x, b, delta, z, delta_below, db, .. } = operands;
    match operation {
        Operation::Forward => {
            let epilogue = BiasActivation::new(Some(b), Relu);
            isa.run(SecondPass { c: z, columns: shape.outputs, epilogue });
        }
        Operation::Delta => {
            let epilogue = TimesDerivative::new(row_major(x, shape.inputs), Relu);
            isa.run(SecondPass { c: delta_below, columns: shape.inputs, epilogue });
        }
        Operation::Gradient => {
            let a = row_major(delta, shape.outputs);
            isa.run(ColumnSums { rows: shape.batch, a, sums: db, accumulate: false });
        }
    }
}
