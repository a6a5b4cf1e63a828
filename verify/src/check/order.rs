//! The order of each sum, to the last bit, compared with a twin in plain f32 that adds the same terms one by one.

use super::platform::Platform;
use crate::operand::{Layout, Operand, Output};
use crate::shapes::Edges;
use crate::tally::Tally;
use lanegrad::Activation;
use lanegrad::dense::{self, Backward, Forward, Gradient};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Up to this many rows, a forward product is summed in lanes.
const FEW: usize = 8;
const LANES: usize = 16;

/// `a·b + c`, rounded once or twice.
#[expect(clippy::disallowed_methods, reason = "the twin of the vocabulary's mul_add where that rounds once")]
fn mul_add(a: f32, b: f32, c: f32, fused: bool) -> f32 {
    if fused { a.mul_add(b, c) } else { a * b + c }
}

/// `c ← c + a·b` over p = 0, 1, …
fn chain(start: f32, terms: impl Iterator<Item = (f32, f32)>, fused: bool) -> f32 {
    terms.fold(start, |sum, (a, b)| mul_add(a, b, sum, fused))
}

/// Term p in chain p mod 16; then the upper half of the chains is added to the lower half until one remains.
fn lanes(terms: impl Iterator<Item = (f32, f32)>, fused: bool) -> f32 {
    let mut sums = [0.0; LANES];
    for (p, (a, b)) in terms.enumerate() {
        sums[p % LANES] = mul_add(a, b, sums[p % LANES], fused);
    }
    for half in [8, 4, 2, 1] {
        for lane in 0..half {
            sums[lane] += sums[lane + half];
        }
    }
    sums[0]
}

/// The three products of layers whose sizes cut tiles, vectors and blocks, and of mini-batches around the size at which the order
/// changes.
pub(super) fn sums(platform: &Platform, tally: &mut Tally) {
    let mut backend = platform.backend();
    let mut rng = StdRng::seed_from_u64(7);
    let Edges { fused, nr, .. } = platform.edges();
    let few = [1, 2, 3, FEW, FEW + 1].map(|m| [m, nr + 3, 35]);
    for (turn, [m, n, k]) in few.into_iter().chain(platform.edges().layers()).enumerate() {
        let mut random = |rows, cols, layout| Operand::from_fn(rows, cols, layout, |_, _| rng.random_range(-1.0..1.0));
        let a = random(m, k, Layout::in_turn(turn));
        let b = random(k, n, Layout::in_turn(turn / 2));
        let terms = |i: usize, j: usize| {
            (0..k).map({
                let (a, b) = (&a, &b);
                move |p| (a.at(i, p), b.at(p, j))
            })
        };
        let start = |i: usize, j: usize| (i + 2 * j) as f32 / 8.0;
        let mut compare = |what: &str, c: &Output, expected: &dyn Fn(usize, usize) -> f32| {
            for (i, j) in (0..m).flat_map(|i| (0..n).map(move |j| (i, j))) {
                tally.same(c.at(i, j), expected(i, j), || format!("{what}, {m}×{n}×{k}, element ({i}, {j})"));
            }
        };

        let mut c = Output::in_turn(turn, m, n, 1);
        let forward = Forward { x: a.view(), w: b.view().t(), bias: None, activation: Activation::Identity };
        dense::forward(&mut backend, forward, c.view()).expect("the shapes fit");
        compare("forward", &c, &|i, j| {
            if m <= FEW { lanes(terms(i, j), fused) } else { chain(0.0, terms(i, j), fused) }
        });
        let backward = Backward { delta: a.view(), w: b.view(), below: None };
        dense::backward(&mut backend, backward, c.view()).expect("the shapes fit");
        compare("delta", &c, &|i, j| chain(0.0, terms(i, j), fused));
        c.fill(start);
        let gradient = Gradient { delta: a.view().t(), x: b.view(), accumulate: true };
        dense::gradient(&mut backend, gradient, c.view(), None).expect("the shapes fit");
        compare("gradient", &c, &|i, j| chain(start(i, j), terms(i, j), fused));
    }
}
