// Included twice, after the imports of `Linear`, `linear` and the optimizers: from candle, and from this crate.

/// A multilayer perceptron as in candle's MNIST example, with any sizes.
pub(super) struct Network {
    layers: Vec<Linear>,
}

impl Network {
    pub(super) fn new(sizes: &[usize], vb: VarBuilder) -> Result<Self> {
        let layers = sizes.windows(2).enumerate();
        let layers = layers.map(|(i, pair)| linear(pair[0], pair[1], vb.pp(format!("ln{}", i + 1))));
        Ok(Self { layers: layers.collect::<Result<_>>()? })
    }

    pub(super) fn forward(&self, xs: &Tensor) -> Result<Tensor> {
        let mut xs = self.layers[0].forward(xs)?;
        for layer in &self.layers[1..] {
            xs = layer.forward(&xs.relu()?)?;
        }
        Ok(xs)
    }
}

/// Returns a training step.
pub(super) fn trainer(
    sizes: &[usize],
    method: Method,
    variables: &VarMap,
    (images, labels): (Tensor, Tensor),
) -> Result<Box<dyn FnMut() -> Result<Tensor>>> {
    let network = Network::new(sizes, VarBuilder::from_varmap(variables, DType::F32, &Device::Cpu))?;
    let loss = move || {
        let log_sm = ops::log_softmax(&network.forward(&images)?, D::Minus1)?;
        loss::nll(&log_sm, &labels)
    };
    match method {
        Method::Sgd => train_with(SGD::new(variables.all_vars(), 0.05)?, loss),
        Method::AdamW => train_with(AdamW::new(variables.all_vars(), ParamsAdamW::default())?, loss),
    }
}

fn train_with(
    mut optimizer: impl Optimizer + 'static,
    loss: impl Fn() -> Result<Tensor> + 'static,
) -> Result<Box<dyn FnMut() -> Result<Tensor>>> {
    Ok(Box::new(move || {
        let loss = loss()?;
        optimizer.backward_step(&loss)?;
        Ok(loss)
    }))
}
