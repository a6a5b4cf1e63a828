//! Checks other people's kernels with the oracles of this crate: a matrix product, an optimizer, and one of each with a mistake,
//! which is reported with the element that differs.
//!
//! ```text
//! cargo run --release -p lanegrad-verify --example foreign_kernels
//! ```

use lanegrad::{LearningRate, MatMut, MatRef, Method, Rule};
use lanegrad_verify::check::{product, update};
use lanegrad_verify::foreign;
use lanegrad_verify::shapes::Edges;
use lanegrad_verify::tally::Tally;
use std::process::ExitCode;

/// Where `matrixmultiply`'s tiles and blocks end with AVX2: edges worth visiting, a wrong guess only visits others.
const EDGES: Edges = Edges {
    mr: 8,
    nr: 8,
    lanes: 8,
    fused: true,
    kc: 256,
    mc: 64,
    nc: 1024,
    unpacked_columns: 128,
    lanes_rows: 8,
    exchanged_rows: 16,
};

fn main() -> ExitCode {
    let mut right = true;
    right &= passes("matrixmultiply", |tally| products(&mut foreign::matrixmultiply, tally));
    right &= fails("matrixmultiply, the last term dropped", |tally| products(&mut multiply_without_last_term, tally));
    right &= passes("plain Adagrad", |tally| adagrad(1e-7, false, tally));
    right &= fails("Adagrad, epsilon inside the root", |tally| adagrad(1e-7, true, tally));
    if right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn passes(name: &str, check: impl Fn(&mut Tally)) -> bool {
    let mut tally = Tally::default();
    check(&mut tally);
    match tally.fault() {
        None => {
            let (compared, ratio) = (tally.compared(), tally.largest_ratio());
            println!("{name}: right, {compared} numbers, largest error {ratio:.3} of its bound");
        }
        Some(fault) => println!("{name}: WRONG: {fault}"),
    }
    tally.passed()
}

fn fails(name: &str, check: impl Fn(&mut Tally)) -> bool {
    !passes(name, check)
}

/// Integers exactly, one-hot operands, and other numbers within bounds.
fn products(multiply: &mut product::Multiply<'_>, tally: &mut Tally) {
    product::integers(EDGES, multiply, tally);
    product::one_hot(EDGES, multiply, tally);
    product::bounded(EDGES, multiply, tally);
    product::tight(EDGES, multiply, tally);
}

fn multiply_without_last_term(a: MatRef<'_>, b: MatRef<'_>, c: MatMut<'_>, accumulate: bool) {
    let k = a.cols().saturating_sub(1);
    let a = a.block(0..a.rows(), 0..k).expect("a part of a matrix");
    let b = b.block(0..k, 0..b.cols()).expect("a part of a matrix");
    foreign::matrixmultiply(a, b, c, accumulate);
}

/// A plain Adagrad that anybody may have written: `r ← r + g²; θ ← θ − η · g/(δ + √r)`.
fn adagrad(epsilon: f32, inside: bool, tally: &mut Tally) {
    let lengths = [0, 1, 7, 8, 9, 1000];
    let rule = Rule::new(Method::Adagrad { epsilon: epsilon.into() }, LearningRate::Constant(0.01))
        .expect("epsilon is in range");
    let mut state: Vec<Vec<f32>> = lengths.iter().map(|&len| vec![0.0; len]).collect();
    let mut step = |theta: &mut [Vec<f32>], gradient: &mut dyn FnMut(usize, &[f32]) -> Vec<f32>| {
        for (slice, (theta, state)) in theta.iter_mut().zip(&mut state).enumerate() {
            let gradient = gradient(slice, theta);
            for ((theta, g), r) in theta.iter_mut().zip(gradient).zip(state) {
                *r += g * g;
                let root = if inside { (epsilon + *r).sqrt() } else { epsilon + r.sqrt() };
                *theta -= 0.01 * (g / root);
            }
        }
    };
    // It rounds every product: `fused` is false.
    update::against_twin(rule, false, &lengths, &mut step, tally);
}
