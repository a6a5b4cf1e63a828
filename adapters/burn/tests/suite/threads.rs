//! Several threads at once, and a host's rayon tasks.

use crate::tensors::{bits, tensor};
use burn::optim::GradientsParams;
use burn::tensor::Device;
use lanegrad_burn::{Activation, AdamWConfig, Mlp, MlpConfig};
use rayon::prelude::*;

fn device() -> Device {
    Device::flex().autodiff()
}

/// The bits of all parameters after some steps.
fn train(seed: u64, mut mlp: Mlp) -> Vec<Vec<u32>> {
    let device = device();
    let mut optimizer = AdamWConfig::new().init().unwrap();
    for step in 0..40 {
        // Sizes change, and with them what the thread's buffers have to hold.
        let x = tensor::<2>(seed + step, [1 + (7 * step as usize) % 40, 6], &device);
        let gradients = mlp.forward(x).powf_scalar(2.0).mean().backward();
        let gradients = GradientsParams::from_grads(gradients, &mlp);
        mlp = optimizer.step(0.01, mlp, gradients);
    }
    mlp.layers.iter().map(|layer| bits(layer.weight.val())).collect()
}

#[test]
fn eight_threads() {
    let network = |seed: usize| MlpConfig::new(vec![6, 32 + seed, 8, 4]).init(&device());
    let networks: Vec<Mlp> = (0..8).map(network).collect();
    // burn draws the parameters when they are first used.
    networks.iter().for_each(|mlp| mlp.layers.iter().for_each(|layer| drop(layer.weight.val())));
    let expected: Vec<_> = networks.iter().zip(0..).map(|(mlp, seed)| train(seed, mlp.clone())).collect();
    let found: Vec<_> = std::thread::scope(|threads| {
        let threads: Vec<_> =
            networks.iter().zip(0..).map(|(mlp, seed)| threads.spawn(move || train(seed, mlp.clone()))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(found == expected);
}

/// One network, whose parameters all threads read.
#[test]
fn eight_threads_share_a_network() {
    let mlp = MlpConfig::new(vec![6, 64, 8, 4]).with_activation(Activation::Tanh).init(&device());
    let run = |seed: u64| {
        let x = tensor::<2>(seed, [1 + seed as usize % 40, 6], &device()).require_grad();
        let z = mlp.forward(x.clone());
        let gradients = z.clone().sum().backward();
        let dw = mlp.layers.iter().map(|layer| bits(layer.weight.val().grad(&gradients).unwrap())).collect::<Vec<_>>();
        (bits(z), bits(x.grad(&gradients).unwrap()), dw)
    };
    let expected: Vec<_> = (0..64).map(run).collect();
    std::thread::scope(|threads| {
        for thread in 0..8 {
            let (run, expected) = (&run, &expected);
            threads.spawn(move || {
                for round in 0..200 {
                    let at = (round + 8 * thread) % 64;
                    assert!(run(at as u64) == expected[at]);
                }
            });
        }
    });
}

#[test]
fn rayon_tasks() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(8).build().unwrap();
    let mlp = MlpConfig::new(vec![6, 16, 4]).init(&device());
    let run = |seed: u64| bits(mlp.forward(tensor::<2>(seed, [1 + seed as usize % 20, 6], &device())));
    let expected: Vec<_> = (0..200).map(run).collect();
    let nested = |seed: u64| rayon::join(|| run(seed), || run(seed)).0;
    let found: Vec<_> = pool.install(|| (0..200).into_par_iter().map(nested).collect());
    assert!(found == expected);
}
