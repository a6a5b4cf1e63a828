//! Who multiplies matrices beside us.

use crate::Error;
use crate::blas::Blas;
use crate::command_line;
use crate::foreign;
use crate::layer::Product;
use crate::onednn::OneDnn;

/// A library with a matrix product that writes to the caller's buffers.
pub(crate) enum Peer {
    Matrixmultiply,
    Gemm { threads: usize },
    Faer { threads: usize },
    Blas(Blas),
    OneDnn(OneDnn),
}

/// One of a peer's ways to compute a product; the fastest for a shape is the one that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Matrix times matrix.
    Matrices,
    /// Matrix times vector, for a mini-batch of one example.
    Vector,
}

impl Peer {
    /// Those that are built in, and those that were asked for.
    pub(crate) fn all(threads: usize, options: &command_line::Product) -> Result<Vec<Self>, Error> {
        let mut peers = vec![Self::Matrixmultiply, Self::Gemm { threads }, Self::Faer { threads }];
        for source in &options.blas {
            peers.push(Self::Blas(Blas::load(source)?));
        }
        if let Some(file) = &options.onednn {
            peers.push(Self::OneDnn(OneDnn::load(file)?));
        }
        Ok(peers)
    }

    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Matrixmultiply => "matrix-multiply",
            Self::Gemm { .. } => "gemm",
            Self::Faer { .. } => "faer",
            Self::Blas(blas) => blas.name(),
            Self::OneDnn(_) => "oneDNN",
        }
    }

    /// Version, and kernel if the library tells which one it has chosen.
    pub(crate) fn description(&self) -> String {
        match self {
            Self::Matrixmultiply => "0.3 (crate matrixmultiply), one thread".to_owned(),
            Self::Gemm { .. } => "0.19 (crate), x86-v4".to_owned(),
            Self::Faer { .. } => "0.24 (crate)".to_owned(),
            Self::Blas(blas) => blas.description(),
            Self::OneDnn(onednn) => onednn.description(),
        }
    }

    /// The ways it has for a product of `rows` rows.
    pub(crate) fn ways(&self, rows: usize) -> &'static [Way] {
        match self {
            Self::Blas(_) if rows == 1 => &[Way::Matrices, Way::Vector],
            _ => &[Way::Matrices],
        }
    }

    pub(crate) fn multiply(&self, way: Way, Product { a, b, c }: Product<'_>) {
        match self {
            Self::Matrixmultiply => lanegrad_verify::foreign::matrixmultiply(a, b, c, false),
            Self::Gemm { threads } => foreign::gemm(a, b, c, *threads),
            Self::Faer { threads } => foreign::faer(a, b, c, *threads),
            Self::Blas(blas) => match way {
                Way::Matrices => blas.matrix_times_matrix(a, b, c),
                Way::Vector => blas.vector_times_matrix(a, b, c),
            },
            Self::OneDnn(onednn) => onednn.multiply(a, b, c),
        }
    }
}
