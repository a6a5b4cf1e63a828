//! What must hold of update rules, whatever their twins say: on every instruction set, each with the rules and the tolerance
//! it holds for; and how far 10⁴ steps drift from the lecture's formulas in f64.

use lanegrad::{Backend, Isa, LearningRate, Method, Momentum, Optimizer};
use lanegrad_verify::bound::{TINY, U, gamma};
use lanegrad_verify::reference;
use lanegrad_verify::shapes::Edges;
use lanegrad_verify::tally::Tally;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

const RATE: LearningRate = LearningRate::Constant(0.01);
const RISING: Momentum = Momentum::Rising { from: 0.3, to: 0.95, steps: 50 };

/// Every rule, with this δ.
fn methods(epsilon: f64) -> [Method; 7] {
    [
        Method::Sgd,
        Method::Momentum { momentum: RISING },
        Method::Nesterov { momentum: RISING },
        Method::Adagrad { epsilon },
        Method::RmsProp { decay: 0.9, epsilon },
        Method::RmsPropNesterov { decay: 0.9, epsilon, momentum: RISING },
        Method::Adam { first_decay: 0.9, second_decay: 0.999, epsilon },
    ]
}

/// Those that divide by a root of squared gradients.
fn adaptive(epsilon: f64) -> impl Iterator<Item = Method> {
    methods(epsilon)
        .into_iter()
        .filter(|method| !matches!(method, Method::Sgd | Method::Momentum { .. } | Method::Nesterov { .. }))
}

/// An optimizer and its parameters, in one tensor.
struct Run {
    backend: Backend,
    optimizer: Optimizer,
    theta: Vec<f32>,
}

impl Run {
    fn new(isa: Isa, method: Method, rate: LearningRate, theta: &[f32]) -> Self {
        let optimizer = Optimizer::new(method, rate).unwrap();
        Self { backend: Backend::with_isa(isa), optimizer, theta: theta.to_vec() }
    }

    /// One step; the gradient may depend on where it is taken.
    fn step(&mut self, gradient: impl FnOnce(&[f32]) -> Vec<f32>) -> &[f32] {
        let mut parameters = [&mut self.theta[..]];
        let step = self.optimizer.begin(&self.backend, &mut parameters).unwrap();
        let gradient = gradient(step.parameters()[0]);
        step.finish(&[&gradient]).unwrap();
        &self.theta
    }
}

/// Of either sign, with magnitudes from 2^−`spread` to 2^`spread`.
fn numbers(len: usize, spread: f32, rng: &mut StdRng) -> Vec<f32> {
    (0..len).map(|_| rng.random_range(-spread..spread).exp2() * [1.0, -1.0][rng.random_range(0..2)]).collect()
}

fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|x| x.to_bits()).collect()
}

/// A tail of every length.
fn len(isa: Isa) -> usize {
    5 * Edges::of(isa).lanes - 1
}

/// For θ = 0 and one step, within the roundings of the rule: 2 of s, half of the 3 of r and one each of √r, its correction,
/// their product, δ and the sum, of η/(1 − ρ₁), the quotient, and 2 of its product with s: γ₁₃.
#[test]
fn the_first_step_of_adam_is_learning_rate_times_gradient_over_gradient_plus_epsilon() {
    let mut tally = Tally::default();
    for isa in Isa::available() {
        for (first_decay, second_decay) in [(0.9, 0.999), (0.0, 0.5), (0.5, 0.0), (0.99, 0.9999)] {
            for epsilon in [0.0, 1e-8, 1.0, 1e4] {
                let method = Method::Adam { first_decay, second_decay, epsilon };
                let gradient = numbers(1000, 40.0, &mut StdRng::seed_from_u64(1));
                let mut run = Run::new(isa, method, RATE, &[0.0; 1000]);
                let theta = run.step(|_| gradient.clone());
                for (&theta, g) in theta.iter().zip(gradient) {
                    let g = f64::from(g);
                    let expected = -RATE.at(1) * g / (g.abs() + epsilon);
                    let bound = gamma(13) * expected.abs();
                    tally.within(theta.into(), expected, bound, || format!("{isa}, {method:?}, g = {g:e}"));
                }
            }
        }
    }
    println!("first step of Adam: {:.3} of its bound", tally.largest_ratio());
    assert!(tally.passed(), "{tally:?}");
}

