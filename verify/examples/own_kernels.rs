//! Pieces of your own on `lanegrad-kernels`, on every instruction set, checked with the oracles of this crate: the activation Swish with
//! its β, and a rule that steps by the sign of its momentum.
//!
//! ```text
//! cargo run --release -p lanegrad-verify --example own_kernels
//! ```
//!
//! A kernel is a struct that is generic over the vocabulary `Simd`. Everything that takes `simd` is `#[inline(always)]`: otherwise it is
//! compiled without the instruction set, and each operation becomes a call.

use lanegrad::Isa;
use lanegrad_kernels::elementwise::{Map, MapInPlace};
use lanegrad_kernels::math::exp;
use lanegrad_kernels::simd::Simd;
use lanegrad_kernels::update::{Rule, Update};
use lanegrad_verify::check::update;
use lanegrad_verify::shapes::Edges;
use lanegrad_verify::tally::Tally;
use lanegrad_verify::ulp::{Coverage, Function, Symmetry, measure};
use std::process::ExitCode;

/// `x·σ(βx)`. Source: Ramachandran, Zoph & Le 2017.
#[derive(Clone, Copy)]
struct Swish {
    beta: f32,
}

impl Map for Swish {
    #[inline(always)]
    fn apply<S: Simd>(self, simd: S, x: S::V) -> S::V {
        // With r = e^(−|βx|/2), σ(βx) is 1/(1+r²), or r²/(1+r²) where βx < 0. There r is multiplied twice, because for x below −43 σ is
        // subnormal: x·σ would multiply its rounding error by x.
        let (zero, one) = (simd.splat(0.0), simd.splat(1.0));
        let y = simd.mul(simd.splat(self.beta), x);
        let r = exp(simd, simd.mul(simd.splat(-0.5), simd.max(y, simd.sub(zero, y))));
        // Without it, −∞·0 would be NaN.
        let x = simd.max(simd.splat(f32::MIN), x);
        let quotient = simd.div(x, simd.mul_add(r, r, one));
        simd.select(simd.less(y, zero), simd.mul(simd.mul(quotient, r), r), quotient)
    }
}

/// In f64, for β = 2: a power of two, so that βx is exact.
const SWISH: Function = Function {
    name: "swish, β = 2",
    exact: |x| if x == f64::NEG_INFINITY { 0.0 } else { x / (1.0 + (-2.0 * x).exp()) },
    rises: false,
    symmetry: Symmetry::None,
    range: [-0.14, f32::INFINITY],
    boundaries: &[0.0, 1e-45, f32::MIN_POSITIVE, 0.64, 1.0, 44.0, 52.0, f32::MAX],
};

/// r is within 1.02 ULP, and counts twice; the sum, the quotient and both products round once each. Measured: 4.05.
const SWISH_ULP: f64 = 4.5;

/// `v ← β v + (1−β) g; θ ← θ − η·sign(v)`. Source: Bernstein et al. 2018 (Signum).
#[derive(Clone, Copy)]
struct SignMomentum {
    learning_rate: f32,
    beta: f32,
}

impl Rule<1> for SignMomentum {
    const NAMES: &'static [&'static str; 1] = &["velocity"];

    #[inline(always)]
    fn step<S: Simd>(self, simd: S, theta: S::V, gradient: S::V, [v]: [S::V; 1]) -> (S::V, [S::V; 1]) {
        let zero = simd.splat(0.0);
        let v = simd.mul_add(simd.splat(1.0 - self.beta), gradient, simd.mul(simd.splat(self.beta), v));
        let down = simd.select(simd.less(zero, v), simd.splat(-self.learning_rate), zero);
        let step = simd.select(simd.less(v, zero), simd.splat(self.learning_rate), down);
        (simd.add(theta, step), [v])
    }
}

/// The same, one parameter at a time; `mistaken` steps with a sign of g.
#[expect(clippy::disallowed_methods, reason = "the twin of an instruction that rounds once")]
fn sign_momentum(rule: SignMomentum, fused: bool, mistaken: bool, theta: &mut f32, g: f32, v: &mut f32) {
    let SignMomentum { learning_rate, beta } = rule;
    *v = if fused { (1.0 - beta).mul_add(g, beta * *v) } else { (1.0 - beta) * g + beta * *v };
    let by = if mistaken { g } else { *v };
    *theta += if by > 0.0 {
        -learning_rate
    } else if by < 0.0 {
        learning_rate
    } else {
        0.0
    };
}

fn swish_is_right(isa: Isa) -> bool {
    let kernel = |x: &mut [f32]| isa.run(MapInPlace { map: Swish { beta: 2.0 }, x });
    let [found] = measure(&SWISH, Coverage::Everyday, [&kernel], &mut |_, _| ());
    let right = found.error.value <= SWISH_ULP;
    println!("{:>8}: {}, {:.3} ULP at {}", isa.name(), SWISH.name, found.error.value, found.error.at);
    right
}

fn sign_momentum_is(right: bool, isa: Isa) -> bool {
    let rule = SignMomentum { learning_rate: 0.01, beta: 0.875 };
    let lengths: Vec<usize> = Edges::of(isa).lengths().collect();
    let velocities = || -> Vec<Vec<f32>> { lengths.iter().map(|&len| vec![0.0; len]).collect() };
    let (mut scalar_v, mut vector_v) = (velocities(), velocities());
    let fused = Edges::of(isa).fused;
    let mut twin = |theta: &mut [Vec<f32>], gradient: &mut dyn FnMut(usize, &[f32]) -> Vec<f32>| {
        for (slice, (theta, v)) in theta.iter_mut().zip(&mut scalar_v).enumerate() {
            let gradient = gradient(slice, theta);
            for ((theta, g), v) in theta.iter_mut().zip(gradient).zip(v) {
                sign_momentum(rule, fused, !right, theta, g, v);
            }
        }
    };
    let mut step = |theta: &mut [Vec<f32>], gradient: &mut dyn FnMut(usize, &[f32]) -> Vec<f32>| {
        for (slice, (theta, v)) in theta.iter_mut().zip(&mut vector_v).enumerate() {
            let gradient = gradient(slice, theta);
            isa.run(Update { rule, theta, gradient: &gradient, states: [v] });
        }
    };
    let mut tally = Tally::default();
    update::against("sign momentum", &lengths, &mut twin, &mut step, &mut tally);
    println!("{:>8}: sign momentum: {}", isa.name(), tally.fault().unwrap_or("the bits of its twin"));
    tally.passed() == right
}

fn main() -> ExitCode {
    let mut right = true;
    for isa in Isa::available() {
        right &= swish_is_right(isa);
        right &= sign_momentum_is(true, isa);
    }
    // The oracle can fail: this is the difference that it finds.
    right &= sign_momentum_is(false, Isa::detect());
    if right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
