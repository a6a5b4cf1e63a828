//! No kernel reads or writes outside its operands: each lies flush against a page that must not be touched, on the left and
//! on the right, and inputs cannot be written. A kernel that strays ends the process.

#![cfg(unix)]

#[expect(unsafe_code, reason = "maps and protects pages")]
mod guarded;

use guarded::{Flush, Guarded};
use lanegrad::{
    Activation, Backend, Isa, LearningRate, MatMut, MatRef, Method, Momentum, Optimizer, Parameter, Rule, clip, dense,
    loss,
};
use lanegrad_verify::shapes::Edges;
use lanegrad_verify::training::name::ACTIVATIONS;
use std::process::Command;

const SIDES: [Flush; 2] = [Flush::Left, Flush::Right];

fn numbers(len: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 37 + 11) % 64) as f32 / 32.0 - 1.0).collect()
}

/// On every instruction set, with operands on either side.
fn everywhere(mut check: impl FnMut(Isa, Flush)) {
    let mut checked = 0;
    for isa in Isa::available() {
        for flush in SIDES {
            check(isa, flush);
            checked += 1;
        }
    }
    assert!(checked >= 4, "portable and scalar are always there");
}

/// Sizes around the edges of tiles and vectors, small enough to be many.
fn sizes(isa: Isa) -> impl Iterator<Item = [usize; 3]> {
    let Edges { mr, nr, lanes, .. } = Edges::of(isa);
    let (few, many) = ([0, 1, mr - 1, mr + 1], [0, 1, 2, lanes - 1, lanes, lanes + 1, nr - 1, nr, nr + 1]);
    let deep = [0, 1, 2, lanes, 2 * lanes + 1];
    few.into_iter().flat_map(move |m| many.into_iter().flat_map(move |n| deep.into_iter().map(move |k| [m, n, k])))
}

#[test]
fn products() {
    everywhere(|isa, flush| {
        let mut backend = Backend::with_isa(isa);
        for [batch, outputs, inputs] in sizes(isa) {
            // With gaps, the last row ends where the slice does.
            for gap in [0, 3] {
                let rows = |rows: usize, cols: usize| match rows {
                    0 => 0,
                    _ => (rows - 1) * (cols + gap) + cols,
                };
                let input = |m, n| Guarded::read_only(&numbers(rows(m, n)), flush);
                let output = |m, n| Guarded::new(&numbers(rows(m, n)), flush);
                let (x, w, delta) = (input(batch, inputs), input(outputs, inputs), input(batch, outputs));
                let bias = Guarded::read_only(&numbers(outputs), flush);
                let x = MatRef::with_strides(x.numbers(), batch, inputs, (inputs + gap) as isize, 1).unwrap();
                let w = MatRef::with_strides(w.numbers(), outputs, inputs, (inputs + gap) as isize, 1).unwrap();
                let delta = MatRef::with_strides(delta.numbers(), batch, outputs, (outputs + gap) as isize, 1).unwrap();
                for activation in [Activation::Identity, Activation::Tanh] {
                    let mut z = output(batch, outputs);
                    let target =
                        MatMut::with_strides(z.numbers_mut(), batch, outputs, (outputs + gap) as isize, 1).unwrap();
                    let layer = dense::Forward { x, w, bias: Some(bias.numbers()), activation };
                    dense::forward(&mut backend, layer, target).unwrap();

                    let mut below = output(batch, inputs);
                    let target =
                        MatMut::with_strides(below.numbers_mut(), batch, inputs, (inputs + gap) as isize, 1).unwrap();
                    let layer = dense::Backward { delta, w, below: Some((activation, x)) };
                    dense::backward(&mut backend, layer, target).unwrap();
                }
                for accumulate in [false, true] {
                    let mut dw = output(outputs, inputs);
                    let mut db = Guarded::new(&numbers(outputs), flush);
                    let target =
                        MatMut::with_strides(dw.numbers_mut(), outputs, inputs, (inputs + gap) as isize, 1).unwrap();
                    let layer = dense::Gradient { delta, x, accumulate };
                    dense::gradient(&mut backend, layer, target, Some(db.numbers_mut())).unwrap();
                }
            }
        }
    });
}

