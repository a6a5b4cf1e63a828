//! `set_threads`: the same bits on any number of threads, whoever calls. A binary of its own, because the setting is the process's.

use candle_core::backprop::GradStore;
use candle_core::{Device, Result, Tensor, Var};
use candle_nn::{Module, Optimizer, ParamsAdamW};
use lanegrad_candle::{Activation, AdamW, Linear, Mlp, loss, set_threads, threads};
use lanegrad_verify::random::uniform;
use rayon::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

/// One test after the other, each from one thread on. The tests of this file are far from this limit.
fn setting() -> MutexGuard<'static, ()> {
    static SETTING: Mutex<()> = Mutex::new(());
    let guard = SETTING.lock().unwrap_or_else(PoisonError::into_inner);
    set_threads(1).unwrap();
    guard
}

const BATCH: usize = 130;
const SIZES: [usize; 3] = [300, 500, 700];

fn random(seed: u64, dims: &[usize]) -> Tensor {
    let mut next = uniform(seed);
    let values: Vec<f32> = (0..dims.iter().product()).map(|_| (next() - 0.5) as f32).collect();
    Tensor::from_vec(values, dims, &Device::Cpu).unwrap()
}

/// Large enough that its products, its loss and its updates are shared.
fn network() -> Mlp {
    let variable = |seed, dims: &[usize]| Var::from_tensor(&random(seed, dims)).unwrap().into_inner();
    let layer = |seed, inputs, units| Linear::new(variable(seed, &[units, inputs]), Some(variable(seed + 1, &[units])));
    let [inputs, hidden, outputs] = SIZES;
    Mlp::from(vec![layer(1, inputs, hidden).with_activation(Activation::Tanh), layer(3, hidden, outputs)])
}

fn variables(network: &Mlp) -> Vec<Var> {
    let tensors = network.layers().iter().flat_map(|layer| [Some(layer.weight()), layer.bias()]).flatten();
    tensors.map(|tensor| Var::from_tensor(tensor).unwrap()).collect()
}

fn loss_of(network: &Mlp, seed: u64) -> Result<Tensor> {
    let labels: Vec<u32> = (0..BATCH as u32).map(|row| row * 7 % SIZES[2] as u32).collect();
    let logits = network.forward(&random(seed, &[BATCH, SIZES[0]]))?;
    loss::cross_entropy(&logits, &Tensor::new(labels, &Device::Cpu)?)
}

fn bits(tensor: &Tensor) -> Vec<u32> {
    let values = tensor.flatten_all().and_then(|values| values.to_vec1::<f32>()).unwrap();
    values.into_iter().map(f32::to_bits).collect()
}

/// The bits of the loss and of all gradients.
fn gradients(network: &Mlp, seed: u64) -> Vec<Vec<u32>> {
    let loss = loss_of(network, seed).unwrap();
    let gradients = loss.backward().unwrap();
    variables(network).iter().map(|var| bits(gradients.get(var).unwrap())).chain([bits(&loss)]).collect()
}

/// The bits of all variables of a network of its own after two steps.
fn train() -> Vec<Vec<u32>> {
    let network = network();
    let mut optimizer = AdamW::new(variables(&network), ParamsAdamW::default()).unwrap();
    (0..2).for_each(|seed| optimizer.backward_step(&loss_of(&network, seed).unwrap()).unwrap());
    variables(&network).iter().map(|var| bits(var)).collect()
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
    let expected = train();
    for number in [2, 3, 7, 1] {
        set_threads(number).unwrap();
        assert!(train() == expected, "{number} threads");
    }
}

#[test]
fn eight_threads_of_the_host() {
    let _setting = setting();
    let expected = train();
    for number in [1, 2, 3, 7] {
        set_threads(number).unwrap();
        thread::scope(|threads| {
            for _ in 0..8 {
                threads.spawn(|| assert!(train() == expected, "{number} threads"));
            }
        });
    }
}

#[test]
fn tasks_of_rayon_with_nested_calls() {
    let _setting = setting();
    let network = network();
    let expected = [gradients(&network, 0), gradients(&network, 1)];
    let pool = rayon::ThreadPoolBuilder::new().num_threads(8).build().unwrap();
    for number in [1, 2, 3, 7] {
        set_threads(number).unwrap();
        pool.install(|| {
            (0..12_usize).into_par_iter().for_each(|task| {
                let (one, other) = (task % 2, 1 - task % 2);
                let found = rayon::join(|| gradients(&network, one as u64), || gradients(&network, other as u64));
                assert!(found.0 == expected[one] && found.1 == expected[other], "{number} threads");
            });
        });
    }
}

/// An update holds a variable's lock. If a thread that waits for its part of an update began such a task, it would wait for itself.
#[test]
fn tasks_of_rayon_update_what_others_read() {
    let _setting = setting();
    set_threads(3).unwrap();
    let (done, wait) = mpsc::channel();
    thread::spawn(move || {
        let network = network();
        let step = |gradients: &GradStore| {
            let mut optimizer = AdamW::new(variables(&network), ParamsAdamW::default())?;
            optimizer.step(gradients)
        };
        let gradients = loss_of(&network, 0).and_then(|loss| loss.backward()).unwrap();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(8).build().unwrap();
        let task = |task: usize| match task % 2 {
            0 => step(&gradients),
            _ => loss_of(&network, 0).map(drop),
        };
        done.send(pool.install(|| (0..256).into_par_iter().try_for_each(task)))
    });
    wait.recv_timeout(Duration::from_secs(120)).expect("no task waits for itself").unwrap();
}

#[test]
fn the_setting_changes_during_calls() {
    let _setting = setting();
    let network = network();
    let expected = gradients(&network, 0);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let callers: Vec<_> =
            (0..4).map(|_| scope.spawn(|| (0..8).for_each(|_| assert!(gradients(&network, 0) == expected)))).collect();
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
    let network = network();
    let small = Linear::new(random(1, &[32, 32]), None);
    let x = random(2, &[32, 32]);
    until("the thread sleeps", &|| {
        let before = workers();
        (0..100).for_each(|_| _ = small.forward(&x).unwrap());
        workers() == before
    });
    let before = workers()[0];
    until("the thread takes part", &|| {
        loss_of(&network, 0).unwrap();
        workers()[0] > before + 5_000_000
    });
    set_threads(1).unwrap();
    until("the thread ends", &|| workers().is_empty());
}
