//! The instruction set in use, the threads, and the workspace of products.

use crate::Error;
use crate::error::IsaName;
use lanegrad_kernels::epilogue::Epilogue;
use lanegrad_kernels::gemm::{self, Grid, Order, Product};
use lanegrad_kernels::isa::{Isa, Kernel};
use lanegrad_kernels::simd::{View, ViewMut};
use lanegrad_kernels::threads::{self, Pool, Split, Team, Threads};
use std::io::ErrorKind;
use std::sync::Arc;

/// The instruction set in use, the threads, and a workspace that products reuse. Each thread of a host needs its own backend. A host that
/// has only `&self` takes one from a pool: see [`recipes`](crate::recipes).
///
/// The first call with a shape may allocate. Later calls with that shape or a smaller one do not.
///
/// A backend uses one thread, unless its [builder](Self::builder) is told otherwise. The bits of a result do not depend on the number of
/// threads.
#[derive(Debug)]
pub struct Backend {
    executor: Executor,
    workspace: Vec<f32>,
}

/// What kernels run on.
#[derive(Clone, Debug)]
pub(crate) struct Executor {
    isa: Isa,
    team: Option<Team>,
}

/// Creates a [`Backend`].
///
/// ```
/// use lanegrad::{Backend, Isa};
/// let backend = Backend::builder().isa(Isa::detect()).threads(2).build()?;
/// assert_eq!(backend.threads(), 2);
/// # Ok::<(), lanegrad::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Builder {
    isa: Option<Isa>,
    threads: Option<usize>,
    pool: Option<Arc<dyn Threads>>,
}

impl Backend {
    /// Uses the best instruction set of this processor, or the one that the environment variable `LANEGRAD_ISA` names: `avx512`,
    /// `avx2`, `portable` or `scalar`. An empty variable counts as unset.
    ///
    /// # Errors
    /// If the variable names an instruction set that is unknown or not available. The message lists the available ones.
    pub fn new() -> Result<Self, Error> {
        Self::builder().build()
    }

    /// Uses the instruction set named `name`.
    ///
    /// # Errors
    /// If it is unknown or not available. The message lists the available ones.
    pub fn with_isa_named(name: &str) -> Result<Self, Error> {
        isa_named(name).map(Self::with_isa)
    }

    /// Uses an instruction set of [`Isa::available`].
    pub fn with_isa(isa: Isa) -> Self {
        Self { executor: Executor { isa, team: None }, workspace: Vec::new() }
    }

    /// Chooses instruction set and threads.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The instruction set in use.
    #[inline]
    pub fn isa(&self) -> Isa {
        self.executor.isa
    }

    /// The number of threads that share an operation, the caller included.
    pub fn threads(&self) -> usize {
        self.executor.team.as_ref().map_or(1, Team::count)
    }

    #[inline]
    pub(crate) fn executor(&self) -> &Executor {
        &self.executor
    }

    #[inline]
    pub(crate) fn run<K: Kernel>(&self, kernel: K) -> K::Output {
        self.executor.isa.run(kernel)
    }

    /// Runs a kernel on all threads, if it has work for them.
    #[inline]
    pub(crate) fn share<K: Split>(&self, kernel: K) {
        self.executor.share(kernel);
    }

    /// Computes a product, on all threads if it has work for them.
    #[inline]
    pub(crate) fn multiply<E: Epilogue>(
        &mut self,
        operation: &'static str,
        order: Order,
        (a, b): (View<'_>, View<'_>),
        c: ViewMut<'_>,
        epilogue: E,
    ) -> Result<(), Error> {
        let Self { executor: Executor { isa, team }, workspace } = self;
        let lowering = isa.lowering();
        let k = a.cols();
        let product = Product::new(lowering, order, a, b, c, epilogue);
        if let Some(team) = team
            && let Some(grid) = product.grid(lowering, team)
        {
            let workspace = grown(operation, workspace, grid.workspace_len(k))?;
            product.share(*isa, team, grid, workspace);
            return Ok(());
        }
        let workspace: &mut [f32] = match product.needs_workspace(lowering) {
            Some([m, n, k]) => grown(operation, workspace, gemm::workspace_len(m, n, k))?,
            None => &mut [],
        };
        isa.run(product.with_workspace(workspace));
        Ok(())
    }

    /// Reserves the workspace of a product of m×n×k.
    pub(crate) fn reserve(&mut self, operation: &'static str, sizes @ [m, n, k]: [usize; 3]) -> Result<(), Error> {
        let lowering = self.isa().lowering();
        let grid = self.executor.team.as_ref().and_then(|team| Grid::new(lowering, sizes, team));
        let alone = gemm::workspace_len(m, n, k);
        let needed = grid.map_or(alone, |grid| grid.workspace_len(k));
        grown(operation, &mut self.workspace, needed).map(drop)
    }
}

impl Executor {
    #[inline]
    pub(crate) fn share<K: Split>(&self, kernel: K) {
        threads::run(self.isa, self.team.as_ref(), kernel);
    }
}

impl Builder {
    /// Uses an instruction set of [`Isa::available`]; otherwise that of [`Backend::new`].
    pub fn isa(self, isa: Isa) -> Self {
        Self { isa: Some(isa), ..self }
    }

    /// Uses `threads` threads, the caller included, from 1 to 64. The others belong to the backend: they are started when it is built,
    /// sleep when they have nothing to do, and are joined when it is dropped.
    pub fn threads(self, threads: usize) -> Self {
        Self { threads: Some(threads), pool: None, ..self }
    }

    /// Uses threads of the host, or of a [`Pool`] that several backends share, instead of threads of its own.
    ///
    /// ```
    /// use lanegrad::{Backend, Pool};
    /// use std::sync::Arc;
    /// let pool = Arc::new(Pool::new(2)?);
    /// let backend = || Backend::builder().pool(pool.clone()).build();
    /// assert_eq!([backend()?.threads(), backend()?.threads()], [2, 2]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn pool(self, pool: Arc<dyn Threads>) -> Self {
        Self { pool: Some(pool), threads: None, ..self }
    }

    /// Creates the backend.
    ///
    /// # Errors
    /// If `LANEGRAD_ISA` is set to an instruction set that is not available and no other was chosen, the number of threads is not from 1
    /// to 64, or the system refuses to start one.
    pub fn build(self) -> Result<Backend, Error> {
        let Self { isa, threads, pool } = self;
        let isa = match (isa, std::env::var_os("LANEGRAD_ISA")) {
            (Some(isa), _) => isa,
            (None, Some(name)) if !name.is_empty() => isa_named(&name.to_string_lossy())?,
            (None, _) => Isa::detect(),
        };
        let threads = match threads {
            None | Some(1) => pool,
            Some(found) => match Pool::new(found) {
                Ok(own) => Some(Arc::new(own) as _),
                Err(error) => return Err(Error::Threads { found, refused: error.kind() != ErrorKind::InvalidInput }),
            },
        };
        Ok(Backend { executor: Executor { isa, team: threads.map(Team::new) }, workspace: Vec::new() })
    }
}

fn isa_named(name: &str) -> Result<Isa, Error> {
    Isa::from_name(name).ok_or(Error::Isa { found: IsaName::new(name) })
}

/// A workspace of the length needed, if that does not overflow.
fn grown<'w>(
    operation: &'static str,
    workspace: &'w mut Vec<f32>,
    numbers: Option<usize>,
) -> Result<&'w mut [f32], Error> {
    let needed = numbers.ok_or(Error::OutOfMemory { operation, numbers })?;
    resize(operation, workspace, needed)?;
    Ok(&mut workspace[..needed])
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