/// For the adaptive rules: r scales by 4ᵏ, its root by 2ᵏ, the rate by 2⁻ᵏ, all without rounding.
#[test]
fn without_epsilon_a_power_of_two_in_the_gradients_changes_no_bit() {
    for isa in Isa::available() {
        let len = len(isa);
        for method in adaptive(0.0) {
            let start = numbers(len, 2.0, &mut StdRng::seed_from_u64(2));
            let trace = |k: i32| {
                let mut rng = StdRng::seed_from_u64(3);
                let mut run = Run::new(isa, method, RATE, &start);
                let steps = (0..100).map(|_| {
                    let gradient = numbers(len, 4.0, &mut rng).into_iter().map(|g| g * 2_f32.powi(k)).collect();
                    bits(run.step(|_| gradient))
                });
                steps.collect::<Vec<_>>()
            };
            let plain = trace(0);
            assert_ne!(plain[0], plain[99]);
            for k in [-20, -3, 1, 8, 25] {
                assert!(trace(k) == plain, "{isa}, {method:?}, 2^{k}");
            }
        }
    }
}

/// For every rule: rounding is symmetric.
#[test]
fn negating_gradients_and_parameters_negates_bit_for_bit() {
    for isa in Isa::available() {
        let len = len(isa);
        for epsilon in [0.0, 1e-8, 1e-3] {
            for method in methods(epsilon) {
                let start = numbers(len, 2.0, &mut StdRng::seed_from_u64(4));
                let trace = |sign: f32| {
                    let mut rng = StdRng::seed_from_u64(5);
                    let start: Vec<f32> = start.iter().map(|theta| sign * theta).collect();
                    let mut run = Run::new(isa, method, RATE, &start);
                    let steps = (0..100).flat_map(|_| {
                        let noise = numbers(len, 6.0, &mut rng);
                        // It depends on θ or θ̃, so that both halves of a step take part.
                        let gradient = |at: &[f32]| at.iter().zip(noise).map(|(theta, g)| theta + sign * g).collect();
                        run.step(gradient).iter().map(|theta| sign * theta).collect::<Vec<_>>()
                    });
                    bits(&steps.collect::<Vec<_>>())
                };
                assert!(trace(1.0) == trace(-1.0), "{isa}, {method:?}");
            }
        }
    }
}

/// For every rule, with δ > 0 where there is one; subnormals and infinities stay too. (−0 may become +0 in `θ + v`.)
#[test]
fn a_gradient_of_zeros_on_fresh_state_changes_nothing() {
    for isa in Isa::available() {
        let len = len(isa);
        for epsilon in [1e-8, 1e-30, 1.0] {
            for method in methods(epsilon) {
                let mut start = numbers(len, 100.0, &mut StdRng::seed_from_u64(6));
                start.extend([0.0, 1e-45, -1e-40, f32::INFINITY, f32::MIN]);
                let mut run = Run::new(isa, method, RATE, &start);
                for t in 0..10 {
                    let theta = run.step(|_| vec![[0.0, -0.0][t % 2]; start.len()]);
                    assert_eq!(bits(theta), bits(&start), "{isa}, {method:?}, step {t}");
                }
            }
        }
    }
}

