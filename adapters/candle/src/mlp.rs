//! A stack of layers.

use crate::{Activation, Linear, linear};
use candle_core::{Error, Result, Tensor};
use candle_nn::{Module, VarBuilder};

/// Layers one after another, with the same activation after each but the last.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use candle_nn::{Module, VarBuilder, VarMap};
/// use lanegrad_candle::{Activation, Mlp};
/// let variables = VarMap::new();
/// let vb = VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu);
/// let mlp = Mlp::new(&[784, 128, 10], Activation::Relu, vb)?;
/// let logits = mlp.forward(&Tensor::zeros((32, 784), DType::F32, &Device::Cpu)?)?;
/// assert_eq!(logits.dims(), [32, 10]);
/// # Ok::<(), candle_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Mlp {
    layers: Vec<Linear>,
}

impl Mlp {
    /// Layers of these sizes, from the inputs to the outputs, initialized as [`linear()`] does. Their variables are `ln1.weight`,
    /// `ln1.bias`, `ln2.weight`, ….
    ///
    /// # Errors
    /// If there are fewer than two sizes, and those of the [`VarBuilder`].
    pub fn new(sizes: &[usize], activation: Activation, vb: VarBuilder<'_>) -> Result<Self> {
        if sizes.len() < 2 {
            return Err(Error::msg(format!("mlp: there are {} sizes, expected at least 2", sizes.len())));
        }
        let layers = sizes.windows(2).enumerate().map(|(index, pair)| {
            let last = index + 2 == sizes.len();
            let h = if last { Activation::Identity } else { activation };
            Ok(linear(pair[0], pair[1], vb.pp(format!("ln{}", index + 1)))?.with_activation(h))
        });
        Ok(Self { layers: layers.collect::<Result<_>>()? })
    }

    /// The layers.
    pub fn layers(&self) -> &[Linear] {
        &self.layers
    }
}

impl From<Vec<Linear>> for Mlp {
    fn from(layers: Vec<Linear>) -> Self {
        Self { layers }
    }
}

impl Module for Mlp {
    /// # Errors
    /// Those of [`Linear`].
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.layers.iter().try_fold(x.clone(), |x, layer| layer.forward(&x))
    }
}
