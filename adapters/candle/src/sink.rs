//! Gradients that layers write directly into the buffers of an optimizer.
//!
//! candle adds each gradient to a new tensor of zeros: for the weights of a layer this takes longer than the update itself. So
//! `backward_step` of an optimizer installs a sink for the duration of `backward`. The layers of this crate write the gradients of the
//! optimizer's variables into its buffers, and return none for them to candle. Other nodes of the graph work as usual, and the two
//! kinds of gradient are added.

use candle_core::{Result, Tensor, TensorId};
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use crate::view::zeros;

/// The buffers of an optimizer: one for each variable for which a layer has written a gradient.
#[derive(Debug, Default)]
pub(crate) struct Sink {
    slots: HashMap<TensorId, Slot>,
    /// The graph of the loss. A `backward` of another graph within this one, in the node of a third crate, keeps its gradients.
    nodes: HashSet<TensorId>,
}

#[derive(Debug, Default)]
struct Slot {
    values: Vec<f32>,
    filled: bool,
}

thread_local! {
    static CURRENT: RefCell<Option<Sink>> = const { RefCell::new(None) };
}

/// Installs a sink and returns the one before. While a thread ends, there may be no place for one any more: then it is dropped, and
/// candle gets all gradients.
fn replace(sink: Option<Sink>) -> Option<Sink> {
    CURRENT.try_with(|current| current.replace(sink)).ok().flatten()
}

/// Calls `f` with a variable's slot in the current sink, if there is one that collects the gradients of `node`.
fn with_slot<R>(variable: &Tensor, node: TensorId, f: impl FnOnce(&mut Slot) -> R) -> Option<R> {
    let slot = |current: &RefCell<Option<Sink>>| {
        let mut current = current.borrow_mut();
        let sink = current.as_mut().filter(|sink| sink.nodes.contains(&node))?;
        sink.slots.get_mut(&variable.id()).map(f)
    };
    CURRENT.try_with(slot).ok().flatten()
}

impl Sink {
    /// A sink for these variables, or `None` if one occurs twice.
    pub(crate) fn new(mut variables: impl Iterator<Item = TensorId>) -> Option<Self> {
        let mut sink = Self::default();
        variables.all(|id| sink.slots.insert(id, Slot::default()).is_none()).then_some(sink)
    }

    /// Collects gradients during `backward`, the backward pass of `loss`.
    pub(crate) fn collect<R>(&mut self, loss: &Tensor, backward: impl FnOnce() -> R) -> R {
        self.clear();
        self.nodes.extend(loss.sorted_nodes().into_iter().map(Tensor::id));
        let outer = replace(Some(std::mem::take(self)));
        let installed = Installed { sink: self, outer };
        let result = backward();
        drop(installed);
        result
    }

    /// The gradient of a variable, if a layer has written one.
    pub(crate) fn gradient(&mut self, variable: TensorId) -> Option<&mut [f32]> {
        let slot = self.slots.get_mut(&variable).filter(|slot| slot.filled)?;
        Some(&mut slot.values)
    }

    /// Forgets the gradients of the last backward pass.
    pub(crate) fn clear(&mut self) {
        self.nodes.clear();
        self.slots.values_mut().for_each(|slot| slot.filled = false);
    }
}

/// Returns the sink to its owner, also when `backward` unwinds.
struct Installed<'a> {
    sink: &'a mut Sink,
    outer: Option<Sink>,
}

impl Drop for Installed<'_> {
    fn drop(&mut self) {
        *self.sink = replace(self.outer.take()).unwrap_or_default();
    }
}

/// A buffer for the gradient of an operand: the sink's, or that of a new tensor.
pub(crate) struct Target {
    values: Vec<f32>,
    /// Whether there is a gradient in the buffer, to which this one is to be added.
    pub(crate) filled: bool,
    /// The node that the gradient comes from, if the buffer is the sink's.
    of_sink: Option<TensorId>,
}

impl Target {
    /// The buffer for the gradient of `operand` from `node`.
    pub(crate) fn new(operation: &str, operand: &Tensor, node: &Tensor) -> Result<Self> {
        let len = operand.elem_count();
        let taken = with_slot(operand, node.id(), std::mem::take);
        let of_sink = taken.is_some().then_some(node.id());
        Ok(match taken {
            Some(Slot { values, filled }) if values.len() == len => Self { values, filled, of_sink },
            _ => Self { values: zeros(operation, 1, len)?, filled: false, of_sink },
        })
    }

    /// The buffer, which holds zeros if it is empty and will be added to.
    pub(crate) fn buffer(&mut self, accumulate: bool) -> &mut [f32] {
        if accumulate && !self.filled {
            self.values.fill(0.0);
        }
        &mut self.values
    }

    /// Hands the gradient over: to the sink, or as a tensor to candle.
    pub(crate) fn finish(self, operand: &Tensor) -> Result<Option<Tensor>> {
        let Self { values, of_sink, .. } = self;
        match of_sink {
            Some(node) => {
                with_slot(operand, node, |slot| *slot = Slot { values, filled: true });
                Ok(None)
            }
            None => Tensor::from_vec(values, operand.shape(), operand.device()).map(Some),
        }
    }
}
