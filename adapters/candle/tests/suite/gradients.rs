//! Gradients that go straight into the optimizer are those that candle's `GradStore` has.

use crate::operands::{assert_close, random, var};
use candle_core::{CpuStorage, CustomOp1, Device, Layout, Result, Shape, Tensor, Var};
use candle_nn::{Module, Optimizer};
use lanegrad_candle::{Activation, Linear, SGD};

const RATE: f64 = 0.25;

/// A linear layer on variables, and the variables.
fn layer(seed: u64, inputs: usize, units: usize) -> (Linear, [Var; 2]) {
    let variables = [var(&random(seed, &[units, inputs])), var(&random(seed + 1, &[units]))];
    let [w, b] = variables.each_ref().map(|variable| variable.as_tensor().clone());
    (Linear::new(w, Some(b)), variables)
}

/// Checks that `backward_step` does what `backward` and `step` do, for a loss built twice on variables with equal values. Several
/// steps are made, so that buffers are used again.
#[track_caller]
fn assert_same<const N: usize>(what: &str, build: impl Fn() -> ([Var; N], Box<dyn Fn() -> Result<Tensor>>)) {
    let ((direct, direct_loss), (plain, plain_loss)) = (build(), build());
    let mut direct_optimizer = SGD::new(direct.to_vec(), RATE).unwrap();
    let mut plain_optimizer = SGD::new(plain.to_vec(), RATE).unwrap();
    for _ in 0..3 {
        direct_optimizer.backward_step(&direct_loss().unwrap()).unwrap();
        plain_optimizer.step(&plain_loss().unwrap().backward().unwrap()).unwrap();
        for (direct, plain) in direct.iter().zip(&plain) {
            // Gradients of a few terms of at most a few units each, and differences of earlier steps.
            assert_close(what, [direct, plain], 256, &plain.ones_like().unwrap(), None);
        }
    }
}

#[test]
fn of_a_layer() {
    assert_same("a layer", || {
        let (layer, variables) = layer(1, 6, 4);
        let layer = layer.with_activation(Activation::Tanh);
        (variables, Box::new(move || layer.forward(&random(9, &[5, 6]))?.sqr()?.mean_all()))
    });
}

#[test]
fn of_a_layer_used_twice() {
    assert_same("a layer used twice", || {
        let (layer, variables) = layer(1, 6, 6);
        let layer = layer.with_activation(Activation::Tanh);
        let loss = move || layer.forward(&layer.forward(&random(9, &[5, 6]))?)?.sqr()?.mean_all();
        (variables, Box::new(loss))
    });
}

/// The weights have gradients in the optimizer's buffers and in candle's `GradStore`.
#[test]
fn of_weights_that_another_operation_uses_too() {
    assert_same("weights with a penalty", || {
        let (layer, variables) = layer(1, 6, 4);
        let loss = move || {
            let penalty = layer.weight().sqr()?.mean_all()?;
            layer.forward(&random(9, &[5, 6]))?.sqr()?.mean_all()? + penalty
        };
        (variables, Box::new(loss))
    });
}

/// The bias has a gradient from one layer, the weights from two: the buffers of one call differ in whether they are filled.
#[test]
fn of_weights_shared_by_layers_with_and_without_bias() {
    for bias_first in [false, true] {
        assert_same("shared weights", || {
            let (with_bias, variables) = layer(1, 6, 6);
            let without = Linear::new(with_bias.weight().clone(), None);
            let [first, second] = if bias_first { [with_bias, without] } else { [without, with_bias] };
            let loss = move || second.forward(&first.forward(&random(9, &[5, 6]))?)?.sqr()?.mean_all();
            (variables, Box::new(loss))
        });
    }
}

#[test]
fn of_some_of_the_variables() -> Result<()> {
    let (first, variables_of_first) = layer(1, 6, 6);
    let (second, variables_of_second) = layer(3, 6, 2);
    let mut optimizer = SGD::new(variables_of_second.to_vec(), RATE)?;
    let before = variables_of_first.each_ref().map(|variable| variable.copy().unwrap());
    optimizer.backward_step(&second.forward(&first.forward(&random(9, &[5, 6]))?)?.sum_all()?)?;
    for (variable, before) in variables_of_first.iter().zip(&before) {
        assert_eq!(variable.flatten_all()?.to_vec1::<f32>()?, before.flatten_all()?.to_vec1::<f32>()?);
    }
    // The gradient of a sum with respect to each bias is the batch.
    let moved = (&random(4, &[2]) - variables_of_second[1].as_tensor())?;
    assert_close(
        "bias",
        [&moved, &Tensor::new(&[5.0 * RATE as f32; 2], &Device::Cpu)?],
        4,
        &moved.ones_like()?.affine(4.0, 0.0)?,
        None,
    );
    Ok(())
}

