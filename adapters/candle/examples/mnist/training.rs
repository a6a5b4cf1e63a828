// Included twice, after the imports of `Linear`, `linear` and the optimizers: from candle, and from this crate.

struct Mlp {
    ln1: Linear,
    ln2: Linear,
}

impl Mlp {
    fn new(vb: VarBuilder) -> Result<Self> {
        let ln1 = linear(IMAGE_DIM, 128, vb.pp("ln1"))?;
        let ln2 = linear(128, LABELS, vb.pp("ln2"))?;
        Ok(Self { ln1, ln2 })
    }

    fn forward(&self, xs: &Tensor) -> Result<Tensor> {
        let xs = self.ln1.forward(xs)?.relu()?;
        self.ln2.forward(&xs)
    }
}

/// Trains the variables and returns the accuracy on the test images.
pub(super) fn train(data: &Data, variables: &VarMap, method: Method, epochs: usize) -> Result<f32> {
    let model = Mlp::new(VarBuilder::from_varmap(variables, DType::F32, &Device::Cpu))?;
    match method {
        Method::Sgd => run(data, &model, SGD::new(variables.all_vars(), 0.1)?, epochs),
        Method::AdamW => run(data, &model, AdamW::new(variables.all_vars(), ParamsAdamW::default())?, epochs),
    }
}

fn run(data: &Data, model: &Mlp, mut optimizer: impl Optimizer, epochs: usize) -> Result<f32> {
    let batches = data.train_labels.dim(0)? / BATCH;
    let mut accuracy = 0.0;
    for epoch in 1..=epochs {
        let mut sum_loss = 0.0;
        for batch in shuffled(batches, epoch) {
            let images = data.train_images.narrow(0, batch * BATCH, BATCH)?;
            let labels = data.train_labels.narrow(0, batch * BATCH, BATCH)?;
            let logits = model.forward(&images)?;
            let log_sm = ops::log_softmax(&logits, D::Minus1)?;
            let loss = loss::nll(&log_sm, &labels)?;
            optimizer.backward_step(&loss)?;
            sum_loss += loss.to_scalar::<f32>()?;
        }
        let right = model.forward(&data.test_images)?.argmax(D::Minus1)?.eq(&data.test_labels)?;
        let right = right.to_dtype(DType::F32)?.sum_all()?.to_scalar::<f32>()?;
        accuracy = 100.0 * right / data.test_labels.dim(0)? as f32;
        println!("{epoch:4} train loss: {:8.5} test acc: {accuracy:5.2} %", sum_loss / batches as f32);
    }
    Ok(accuracy)
}
