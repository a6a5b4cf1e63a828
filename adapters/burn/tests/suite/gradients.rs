//! Outputs and gradients against burn's own, both within the bounds of an f64 reference.

use crate::reference::{Balls, H, Reference, assert_within, reference};
use crate::tensors::{bits, elements, numbers, tensor};
use burn::module::{Module, Param};
use burn::nn;
use burn::nn::loss::Reduction;
use burn::tensor::activation::{relu, sigmoid, tanh};
use burn::tensor::{Device, Tensor, TensorData};
use lanegrad_burn::{Activation, CrossEntropyLoss, Linear, LinearConfig, Mlp, MlpConfig, MseLoss};

fn device() -> Device {
    Device::flex().autodiff()
}

/// burn's layers with these parameters.
fn burn_layers(sizes: &[usize], bias: bool, device: &Device) -> Vec<nn::Linear> {
    let layer = |(seed, s): (usize, &[usize])| nn::Linear {
        weight: Param::from_tensor((tensor(10 + seed as u64, [s[0], s[1]], device) / (s[0] as f64).sqrt()).detach()),
        bias: bias.then(|| Param::from_tensor(tensor(50 + seed as u64, [s[1]], device))),
    };
    sizes.windows(2).enumerate().map(layer).collect()
}

fn ours(layers: &[nn::Linear], activations: &[H]) -> Mlp {
    let activation = |h| match h {
        H::Identity => Activation::Identity,
        H::Relu => Activation::Relu,
        H::Tanh => Activation::Tanh,
        H::Sigmoid => Activation::Sigmoid,
    };
    let layer = |(layer, h): (&nn::Linear, &H)| Linear { activation: activation(*h), ..Linear::from(layer.clone()) };
    Mlp { layers: layers.iter().zip(activations).map(layer).collect() }
}

fn burn_forward(layers: &[nn::Linear], activations: &[H], x: Tensor<2>) -> Tensor<2> {
    layers.iter().zip(activations).fold(x, |x, (layer, h)| {
        let a = layer.forward(x);
        match h {
            H::Identity => a,
            H::Relu => relu(a),
            H::Tanh => tanh(a),
            H::Sigmoid => sigmoid(a),
        }
    })
}

fn expected(layers: &[nn::Linear], activations: &[H], x: &Tensor<2>, seed: &Tensor<2>) -> Reference {
    let balls = |tensor: &Tensor<2>| Balls::exact(&elements(tensor.clone()), tensor.dims()[1]);
    let layers: Vec<_> = layers
        .iter()
        .zip(activations)
        .map(|(layer, h)| {
            let [_, units] = layer.weight.dims();
            let b = layer.bias.as_ref().map_or_else(|| vec![0.0; units], |bias| elements(bias.val()));
            (balls(&layer.weight.val()), Balls::exact(&b, units), *h)
        })
        .collect();
    reference(balls(x), &layers, balls(seed))
}

/// Checks z and all gradients of one implementation.
fn check(
    name: &str,
    z: Tensor<2>,
    x: &Tensor<2>,
    seed: &Tensor<2>,
    parameters: Vec<(Param<Tensor<2>>, Option<Param<Tensor<1>>>)>,
    expected: &Reference,
) {
    assert_within(&format!("{name}: z"), z.clone(), &expected.z);
    let gradients = (z * seed.clone()).sum().backward();
    assert_within(&format!("{name}: dx"), x.grad(&gradients).unwrap(), &expected.dx);
    for (l, ((weight, bias), (dw, db))) in parameters.into_iter().zip(&expected.parameters).enumerate() {
        assert_within(&format!("{name}: dw of layer {l}"), weight.val().grad(&gradients).unwrap(), dw);
        if let Some(bias) = bias {
            assert_within(&format!("{name}: db of layer {l}"), bias.val().grad(&gradients).unwrap(), db);
        }
    }
}

fn compare(sizes: &[usize], batch: usize, bias: bool, activations: &[H]) {
    let device = device();
    let burns = burn_layers(sizes, bias, &device);
    let x = tensor(1, [batch, sizes[0]], &device).require_grad();
    let seed = tensor(2, [batch, sizes[sizes.len() - 1]], &device);
    let expected = expected(&burns, activations, &x, &seed);
    let name = format!("{sizes:?}, batch {batch}, bias {bias}, {activations:?}");
    let parameters = || burns.iter().map(|layer| (layer.weight.clone(), layer.bias.clone())).collect();

    let z = burn_forward(&burns, activations, x.clone());
    check(&format!("burn {name}"), z, &x, &seed, parameters(), &expected);
    let mlp = ours(&burns, activations);
    check(&format!("Mlp {name}"), mlp.forward(x.clone()), &x, &seed, parameters(), &expected);
    let z = mlp.layers.iter().fold(x.clone(), |x, layer| layer.forward(x));
    check(&format!("Linear {name}"), z, &x, &seed, parameters(), &expected);
}

