//! Who multiplies matrices beside us.

use crate::Error;
use crate::blas::Blas;
use crate::command_line;
use crate::environment;
use crate::foreign::{self, Epilogue};
use crate::layer::{Operands, Operation, Product};
use crate::onednn::OneDnn;

/// A library with a matrix product that writes to the caller's buffers.
pub(crate) enum Peer {
    Matrixmultiply,
    Gemm { threads: usize },
    Gemmkit { threads: usize },
    Faer { threads: usize },
    Blas(Blas),
    OneDnn(OneDnn),
}

/// One of a peer's ways to compute a product; the fastest for a shape is the one that counts.
pub(crate) struct Way<'a> {
    /// Whether all that belongs to the layer is in it; otherwise a second pass does the rest.
    pub(crate) is_fused: bool,
    pub(crate) run: Box<dyn Fn(&mut Operands) + 'a>,
}

impl<'a> Way<'a> {
    fn bare(operation: Operation, multiply: impl Fn(Product<'_>) + 'a) -> Self {
        let run = move |operands: &mut Operands| multiply(operands.product(operation));
        Self { is_fused: false, run: Box::new(run) }
    }
}

impl Peer {
    /// Those that are built in, and those that were asked for.
    pub(crate) fn all(threads: usize, options: &command_line::Product) -> Result<Vec<Self>, Error> {
        let mut peers =
            vec![Self::Matrixmultiply, Self::Gemm { threads }, Self::Gemmkit { threads }, Self::Faer { threads }];
        for source in &options.blas {
            peers.push(Self::Blas(Blas::load(source)?));
        }
        for file in &options.onednn {
            peers.push(Self::OneDnn(OneDnn::load(file)?));
        }
        Ok(peers)
    }

    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Matrixmultiply => "matrix-multiply",
            Self::Gemm { .. } => "gemm",
            Self::Gemmkit { .. } => "gemmkit",
            Self::Faer { .. } => "faer",
            Self::Blas(blas) => blas.name(),
            Self::OneDnn(onednn) => onednn.name(),
        }
    }

    /// Version, and kernel if the library tells which one it has chosen.
    pub(crate) fn description(&self) -> String {
        match self {
            Self::Matrixmultiply => environment::crate_version("matrixmultiply"),
            Self::Gemm { .. } => format!("{}, with x86-v4", environment::crate_version("gemm")),
            Self::Gemmkit { .. } => environment::crate_version("gemmkit"),
            Self::Faer { .. } => environment::crate_version("faer"),
            Self::Blas(blas) => blas.description(),
            Self::OneDnn(onednn) => onednn.description(),
        }
    }

    /// The ways that it has; those for one example are other functions of a BLAS.
    pub(crate) fn ways(&self, operands: &mut Operands, operation: Operation, fused: bool) -> Vec<Way<'_>> {
        match self {
            Self::Matrixmultiply => vec![Way::bare(operation, |Product { a, b, c }| {
                lanegrad_verify::foreign::matrixmultiply(a, b, c, false);
            })],
            Self::Gemm { threads } => vec![Way::bare(operation, |product| foreign::gemm(product, *threads))],
            Self::Gemmkit { threads } => {
                let fused = match operation {
                    Operation::Forward if fused => Some(Epilogue::BiasRelu(operands.b.clone())),
                    Operation::Delta if fused => Some(Epilogue::TimesReluDerivative(operands.x.clone())),
                    _ => None,
                };
                let ways = [Some(Epilogue::None), fused].into_iter().flatten().map(|epilogue| Way {
                    is_fused: !matches!(epilogue, Epilogue::None),
                    ..Way::bare(operation, move |product| foreign::gemmkit(product, &epilogue, *threads))
                });
                ways.collect()
            }
            Self::Faer { threads } => vec![Way::bare(operation, |product| foreign::faer(product, *threads))],
            Self::Blas(blas) => {
                let mut ways = vec![Way::bare(operation, |product| blas.matrix_times_matrix(product))];
                if operands.product(operation).c.rows() == 1 {
                    ways.push(Way::bare(operation, |product| blas.vector_times_matrix(product)));
                }
                if operands.product(operation).a.cols() == 1 && blas.has_outer() {
                    ways.push(Way::bare(operation, |product| blas.column_times_row(product)));
                }
                ways
            }
            Self::OneDnn(onednn) => {
                let mut ways = vec![Way::bare(operation, |product| onednn.multiply(product))];
                let is_fused = fused && operation == Operation::Forward;
                if let Some(matmul) = onednn.matmul(&operands.product(operation), is_fused) {
                    let run = move |operands: &mut Operands| {
                        let bias = std::mem::take(&mut operands.b);
                        matmul.run(operands.product(operation), &bias);
                        operands.b = bias;
                    };
                    ways.push(Way { is_fused, run: Box::new(run) });
                }
                ways
            }
        }
    }
}