/// Momentum rounds ηg, and then `θ + v`; SGD rounds `θ − ηg` once (or the same twice). Each is off by u times its result at
/// most. The Nesterov rules round as their plain rules do: to the last bit.
#[test]
fn without_momentum_a_rule_is_its_plain_rule_up_to_one_rounding() {
    const NONE: Momentum = Momentum::Constant(0.0);
    let mut tally = Tally::default();
    for isa in Isa::available() {
        let len = len(isa);
        let start = numbers(len, 2.0, &mut StdRng::seed_from_u64(7));
        let mut rng = StdRng::seed_from_u64(8);
        let mut momentum = Run::new(isa, Method::Momentum { momentum: NONE }, RATE, &start);
        for t in 0..100 {
            let gradient = numbers(len, 10.0, &mut rng);
            let mut sgd = Run::new(isa, Method::Sgd, RATE, &momentum.theta);
            let expected = sgd.step(|_| gradient.clone());
            let found = momentum.step(|_| gradient.clone());
            for (i, g) in gradient.into_iter().enumerate() {
                let (expected, found) = (f64::from(expected[i]), f64::from(found[i]));
                let v = f64::from(RATE.at(1) as f32 * g);
                let bound = U * (v.abs() + expected.abs() + found.abs());
                tally.within(found, expected, bound, || format!("{isa}, step {t}, parameter {i}"));
            }
        }

        let (decay, epsilon) = (0.9, 1e-6);
        for (looking_ahead, plain) in [
            (Method::Nesterov { momentum: NONE }, Method::Sgd),
            (Method::RmsPropNesterov { decay, epsilon, momentum: NONE }, Method::RmsProp { decay, epsilon }),
        ] {
            let [mut found, mut expected] = [looking_ahead, plain].map(|method| Run::new(isa, method, RATE, &start));
            for t in 0..100 {
                let gradient = numbers(len, 10.0, &mut rng);
                let (found, expected) = (found.step(|_| gradient.clone()), expected.step(|_| gradient.clone()));
                assert_eq!(bits(found), bits(expected), "{isa}, {looking_ahead:?}, step {t}");
            }
        }
    }
    println!("momentum 0 against SGD: {:.3} of its bound", tally.largest_ratio());
    assert!(tally.passed(), "{tally:?}");
}

/// For the adaptive rules, as their documentation says; no other parameter is touched by it.
#[test]
fn without_epsilon_nothing_but_zeros_gives_nan() {
    for isa in Isa::available() {
        let len = len(isa);
        for method in adaptive(0.0) {
            let silent = |i: usize| i % 7 == 3 || i == len - 1;
            let gradient: Vec<f32> = (0..len).map(|i| if silent(i) { 0.0 } else { 1.0 }).collect();
            let mut run = Run::new(isa, method, RATE, &vec![1.0; len]);
            for _ in 0..3 {
                let theta = run.step(|_| gradient.clone());
                for (i, theta) in theta.iter().enumerate() {
                    assert!(if silent(i) { theta.is_nan() } else { *theta < 1.0 }, "{isa}, {method:?}, parameter {i}");
                }
            }
        }
    }
}

/// A gradient in plain f32 arithmetic, the same everywhere, of parameter i at step t.
fn pull(theta: f32, i: usize, t: u64) -> f32 {
    let noise = ((i as u64 * 7919 + t * 104_729) % 1000) as f32 * 0.001 - 0.5;
    (theta - (i % 5) as f32) * 0.1 + noise
}

/// For every rule: what becomes of a parameter depends on nothing but its own θ, g and states.
#[test]
fn permuting_the_parameters_permutes_the_bits() {
    for isa in Isa::available() {
        let len = len(isa);
        for method in methods(1e-7) {
            let start = numbers(len, 2.0, &mut StdRng::seed_from_u64(9));
            let trace = |order: &[usize]| {
                let start: Vec<f32> = order.iter().map(|&i| start[i]).collect();
                let mut run = Run::new(isa, method, RATE, &start);
                let mut steps = vec![0; len * 20];
                for (t, step) in steps.chunks_mut(len).enumerate() {
                    let gradient =
                        |at: &[f32]| at.iter().zip(order).map(|(&theta, &i)| pull(theta, i, t as u64)).collect();
                    let theta = run.step(gradient);
                    for (theta, &i) in theta.iter().zip(order) {
                        step[i] = theta.to_bits();
                    }
                }
                steps
            };
            let mut order: Vec<usize> = (0..len).collect();
            let expected = trace(&order);
            order.reverse();
            assert!(trace(&order) == expected, "{isa}, {method:?}, reversed");
            for by in 1..=16 {
                order.rotate_left(1);
                assert!(trace(&order) == expected, "{isa}, {method:?}, reversed and rotated by {by}");
            }
            let mut rng = StdRng::seed_from_u64(10);
            for _ in 0..10 {
                order.shuffle(&mut rng);
                assert!(trace(&order) == expected, "{isa}, {method:?}, {order:?}");
            }
        }
    }
}

