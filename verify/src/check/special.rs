//! Special values: NaN, infinities, zeros of either sign, and the smallest values, at each position in a vector.

use super::platform::Platform;
use crate::tally::Tally;
use lanegrad::dense::{self, Backward};
use lanegrad::{Activation, MatMut, MatRef, clip, loss};

const SPECIAL: [f32; 13] = [
    f32::NAN,
    f32::INFINITY,
    f32::NEG_INFINITY,
    0.0,
    -0.0,
    1.0,
    -1.0,
    1e-45,
    -1e-45,
    f32::MIN_POSITIVE,
    -f32::MIN_POSITIVE,
    f32::MAX,
    f32::MIN,
];

/// Each special value at each position of each short slice, with 0.75 elsewhere. `expected` returns the expected result.
fn everywhere(
    platform: &Platform,
    what: &str,
    apply: &mut dyn FnMut(&mut [f32]),
    expected: fn(f32) -> f32,
    tally: &mut Tally,
) {
    for special in SPECIAL {
        for len in 1..=2 * platform.edges().lanes + 1 {
            for at in 0..len {
                let mut x = vec![0.75; len];
                x[at] = special;
                apply(&mut x);
                for (i, found) in x.into_iter().enumerate() {
                    let expected = expected(if i == at { special } else { 0.75 });
                    tally.same(found, expected, || format!("{what}, number {i} of {len} with {special:e} at {at}"));
                }
            }
        }
    }
}

/// ReLU, softsign and clipping by value.
pub(super) fn maps(platform: &Platform, tally: &mut Tally) {
    let backend = platform.backend();
    let relu = |x: f32| if x < 0.0 { 0.0 } else { x };
    everywhere(platform, "relu", &mut |x| Activation::Relu.apply(&backend, x), relu, tally);
    let softsign = |x: f32| if x.is_infinite() { x.signum() } else { x / (1.0 + x.abs()) };
    everywhere(platform, "softsign", &mut |x| Activation::Softsign.apply(&backend, x), softsign, tally);
    let mut clip = |x: &mut [f32]| clip::by_value(&backend, &mut [x], 2.0).expect("the limit is positive");
    everywhere(platform, "clipping", &mut clip, |x| if x.is_nan() { x } else { x.clamp(-2.0, 2.0) }, tally);
}

/// `1·h'(a)`, including ReLU's kink: a delta passes if the output is NaN, and not if it is 0 of either sign.
pub(super) fn derivatives(platform: &Platform, tally: &mut Tally) {
    let mut backend = platform.backend();
    let mut below = |activation: Activation, z: &mut [f32]| {
        let mut delta = vec![f32::NAN; z.len()];
        let w = vec![1.0; z.len()];
        let layer = Backward {
            delta: MatRef::new(&[1.0], 1, 1).expect("it fits"),
            w: MatRef::new(&w, 1, z.len()).expect("it fits"),
            below: Some((activation, MatRef::new(z, 1, z.len()).expect("it fits"))),
        };
        dense::backward(&mut backend, layer, MatMut::new(&mut delta, 1, z.len()).expect("it fits"))
            .expect("the shapes fit");
        z.copy_from_slice(&delta);
    };
    let slope = |z: f32| if z <= 0.0 { 0.0 } else { 1.0 };
    everywhere(platform, "h' of relu", &mut |z| below(Activation::Relu, z), slope, tally);
    let softsign_slope = |z: f32| (1.0 - z.abs()) * (1.0 - z.abs());
    everywhere(platform, "h' of softsign", &mut |z| below(Activation::Softsign, z), softsign_slope, tally);
    everywhere(platform, "h' of identity", &mut |z| below(Activation::Identity, z), |_| 1.0, tally);
}

/// Softmax and cross-entropy if an exponential would overflow, or a probability is 0.
pub(super) fn softmax(platform: &Platform, tally: &mut Tally) {
    let backend = platform.backend();
    for classes in 2..=2 * platform.edges().lanes + 20 {
        for label in 0..classes {
            let mut compare = |what: &str, logits: &[f32], expected: f64, slope: f32| {
                let mut delta = vec![f32::NAN; classes];
                let operands = loss::SoftmaxCrossEntropy {
                    logits: MatRef::new(logits, 1, classes).expect("it fits"),
                    labels: &[label as u32],
                };
                let found = loss::softmax_cross_entropy(
                    &backend,
                    operands,
                    MatMut::new(&mut delta, 1, classes).expect("it fits"),
                );
                let found = found.expect("the shapes fit");
                let place = || format!("{what}, label {label} of {classes}");
                tally.within(found, expected, 1e-6 * expected.abs(), || format!("{}, L", place()));
                tally.within(delta[label].into(), slope.into(), 1e-6, || format!("{}, the label's delta", place()));
            };
            let count = classes as f32;
            compare("all 1000", &vec![1000.0; classes], f64::from(count).ln(), 1.0 / count - 1.0);
            compare("all -1000", &vec![-1000.0; classes], f64::from(count).ln(), 1.0 / count - 1.0);
            let mut logits = vec![0.0; classes];
            logits[label] = -1000.0;
            compare("the label's -1000", &logits, 1000.0 + f64::from(count - 1.0).ln(), -1.0);
            logits[label] = f32::NEG_INFINITY;
            compare("the label's −∞", &logits, f64::INFINITY, -1.0);
            logits[label] = 1000.0;
            compare("the label's 1000", &logits, 0.0, 0.0);
            logits[label] = f32::NAN;
            compare("the label's NaN", &logits, f64::NAN, f32::NAN);
        }
    }
}
