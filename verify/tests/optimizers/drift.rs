//! How far from the lecture's formulas in f64 many steps lead: no farther than the errors of their roundings, passed on.

use crate::rounded::Rounded;
use crate::{Run, adaptive, methods, numbers};
use lanegrad::{Isa, LearningRate, Method, Momentum, Rule, WeightDecay};
use lanegrad_verify::reference;
use lanegrad_verify::shapes::Edges;
use lanegrad_verify::tally::Tally;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// The states of one parameter, with their errors.
#[derive(Clone, Copy, Debug, Default)]
struct Errors {
    theta: Rounded,
    v: Rounded,
    r: Rounded,
}

impl Errors {
    /// One step of a rule, in the order of its roundings: the recurrences of the errors of θ, v (or s) and r. The gradient
    /// does not depend on θ, so that an error, once made, stays.
    fn step(&mut self, rule: Rule, rate: f64, t: u64, g: f64, fused: bool) {
        // a·b + c, with one rounding or two.
        let fma = |a: Rounded, b: Rounded, c: Rounded| {
            let product = if fused { a.product(b) } else { a.product(b).rounded() };
            product.sum(c).rounded()
        };
        let minus = |x: Rounded| Rounded { exact: -x.exact, ..x };
        // s − (1−ρ)s. Both terms have the same error of s, of which ρ times as much is left.
        let decayed = |decay: f64, s: Rounded| {
            let product = Rounded::scalar(1.0 - decay).product(Rounded::exact(s.exact.abs() + s.error));
            let product = if fused { product } else { product.rounded() };
            Rounded { exact: decay * s.exact, error: decay * s.error + product.error }.rounded()
        };
        let average_of_squares = |decay: f64, g: Rounded, r: Rounded| {
            let rest = Rounded::scalar(1.0 - decay).product(g).rounded();
            fma(rest, g, decayed(decay, r))
        };
        let eta = Rounded::scalar(rate);
        let Self { theta, v, r } = *self;
        let alpha = match rule.method() {
            Method::Nesterov { momentum } | Method::RmsPropNesterov { momentum, .. } => Some(momentum.at(t)),
            _ => None,
        };
        // Where g is taken.
        let theta = alpha.map_or(theta, |alpha| fma(Rounded::scalar(alpha), v, theta));
        let (theta, g) = match rule.weight_decay() {
            WeightDecay::Coupled(lambda) => (theta, fma(Rounded::scalar(lambda), theta, Rounded::exact(g))),
            WeightDecay::Decoupled(lambda) => (decayed(1.0 - rate * lambda, theta), Rounded::exact(g)),
            _ => (theta, Rounded::exact(g)),
        };
        match rule.method() {
            Method::Sgd => self.theta = fma(minus(eta), g, theta),
            Method::Momentum { momentum } => {
                self.v = fma(minus(eta), g, Rounded::scalar(momentum.at(t)).product(v).rounded());
                self.theta = theta.sum(self.v).rounded();
            }
            Method::Nesterov { momentum } => {
                self.v = fma(minus(eta), g, Rounded::scalar(momentum.at(t)).product(v).rounded());
                self.theta = fma(minus(eta), g, theta);
            }
            Method::Adagrad { epsilon } => {
                self.r = fma(g, g, r);
                let root = Rounded::scalar(epsilon).sum(self.r.root().rounded()).rounded();
                self.theta = fma(minus(eta), g.quotient(root).rounded(), theta);
            }
            Method::RmsProp { decay, epsilon } => {
                self.r = average_of_squares(decay, g, r);
                let root = Rounded::scalar(epsilon).sum(self.r).rounded().root().rounded();
                self.theta = fma(minus(eta), g.quotient(root).rounded(), theta);
            }
            Method::RmsPropOutside { decay, epsilon } => {
                self.r = average_of_squares(decay, g, r);
                let root = Rounded::scalar(epsilon).sum(self.r.root().rounded()).rounded();
                self.theta = fma(minus(eta), g.quotient(root).rounded(), theta);
            }
            Method::RmsPropNesterov { decay, epsilon, momentum } => {
                let alpha = Rounded::scalar(momentum.at(t));
                self.r = average_of_squares(decay, g, r);
                let root = Rounded::scalar(epsilon).sum(self.r).rounded().root().rounded();
                let direction = g.quotient(root).rounded();
                self.v = fma(minus(eta), direction, alpha.product(v).rounded());
                self.theta = fma(minus(eta), direction, theta);
            }
            Method::Adam { beta1, beta2, epsilon } => {
                self.v = fma(Rounded::scalar(1.0 - beta1), g, decayed(beta1, v));
                self.r = average_of_squares(beta2, g, r);
                let [first, second] = [beta1, beta2].map(|decay| 1.0 - decay.powf(t as f64));
                let factor = Rounded::scalar(first / second.sqrt());
                let root = fma(self.r.root().rounded(), factor, Rounded::scalar(epsilon * first));
                self.theta = fma(minus(eta), self.v.quotient(root).rounded(), theta);
            }
            other => panic!("{} has no recurrence here", other.name()),
        }
    }
}

