//! Functions of one variable, in units in the last place.

use super::platform::Platform;
use crate::tally::Tally;
use crate::ulp::{Coverage, Function, measure};
use crate::{bound, ulp};
use lanegrad::Activation;

/// Exactly right, NaN included.
pub(super) fn relu(platform: &Platform, tally: &mut Tally) {
    let backend = platform.backend();
    let expected = |x: f32| if x < 0.0 { 0.0 } else { x };
    for x in inputs() {
        let mut found = x.clone();
        Activation::Relu.apply(&backend, &mut found);
        for (&x, found) in x.iter().zip(found) {
            tally.same(found, expected(x), || format!("at {x:e}"));
        }
    }
}

/// Within [`ulp::LIMIT`] everywhere, symmetric, in range; special values in every lane of every tail; the neighbours do not
/// matter.
pub(super) fn function(platform: &Platform, function: &Function, tally: &mut Tally) {
    let apply = function.kernel(platform.backend());
    let [found] = measure(function, Coverage::Everyday, [&apply], &mut |_, _| ());
    for fault in found.faults(function) {
        tally.wrong(|| fault);
    }
    let mut compare = |x: f32, found: f32, place: &dyn Fn() -> String| {
        let expected = (function.exact)(x.into());
        // A value that rounds to infinity is infinite.
        let expected = if (expected as f32).is_infinite() { f64::from(expected as f32) } else { expected };
        tally.within(found.into(), expected, ulp::LIMIT * bound::ulp(expected), || format!("at {x:e}{}", place()));
    };
    for x in inputs() {
        let mut found = x.clone();
        apply(&mut found);
        for (&x, found) in x.iter().zip(found) {
            compare(x, found, &String::new);
        }
    }
    for special in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0, 1e-45, -1e-45, 200.0, -200.0, f32::MIN] {
        for len in 1..=2 * platform.edges().lanes + 1 {
            for at in 0..len {
                let mut x = vec![0.75; len];
                x[at] = special;
                let mut found = x.clone();
                apply(&mut found);
                for (i, (&x, found)) in x.iter().zip(found).enumerate() {
                    compare(x, found, &|| format!(", number {i} of {len} with {special:e} at {at}"));
                }
            }
        }
    }
}

/// The everyday arguments of either sign, in parts that fit the cache and end within a vector.
fn inputs() -> impl Iterator<Item = Vec<f32>> {
    let runs = Coverage::Everyday.runs(ulp::EXP.boundaries);
    let mut all = runs.into_iter().flat_map(|run| run.magnitudes().flat_map(|x| [x, -x]));
    core::iter::from_fn(move || {
        let part: Vec<f32> = all.by_ref().take(4099).collect();
        (!part.is_empty()).then_some(part)
    })
}
