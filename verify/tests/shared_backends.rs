//! Backends behind `&self`: the recipe of `lanegrad::recipes`, from several threads, and from tasks of a rayon pool that call again from
//! within. Every call has the bits that it has alone.

use lanegrad::*;
use rayon::prelude::*;
use std::sync::{Mutex, PoisonError};

#[derive(Default)]
struct Backends(Mutex<Vec<Backend>>);

impl Backends {
    fn with<R>(&self, f: impl FnOnce(&mut Backend) -> Result<R, Error>) -> Result<R, Error> {
        let idle = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut backend = idle.map_or_else(Backend::new, Ok)?;
        let result = f(&mut backend);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(backend);
        result
    }
}

/// Shapes that need a workspace, and ones that need none.
const SHAPES: [[usize; 3]; 5] = [[1, 7, 5], [8, 100, 33], [37, 65, 40], [64, 128, 96], [130, 70, 64]];

fn numbers(len: usize) -> Vec<f32> {
    (0..len).map(|i| (i * 7 % 31) as f32 / 8.0 - 2.0).collect()
}

/// A forward product, within which `inside` runs.
fn forward(backends: &Backends, [batch, inputs, outputs]: [usize; 3], inside: &(dyn Fn() + Sync)) -> Vec<u32> {
    let (x, w, mut z) = (numbers(batch * inputs), numbers(outputs * inputs), vec![0.0; batch * outputs]);
    backends
        .with(|backend| {
            inside();
            let layer = dense::Forward {
                x: MatRef::new(&x, batch, inputs)?,
                w: MatRef::new(&w, outputs, inputs)?,
                bias: None,
                activation: Activation::Tanh,
            };
            dense::forward(backend, layer, MatMut::new(&mut z, batch, outputs)?)
        })
        .unwrap();
    z.iter().map(|z| z.to_bits()).collect()
}

#[test]
fn threads_share_a_pool_of_backends() {
    let expected = SHAPES.map(|shape| forward(&Backends::default(), shape, &|| ()));
    let backends = Backends::default();
    std::thread::scope(|threads| {
        for thread in 0..8 {
            let (backends, expected) = (&backends, &expected);
            threads.spawn(move || {
                for call in 0..40 {
                    let at = (thread + call) % SHAPES.len();
                    assert!(forward(backends, SHAPES[at], &|| ()) == expected[at], "{:?}", SHAPES[at]);
                }
            });
        }
    });
    let Backends(idle) = backends;
    assert!((1..=8).contains(&idle.into_inner().unwrap().len()));
}

/// A task that waits within a call lets its thread run another task, which calls as well.
#[test]
fn tasks_of_a_rayon_pool_call_again_from_within() {
    let expected = SHAPES.map(|shape| forward(&Backends::default(), shape, &|| ()));
    let backends = Backends::default();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    pool.install(|| {
        (0..60_usize).into_par_iter().for_each(|task| {
            let at = task % SHAPES.len();
            let inside = || {
                (0..4_usize).into_par_iter().for_each(|inner| {
                    let at = (task + inner) % SHAPES.len();
                    assert!(forward(&backends, SHAPES[at], &|| ()) == expected[at], "{:?}", SHAPES[at]);
                });
            };
            assert!(forward(&backends, SHAPES[at], &inside) == expected[at], "{:?}", SHAPES[at]);
        });
    });
}