/// For every rule, with every schedule, over many steps: a hash of all parameters of all steps.
#[test]
fn with_fma_every_instruction_set_has_the_same_bits_over_many_steps() {
    let rates = [
        RATE,
        LearningRate::InverseSquareRoot { initial: 0.1, gamma: 0.5 },
        LearningRate::Inverse { initial: 0.1, gamma: 0.01 },
    ];
    let mut hashes = BTreeSet::new();
    let mut compared = 0;
    for method in methods(1e-7) {
        for rate in rates {
            let start = numbers(79, 2.0, &mut StdRng::seed_from_u64(11));
            let hash = |isa: Isa| {
                let mut run = Run::new(isa, method, rate, &start);
                let mut hash = DefaultHasher::new();
                for t in 0..3000 {
                    let gradient = |at: &[f32]| at.iter().enumerate().map(|(i, &theta)| pull(theta, i, t)).collect();
                    bits(run.step(gradient)).hash(&mut hash);
                }
                assert!(run.theta.iter().all(|theta| theta.is_finite()));
                hash.finish()
            };
            let scalar = hash(Isa::from_name("scalar").unwrap());
            for isa in Isa::available().filter(|&isa| Edges::of(isa).fused) {
                assert_eq!(hash(isa), scalar, "{isa}, {method:?}, {rate:?}");
                compared += 1;
            }
            hashes.insert(scalar);
        }
    }
    assert!(compared >= 21 && hashes.len() == 21, "a rule or a schedule makes no difference");
}

/// A number as f32 arithmetic has it: the exact one, and how far from it the computed one may be at most. Source: Wilkinson's
/// running error analysis; Higham 2002, section 3.3. Every operation passes on the errors of its operands, and rounding
/// adds u times the result and half of the smallest subnormal.
#[derive(Clone, Copy, Debug, Default)]
struct Rounded {
    exact: f64,
    error: f64,
}

impl Rounded {
    /// A number that f32 holds.
    fn exact(exact: f64) -> Self {
        Self { exact, error: 0.0 }
    }

    /// A scalar that is computed in f64 and rounded once.
    fn scalar(exact: f64) -> Self {
        Self::exact(exact).rounded()
    }

    /// `|fl(x̂) − x| ≤ e + u(|x| + e) + tiny/2`
    fn rounded(self) -> Self {
        let Self { exact, error } = self;
        Self { exact, error: error + U * (exact.abs() + error) + TINY / 2.0 }
    }

    /// `|x̂ŷ − xy| ≤ |x|·e_y + |y|·e_x + e_x·e_y`
    fn product(self, other: Self) -> Self {
        let error = self.exact.abs() * other.error + other.exact.abs() * self.error + self.error * other.error;
        Self { exact: self.exact * other.exact, error }
    }

    fn sum(self, other: Self) -> Self {
        Self { exact: self.exact + other.exact, error: self.error + other.error }
    }

    /// `|x̂/ŷ − x/y| ≤ (e_x + |x/y|·e_y)/(|y| − e_y)`
    fn quotient(self, other: Self) -> Self {
        let exact = self.exact / other.exact;
        let error = (self.error + exact.abs() * other.error) / (other.exact.abs() - other.error).max(0.0);
        Self { exact, error }
    }

