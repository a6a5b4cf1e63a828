//! What the interface costs: the same calls through it and without it, alternately, in one run. Prints medians of processor time;
//! nothing depends on them.
//!
//! The package builds no Rust library, so its modules are included here.
#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    non_camel_case_types,
    unsafe_code,
    reason = "the library's own lints are checked there"
)]

#[path = "../src/exports.rs"]
mod exports;
#[path = "../src/memory.rs"]
mod memory;
#[path = "../src/status.rs"]
mod status;

use cpu_time::ThreadTime;
use lanegrad::{Activation, Backend, LearningRate, MatMut, MatRef, Method, Rule, State, dense};
use memory::{lanegrad_matrix, lanegrad_matrix_mut};
use std::hint::black_box;
use std::ptr;

const ROUNDS: usize = 101;

/// The medians of a call without the interface and through it, in nanoseconds.
fn compare(name: &str, mut call: impl FnMut(bool)) {
    let mut time = |through: bool, calls: usize| {
        let start = ThreadTime::now();
        (0..calls).for_each(|_| call(through));
        start.elapsed().as_nanos() as f64 / calls as f64
    };
    let calls = (200_000.0 / time(false, 1000)).clamp(1.0, 20_000.0) as usize;
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        times[0].push(time(false, calls));
        times[1].push(time(true, calls));
    }
    let [direct, through] = times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[ROUNDS / 2]
    });
    println!("{name:28} {direct:9.1} ns directly {through:9.1} ns through C {:7.1} ns more", through - direct);
}

fn main() {
    let mut backend = Backend::new().expect("a backend");
    let mut handle = ptr::null_mut();
    assert_eq!(exports::lanegrad_backend_new(&raw mut handle), 0);
    // SAFETY: the handle has just been created.
    let handle = unsafe { &mut *handle };

    for (batch, inputs, units) in [(1, 1, 1), (1, 64, 8), (32, 64, 8), (1, 784, 128), (128, 784, 128)] {
        let (x, w, bias) = (vec![0.5; batch * inputs], vec![0.5; units * inputs], vec![0.5; units]);
        let mut z = vec![0.0; batch * units];
        compare(&format!("forward {batch}x{inputs} to {units}"), |through| {
            if through {
                let matrix = |data: &[f32], rows, cols| lanegrad_matrix {
                    data: data.as_ptr(),
                    rows,
                    cols,
                    row_stride: cols as isize,
                    col_stride: 1,
                };
                let (data, row_stride) = (z.as_mut_ptr(), units as isize);
                let code = exports::lanegrad_forward(
                    Some(&mut *handle),
                    matrix(black_box(&x), batch, inputs),
                    matrix(&w, units, inputs),
                    bias.as_ptr(),
                    units,
                    exports::lanegrad_activation::LANEGRAD_RELU as i32,
                    lanegrad_matrix_mut { data, rows: batch, cols: units, row_stride, col_stride: 1 },
                );
                assert_eq!(code, 0);
            } else {
                let layer = dense::Forward {
                    x: MatRef::new(black_box(&x), batch, inputs).expect("its size"),
                    w: MatRef::new(&w, units, inputs).expect("its size"),
                    bias: Some(&bias),
                    activation: Activation::Relu,
                };
                let z = MatMut::new(&mut z, batch, units).expect("its size");
                dense::forward(&mut backend, layer, z).expect("valid shapes");
            }
        });
    }

    let rule = Rule::new(Method::adam(), LearningRate::Constant(1e-3)).expect("a rule");
    let mut rule_c = ptr::null_mut();
    assert_eq!(exports::lanegrad_rule_adam(1e-3, 0.9, 0.999, 1e-8, &raw mut rule_c), 0);
    // SAFETY: the handle has just been created.
    let rule_c = unsafe { &*rule_c };
    for len in [1, 100] {
        let (mut theta, gradient) = (vec![1.0; len], vec![0.5; len]);
        let mut state = State::new(rule.method(), len).expect("a state");
        let mut state_c = ptr::null_mut();
        assert_eq!(exports::lanegrad_state_new(Some(rule_c), len, &raw mut state_c), 0);
        // SAFETY: the handle has just been created.
        let state_c = unsafe { &mut *state_c };
        compare(&format!("Adam, {len} parameters"), |through| {
            if through {
                let (theta, gradient) = (theta.as_mut_ptr(), black_box(&gradient).as_ptr());
                let state = Some(&mut *state_c);
                let code = exports::lanegrad_state_update(state, Some(&*handle), Some(rule_c), 1, theta, gradient, len);
                assert_eq!(code, 0);
            } else {
                state.update(&backend, &rule, 1, &mut theta, black_box(&gradient)).expect("valid lengths");
            }
        });
    }
}