/// A buffer filled in one step is not used in a step whose loss does not lead to its variable.
#[test]
fn of_the_last_step_are_forgotten() -> Result<()> {
    let (first, variables_of_first) = layer(1, 6, 2);
    let (second, variables_of_second) = layer(3, 6, 2);
    let mut optimizer = SGD::new([variables_of_first.clone(), variables_of_second.clone()].concat(), RATE)?;
    let loss = |layer: &Linear| layer.forward(&random(9, &[5, 6])).and_then(|z| z.sum_all());
    optimizer.backward_step(&loss(&first)?)?;
    let after = variables_of_first[0].to_vec2::<f32>()?;
    optimizer.step(&loss(&second)?.backward()?)?;
    assert_eq!(variables_of_first[0].to_vec2::<f32>()?, after);
    optimizer.backward_step(&loss(&second)?)?;
    assert_eq!(variables_of_first[0].to_vec2::<f32>()?, after);
    Ok(())
}

/// An operation that recomputes its forward pass in the backward pass, with a `backward` of its own: gradient checkpointing.
struct Checkpoint(Linear);

impl CustomOp1 for Checkpoint {
    fn name(&self) -> &'static str {
        "checkpoint"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let CpuStorage::F32(values) = x else { unreachable!() };
        let z = self.0.forward(&Tensor::from_slice(values, layout.shape(), &Device::Cpu)?)?.detach();
        Ok((CpuStorage::F32(z.flatten_all()?.to_vec1()?), z.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, dz: &Tensor) -> Result<Option<Tensor>> {
        let x = Var::from_tensor(&x.detach())?;
        let gradients = self.0.forward(&x)?.mul(dz)?.sum_all()?.backward()?;
        // Its own graph: the gradients of its weights belong to it, although the optimizer has the same variables.
        assert!(gradients.get(self.0.weight()).is_some(), "the sink took a gradient of another graph");
        Ok(gradients.get(&x).cloned())
    }
}

#[test]
fn of_a_graph_within_the_graph_are_its_own() -> Result<()> {
    let (outer, variables_of_outer) = layer(1, 6, 6);
    let (inner, variables_of_inner) = layer(3, 6, 6);
    let mut optimizer = SGD::new([variables_of_outer, variables_of_inner.clone()].concat(), RATE)?;
    let before = variables_of_inner[0].to_vec2::<f32>()?;
    optimizer.backward_step(&outer.forward(&random(9, &[5, 6]))?.apply_op1(Checkpoint(inner))?.sum_all()?)?;
    assert_eq!(variables_of_inner[0].to_vec2::<f32>()?, before, "the checkpoint keeps the gradients to itself");
    Ok(())
}

struct Fails;

impl CustomOp1 for Fails {
    fn name(&self) -> &'static str {
        "fails"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let CpuStorage::F32(values) = x else { unreachable!() };
        Ok((CpuStorage::F32(values.clone()), layout.shape().clone()))
    }

    fn bwd(&self, _: &Tensor, _: &Tensor, _: &Tensor) -> Result<Option<Tensor>> {
        candle_core::bail!("no gradient")
    }
}

#[test]
fn of_a_backward_pass_that_failed_are_forgotten() -> Result<()> {
    let (first, variables) = layer(1, 6, 6);
    let mut optimizer = SGD::new(variables.to_vec(), RATE)?;
    let before = variables[0].to_vec2::<f32>()?;
    let x = random(9, &[5, 6]);
    // The outer use of the layer has written its gradient when the operation below it fails.
    let loss = first.forward(&first.forward(&x)?.apply_op1(Fails)?)?.sum_all()?;
    assert!(optimizer.backward_step(&loss).unwrap_err().to_string().starts_with("no gradient"));
    assert_eq!(variables[0].to_vec2::<f32>()?, before);
    // Afterwards everything works, inside and outside of the optimizer.
    let loss = first.forward(&x)?.sum_all()?;
    assert!(loss.backward()?.get(first.weight()).is_some());
    let (same, same_variables) = layer(1, 6, 6);
    optimizer.backward_step(&loss)?;
    SGD::new(same_variables.to_vec(), RATE)?.backward_step(&same.forward(&x)?.sum_all()?)?;
    assert_eq!(variables[0].to_vec2::<f32>()?, same_variables[0].to_vec2::<f32>()?);
    Ok(())
}
