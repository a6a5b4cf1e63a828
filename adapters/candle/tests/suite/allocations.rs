//! What a training step allocates: what candle's own tensors need.

use crate::counting_allocator::allocations;
use crate::operands::{random, var};
use candle_core::{CpuStorage, CustomOp2, CustomOp3, Device, Layout, Result, Shape, Tensor, Var};
use candle_nn::{Module, Optimizer, ParamsAdamW};
use lanegrad_candle::{Activation, Linear, Method, SGD, VarOptimizer, loss};

#[test]
fn an_update_allocates_nothing() -> Result<()> {
    let variables = [var(&random(1, &[30, 40])), var(&random(2, &[30]))];
    let gradients = (variables[0].sqr()?.sum_all()? + variables[1].sqr()?.sum_all()?)?.backward()?;
    for method in [Method::sgd(), Method::momentum(), Method::nesterov(), Method::rms_prop_nesterov(), Method::adam()] {
        let mut optimizer = VarOptimizer::with_method(variables.to_vec(), method, 1e-3)?;
        optimizer.step(&gradients)?;
        let (requests, _, result) = allocations(|| optimizer.step(&gradients));
        result?;
        assert_eq!(requests, 0, "{method:?}");
    }
    let mut candle = candle_nn::AdamW::new(variables.to_vec(), ParamsAdamW::default())?;
    candle.step(&gradients)?;
    let (requests, bytes, _) = allocations(|| candle.step(&gradients));
    println!("candle's AdamW: {requests} requests, {bytes} bytes");
    Ok(())
}

type Step = Box<dyn FnMut() -> Result<()>>;

const BATCH: usize = 32;

fn variables() -> [Var; 4] {
    [(1, &[128, 784][..]), (2, &[128]), (3, &[10, 128]), (4, &[10])].map(|(seed, dims)| var(&random(seed, dims)))
}

fn labels() -> Tensor {
    Tensor::from_vec((0..BATCH as u32).map(|row| row % 10).collect(), BATCH, &Device::Cpu).unwrap()
}

fn own() -> Result<Step> {
    let (variables, labels, x) = (variables(), labels(), random(9, &[BATCH, 784]));
    let [w1, b1, w2, b2] = variables.clone().map(Var::into_inner);
    let hidden = Linear::new(w1, Some(b1)).with_activation(Activation::Relu);
    let output = Linear::new(w2, Some(b2));
    let mut optimizer = SGD::new(variables.to_vec(), 0.01)?;
    Ok(Box::new(move || {
        optimizer.backward_step(&loss::cross_entropy(&output.forward(&hidden.forward(&x)?)?, &labels)?)
    }))
}

/// A layer or loss that computes nothing: what remains is what candle's tensors and its backward pass allocate.
struct Nothing(&'static [usize]);

impl Nothing {
    fn output(&self) -> (CpuStorage, Shape) {
        (CpuStorage::F32(vec![0.0; self.0.iter().product()]), Shape::from(self.0))
    }
}

impl CustomOp2 for Nothing {
    fn name(&self) -> &'static str {
        "nothing"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok(self.output())
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, _: &Tensor, _: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        Ok((Some(x.zeros_like()?), None))
    }
}

impl CustomOp3 for Nothing {
    fn name(&self) -> &'static str {
        "nothing"
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        Ok(self.output())
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        b: &Tensor,
        _: &Tensor,
        _: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let dx = if x.track_op() { Some(x.zeros_like()?) } else { None };
        Ok((dx, Some(w.zeros_like()?), Some(b.zeros_like()?)))
    }
}

fn nothing() -> Result<Step> {
    let (variables, labels, x) = (variables(), labels(), random(9, &[BATCH, 784]));
    Ok(Box::new(move || {
        let [w1, b1, w2, b2] = variables.each_ref();
        let z = x.apply_op3(w1, b1, Nothing(&[BATCH, 128]))?.apply_op3(w2, b2, Nothing(&[BATCH, 10]))?;
        z.apply_op2(&labels, Nothing(&[]))?.backward().map(drop)
    }))
}

fn candle() -> Result<Step> {
    let (variables, labels, x) = (variables(), labels(), random(9, &[BATCH, 784]));
    let [w1, b1, w2, b2] = variables.clone().map(Var::into_inner);
    let (hidden, output) = (candle_nn::Linear::new(w1, Some(b1)), candle_nn::Linear::new(w2, Some(b2)));
    let mut optimizer = candle_nn::SGD::new(variables.to_vec(), 0.01)?;
    Ok(Box::new(move || {
        let logits = output.forward(&hidden.forward(&x)?.relu()?)?;
        optimizer.backward_step(&candle_nn::loss::cross_entropy(&logits, &labels)?)
    }))
}

#[test]
fn a_step_allocates_what_candles_tensors_need() -> Result<()> {
    let [own, nothing, candle] = [own()?, nothing()?, candle()?].map(|mut step| {
        step().unwrap();
        step().unwrap();
        let (requests, bytes, result) = allocations(&mut step);
        result.unwrap();
        // Not one more from step to step.
        assert_eq!(allocations(&mut step).0, requests);
        (requests, bytes)
    });
    println!("784-128-10, mini-batches of {BATCH}, requests and bytes: {own:?}");
    println!("operations that compute nothing: {nothing:?}; candle alone: {candle:?}");
    assert!(own.0 <= nothing.0 && own.1 <= nothing.1);
    Ok(())
}