#[test]
fn losses() {
    everywhere(|isa, flush| {
        let backend = Backend::with_isa(isa);
        for outputs in 1..=4 * Edges::of(isa).lanes + 1 {
            for rows in [1, 3] {
                let output = Guarded::read_only(&numbers(rows * outputs), flush);
                let target = Guarded::read_only(&numbers(rows * outputs), flush);
                let mut delta = Guarded::new(&numbers(rows * outputs), flush);
                let predicted = MatRef::new(output.numbers(), rows, outputs).unwrap();
                let target = MatRef::new(target.numbers(), rows, outputs).unwrap();
                let squared = loss::SquaredError { predicted, target, c: 0.5, activation: Activation::Sigmoid };
                let into = MatMut::new(delta.numbers_mut(), rows, outputs).unwrap();
                loss::squared_error(&backend, squared, into).unwrap();
                let labels = vec![outputs as u32 - 1; rows];
                let softmax = loss::SoftmaxCrossEntropy { logits: predicted, labels: &labels };
                let into = MatMut::new(delta.numbers_mut(), rows, outputs).unwrap();
                loss::softmax_cross_entropy(&backend, softmax, into).unwrap();
            }
        }
    });
}

#[test]
fn slices() {
    everywhere(|isa, flush| {
        let backend = Backend::with_isa(isa);
        for len in Edges::of(isa).lengths() {
            let mut x = Guarded::new(&numbers(len), flush);
            for &(_, activation) in ACTIVATIONS {
                activation.apply(&backend, x.numbers_mut());
            }
            clip::by_value(&backend, &mut [x.numbers_mut()], 0.1).unwrap();
            clip::by_global_norm(&backend, &mut [x.numbers_mut()], 0.1).unwrap();
        }
    });
}

#[test]
fn updates() {
    let momentum = Momentum::Constant(0.9);
    let methods = [
        Method::Sgd,
        Method::Momentum { momentum },
        Method::Nesterov { momentum },
        Method::Adagrad { epsilon: 1e-7 },
        Method::RmsProp { decay: 0.9, epsilon: 1e-7 },
        Method::RmsPropNesterov { decay: 0.9, epsilon: 1e-7, momentum },
        Method::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
    ];
    everywhere(|isa, flush| {
        let backend = Backend::with_isa(isa);
        for method in methods {
            for len in Edges::of(isa).lengths() {
                let mut theta = Guarded::new(&numbers(len), flush);
                let gradient = Guarded::read_only(&numbers(len), flush);
                let mut optimizer = Optimizer::new(Rule::new(method, LearningRate::Constant(0.01)).unwrap());
                for _ in 0..2 {
                    let mut parameters = Parameter::numbered([theta.numbers_mut()]);
                    let step = optimizer.begin(&backend, &mut parameters).unwrap();
                    step.finish(&[gradient.numbers()]).unwrap();
                }
            }
        }
    });
}

/// The pages do what they are for: each of these touches one number too many, in a process of its own, which it ends.
#[test]
fn touching_a_forbidden_page_ends_the_process() {
    const VARIABLE: &str = "LANEGRAD_TOUCH";
    if let Ok(what) = std::env::var(VARIABLE) {
        let numbers = numbers(5);
        match what.as_str() {
            "left" => Guarded::new(&numbers, Flush::Left).touch(-1),
            "right" => Guarded::new(&numbers, Flush::Right).touch(5),
            "write" => Guarded::read_only(&numbers, Flush::Right).overwrite(),
            "nothing" => Guarded::new(&numbers, Flush::Right).touch(4),
            _ => unreachable!("this test starts itself with nothing else"),
        }
        return;
    }
    let survives = |what: &str| {
        let test = std::env::current_exe().unwrap();
        let arguments = ["--exact", "touching_a_forbidden_page_ends_the_process"];
        Command::new(test).args(arguments).env(VARIABLE, what).output().unwrap().status.success()
    };
    assert!(survives("nothing"));
    for what in ["left", "right", "write"] {
        assert!(!survives(what), "{what} went unnoticed");
    }
}
