//! Any layout that burn hands over gives the same bits as a contiguous copy.

use crate::tensors::{bits, tensor};
use burn::module::Param;
use burn::tensor::{Device, Tensor, s};
use lanegrad_burn::{Activation, Linear, LinearConfig, MlpConfig, MseLoss};

fn device() -> Device {
    Device::flex().autodiff()
}

fn copy<const D: usize>(tensor: &Tensor<D>) -> Tensor<D> {
    Tensor::from_data(tensor.to_data(), &tensor.device())
}

/// Runs the layer on a view of a leaf, and on a copy of the view. Gradients of the leaf go through the view, too.
fn compare<const A: usize, const B: usize>(name: &str, shape: [usize; A], view: impl Fn(Tensor<A>) -> Tensor<B>) {
    let device = device();
    let leaf = tensor(1, shape, &device).require_grad();
    let viewed = view(leaf.clone());
    let inputs = viewed.dims()[B - 1];
    let layer = LinearConfig::new(inputs, 5).with_activation(Activation::Tanh).init(&device);
    let flat = copy(&viewed).require_grad();
    let [z, expected] = [viewed, flat.clone()].map(|x| layer.forward(x));
    assert_eq!(bits(z.clone()), bits(expected.clone()), "{name}: z");
    let [gradients, expected] = [z, expected].map(|z| z.powf_scalar(2.0).sum().backward());
    let weight = layer.weight.val();
    assert_eq!(bits(weight.grad(&gradients).unwrap()), bits(weight.grad(&expected).unwrap()), "{name}: dw");
    let bias = layer.bias.as_ref().unwrap().val();
    assert_eq!(bits(bias.grad(&gradients).unwrap()), bits(bias.grad(&expected).unwrap()), "{name}: db");
    let dx = leaf.grad(&gradients).unwrap();
    if name != "broadcast" {
        assert_eq!(bits(view(dx)), bits(flat.grad(&expected).unwrap()), "{name}: dx");
    }
}

#[test]
fn inputs() {
    compare("contiguous", [9, 6], |x: Tensor<2>| x);
    compare("transposed", [6, 9], |x: Tensor<2>| x.transpose());
    compare("narrowed rows", [20, 6], |x: Tensor<2>| x.narrow(0, 3, 9));
    compare("narrowed columns", [9, 20], |x: Tensor<2>| x.narrow(1, 5, 6));
    compare("stepped", [20, 12], |x: Tensor<2>| x.slice(s![..;2, 1..;2]));
    compare("reversed", [9, 6], |x: Tensor<2>| x.flip([0, 1]));
    compare("broadcast", [1, 6], |x: Tensor<2>| x.expand([9, 6]));
    compare("rank 1", [6], |x: Tensor<1>| x);
    compare("rank 3", [2, 3, 6], |x: Tensor<3>| x);
    compare("rank 3, batch dimensions swapped", [2, 3, 6], |x: Tensor<3>| x.swap_dims(0, 1));
    compare("rank 4, permuted", [6, 2, 3, 4], |x: Tensor<4>| x.permute([3, 1, 2, 0]));
    compare("rank 3, narrowed", [2, 8, 6], |x: Tensor<3>| x.narrow(1, 2, 3));
    compare("one example", [1, 6], |x: Tensor<2>| x);
    compare("one feature", [7, 1], |x: Tensor<2>| x);
}

#[test]
fn no_examples() {
    let device = device();
    let mlp = MlpConfig::new(vec![4, 3, 2]).init(&device);
    let x = Tensor::<2>::zeros([0, 4], &device).require_grad();
    let z = mlp.forward(x.clone());
    assert_eq!(z.dims(), [0, 2]);
    let gradients = z.sum().backward();
    assert_eq!(x.grad(&gradients).unwrap().dims(), [0, 4]);
    let dw = mlp.layers[0].weight.val().grad(&gradients).unwrap();
    assert_eq!(bits(dw), vec![0; 12]);
    // No features: the output is h(b).
    let layer = LinearConfig::new(0, 3).with_initializer(burn::module::Initializer::Ones).init(&device);
    let z = layer.forward(Tensor::<2>::zeros([2, 0], &device));
    let b = bits(layer.bias.as_ref().unwrap().val());
    assert_eq!(bits(z), [b.clone(), b].concat());
}

#[test]
fn parameters() {
    let device = device();
    let x = tensor(2, [9, 6], &device);
    let run = |weight: Tensor<2>, bias: Tensor<1>| {
        let [weight, bias] = [(weight.clone(), None), (weight, Some(bias))].map(|(weight, bias)| {
            let layer = Linear {
                weight: Param::from_tensor(weight.detach()),
                bias: bias.map(|bias: Tensor<1>| Param::from_tensor(bias.detach())),
                activation: Activation::Sigmoid,
            };
            let z = layer.forward(x.clone());
            let gradients = z.clone().powf_scalar(2.0).sum().backward();
            (bits(z), bits(layer.weight.val().grad(&gradients).unwrap()))
        });
        [weight, bias]
    };
    let (weight, bias) = (tensor(3, [5, 6], &device).transpose(), tensor(4, [11], &device).slice(s![1..;2]));
    assert_eq!(run(weight.clone(), bias.clone()), run(copy(&weight), copy(&bias)));
    let (weight, bias) =
        (tensor(3, [8, 9], &device).slice(s![1..7, 2..7]).flip([1]), tensor(4, [1], &device).expand([5]));
    assert_eq!(run(weight.clone(), bias.clone()), run(copy(&weight), copy(&bias)));
}

/// Gradients come back transposed, broadcast, or narrowed.
#[test]
fn gradients() {
    let device = device();
    let layer = LinearConfig::new(6, 5).with_activation(Activation::Relu).init(&device);
    let (x, factors) = (tensor(5, [9, 6], &device), tensor(6, [9, 5], &device));
    let run = |loss: Tensor<1>| bits(layer.weight.val().grad(&loss.backward()).unwrap());
    let z = || layer.forward(x.clone());
    let direct = run((z() * factors.clone()).sum());
    assert_eq!(run((z().transpose() * factors.clone().transpose()).sum()), direct);
    assert_eq!(run((z().flip([0]) * factors.clone().flip([0])).sum()), direct);
    assert_eq!(run((z() * factors.ones_like()).sum()), run(z().sum()));
}

#[test]
fn losses() {
    let device = device();
    let (x, y) = (tensor(7, [5, 8], &device).transpose(), tensor(8, [16, 5], &device).slice(s![..;2, ..]));
    let run = |x: Tensor<2>, y: Tensor<2>| bits(MseLoss::new().forward(x, y, burn::nn::loss::Reduction::Mean));
    assert_eq!(run(x.clone(), y.clone()), run(copy(&x), copy(&y)));
}