#[test]
fn a_layer() {
    for h in [H::Identity, H::Relu, H::Tanh, H::Sigmoid] {
        for bias in [true, false] {
            for (batch, inputs, outputs) in [(32, 6, 64), (1, 5, 3), (8, 17, 33), (9, 100, 1), (70, 1, 20)] {
                compare(&[inputs, outputs], batch, bias, &[h]);
            }
        }
    }
}

#[test]
fn a_network() {
    compare(&[6, 64, 8, 4], 32, true, &[H::Relu, H::Relu, H::Identity]);
    compare(&[6, 64, 8, 4], 32, false, &[H::Tanh, H::Sigmoid, H::Relu]);
    compare(&[20, 30, 10], 5, true, &[H::Sigmoid, H::Identity]);
}

/// A node holds eight layers.
#[test]
fn a_network_of_many_layers_is_its_layers() {
    let device = device();
    for (count, bias) in [(8, true), (9, true), (20, true), (8, false), (17, false)] {
        let mlp = MlpConfig::new(vec![7; count + 1]).with_bias(bias).with_activation(Activation::Tanh).init(&device);
        let x = tensor(3, [11, 7], &device).require_grad();
        let run = |z: Tensor<2>| {
            let gradients = z.clone().powf_scalar(2.0).sum().backward();
            let of = |layer: &Linear| bits(layer.weight.val().grad(&gradients).unwrap());
            (bits(z), bits(x.grad(&gradients).unwrap()), mlp.layers.iter().map(of).collect::<Vec<_>>())
        };
        let layers = run(mlp.layers.iter().fold(x.clone(), |x, layer| layer.forward(x)));
        assert_eq!(run(mlp.forward(x.clone())), layers, "{count} layers, bias {bias}");
    }
    let mixed =
        Mlp { layers: [true, false, true].map(|bias| LinearConfig::new(4, 4).with_bias(bias).init(&device)).into() };
    let x = tensor(4, [3, 4], &device);
    let layers = mixed.layers.iter().fold(x.clone(), |x, layer| layer.forward(x));
    assert_eq!(bits(mixed.forward(x.clone())), bits(layers));
    assert_eq!(bits(Mlp { layers: Vec::new() }.forward(x.clone())), bits(x));
}

#[test]
fn frozen_parameters_have_no_gradient() {
    let device = device();
    let mlp = MlpConfig::new(vec![6, 5, 4, 3]).init(&device);
    let x = tensor(5, [7, 6], &device);
    let all = mlp.forward(x.clone()).sum().backward();
    for frozen in 0..2 {
        let mut partly = mlp.clone();
        partly.layers[..=frozen].iter_mut().for_each(|layer| *layer = layer.clone().no_grad());
        let gradients = partly.forward(x.clone()).sum().backward();
        for (l, (layer, whole)) in partly.layers.iter().zip(&mlp.layers).enumerate() {
            let found = (l > frozen).then(|| bits(layer.weight.val().grad(&gradients).unwrap()));
            let expected = (l > frozen).then(|| bits(whole.weight.val().grad(&all).unwrap()));
            assert_eq!(found, expected, "layer {l}, {frozen} frozen");
        }
    }
    // A constant weight, and a gradient of x alone.
    let x = x.require_grad();
    let frozen = mlp.clone().no_grad();
    let gradients = frozen.forward(x.clone()).sum().backward();
    let expected = mlp.forward(x.clone()).sum().backward();
    assert_eq!(bits(x.grad(&gradients).unwrap()), bits(x.grad(&expected).unwrap()));
}

#[test]
fn a_layer_used_twice_adds_its_gradients() {
    let device = device();
    let layer = LinearConfig::new(5, 5).with_activation(Activation::Tanh).init(&device);
    let twin = Linear { activation: Activation::Identity, ..layer.clone() };
    let burns = nn::Linear { weight: layer.weight.clone(), bias: layer.bias.clone() };
    let x = tensor(6, [4, 5], &device);
    let ours = twin.forward(layer.forward(x.clone())).sum().backward();
    let burn = burns.forward(tanh(burns.forward(x))).sum().backward();
    let [ours, burn] = [ours, burn].map(|gradients| elements(layer.weight.val().grad(&gradients).unwrap()));
    assert!(ours.iter().zip(&burn).all(|(a, b)| (a - b).abs() <= 1e-5 * (1.0 + b.abs())), "{ours:?} {burn:?}");
}

