//! Training: the same bits on any number of threads.

use crate::{numbers, within_a_minute};
use lanegrad::*;
use lanegrad_verify::eager::Eager;
use lanegrad_verify::random::uniform;
use std::sync::Arc;

/// FNV-1a of bits: printed, to be compared between machines.
fn hash(bits: impl Iterator<Item = u32>) -> u64 {
    bits.flat_map(u32::to_le_bytes)
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Two hundred steps of a small net, whose smallest operation is shared too.
fn train(backend: &mut Backend, method: Method) -> u64 {
    let (batch, inputs) = (20, 17);
    let x = numbers(batch * inputs);
    let labels: Vec<u32> = (0..batch as u32).map(|row| row % 3).collect();
    let hidden = LayerOptions { units: 40, activation: Activation::Tanh, initialization: Initialization::GlorotNormal };
    let layers = [hidden, LayerOptions { units: 3, activation: Activation::Identity, ..hidden }];
    let mut network = Network::new(inputs, &layers, uniform(5)).unwrap();
    let mut optimizer = Optimizer::new(Rule::new(method, LearningRate::Constant(0.01)).unwrap());
    for _ in 0..200 {
        let batch = Batch { x: MatRef::new(&x, batch, inputs).unwrap(), target: &labels[..] };
        let options = TrainOptions { loss: CrossEntropyLoss, clip: Some(Clip::GlobalNorm(0.5)) };
        network.train_step(backend, &mut optimizer, options, batch).unwrap();
    }
    hash(network.layers().iter().flat_map(|layer| {
        layer.weights().as_slice().unwrap().iter().chain(layer.bias()).map(|x| x.to_bits()).collect::<Vec<_>>()
    }))
}

#[test]
fn two_hundred_steps_have_the_same_bits_on_any_number_of_threads() {
    within_a_minute(|| {
        let momentum = Momentum::Constant(0.9);
        let (decay, epsilon) = (0.9, 1e-6);
        let methods = [
            Method::Sgd,
            Method::Momentum { momentum },
            Method::Nesterov { momentum },
            Method::Adagrad { epsilon },
            Method::RmsProp { decay, epsilon },
            Method::RmsPropOutside { decay, epsilon },
            Method::RmsPropNesterov { decay, epsilon, momentum },
            Method::adam(),
        ];
        for method in methods {
            let expected = train(&mut Backend::new().unwrap(), method);
            println!("{expected:016x}  {}", method.name());
            for threads in [2, 3, 4, 7, 16] {
                let threads = Arc::new(Eager::new(threads).unwrap());
                let mut backend = Backend::builder().pool(threads.clone()).build().unwrap();
                assert_eq!(train(&mut backend, method), expected, "{method:?}, {threads:?}");
            }
        }
    });
}
