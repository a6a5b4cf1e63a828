//! What belongs to a layer, for peers whose product does not have it: the same formulas as in our epilogue, in a pass of our
//! own vector code over what the product has left in memory.

use crate::layer::{Operands, Operation};
use lanegrad::{Backend, MatMut, MatRef};
use lanegrad_kernels::epilogue::{Epilogue, Fused};
use lanegrad_kernels::isa::Kernel;
use lanegrad_kernels::math::Relu;
use lanegrad_kernels::reduce::ColumnSums;
use lanegrad_kernels::simd::{Simd, ViewMut};

/// `c ← epilogue(c)`
struct SecondPass<'a, E> {
    c: ViewMut<'a>,
    epilogue: E,
}

impl<E: Epilogue> Kernel for SecondPass<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let (rows, columns) = (self.c.rows(), self.c.cols());
        if let Some(sink) = self.epilogue.sink() {
            sink.finish(simd, self.c, 0..rows, 0..columns);
        }
    }
}

/// Adds to a bare product what [`Operands::run`] has fused.
pub(crate) fn run(backend: &Backend, operands: &mut Operands, operation: Operation) {
    let isa = backend.isa();
    let Operands { shape, x, b, delta, z, delta_below, db, .. } = operands;
    let (batch, inputs, outputs) = (shape.batch, shape.inputs, shape.outputs);
    let fits = "the buffers were made for it";
    match operation {
        Operation::Forward => {
            let c = MatMut::new(z, batch, outputs).expect(fits).into();
            isa.run(SecondPass { c, epilogue: Fused::bias_activation(Some(b), batch, outputs, Relu) });
        }
        Operation::Delta => {
            let (x, c) = (MatRef::new(x, batch, inputs).expect(fits), MatMut::new(delta_below, batch, inputs));
            isa.run(SecondPass { c: c.expect(fits).into(), epilogue: Fused::times_derivative(x.into(), Relu) });
        }
        Operation::Gradient => {
            let a = MatRef::new(delta, batch, outputs).expect(fits).into();
            isa.run(ColumnSums { a, sums: db, accumulate: false });
        }
    }
}