    /// `|√x̂ − √x| ≤ e/(√x + √(x − e))` and `≤ √e`
    fn root(self) -> Self {
        let exact = self.exact.sqrt();
        let below = (self.exact - self.error).max(0.0).sqrt();
        // `min` takes the second where the first is 0/0.
        Self { exact, error: (self.error / (exact + below)).min(self.error.sqrt()) }
    }
}

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
    fn step(&mut self, method: Method, rate: f64, t: u64, g: f64, fused: bool) {
        // a·b + c, with one rounding or two.
        let fma = |a: Rounded, b: Rounded, c: Rounded| {
            let product = if fused { a.product(b) } else { a.product(b).rounded() };
            product.sum(c).rounded()
        };
        let minus = |x: Rounded| Rounded { exact: -x.exact, ..x };
        let decayed_square = |decay: f64, g: Rounded, r: Rounded| {
            let rest = Rounded::scalar(1.0 - decay).product(g).rounded();
            fma(rest, g, Rounded::scalar(decay).product(r).rounded())
        };
        let g = Rounded::exact(g);
        let eta = Rounded::scalar(rate);
        let Self { theta, v, r } = *self;
        match method {
            Method::Sgd => self.theta = fma(minus(eta), g, theta),
            Method::Momentum { momentum } => {
                self.v = fma(minus(eta), g, Rounded::scalar(momentum.at(t)).product(v).rounded());
                self.theta = theta.sum(self.v).rounded();
            }
            Method::Nesterov { momentum } => {
                let alpha = Rounded::scalar(momentum.at(t));
                let ahead = fma(alpha, v, theta);
                self.v = fma(minus(eta), g, alpha.product(v).rounded());
                self.theta = fma(minus(eta), g, ahead);
            }
            Method::Adagrad { epsilon } => {
                self.r = fma(g, g, r);
                let root = Rounded::scalar(epsilon).sum(self.r.root().rounded()).rounded();
                self.theta = fma(minus(eta.quotient(root).rounded()), g, theta);
            }
            Method::RmsProp { decay, epsilon } => {
                self.r = decayed_square(decay, g, r);
                let root = Rounded::scalar(epsilon).sum(self.r).rounded().root().rounded();
                self.theta = fma(minus(eta.quotient(root).rounded()), g, theta);
            }
            Method::RmsPropNesterov { decay, epsilon, momentum } => {
                let alpha = Rounded::scalar(momentum.at(t));
                let ahead = fma(alpha, v, theta);
                self.r = decayed_square(decay, g, r);
                let root = Rounded::scalar(epsilon).sum(self.r).rounded().root().rounded();
                let rate = minus(eta.quotient(root).rounded());
                self.v = fma(rate, g, alpha.product(v).rounded());
                self.theta = fma(rate, g, ahead);
            }
            Method::Adam { first_decay, second_decay, epsilon } => {
                let decayed = Rounded::scalar(first_decay).product(v).rounded();
                self.v = fma(Rounded::scalar(1.0 - first_decay), g, decayed);
                self.r = decayed_square(second_decay, g, r);
                let correction = |decay: f64| 1.0 - decay.powf(t as f64);
                let eta = Rounded::scalar(rate / correction(first_decay));
                let correction = Rounded::scalar(1.0 / correction(second_decay).sqrt());
                let root = fma(self.r.root().rounded(), correction, Rounded::scalar(epsilon));
                self.theta = fma(minus(eta.quotient(root).rounded()), self.v, theta);
            }
        }
    }
}

