//! The layer.

use crate::dense::{Dense, LINEAR};
use crate::view::{expect_floats, is_matrix};
use candle_core::{CustomOp2, CustomOp3, Error, Result, Tensor};
use candle_nn::{Init, Module, VarBuilder, init};
use lanegrad::Activation;
use std::fmt;
use std::sync::Arc;

/// `z = h(x·wᵀ + b)`, computed in one pass. It takes the place of [`candle_nn::Linear`], and of the activation after it.
///
/// x has any number of dimensions, the last of which is the layer's inputs. w is out × in. Any layout is accepted, and all of them
/// except a permutation of three or more dimensions without a copy.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use candle_nn::Module;
/// use lanegrad_candle::{Activation, Linear};
/// let w = Tensor::new(&[[3.0_f32, 4.0], [-5.0, 0.0]], &Device::Cpu)?;
/// let layer = Linear::new(w, None).with_activation(Activation::Relu);
/// let z = layer.forward(&Tensor::new(&[[1.0_f32, 2.0]], &Device::Cpu)?)?;
/// assert_eq!(z.to_vec2::<f32>()?, [[11.0, 0.0]]);
/// # Ok::<(), candle_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Linear {
    weight: Tensor,
    bias: Option<Tensor>,
    activation: Activation,
    op: Op,
}

/// The operation, made once.
#[derive(Clone)]
enum Op {
    NoBias(Arc<Box<dyn CustomOp2 + Send + Sync>>),
    Bias(Arc<Box<dyn CustomOp3 + Send + Sync>>),
}

impl Op {
    fn new(bias: bool, activation: Activation) -> Self {
        match bias {
            false => Self::NoBias(Arc::new(Box::new(Dense(activation)))),
            true => Self::Bias(Arc::new(Box::new(Dense(activation)))),
        }
    }
}

impl fmt::Debug for Linear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { weight, bias, activation, op: _ } = self;
        let mut debug = f.debug_struct("Linear");
        debug.field("weight", weight).field("bias", bias).field("activation", activation).finish()
    }
}

impl Linear {
    /// A layer without activation, as [`candle_nn::Linear::new`].
    pub fn new(weight: Tensor, bias: Option<Tensor>) -> Self {
        let op = Op::new(bias.is_some(), Activation::Identity);
        Self { weight, bias, activation: Activation::Identity, op }
    }

    /// The layer with an activation.
    ///
    /// ReLU'(0) is 0, while that of candle's `relu` is 1.
    pub fn with_activation(self, activation: Activation) -> Self {
        let op = Op::new(self.bias.is_some(), activation);
        Self { activation, op, ..self }
    }

    /// The weights, out × in.
    pub fn weight(&self) -> &Tensor {
        &self.weight
    }

    /// The bias, of length out.
    pub fn bias(&self) -> Option<&Tensor> {
        self.bias.as_ref()
    }

    /// The activation.
    pub fn activation(&self) -> Activation {
        self.activation
    }
}

impl Module for Linear {
    /// # Errors
    /// If an operand is not `f32` on the CPU, the shapes do not fit, or there is no memory.
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let Self { weight, bias, .. } = self;
        expect_floats(LINEAR, "inputs", x)?;
        expect_floats(LINEAR, "weights", weight)?;
        if x.rank() == 0 || weight.rank() != 2 {
            let (x, w) = (x.dims(), weight.dims());
            return Err(Error::msg(format!(
                "{LINEAR}: inputs have shape {x:?} and weights {w:?}, expected […, in] and [out, in]"
            )));
        }
        // candle's copy, which is part of the graph.
        let copy;
        let x = if is_matrix(x.layout()) {
            x
        } else {
            copy = x.contiguous()?;
            &copy
        };
        match (&self.op, bias) {
            (Op::Bias(op), Some(bias)) => {
                expect_floats(LINEAR, "biases", bias)?;
                x.apply_op3_arc(weight, &bias.contiguous()?, op.clone())
            }
            (Op::NoBias(op), _) => x.apply_op2_arc(weight, op.clone()),
            (Op::Bias(_), None) => unreachable!("the operation was made for the bias"),
        }
    }
}

/// A layer with a bias, initialized as [`candle_nn::linear()`] does.
///
/// # Errors
/// Those of the [`VarBuilder`].
pub fn linear(in_dim: usize, out_dim: usize, vb: VarBuilder<'_>) -> Result<Linear> {
    let weight = vb.get_with_hints((out_dim, in_dim), "weight", init::DEFAULT_KAIMING_NORMAL)?;
    let bound = 1.0 / (in_dim as f64).sqrt();
    let bias = vb.get_with_hints(out_dim, "bias", Init::Uniform { lo: -bound, up: bound })?;
    Ok(Linear::new(weight, Some(bias)))
}

/// A layer without a bias, initialized as [`candle_nn::linear_no_bias`] does.
///
/// # Errors
/// Those of the [`VarBuilder`].
pub fn linear_no_bias(in_dim: usize, out_dim: usize, vb: VarBuilder<'_>) -> Result<Linear> {
    let weight = vb.get_with_hints((out_dim, in_dim), "weight", init::DEFAULT_KAIMING_NORMAL)?;
    Ok(Linear::new(weight, None))
}

/// A layer with a bias or without, as [`candle_nn::linear_b`].
///
/// # Errors
/// Those of the [`VarBuilder`].
pub fn linear_b(in_dim: usize, out_dim: usize, bias: bool, vb: VarBuilder<'_>) -> Result<Linear> {
    if bias { linear(in_dim, out_dim, vb) } else { linear_no_bias(in_dim, out_dim, vb) }
}
