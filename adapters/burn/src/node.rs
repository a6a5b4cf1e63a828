//! Custom operations of burn on its Flex backend, with or without autodiff.
//!
//! burn's `#[backend_extension]` generates the routing from `Tensor` to a backend for operations with a fixed list of tensors, and
//! panics for a backend that is not listed. The operations here have as many tensors as a network has layers, and an `ExecutionError`
//! for whatever a caller can get wrong. So [`apply`] matches the same public types, and then does what burn's own operations do:
//! `Backward::prepare`, and a step that is registered with the output.

use crate::tensor::{dtype_name, error, from_lanegrad};
use crate::thread::{Scratch, with_scratch};
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::{Flex, FlexTensor};
use burn::backend::tensor::FloatTensor;
use burn::backend::{
    Autodiff, AutodiffBackend, BackendTensor, DispatchAutodiffContext, DispatchTensor, DispatchTensorKind,
};
use burn::tensor::{DType, ExecutionError};
use core::fmt::Debug;
use core::marker::PhantomData;
use lanegrad::Error;

type Tracked = FloatTensor<Autodiff<Flex>>;

/// An operation with N inputs, one output, and a gradient.
pub(crate) trait Operation<const N: usize>: Send + Debug + 'static {
    /// What the backward pass needs.
    type Saved: Clone + Send + Debug + 'static;

    /// The name of the operation in messages.
    const NAME: &'static str;

    /// The name of an input in messages.
    fn input_name(&self, index: usize) -> &'static str;

    fn forward(self, scratch: &mut Scratch, inputs: [FlexTensor; N]) -> Result<(FlexTensor, Self::Saved), Error>;

    /// Returns the gradient of each input that needs one.
    fn backward(
        scratch: &mut Scratch,
        saved: Self::Saved,
        gradient: FlexTensor,
        needed: [bool; N],
    ) -> Result<[Option<FlexTensor>; N], Error>;
}

/// The operation as a node of burn's graph.
struct Node<O>(PhantomData<O>);

impl<O> Debug for Node<O> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Lanegrad")
    }
}

impl<O: Operation<N>, const N: usize> Backward<Flex, N> for Node<O> {
    type State = O::Saved;

    fn backward(self, ops: Ops<O::Saved, N>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = gradients.consume::<Flex>(&ops.node);
        let needed = ops.parents.each_ref().map(Option::is_some);
        // burn's `backward` has no error to return. Shapes were checked by the forward pass: what remains is lack of memory.
        let computed = with_scratch(|scratch| O::backward(scratch, ops.state, gradient, needed))
            .unwrap_or_else(|cause| panic!("{}", from_lanegrad(cause)));
        for (parent, gradient) in ops.parents.iter().zip(computed) {
            if let (Some(parent), Some(gradient)) = (parent, gradient) {
                gradients.register::<Flex>(parent.id, gradient);
            }
        }
    }
}

/// Performs the operation, and records it if an input is on a device with autodiff.
pub(crate) fn apply<O: Operation<N>, const N: usize>(
    operation: O,
    inputs: [DispatchTensor; N],
) -> Result<DispatchTensor, ExecutionError> {
    let mut context = DispatchAutodiffContext::Disabled;
    for (index, input) in inputs.iter().enumerate() {
        check(O::NAME, operation.input_name(index), input)?;
        context = match (context, input.autodiff) {
            (DispatchAutodiffContext::Disabled, other) | (other, DispatchAutodiffContext::Disabled) => other,
            (first, second) if first == second => first,
            _ => {
                let name = operation.input_name(index);
                return Err(error(O::NAME, format_args!("{name} have another gradient-checkpointing strategy")));
            }
        };
    }
    let forward = |inputs| with_scratch(|scratch| operation.forward(scratch, inputs)).map_err(from_lanegrad);
    let kind = if context == DispatchAutodiffContext::Disabled {
        let (output, _) = forward(inputs.map(plain))?;
        DispatchTensorKind::Flex(BackendTensor::Float(output))
    } else {
        let mut guards = [const { None }; N];
        let mut each_guard = guards.iter_mut();
        let primitives = inputs.map(|input| {
            let (primitive, guard) = tracked(input).into_parts();
            if let Some(place) = each_guard.next() {
                *place = Some(guard);
            }
            primitive
        });
        let guards = guards.map(|guard| guard.expect("each input has a guard"));
        let (output, saved) = forward(primitives)?;
        let node = Node::<O>(PhantomData);
        let output = match node.prepare::<NoCheckpointing>(guards).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(saved, output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        };
        DispatchTensorKind::Autodiff(Box::new(DispatchTensorKind::Flex(BackendTensor::Autodiff(output))))
    };
    Ok(DispatchTensor { kind, autodiff: context })
}

/// Checks that a tensor is a float tensor of the Flex backend with elements of type `f32`.
pub(crate) fn check(operation: &str, name: &str, tensor: &DispatchTensor) -> Result<(), ExecutionError> {
    let dtype = match &tensor.kind {
        DispatchTensorKind::Flex(BackendTensor::Float(tensor)) => Some(tensor.dtype()),
        DispatchTensorKind::Autodiff(inner) => match &**inner {
            DispatchTensorKind::Flex(BackendTensor::Autodiff(tensor)) => Some(tensor.primitive().dtype()),
            _ => None,
        },
        _ => None,
    };
    match dtype {
        Some(DType::F32) => Ok(()),
        Some(dtype) => Err(error(operation, format_args!("{name} are {}, expected f32", dtype_name(dtype)))),
        None => Err(error(operation, format_args!("{name} are not float tensors of the Flex backend"))),
    }
}

/// The primitive of a tensor that was checked and has no autodiff context.
pub(crate) fn plain(tensor: DispatchTensor) -> FlexTensor {
    match tensor.kind {
        DispatchTensorKind::Flex(BackendTensor::Float(tensor)) => tensor,
        _ => unreachable!("the tensor was checked"),
    }
}

/// The primitive of a tensor that was checked. A tensor without autodiff context is a constant.
fn tracked(tensor: DispatchTensor) -> Tracked {
    match tensor.kind {
        DispatchTensorKind::Autodiff(inner) => match *inner {
            DispatchTensorKind::Flex(BackendTensor::Autodiff(tensor)) => tensor,
            _ => unreachable!("the tensor was checked"),
        },
        _ => Autodiff::<Flex>::from_inner(plain(tensor)),
    }
}
