//! A stack of dense layers that is one operation.

use crate::dense::forward;
use crate::{Activation, Linear, LinearConfig};
use burn::config::Config;
use burn::module::{Initializer, Module};
use burn::tensor::{Device, ExecutionError, Tensor};

/// The configuration of an [`Mlp`].
#[derive(Config, Debug)]
pub struct MlpConfig {
    /// The number of inputs, then the number of units of each layer.
    pub sizes: Vec<usize>,
    /// The activation of all layers but the last.
    #[config(default = "Activation::Relu")]
    pub activation: Activation,
    /// The activation of the last layer.
    #[config(default = "Activation::Identity")]
    pub output_activation: Activation,
    /// Whether the layers have biases.
    #[config(default = true)]
    pub bias: bool,
    /// The distribution of the initial parameters. The default is burn's for `Linear`.
    #[config(default = "Initializer::KaimingUniform{gain:1.0/3f64.sqrt(), fan_out_only:false}")]
    pub initializer: Initializer,
}

impl MlpConfig {
    /// Creates the layers.
    pub fn init(&self, device: &Device) -> Mlp {
        let last = self.sizes.len().saturating_sub(2);
        let layer = |(index, sizes): (usize, &[usize])| {
            LinearConfig::new(sizes[0], sizes[1])
                .with_bias(self.bias)
                .with_initializer(self.initializer.clone())
                .with_activation(if index == last { self.output_activation } else { self.activation })
                .init(device)
        };
        Mlp { layers: self.sizes.windows(2).enumerate().map(layer).collect() }
    }
}

/// A stack of layers. The result is that of its layers, bit by bit; burn's graph gets one node for up to eight layers.
#[derive(Module, Debug)]
pub struct Mlp {
    /// The layers, from inputs to outputs.
    pub layers: Vec<Linear>,
}

impl Mlp {
    /// Applies the layers to the last dimension of x.
    ///
    /// # Panics
    /// Where [`try_forward`](Self::try_forward) returns an error, as burn's layers do.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        self.try_forward(x).unwrap_or_else(|error| panic!("{error}"))
    }

    /// As [`forward`](Self::forward).
    ///
    /// # Errors
    /// As [`Linear::try_forward`], for any of the layers. Nothing is computed in that case.
    pub fn try_forward<const D: usize>(&self, x: Tensor<D>) -> Result<Tensor<D>, ExecutionError> {
        forward(x, self.layers.iter().map(Linear::layer).collect())
    }
}