/// The rule in the reference.
fn reference_rule(method: Method) -> reference::Rule {
    let alpha = |momentum| match momentum {
        Momentum::Constant(alpha) => reference::Momentum::Constant(alpha),
        Momentum::Rising { from, to, steps } => reference::Momentum::Rising { from, to, steps },
    };
    match method {
        Method::Sgd => reference::Rule::Sgd,
        Method::Momentum { momentum } => reference::Rule::Momentum { alpha: alpha(momentum) },
        Method::Nesterov { momentum } => reference::Rule::Nesterov { alpha: alpha(momentum) },
        Method::Adagrad { epsilon } => reference::Rule::Adagrad { delta: epsilon },
        Method::RmsProp { decay, epsilon } => reference::Rule::RmsProp { rho: decay, delta: epsilon },
        Method::RmsPropNesterov { decay, epsilon, momentum } => {
            reference::Rule::RmsPropNesterov { rho: decay, delta: epsilon, alpha: alpha(momentum) }
        }
        Method::Adam { first_decay, second_decay, epsilon } => {
            reference::Rule::Adam { rho_1: first_decay, rho_2: second_decay, delta: epsilon }
        }
    }
}

/// Every rule, after each of 10⁴ steps, against the lecture's formulas in f64, within the bound of [`Errors`]. Gradients of a
/// parameter have a magnitude of their own, every fourth is 0, and their mean is not.
#[test]
fn ten_thousand_steps_stay_within_the_running_error_bound() {
    const STEPS: u64 = 10_000;
    const LEN: usize = 19;
    for method in methods(1e-6) {
        let mut rng = StdRng::seed_from_u64(12);
        let start = numbers(LEN, 3.0, &mut rng);
        let scales = numbers(LEN, 10.0, &mut rng);
        let wide = |numbers: &[f32]| -> Vec<f64> { numbers.iter().copied().map(f64::from).collect() };

        let rate = LearningRate::Constant(1e-3);
        let mut theta = wide(&start);
        let mut exact = reference::Optimizer::new(reference_rule(method), reference::LearningRate::Constant(1e-3), LEN);
        let fresh = |&theta: &f64| Errors { theta: Rounded::exact(theta), ..Errors::default() };
        let mut errors: [Vec<Errors>; 2] = [(); 2].map(|()| theta.iter().map(fresh).collect());
        let mut runs: Vec<_> =
            Isa::available().map(|isa| (isa, Run::new(isa, method, rate, &start), Tally::default())).collect();
        for t in 1..=STEPS {
            let gradient: Vec<f32> = (0..LEN)
                .map(|i| if rng.random_range(0..4) == 0 { 0.0 } else { scales[i] * (rng.random::<f32>() - 0.4) })
                .collect();
            exact.step(&mut theta, |_| wide(&gradient));
            for (errors, fused) in errors.iter_mut().zip([false, true]) {
                for (errors, &g) in errors.iter_mut().zip(&gradient) {
                    errors.step(method, rate.at(t), t, g.into(), fused);
                }
            }
            for (isa, run, tally) in &mut runs {
                let found = run.step(|_| gradient.clone());
                for (i, &found) in found.iter().enumerate() {
                    let Rounded { exact, error } = errors[usize::from(Edges::of(*isa).fused)][i].theta;
                    // The two ways of f64 to the same number differ by roundings of f64 alone.
                    assert!((exact - theta[i]).abs() <= 1e-4 * error, "{method:?}, step {t}: {exact} and {}", theta[i]);
                    tally.within(found.into(), theta[i], error, || {
                        format!("{isa}, {method:?}, step {t}, parameter {i}")
                    });
                }
            }
        }
        for (isa, run, tally) in runs {
            let errors = &errors[usize::from(Edges::of(isa).fused)];
            let drift = run.theta.iter().zip(&theta).map(|(&found, theta)| ((f64::from(found) - theta) / theta).abs());
            let bound = errors.iter().map(|errors| errors.theta.error / errors.theta.exact.abs());
            let [drift, bound] = [drift.fold(0.0, f64::max), bound.fold(0.0, f64::max)];
            println!(
                "{:>8}: {:.3} of the bound; drift {drift:.1e}, bound {bound:.1e}: {method:?}",
                isa.name(),
                tally.largest_ratio()
            );
            assert!(tally.passed(), "{tally:?}");
            // A bound that says nothing is no bound.
            assert!(bound < 0.05, "{isa}, {method:?}: {bound}");
        }
    }
}
