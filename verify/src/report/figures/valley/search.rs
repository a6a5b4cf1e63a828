//! The fastest step size and momentum of a method, from a grid.

use super::quadratic::{Point, Quadratic, distance};
use crate::training::HyperParameters;
use lanegrad::{Backend, Error, LearningRate, Method, Momentum, Rule};

/// The momenta that are tried, with each step size.
pub(super) const MOMENTA: [f64; 8] = [0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99];
/// The step sizes lie between these powers of ten.
pub(super) const DECADES: (i32, i32) = (-6, 1);
/// A run has arrived when its distance is at most this share of the distance at the start, and for as many steps again.
pub(super) const TARGET: f64 = 1e-3;
/// The first attempt's number of steps; each further attempt has twice as many.
const FIRST_ATTEMPT: usize = 64;

/// The fastest run that was found.
pub(super) struct Run {
    pub(super) rule: Rule,
    /// The momentum that was chosen, for a method that has one.
    pub(super) momentum: Option<f64>,
    /// Number of steps to the target; `None` if no run of the grid arrives.
    pub(super) steps: Option<usize>,
    /// From the start to the target, or as far as it came.
    pub(super) path: Vec<Point>,
}

/// Step sizes, as many in each decade, evenly spaced on a logarithmic scale.
pub(super) struct Grid {
    pub(super) per_decade: i32,
    /// The most steps of an attempt.
    pub(super) most_steps: usize,
}

impl Grid {
    fn learning_rates(&self) -> impl Iterator<Item = f64> {
        let (from, to) = (DECADES.0 * self.per_decade, DECADES.1 * self.per_decade);
        let step = f64::from(self.per_decade);
        (from..=to).rev().map(move |number| 10_f64.powf(f64::from(number) / step))
    }

    fn candidates(&self, method: Method) -> Result<Vec<(Rule, Option<f64>)>, Error> {
        let mut variant = method;
        let has_momentum = HyperParameters::of(&mut variant).momentum.is_some();
        let momenta = if has_momentum { MOMENTA.map(Some).to_vec() } else { vec![None] };
        let mut candidates = Vec::new();
        for learning_rate in self.learning_rates() {
            for &momentum in &momenta {
                if let Some((place, alpha)) = HyperParameters::of(&mut variant).momentum.zip(momentum) {
                    *place = Momentum::Constant(alpha);
                }
                candidates.push((Rule::new(variant, LearningRate::Constant(learning_rate))?, momentum));
            }
        }
        Ok(candidates)
    }

    /// The method's fastest run in the valley; of equally fast ones that with the largest step size. Where none arrives, the one that
    /// is nearest after the last step.
    pub(super) fn fastest(&self, valley: &Quadratic, backend: &mut Backend, method: Method) -> Result<Run, Error> {
        let candidates = self.candidates(method)?;
        let mut attempt = FIRST_ATTEMPT.min(self.most_steps);
        loop {
            let mut best: Option<(usize, usize)> = None;
            let mut nearest = (f64::INFINITY, 0);
            for (index, (rule, _)) in candidates.iter().enumerate() {
                let limit = best.map_or(attempt, |(steps, _)| steps - 1);
                match outcome(valley, backend, rule, limit)? {
                    Outcome::Arrived(steps) => best = Some((steps, index)),
                    Outcome::Left(left) if left < nearest.0 => nearest = (left, index),
                    Outcome::Left(_) => {}
                }
            }
            if best.is_none() && attempt < self.most_steps {
                attempt = (2 * attempt).min(self.most_steps);
                continue;
            }
            let (steps, index) = best.map_or((None, nearest.1), |(steps, index)| (Some(steps), index));
            let (rule, momentum) = candidates[index];
            let mut path = vec![Quadratic::start()];
            let len = 1 + steps.unwrap_or(attempt);
            valley.descend(backend, &rule, path[0], |theta| {
                path.push(theta);
                path.len() < len
            })?;
            return Ok(Run { rule, momentum, steps, path });
        }
    }
}

enum Outcome {
    /// After that many steps.
    Arrived(usize),
    /// The distance when it was given up.
    Left(f64),
}

/// Whether a rule arrives within `limit` steps.
fn outcome(valley: &Quadratic, backend: &mut Backend, rule: &Rule, limit: usize) -> Result<Outcome, Error> {
    let start = distance(Quadratic::start());
    let (mut step, mut arrived, mut last) = (0, 1, start);
    valley.descend(backend, rule, Quadratic::start(), |theta| {
        step += 1;
        last = distance(theta);
        if last.is_nan() || last > TARGET * start {
            arrived = step + 1;
        }
        // It has arrived too late, or has stayed long enough, or is lost.
        arrived <= limit && step < 2 * arrived && last < 1e3 * start
    })?;
    Ok(if arrived <= limit && step >= 2 * arrived { Outcome::Arrived(arrived) } else { Outcome::Left(last) })
}
