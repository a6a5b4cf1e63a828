//! `Linear`, as burn's own, with an activation in the same pass.

use crate::Activation;
use crate::dense::{Layer, forward};
use burn::config::Config;
use burn::module::{Content, DisplaySettings, Initializer, Module, ModuleDisplay, Param};
use burn::tensor::{Device, ExecutionError, Tensor};

/// The configuration of a [`Linear`] layer: that of burn's `LinearConfig`, and an activation.
#[derive(Config, Debug)]
pub struct LinearConfig {
    /// The number of input features.
    pub d_input: usize,
    /// The number of output features.
    pub d_output: usize,
    /// Whether a bias is added.
    #[config(default = true)]
    pub bias: bool,
    /// The distribution of the initial parameters. The default is burn's.
    #[config(default = "Initializer::KaimingUniform{gain:1.0/3f64.sqrt(), fan_out_only:false}")]
    pub initializer: Initializer,
    /// The activation.
    #[config(default = "Activation::Identity")]
    pub activation: Activation,
}

impl LinearConfig {
    /// Creates a layer whose parameters are drawn when they are first used, as burn's own.
    pub fn init(&self, device: &Device) -> Linear {
        let Self { d_input, d_output, bias, ref initializer, activation } = *self;
        Linear {
            weight: initializer.init_with([d_input, d_output], Some(d_input), Some(d_output), device),
            bias: bias.then(|| initializer.init_with([d_output], Some(d_input), Some(d_output), device)),
            activation,
        }
    }
}

/// `z = h(x·w + b)`.
///
/// The parameters have the names, the shapes and the initial distribution of those of burn's `Linear`: records of one load into the
/// other.
#[derive(Module, Debug)]
#[module(custom_display)]
pub struct Linear {
    /// w, of shape `[d_input, d_output]`.
    pub weight: Param<Tensor<2>>,
    /// b, of length `d_output`.
    pub bias: Option<Param<Tensor<1>>>,
    /// h
    #[module(skip)]
    pub activation: Activation,
}

impl Linear {
    /// Applies the layer to the last dimension of x, of shape `[..., d_input]`. Returns z, of shape `[..., d_output]`.
    ///
    /// # Panics
    /// Where [`try_forward`](Self::try_forward) returns an error, as burn's layers do.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        self.try_forward(x).unwrap_or_else(|error| panic!("{error}"))
    }

    /// As [`forward`](Self::forward).
    ///
    /// # Errors
    /// If the last dimension of x is not `d_input`, a tensor is not of type `f32` or not on the Flex backend, or there is no memory
    /// for z.
    pub fn try_forward<const D: usize>(&self, x: Tensor<D>) -> Result<Tensor<D>, ExecutionError> {
        forward(x, vec![self.layer()])
    }

    pub(crate) fn layer(&self) -> Layer {
        Layer { weight: self.weight.val(), bias: self.bias.as_ref().map(Param::val), activation: self.activation }
    }
}

impl From<burn::nn::Linear> for Linear {
    /// The same parameters, without activation.
    fn from(burn::nn::Linear { weight, bias }: burn::nn::Linear) -> Self {
        Self { weight, bias, activation: Activation::Identity }
    }
}

impl ModuleDisplay for Linear {
    fn custom_settings(&self) -> Option<DisplaySettings> {
        DisplaySettings::new().with_new_line_after_attribute(false).optional()
    }

    fn custom_content(&self, content: Content) -> Option<Content> {
        let [d_input, d_output] = self.weight.lazy_shape().dims();
        content
            .add("d_input", &d_input)
            .add("d_output", &d_output)
            .add("bias", &self.bias.is_some())
            .add_debug_attribute("activation", &self.activation)
            .optional()
    }
}
