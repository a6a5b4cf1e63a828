//! What belongs to a layer, for peers whose product does not have it: the same formulas as in our epilogue, in a pass of our
//! own vector code over what the product has left in memory.

use crate::layer::{Operands, Operation};
use lanegrad::{Isa, MatMut, MatRef};
use lanegrad_kernels::epilogue::{Epilogue, Fused};
use lanegrad_kernels::isa::Kernel;
use lanegrad_kernels::math::Relu;
use lanegrad_kernels::reduce::ColumnSums;
use lanegrad_kernels::simd::{Simd, ViewMut};
use lanegrad_kernels::threads::{self, Pool, Split, Team};
use std::io;
use std::sync::Arc;

/// What runs it: as many threads as ours has.
pub(crate) struct Runner {
    isa: Isa,
    team: Option<Team>,
}

impl Runner {
    /// Starts threads of its own.
    pub(crate) fn new(isa: Isa, threads: usize) -> io::Result<Self> {
        let team = if threads > 1 { Some(Team::new(Arc::new(Pool::new(threads)?))) } else { None };
        Ok(Self { isa, team })
    }

    /// Adds to a bare product what [`Operands::run`] has fused.
    pub(crate) fn run(&self, operands: &mut Operands, operation: Operation) {
        let Operands { shape, x, b, delta, z, delta_below, db, .. } = operands;
        let (batch, inputs, outputs) = (shape.batch, shape.inputs, shape.outputs);
        let fits = "the buffers were made for it";
        match operation {
            Operation::Forward => {
                let c = MatMut::new(z, batch, outputs).expect(fits).into();
                self.share(SecondPass { c, epilogue: Fused::bias_activation(Some(b), batch, outputs, Relu) });
            }
            Operation::Delta => {
                let (x, c) = (MatRef::new(x, batch, inputs).expect(fits), MatMut::new(delta_below, batch, inputs));
                self.share(SecondPass { c: c.expect(fits).into(), epilogue: Fused::times_derivative(x.into(), Relu) });
            }
            Operation::Gradient => {
                let a = MatRef::new(delta, batch, outputs).expect(fits).into();
                self.share(ColumnSums { a, sums: db, accumulate: false });
            }
        }
    }

    fn share<K: Split>(&self, kernel: K) {
        threads::run(self.isa, self.team.as_ref(), kernel);
    }
}

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

impl<E: Epilogue> Split for SecondPass<'_, E> {
    fn work(&self) -> usize {
        self.c.rows() * self.c.cols() / 8
    }
    fn split(self, parts: usize) -> (Self, Self) {
        let Self { c, epilogue } = self;
        let (rows, columns) = (c.rows(), c.cols());
        let row = rows.div_ceil(parts);
        let (first, others) = c.split_rows(row);
        let part = |c, rows| Self { c, epilogue: epilogue.block(rows, 0..columns) };
        (part(first, 0..row), part(others, row..rows))
    }
}
