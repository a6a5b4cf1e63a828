//! In-place parameter updates: one file per rule, one driver for all of them.
//!
//! ```text
//!   for each vector of θ, g and the rule's states:   (θ, states) ← rule(θ, g, states)
//! ```
//! A rule is a lane function: the new value of a parameter depends only on its own θ, g and states, so a slice may be split, moved or
//! permuted without changing a bit. Tails are processed by the same vector code, with the missing lanes set to zero.
//!
//! Scalars such as `1 − ρ` are computed in `f64` and rounded to `f32` once, when the rule is created.

use crate::isa::Kernel;
use crate::simd::{Simd, zip};
use crate::threads::{Split, first_part};

mod adagrad;
mod adam;
mod decay;
mod momentum;
mod moving_average;
mod nesterov;
mod rmsprop;
mod rmsprop_nesterov;
mod sgd;

pub use self::adagrad::Adagrad;
pub use self::adam::Adam;
pub use self::decay::{Decay, Decayed};
pub use self::momentum::Momentum;
pub use self::moving_average::MovingAverage;
pub use self::nesterov::{LookAhead, Nesterov};
pub use self::rmsprop::{RmsProp, RmsPropOutside};
pub use self::rmsprop_nesterov::RmsPropNesterov;
pub use self::sgd::Sgd;

/// An optimizer's step for one parameter. It keeps `STATES` values per parameter between steps.
pub trait Rule<const STATES: usize>: Copy + Send {
    /// The names of the states.
    const NAMES: &'static [&'static str; STATES];

    /// Returns the new parameter and states.
    fn step<S: Simd>(self, simd: S, theta: S::V, gradient: S::V, states: [S::V; STATES]) -> (S::V, [S::V; STATES]);
}

/// One step of `rule` for every parameter of a slice. All slices have the length of `theta`.
#[derive(Debug)]
pub struct Update<'a, R, const STATES: usize> {
    /// The optimizer.
    pub rule: R,
    /// The parameters, updated in place.
    pub theta: &'a mut [f32],
    /// Their gradient.
    pub gradient: &'a [f32],
    /// The states of each parameter, updated in place.
    pub states: [&'a mut [f32]; STATES],
}

impl<R: Rule<STATES>, const STATES: usize> Split for Update<'_, R, STATES> {
    fn work(&self) -> usize {
        // Each state is read and written, as θ is; g is read.
        self.theta.len().saturating_mul(3 + 2 * STATES) / 20
    }
    fn split(self, parts: usize) -> (Self, Self) {
        let Self { rule, theta, gradient, states } = self;
        let at = first_part(theta.len(), parts);
        let (theta, other_theta) = theta.split_at_mut(at);
        let (gradient, other_gradient) = gradient.split_at(at);
        let mut others = [(); STATES].map(|()| Default::default());
        let mut at_state = others.iter_mut();
        let states = states.map(|state| {
            let (first, other) = state.split_at_mut(at);
            *at_state.next().expect("there are as many") = other;
            first
        });
        let first = Self { rule, theta, gradient, states };
        (first, Self { rule, theta: other_theta, gradient: other_gradient, states: others })
    }
}

impl<R: Rule<STATES>, const STATES: usize> Kernel for Update<'_, R, STATES> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { rule, theta, gradient, states } = self;
        zip::<1, _, _>(
            simd,
            theta.len(),
            (theta, gradient, states),
            #[inline(always)]
            |_, (theta, gradient, states)| {
                let (theta, states) = rule.step(simd, theta, gradient, states);
                (theta, (), states)
            },
        );
    }
}