#[test]
fn without_autodiff_and_with_checkpointing() {
    let plain = Device::flex();
    let layer = LinearConfig::new(6, 3).with_activation(Activation::Relu).init(&plain);
    let x = tensor(7, [4, 6], &plain);
    let z = bits(layer.forward(x));
    let run = |device: Device| {
        let layer = Linear {
            weight: Param::from_tensor(Tensor::from_data(layer.weight.val().into_data(), &device)),
            bias: layer.bias.as_ref().map(|b| Param::from_tensor(Tensor::from_data(b.val().into_data(), &device))),
            activation: layer.activation,
        };
        // An operation that burn recomputes comes first.
        let x = relu(tensor(7, [4, 6], &device) + 2.0) - 2.0;
        let z = layer.forward(x);
        let gradients = z.clone().sum().backward();
        (bits(z), bits(layer.weight.val().grad(&gradients).unwrap()))
    };
    let kept = run(Device::flex().autodiff());
    assert_eq!(kept, run(Device::flex().autodiff().gradient_checkpointing()));
    assert_eq!(layer.clone().train().forward(tensor(7, [4, 6], &device())).dims(), [4, 3]);
    let direct = layer.clone().train().forward(tensor(7, [4, 6], &device()));
    assert_eq!(bits(direct), z);
    // `valid` returns to the device without autodiff.
    assert_eq!(bits(layer.train().valid().forward(tensor(7, [4, 6], &plain))), z);
}

#[test]
fn losses() {
    let device = device();
    for (rows, cols) in [(32, 4), (1, 1), (7, 10), (3, 100)] {
        let (x, y) = (tensor(1, [rows, cols], &device).require_grad(), tensor(2, [rows, cols], &device).require_grad());
        for (reduction, divisor) in [
            (Reduction::Mean, rows * cols),
            (Reduction::Auto, rows * cols),
            (Reduction::BatchMean, rows),
            (Reduction::Sum, 1),
        ] {
            let ours = MseLoss::new().forward(x.clone(), y.clone(), reduction);
            let burn = (x.clone() - y.clone()).square().sum() / divisor as f64;
            let n = (rows * cols + 3) as f32;
            let [a, b] = [ours.clone(), burn.clone()].map(|loss| elements(loss)[0]);
            assert!((a - b).abs() <= n * f32::EPSILON * b.abs(), "{rows}×{cols}: {a} and {b}");
            // 3 is the gradient of what follows the loss.
            let [ours, burn] = [ours, burn].map(|loss| (loss * 3.0).backward());
            for leaf in [&x, &y] {
                let [ours, burn] = [&ours, &burn].map(|gradients| elements(leaf.grad(gradients).unwrap()));
                let close = |(a, b): (&f32, &f32)| (a - b).abs() <= 8.0 * f32::EPSILON * b.abs();
                assert!(ours.iter().zip(&burn).all(close), "{rows}×{cols}, {ours:?} and {burn:?}");
            }
        }
        let labels: Vec<i64> = (0..rows).map(|row| (row * 7 % cols) as i64).collect();
        let targets = Tensor::from_data(TensorData::new(labels, [rows]), &device);
        let logits = Tensor::from_data(TensorData::new(numbers(8, rows * cols), [rows, cols]), &device).require_grad();
        let ours = CrossEntropyLoss::new().forward(logits.clone(), targets.clone());
        let burn = nn::loss::CrossEntropyLossConfig::new().init(&device).forward(logits.clone(), targets);
        let [a, b] = [ours.clone(), burn.clone()].map(|loss| elements(loss)[0]);
        // burn subtracts logarithms of up to cols·e: absolute, not relative.
        let bound = (cols + rows + 20) as f32 * f32::EPSILON * (1.0 + (cols as f32).ln());
        assert!((a - b).abs() <= bound, "{rows}×{cols}: {a} and {b}");
        let [ours, burn] = [ours, burn].map(|loss| elements(logits.grad(&loss.backward()).unwrap()));
        let close = |(a, b): (&f32, &f32)| (a - b).abs() <= bound / rows as f32;
        assert!(ours.iter().zip(&burn).all(close), "{rows}×{cols}: {ours:?} and {burn:?}");
    }
}
