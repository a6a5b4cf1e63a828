//! The instruction set in use and the workspace of products.

use crate::Error;
use crate::error::IsaName;
use lanegrad_kernels::gemm;
use lanegrad_kernels::isa::{Isa, Kernel};

/// The instruction set in use, and a workspace that products reuse. Each thread needs its own. A host that has only `&self` takes one
/// from a pool: see [`recipes`](crate::recipes).
///
/// The first call with a shape may allocate. Later calls with that shape or a smaller one do not.
#[derive(Debug)]
pub struct Backend {
    isa: Isa,
    workspace: Vec<f32>,
}

impl Backend {
    /// Uses the best instruction set of this processor, or the one that the environment variable `LANEGRAD_ISA` names: `avx512`,
    /// `avx2`, `portable` or `scalar`. An empty variable counts as unset.
    ///
    /// # Errors
    /// If the variable names an instruction set that is unknown or not available. The message lists the available ones.
    pub fn new() -> Result<Self, Error> {
        match std::env::var_os("LANEGRAD_ISA") {
            Some(name) if !name.is_empty() => Self::with_isa_named(&name.to_string_lossy()),
            _ => Ok(Self::with_isa(Isa::detect())),
        }
    }

    /// Uses the instruction set named `name`.
    ///
    /// # Errors
    /// If it is unknown or not available. The message lists the available ones.
    pub fn with_isa_named(name: &str) -> Result<Self, Error> {
        Isa::from_name(name).map(Self::with_isa).ok_or(Error::Isa { found: IsaName::new(name) })
    }

    /// Uses an instruction set of [`Isa::available`].
    pub fn with_isa(isa: Isa) -> Self {
        Self { isa, workspace: Vec::new() }
    }

    /// The instruction set in use.
    #[inline]
    pub fn isa(&self) -> Isa {
        self.isa
    }

    #[inline]
    pub(crate) fn run<K: Kernel>(&self, kernel: K) -> K::Output {
        self.isa.run(kernel)
    }

    /// Returns a workspace for a product of these sizes, growing it if necessary.
    pub(crate) fn workspace(&mut self, operation: &'static str, [m, n, k]: [usize; 3]) -> Result<&mut [f32], Error> {
        let numbers = gemm::workspace_len(m, n, k);
        let needed = numbers.ok_or(Error::OutOfMemory { operation, numbers })?;
        resize(operation, &mut self.workspace, needed)?;
        Ok(&mut self.workspace)
    }
}

/// Grows a buffer to at least `len` elements. Its contents are kept, and new elements are zero.
#[inline]
pub(crate) fn resize(operation: &'static str, buffer: &mut Vec<f32>, len: usize) -> Result<(), Error> {
    if buffer.len() < len {
        reserve(operation, buffer, len)?;
        buffer.resize(len, 0.0);
    }
    Ok(())
}

/// Reserves memory for `len` elements without writing any, so that all of a large request can be reserved before any of it is used.
pub(crate) fn reserve(operation: &'static str, buffer: &mut Vec<f32>, len: usize) -> Result<(), Error> {
    let more = len.saturating_sub(buffer.len());
    buffer.try_reserve_exact(more).map_err(|_| Error::OutOfMemory { operation, numbers: Some(len) })
}
