//! What kernels are checked on: an instruction set, and threads.

use crate::eager::Eager;
use crate::shapes::Edges;
use lanegrad::{Backend, Isa};
use std::sync::Arc;

/// An instruction set, and the threads that share every kernel.
#[derive(Clone, Debug)]
pub(super) struct Platform {
    isa: Isa,
    /// `None` for one thread.
    threads: Option<Arc<Eager>>,
}

impl Platform {
    pub(super) fn new(isa: Isa, threads: Option<Arc<Eager>>) -> Self {
        Self { isa, threads }
    }

    pub(super) fn isa(&self) -> Isa {
        self.isa
    }

    /// A backend with a workspace of its own. All backends have the same threads.
    pub(super) fn backend(&self) -> Backend {
        match &self.threads {
            None => Backend::with_isa(self.isa),
            Some(threads) => {
                let builder = Backend::builder().isa(self.isa).pool(Arc::<Eager>::clone(threads));
                builder.build().expect("the instruction set is there")
            }
        }
    }

    /// Sizes at which the kernels change their ways.
    pub(super) fn edges(&self) -> Edges {
        Edges::of(self.isa)
    }
}
