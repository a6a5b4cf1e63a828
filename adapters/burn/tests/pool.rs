//! `set_threads`: the same bits on any number of threads, whoever calls. A binary of its own, because the setting is the process's.

#[path = "suite/tensors.rs"]
mod tensors;

use crate::tensors::{bits, tensor};
use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Int, Tensor};
use lanegrad_burn::{Activation, AdamWConfig, CrossEntropyLoss, Mlp, MlpConfig, set_threads, threads};
use rayon::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

/// One test after the other, each from one thread on.
fn setting() -> MutexGuard<'static, ()> {
    static SETTING: Mutex<()> = Mutex::new(());
    let guard = SETTING.lock().unwrap_or_else(PoisonError::into_inner);
    set_threads(1).unwrap();
    guard
}

const BATCH: usize = 130;
const SIZES: [usize; 3] = [300, 500, 700];

fn device() -> Device {
    Device::flex().autodiff()
}

/// Large enough that its products, its loss and its updates are shared.
fn network() -> Mlp {
    let mlp = MlpConfig::new(SIZES.to_vec()).with_activation(Activation::Tanh).init(&device());
    // burn draws the parameters when they are first used.
    mlp.layers.iter().for_each(|layer| _ = (layer.weight.val(), layer.bias.as_ref().map(|bias| bias.val())));
    mlp
}

fn loss_of(mlp: &Mlp, seed: u64) -> Tensor<1> {
    let labels: Vec<i32> = (0..BATCH as i32).map(|row| row * 7 % SIZES[2] as i32).collect();
    let labels = Tensor::<1, Int>::from_data(labels.as_slice(), &device());
    CrossEntropyLoss::new().forward(mlp.forward(tensor(seed, [BATCH, SIZES[0]], &device())), labels)
}

/// The bits of the loss and of all gradients.
fn gradients(mlp: &Mlp, seed: u64) -> Vec<Vec<u32>> {
    let loss = loss_of(mlp, seed);
    let gradients = loss.backward();
    let of_layers = mlp.layers.iter().flat_map(|layer| {
        let bias = layer.bias.as_ref().unwrap();
        [bits(layer.weight.val().grad(&gradients).unwrap()), bits(bias.val().grad(&gradients).unwrap())]
    });
    of_layers.chain([bits(loss)]).collect()
}

/// The bits of all parameters after two steps.
fn train(mut mlp: Mlp) -> Vec<Vec<u32>> {
    let mut optimizer = AdamWConfig::new().init().unwrap();
    for seed in 0..2 {
        let gradients = GradientsParams::from_grads(loss_of(&mlp, seed).backward(), &mlp);
        mlp = optimizer.step(0.01, mlp, gradients);
    }
    let of_layers = mlp.layers.iter().flat_map(|layer| {
        let bias = layer.bias.as_ref().unwrap();
        [bits(layer.weight.val()), bits(bias.val())]
    });
    of_layers.collect()
}

#[test]
fn a_number_that_is_not_possible_is_an_error() {
    let _setting = setting();
    set_threads(2).unwrap();
    for number in [0, 65, usize::MAX] {
        let error = set_threads(number).unwrap_err().to_string();
        assert!(error.contains(&number.to_string()), "{error}");
        assert_eq!(threads(), 2);
    }
    set_threads(64).unwrap();
    assert_eq!(threads(), 64);
}

#[test]
fn bits_on_any_number_of_threads() {
    let _setting = setting();
    let mlp = network();
    let expected = train(mlp.clone());
    for number in [2, 3, 7, 1] {
        set_threads(number).unwrap();
        assert!(train(mlp.clone()) == expected, "{number} threads");
    }
}

#[test]
fn eight_threads_of_the_host() {
    let _setting = setting();
    let mlp = network();
    let expected = train(mlp.clone());
    for number in [1, 2, 3, 7] {
        set_threads(number).unwrap();
        thread::scope(|threads| {
            for _ in 0..8 {
                threads.spawn(|| assert!(train(mlp.clone()) == expected, "{number} threads"));
            }
        });
    }
}

/// The tasks share a network, and with it burn's graph, which a backward pass locks. If a thread that waits for its part of a product began
/// such a task, it would wait for itself.
#[test]
fn tasks_of_rayon_with_nested_calls() {
    let _setting = setting();
    let (done, wait) = mpsc::channel();
    thread::spawn(move || {
        let mlp = network();
        let expected = [gradients(&mlp, 0), gradients(&mlp, 1)];
        let pool = rayon::ThreadPoolBuilder::new().num_threads(8).build().unwrap();
        for number in [1, 2, 3, 7] {
            set_threads(number).unwrap();
            let task = |task: usize| {
                let (one, other) = (task % 2, 1 - task % 2);
                let found = rayon::join(|| gradients(&mlp, one as u64), || gradients(&mlp, other as u64));
                found.0 == expected[one] && found.1 == expected[other]
            };
            let same = pool.install(|| (0..12).into_par_iter().map(task).all(|same| same));
            done.send((number, same)).unwrap();
        }
    });
    for _ in 0..4 {
        let (number, same) = wait.recv_timeout(Duration::from_secs(120)).expect("no task waits for itself");
        assert!(same, "{number} threads");
    }
}

#[test]
fn the_setting_changes_during_calls() {
    let _setting = setting();
    let mlp = network();
    let expected = gradients(&mlp, 0);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let callers: Vec<_> =
            (0..4).map(|_| scope.spawn(|| (0..8).for_each(|_| assert!(gradients(&mlp, 0) == expected)))).collect();
        scope.spawn(|| {
            for number in [2, 1, 3, 7].into_iter().cycle().take_while(|_| !done.load(Relaxed)) {
                set_threads(number).unwrap();
                thread::sleep(Duration::from_millis(2));
            }
        });
        let results: Vec<_> = callers.into_iter().map(|caller| caller.join()).collect();
        done.store(true, Relaxed);
        results.into_iter().for_each(|result| result.unwrap());
    });
}

/// The threads of the pool, and the nanoseconds that each has run.
#[cfg(target_os = "linux")]
fn workers() -> Vec<u64> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let running = tasks.filter_map(|task| {
        let task = task.unwrap().path();
        let name = std::fs::read_to_string(task.join("comm")).ok()?;
        let times = std::fs::read_to_string(task.join("schedstat")).ok()?;
        name.starts_with("lanegrad-").then(|| times.split(' ').next().unwrap().parse().unwrap())
    });
    running.collect()
}

#[cfg(target_os = "linux")]
#[test]
fn threads_share_large_operations_alone_and_end_with_the_setting() {
    let _setting = setting();
    let until = |what: &str, condition: &dyn Fn() -> bool| {
        let start = std::time::Instant::now();
        while !condition() {
            assert!(start.elapsed() < Duration::from_secs(60), "{what}");
            thread::sleep(Duration::from_millis(1));
        }
    };
    for number in [1, 7, 3, 1, 2] {
        set_threads(number).unwrap();
        until("the number of threads", &|| workers().len() == number - 1);
    }
    // A thread that sleeps runs only if it is woken.
    let mlp = network();
    let small = MlpConfig::new(vec![32, 32]).init(&device()).no_grad();
    let x = tensor::<2>(2, [32, 32], &device());
    until("the thread sleeps", &|| {
        let before = workers();
        (0..100).for_each(|_| _ = small.forward(x.clone()));
        workers() == before
    });
    let before = workers()[0];
    until("the thread takes part", &|| {
        loss_of(&mlp, 0);
        workers()[0] > before + 5_000_000
    });
    set_threads(1).unwrap();
    until("the thread ends", &|| workers().is_empty());
}
