//! Calls from several threads, from rayon's tasks, and nested ones.

use crate::operands::{random, var};
use candle_core::{Device, Result, Tensor, Var};
use candle_nn::{Module, Optimizer};
use lanegrad_candle::{Activation, AdamW, Linear, Mlp, loss};
use rayon::prelude::*;
use std::cell::Cell;
use std::sync::mpsc;
use std::thread;

fn network() -> Mlp {
    let layer = |seed, inputs, units| {
        Linear::new(
            var(&random(seed, &[units, inputs])).into_inner(),
            Some(var(&random(seed + 1, &[units])).into_inner()),
        )
    };
    Mlp::from(vec![layer(1, 40, 30).with_activation(Activation::Sigmoid), layer(3, 30, 10)])
}

/// The bits of the outputs and of all gradients.
fn run(network: &Mlp, seed: u64) -> Result<Vec<Vec<u32>>> {
    let labels = Tensor::new(&[1_u32, 2, 3, 4, 5, 6, 7], &Device::Cpu)?;
    let logits = network.forward(&random(seed, &[7, 40]))?;
    let gradients = loss::cross_entropy(&logits, &labels)?.backward()?;
    let layers = network.layers().iter().flat_map(|layer| [Some(layer.weight()), layer.bias()]);
    let tensors = layers.flatten().map(|variable| gradients.get(variable).unwrap()).chain([&logits]);
    let bits = |tensor: &Tensor| Ok(tensor.flatten_all()?.to_vec1::<f32>()?.into_iter().map(f32::to_bits).collect());
    tensors.map(bits).collect()
}

#[test]
fn eight_threads_share_a_network() {
    let network = network();
    let expected: Vec<_> = (0..8).map(|seed| run(&network, seed).unwrap()).collect();
    thread::scope(|threads| {
        for first in 0..8 {
            let (network, expected) = (&network, &expected);
            threads.spawn(move || {
                for seed in (first..first + 40).map(|seed| seed % 8) {
                    assert_eq!(run(network, seed).unwrap(), expected[seed as usize]);
                }
            });
        }
    });
}

/// A task that waits for others runs some of them meanwhile: calls on one thread begin while others are not finished.
#[test]
fn tasks_of_rayon_with_nested_calls() {
    let network = network();
    let expected: Vec<_> = (0..8).map(|seed| run(&network, seed).unwrap()).collect();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(8).build().unwrap();
    pool.install(|| {
        (0..64_u64).into_par_iter().for_each(|task| {
            let seed = task % 8;
            let (one, other) = rayon::join(|| run(&network, seed).unwrap(), || run(&network, 7 - seed).unwrap());
            assert_eq!(one, expected[seed as usize]);
            assert_eq!(other, expected[7 - seed as usize]);
        });
    });
}

/// Trains a network of its own.
fn train() -> Vec<Vec<u32>> {
    let network = network();
    let variables = network.layers().iter().flat_map(|layer| [Some(layer.weight()), layer.bias()]).flatten();
    let variables = variables.map(|tensor| Var::from_tensor(tensor).unwrap()).collect();
    let mut optimizer = AdamW::new_lr(variables, 0.01).unwrap();
    let labels = Tensor::new(&[1_u32, 2, 3, 4, 5, 6, 7], &Device::Cpu).unwrap();
    for seed in 0..20 {
        let logits = network.forward(&random(seed, &[7, 40])).unwrap();
        optimizer.backward_step(&loss::cross_entropy(&logits, &labels).unwrap()).unwrap();
    }
    run(&network, 0).unwrap()
}

#[test]
fn eight_threads_train() {
    let expected = train();
    let threads: Vec<_> = (0..8).map(|_| thread::spawn(train)).collect();
    threads.into_iter().for_each(|thread| assert_eq!(thread.join().unwrap(), expected));
}

/// Trains when its thread ends.
struct AtExit(mpsc::Sender<Vec<Vec<u32>>>);

impl Drop for AtExit {
    fn drop(&mut self) {
        self.0.send(train()).unwrap();
    }
}

thread_local! {
    static AT_EXIT: Cell<Option<AtExit>> = const { Cell::new(None) };
}

/// The thread-local state of this crate may be gone by then: depending on which was used first.
#[test]
fn a_thread_that_ends_trains() {
    let expected = train();
    for crate_first in [false, true] {
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            if crate_first {
                train();
            }
            AT_EXIT.set(Some(AtExit(sender)));
            train();
        });
        assert_eq!(receiver.recv().unwrap(), expected);
    }
}