/// The rule in the reference.
fn reference_rule(method: Method) -> reference::Rule {
    let alpha = |momentum| match momentum {
        Momentum::Constant(alpha) => reference::Momentum::Constant(alpha),
        Momentum::Rising { from, to, steps } => reference::Momentum::Rising { from, to, steps },
        other => panic!("{other:?} is not in the reference"),
    };
    match method {
        Method::Sgd => reference::Rule::Sgd,
        Method::Momentum { momentum } => reference::Rule::Momentum { alpha: alpha(momentum) },
        Method::Nesterov { momentum } => reference::Rule::Nesterov { alpha: alpha(momentum) },
        Method::Adagrad { epsilon } => reference::Rule::Adagrad { delta: epsilon },
        Method::RmsProp { decay, epsilon } => reference::Rule::RmsProp { rho: decay, delta: epsilon },
        Method::RmsPropOutside { decay, epsilon } => reference::Rule::RmsPropOutside { rho: decay, delta: epsilon },
        Method::RmsPropNesterov { decay, epsilon, momentum } => {
            reference::Rule::RmsPropNesterov { rho: decay, delta: epsilon, alpha: alpha(momentum) }
        }
        Method::Adam { beta1, beta2, epsilon } => reference::Rule::Adam { rho_1: beta1, rho_2: beta2, delta: epsilon },
        other => panic!("{} is not in the reference", other.name()),
    }
}

/// Every rule, after each of 10⁴ steps, against the lecture's formulas in f64, within the bound of [`Errors`]. Gradients of a
/// parameter have a magnitude of their own, every fourth is 0, and their mean is not.
#[test]
fn ten_thousand_steps_stay_within_the_running_error_bound() {
    const STEPS: u64 = 10_000;
    const LEN: usize = 19;
    let decays = [
        (WeightDecay::None, reference::Decay::None),
        (WeightDecay::Coupled(0.01), reference::Decay::Coupled { lambda: 0.01 }),
        (WeightDecay::Decoupled(0.1), reference::Decay::Decoupled { lambda: 0.1 }),
    ];
    let rate = LearningRate::Constant(1e-3);
    // Of an adaptive rule with coupled decay, the bound passes errors of θ on to g and to r, and so to θ again, until it says nothing;
    // its bits are its twin's.
    let bounded = |method: Method, decay| {
        !matches!(decay, WeightDecay::Coupled(_)) || !adaptive(1e-6).any(|adaptive| adaptive == method)
    };
    for (method, (weight_decay, decay)) in
        methods(1e-6).into_iter().flat_map(|method| decays.map(|decay| (method, decay)))
    {
        if !bounded(method, weight_decay) {
            continue;
        }
        let rule = Rule::new(method, rate).unwrap().with_weight_decay(weight_decay).unwrap();
        let mut rng = StdRng::seed_from_u64(12);
        let start = numbers(LEN, 3.0, &mut rng);
        let scales = numbers(LEN, 10.0, &mut rng);
        let wide = |numbers: &[f32]| -> Vec<f64> { numbers.iter().copied().map(f64::from).collect() };

        let mut theta = wide(&start);
        let mut exact = reference::Optimizer::new(reference_rule(method), reference::LearningRate::Constant(1e-3), LEN)
            .with_decay(decay);
        let fresh = |&theta: &f64| Errors { theta: Rounded::exact(theta), ..Errors::default() };
        let mut errors: [Vec<Errors>; 2] = [(); 2].map(|()| theta.iter().map(fresh).collect());
        let mut runs: Vec<_> =
            Isa::available().map(|isa| (isa, Run::with_rule(isa, rule, &start), Tally::default())).collect();
        for t in 1..=STEPS {
            let gradient: Vec<f32> = (0..LEN)
                .map(|i| if rng.random_range(0..4) == 0 { 0.0 } else { scales[i] * (rng.random::<f32>() - 0.4) })
                .collect();
            exact.step(&mut theta, |_| wide(&gradient));
            for (errors, fused) in errors.iter_mut().zip([false, true]) {
                for (errors, &g) in errors.iter_mut().zip(&gradient) {
                    errors.step(rule, rate.at(t), t, g.into(), fused);
                }
            }
            for (isa, run, tally) in &mut runs {
                let found = run.step(|_| gradient.clone());
                for (i, &found) in found.iter().enumerate() {
                    let Rounded { exact, error } = errors[usize::from(Edges::of(*isa).fused)][i].theta;
                    // The two ways of f64 to the same number differ by roundings of f64 alone.
                    assert!((exact - theta[i]).abs() <= 1e-4 * error, "{rule:?}, step {t}: {exact} and {}", theta[i]);
                    tally.within(found.into(), theta[i], error, || format!("{isa}, {rule:?}, step {t}, parameter {i}"));
                }
            }
        }
        for (isa, run, tally) in runs {
            let errors = &errors[usize::from(Edges::of(isa).fused)];
            let drift = run.theta.iter().zip(&theta).map(|(&found, theta)| ((f64::from(found) - theta) / theta).abs());
            let bound = errors.iter().map(|errors| errors.theta.error / errors.theta.exact.abs());
            let [drift, bound] = [drift.fold(0.0, f64::max), bound.fold(0.0, f64::max)];
            println!(
                "{:>8}: {:.3} of the bound; drift {drift:.1e}, bound {bound:.1e}: {rule:?}",
                isa.name(),
                tally.largest_ratio()
            );
            assert!(tally.passed(), "{tally:?}");
            // A bound that says nothing is no bound.
            assert!(bound < 0.05, "{isa}, {rule:?}: {bound}");
        }
    }
}
