//! What the kernels run on: the instruction set in use, and the workspace.

use crate::Error;
use crate::error::IsaName;
use lanegrad_kernels::gemm;
use lanegrad_kernels::isa::{Isa, Kernel};

/// The instruction set in use, and the workspace that products reuse. Each thread has its own; a host that has only `&self` takes one
/// from a pool: see [`recipes`](crate::recipes).
///
/// The first call with a shape may allocate; no later call with that shape or a smaller one does.
#[derive(Debug)]
pub struct Backend {
    isa: Isa,
    workspace: Vec<f32>,
}

impl Backend {
    /// The best instruction set of this processor, or the one that the environment variable `LANEGRAD_ISA` names:
    /// `avx512`, `avx2`, `portable` or `scalar`. An empty variable counts as unset.
    ///
    /// # Errors
    /// When the variable names one that is unknown or not available; the message lists those that are.
    pub fn new() -> Result<Self, Error> {
        match std::env::var_os("LANEGRAD_ISA") {
            Some(name) if !name.is_empty() => Self::with_isa_named(&name.to_string_lossy()),
            _ => Ok(Self::with_isa(Isa::detect())),
        }
    }

    /// The instruction set of that name.
    ///
    /// # Errors
    /// When it is unknown or not available; the message lists those that are.
    pub fn with_isa_named(name: &str) -> Result<Self, Error> {
        Isa::from_name(name).map(Self::with_isa).ok_or(Error::Isa { found: IsaName::new(name) })
    }

    /// An instruction set of [`Isa::available`].
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

    /// A workspace for a product of these sizes, grown if it has to be.
    pub(crate) fn workspace(&mut self, operation: &'static str, [m, n, k]: [usize; 3]) -> Result<&mut [f32], Error> {
        let numbers = gemm::workspace_len(m, n, k);
        let needed = numbers.ok_or(Error::OutOfMemory { operation, numbers })?;
        resize(operation, &mut self.workspace, needed)?;
        Ok(&mut self.workspace)
    }
}

/// Makes a buffer at least `len` long. What it holds is kept; new numbers are zeros.
#[inline]
pub(crate) fn resize(operation: &'static str, buffer: &mut Vec<f32>, len: usize) -> Result<(), Error> {
    if buffer.len() < len {
        reserve(operation, buffer, len)?;
        buffer.resize(len, 0.0);
    }
    Ok(())
}

/// Makes room for `len` numbers, and writes none: where much is needed, all of it can be asked for before any is used.
pub(crate) fn reserve(operation: &'static str, buffer: &mut Vec<f32>, len: usize) -> Result<(), Error> {
    let more = len.saturating_sub(buffer.len());
    buffer.try_reserve_exact(more).map_err(|_| Error::OutOfMemory { operation, numbers: Some(len) })
}
