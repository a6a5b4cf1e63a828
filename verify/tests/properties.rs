//! Random shapes, strides, places, schedules and numbers, on every instruction set: products of integers, which are exact in
//! any order; losses and products of other numbers within bounds that always hold; update rules bit for bit. What once failed
//! is in `proptest-regressions/properties.txt` and is tried first.

use lanegrad::dense::{self, Backward, Forward, Gradient};
use lanegrad::{
    Activation, Backend, Isa, LearningRate, MatRef, Method, Momentum, Optimizer, Parameter, Rule, WeightDecay, loss,
};
use lanegrad_verify::bound::{TINY, gamma};
use lanegrad_verify::operand::Output;
use lanegrad_verify::reference;
use lanegrad_verify::shapes::Edges;
use lanegrad_verify::tally::Tally;
use lanegrad_verify::training::name::ACTIVATIONS;
use lanegrad_verify::twin::Twin;
use lanegrad_verify::ulp::LIMIT;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

fn config() -> ProptestConfig {
    // Beside the manifest: proptest looks for a `src` above the test, and there is none.
    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/proptest-regressions/properties.txt");
    let failure_persistence = Some(Box::new(FileFailurePersistence::Direct(FILE)) as _);
    ProptestConfig { failure_persistence, ..ProptestConfig::default() }
}

/// A size; small, or at the edge of a vector, a tile or a block of the sum.
fn size() -> impl Strategy<Value = usize> {
    prop_oneof![
        6 => 0..=20_usize,
        1 => prop::sample::select(vec![31, 32, 33, 63, 64, 65, 97, 127, 129, 257, 511, 512, 513, 600]),
    ]
}

/// Batch, inputs, outputs; not all of them large, at times each of them at most two.
fn sizes() -> impl Strategy<Value = (usize, usize, usize)> {
    prop_oneof![
        1 => (0..=2_usize, 0..=2_usize, 0..=2_usize),
        3 => (size(), size(), size()).prop_filter("too many products", |(m, n, k)| m * n * k <= 1 << 18),
    ]
}

/// Where the numbers come from: they do not shrink, the shapes do.
fn seed() -> impl Strategy<Value = u64> {
    any::<u64>().no_shrink()
}

/// How an input lies in its slice.
#[derive(Clone, Copy, Debug)]
struct Place {
    kind: u8,
    gap: usize,
    offset: usize,
    /// Whether rows, and columns, run backwards.
    backwards: [bool; 2],
    /// The strides of sides of at most one element.
    unused: Option<[isize; 2]>,
}

fn place() -> impl Strategy<Value = Place> {
    let unused = prop::option::of([huge(), huge()]);
    (0..6_u8, 0..4_usize, 0..17_usize, [prop::bool::weighted(0.25), prop::bool::weighted(0.25)], unused)
        .prop_map(|(kind, gap, offset, backwards, unused)| Place { kind, gap, offset, backwards, unused })
}

/// A distance that no two elements have, near where it or a small multiple of it wraps.
fn huge() -> impl Strategy<Value = isize> {
    prop_oneof![
        (1..=32_isize).prop_map(|part| isize::MAX / part),
        (1..=32_isize).prop_map(|part| isize::MIN / part),
        (0..=32_isize).prop_map(|less| isize::MAX - less),
        any::<isize>()
    ]
}

/// Elements between the rows or columns of an output: a few, or, where there are no two of them, any number.
#[derive(Clone, Copy, Debug)]
struct Gap {
    by_columns: bool,
    few: usize,
    unused: Option<usize>,
}

fn gap() -> impl Strategy<Value = Gap> {
    let unused = prop::option::of(huge().prop_map(isize::unsigned_abs));
    (any::<bool>(), 0..4_usize, unused).prop_map(|(by_columns, few, unused)| Gap { by_columns, few, unused })
}

/// An output with that gap.
fn output(rows: usize, cols: usize, Gap { by_columns, few, unused }: Gap) -> Output {
    let (new, count): (fn(_, _, _) -> _, _) = if by_columns { (Output::by_columns, cols) } else { (Output::new, rows) };
    new(rows, cols, unused.filter(|_| count <= 1 || rows * cols == 0).unwrap_or(few))
}

/// An input; what lies around and between its elements is NaN.
struct Input {
    data: Vec<f32>,
    offset: usize,
    shape: (usize, usize),
    strides: (isize, isize),
}

impl Input {
    fn new((rows, cols): (usize, usize), place: Place, mut number: impl FnMut() -> f32) -> Self {
        let Place { kind, gap, offset, backwards, unused } = place;
        let strides = match kind {
            0 => (cols + gap, 1),
            1 => (1, rows + gap),
            2 => (2 * cols + gap, 2),
            // Rows or columns that share their numbers, or overlap.
            3 => (0, 1),
            4 => (1, 0),
            _ => (gap, gap),
        };
        let reach = if rows * cols == 0 { 0 } else { (rows - 1) * strides.0 + (cols - 1) * strides.1 + 1 };
        let signed = |stride: usize, backwards| if backwards { -(stride as isize) } else { stride as isize };
        let mut strides = (signed(strides.0, backwards[0]), signed(strides.1, backwards[1]));
        if let Some([row, col]) = unused {
            let empty = rows * cols == 0;
            strides.0 = if empty || rows == 1 { row } else { strides.0 };
            strides.1 = if empty || cols == 1 { col } else { strides.1 };
        }
        let mut input = Self { data: vec![f32::NAN; offset + reach], offset, shape: (rows, cols), strides };
        for (i, j) in (0..rows).flat_map(|i| (0..cols).map(move |j| (i, j))) {
            let at = input.place(i, j);
            input.data[at] = number();
        }
        input
    }

    /// Where element (i, j) is: the slice begins with the one that is lowest in memory.
    fn place(&self, i: usize, j: usize) -> usize {
        let along = |index: usize, count: usize, stride: isize| match count {
            1 => 0,
            _ => stride.unsigned_abs() * if stride < 0 { count - 1 - index } else { index },
        };
        self.offset + along(i, self.shape.0, self.strides.0) + along(j, self.shape.1, self.strides.1)
    }

    fn view(&self) -> MatRef<'_> {
        let ((rows, cols), (row, col)) = (self.shape, self.strides);
        MatRef::with_strides(&self.data[self.offset..], rows, cols, row, col).unwrap()
    }

    fn at(&self, i: usize, j: usize) -> f32 {
        self.data[self.place(i, j)]
    }

    fn wide(&self, i: usize, j: usize) -> f64 {
        self.at(i, j).into()
    }

    fn integer(&self, i: usize, j: usize) -> i64 {
        self.at(i, j) as i64
    }
}

/// From −8 to 8 without 0: the sum of 600 products and two more numbers is below 2²⁴.
fn integers(seed: u64) -> impl FnMut() -> f32 {
    let mut rng = StdRng::seed_from_u64(seed);
    move || rng.random_range(1..=8) as f32 * [1.0, -1.0][rng.random_range(0..2)]
}

/// Of magnitudes from 2⁻¹⁵ to 2¹⁵.
fn reals(seed: u64) -> impl FnMut() -> f32 {
    let mut rng = StdRng::seed_from_u64(seed);
    move || rng.random_range(-15.0..15_f32).exp2() * [1.0, -1.0][rng.random_range(0..2)]
}

/// Every element, and nothing else, was written.
fn check(
    tally: &mut Tally,
    output: &Output,
    name: &str,
    isa: Isa,
    mut expected: impl FnMut(usize, usize) -> (f64, f64),
) {
    for i in 0..output.rows() {
        for j in 0..output.cols() {
            let (expected, bound) = expected(i, j);
            tally.within(output.at(i, j).into(), expected, bound, || format!("{isa}, {name} ({i}, {j})"));
        }
    }
    if let Some(at) = output.stray_write() {
        tally.wrong(|| format!("{isa}, {name}: number {at} was written, which is not its"));
    }
}

/// Nothing was wrong; and nothing compared is a failure, unless there are no numbers.
fn judge(tally: &Tally, numbers: usize) -> Result<(), TestCaseError> {
    let fault = tally.fault().filter(|_| numbers > 0 || tally.compared() > 0);
    prop_assert!(fault.is_none(), "{}", fault.unwrap_or_default());
    Ok(())
}

fn exactly(integer: i64) -> (f64, f64) {
    (integer as f64, 0.0)
}

proptest! {
    #![proptest_config(config())]

    /// `z = h(x·wᵀ + b)`
    #[test]
    fn forward_is_exact_on_integers(
        (batch, inputs, outputs) in sizes(),
        places in [place(), place()],
        gap in gap(),
        (with_bias, relu) in any::<(bool, bool)>(),
        seed in seed(),
    ) {
        let mut number = integers(seed);
        let x = Input::new((batch, inputs), places[0], &mut number);
        let w = Input::new((outputs, inputs), places[1], &mut number);
        let bias: Option<Vec<f32>> = with_bias.then(|| (0..outputs).map(|_| number()).collect());
        let activation = if relu { Activation::Relu } else { Activation::Identity };
        let mut tally = Tally::default();
        for isa in Isa::available() {
            let mut z = output(batch, outputs, gap);
            let layer = Forward { x: x.view(), w: w.view(), bias: bias.as_deref(), activation };
            dense::forward(&mut Backend::with_isa(isa), layer, z.view()).unwrap();
            check(&mut tally, &z, "z", isa, |i, j| {
                let product: i64 = (0..inputs).map(|p| x.integer(i, p) * w.integer(j, p)).sum();
                let a = product + bias.as_ref().map_or(0, |bias| bias[j] as i64);
                exactly(if relu { a.max(0) } else { a })
            });
        }
        judge(&tally, batch * outputs)?;
    }

    /// `delta_below = (delta·w) ⊙ h'(a)`
    #[test]
    fn backward_is_exact_on_integers(
        (batch, inputs, outputs) in sizes(),
        places in [place(), place(), place()],
        gap in gap(),
        below in prop::sample::select(vec![None, Some(Activation::Identity), Some(Activation::Relu)]),
        seed in seed(),
    ) {
        let mut number = integers(seed);
        let delta = Input::new((batch, outputs), places[0], &mut number);
        let w = Input::new((outputs, inputs), places[1], &mut number);
        let z = Input::new((batch, inputs), places[2], &mut number);
        let mut tally = Tally::default();
        for isa in Isa::available() {
            let mut result = output(batch, inputs, gap);
            let below_with_z = below.map(|activation| (activation, z.view()));
            let layer = Backward { delta: delta.view(), w: w.view(), below: below_with_z };
            dense::backward(&mut Backend::with_isa(isa), layer, result.view()).unwrap();
            check(&mut tally, &result, "delta_below", isa, |i, j| {
                let product = (0..outputs).map(|p| delta.integer(i, p) * w.integer(p, j)).sum();
                exactly(if below == Some(Activation::Relu) && z.integer(i, j) <= 0 { 0 } else { product })
            });
        }
        judge(&tally, batch * inputs)?;
    }

    /// `dw = deltaᵀ·x`, `db` = column sums of delta; in place of what was there, or added to it.
    #[test]
    fn gradient_is_exact_on_integers(
        (batch, inputs, outputs) in sizes(),
        places in [place(), place()],
        gap in gap(),
        (with_bias, accumulate) in any::<(bool, bool)>(),
        seed in seed(),
    ) {
        let mut number = integers(seed);
        let delta = Input::new((batch, outputs), places[0], &mut number);
        let x = Input::new((batch, inputs), places[1], &mut number);
        let mut tally = Tally::default();
        for isa in Isa::available() {
            let (mut dw, mut db) = (output(outputs, inputs, gap), Output::new(1, outputs, 0));
            if accumulate {
                dw.fill(|_, _| number());
                db.fill(|_, _| number());
            }
            let (dw_before, db_before) = (dw.clone(), db.clone());
            let layer = Gradient { delta: delta.view(), x: x.view(), accumulate };
            let mut row = db.view();
            let bias = row.row_mut(0).filter(|_| with_bias);
            dense::gradient(&mut Backend::with_isa(isa), layer, dw.view(), bias).unwrap();
            let before = |output: &Output, i, j| if accumulate { output.at(i, j) as i64 } else { 0 };
            check(&mut tally, &dw, "dw", isa, |i, j| {
                let product: i64 = (0..batch).map(|p| delta.integer(p, i) * x.integer(p, j)).sum();
                exactly(before(&dw_before, i, j) + product)
            });
            check(&mut tally, &db, "db", isa, |_, j| match with_bias {
                true => exactly(before(&db_before, 0, j) + (0..batch).map(|p| delta.integer(p, j)).sum::<i64>()),
                false => (db_before.at(0, j).into(), 0.0),
            });
        }
        judge(&tally, inputs * outputs)?;
    }

    /// Any numbers: `|ĉ − c| ≤ γₙ(Σ|a||b| + |bias|)` with n = k + 2, since a term is rounded once as a product, if at all, and
    /// then in at most k + 1 additions; the fused activation has the bits of the unfused chain.
    #[test]
    fn forward_is_within_its_bound_and_equal_to_the_unfused_chain(
        (batch, inputs, outputs) in sizes(),
        places in [place(), place()],
        (_, activation) in prop::sample::select(ACTIVATIONS),
        seed in seed(),
    ) {
        let mut number = reals(seed);
        let x = Input::new((batch, inputs), places[0], &mut number);
        let w = Input::new((outputs, inputs), places[1], &mut number);
        let bias: Vec<f32> = (0..outputs).map(|_| number()).collect();
        let mut tally = Tally::default();
        for isa in Isa::available() {
            let mut backend = Backend::with_isa(isa);
            let (mut a, mut z) = (Output::new(batch, outputs, 0), Output::new(batch, outputs, 1));
            let mut layer =
                Forward { x: x.view(), w: w.view(), bias: Some(&bias), activation: Activation::Identity };
            dense::forward(&mut backend, layer, a.view()).unwrap();
            layer.activation = activation;
            dense::forward(&mut backend, layer, z.view()).unwrap();
            check(&mut tally, &a, "a", isa, |i, j| {
                let terms = || (0..inputs).map(|p| x.wide(i, p) * w.wide(j, p)).chain([bias[j].into()]);
                (terms().sum(), gamma(inputs + 2) * terms().map(f64::abs).sum::<f64>())
            });
            let mut unfused: Vec<f32> = (0..batch * outputs).map(|at| a.at(at / outputs, at % outputs)).collect();
            activation.apply(&backend, &mut unfused);
            check(&mut tally, &z, "z", isa, |i, j| (unfused[i * outputs + j].into(), 0.0));
        }
        judge(&tally, batch * outputs)?;
    }

    /// Integers: their differences, the squares and a row's sum of them are exact. What rounds: the mean, in f64; 2c/m, and
    /// its product with a difference.
    #[test]
    fn squared_error_is_exact_but_for_its_mean(
        (rows, columns) in (1..12_usize, size()),
        places in [place(), place()],
        gap in gap(),
        c in prop_oneof![Just(0.5), Just(1.0), 1e-3..1e3_f32],
        relu in any::<bool>(),
        seed in seed(),
    ) {
        let mut number = integers(seed);
        let predicted = Input::new((rows, columns), places[0], &mut number);
        let target = Input::new((rows, columns), places[1], &mut number);
        let activation = if relu { Activation::Relu } else { Activation::Identity };
        let mut tally = Tally::default();
        for isa in Isa::available() {
            let mut delta = output(rows, columns, Gap { by_columns: false, ..gap });
            let operands = loss::SquaredError { predicted: predicted.view(), target: target.view(), c, activation };
            let found = loss::squared_error(&Backend::with_isa(isa), operands, delta.view()).unwrap();
            let mean = f64::from(c) / rows as f64;
            let error = |i, j| predicted.integer(i, j) - target.integer(i, j);
            let sum: i64 = (0..rows * columns).map(|at| error(at / columns, at % columns).pow(2)).sum();
            let expected = mean * sum as f64;
            tally.within(found, expected, 4.0 * f64::EPSILON * expected, || format!("{isa}, L"));
            check(&mut tally, &delta, "delta", isa, |i, j| {
                let slope = if relu && predicted.integer(i, j) <= 0 { 0.0 } else { 1.0 };
                let expected = 2.0 * mean * error(i, j) as f64 * slope;
                (expected, gamma(2) * expected.abs())
            });
        }
        judge(&tally, rows)?;
    }

    /// Logits that are multiples of 1/64, whose differences are exact. In units of u: an exponential is off by twice
    /// [`LIMIT`], their sum by that and its additions, the quotient by 1; `−1`, 1/m and the product with it by 1 each. Where
    /// the exponential is subnormal, its ULP is absolute.
    #[test]
    fn softmax_cross_entropy_is_within_its_bound(
        (rows, classes) in (1..12_usize, size().prop_map(|size| size + 1)),
        place in place(),
        gap in gap(),
        spread in prop::sample::select(vec![0, 1, 64, 20_000]),
        seed in seed(),
    ) {
        let mut rng = StdRng::seed_from_u64(seed);
        let logits = Input::new((rows, classes), place, || rng.random_range(-spread..=spread) as f32 / 64.0);
        let labels: Vec<u32> = (0..rows).map(|_| rng.random_range(0..classes as u32)).collect();
        let mut tally = Tally::default();
        for isa in Isa::available() {
            let mut delta = output(rows, classes, Gap { by_columns: false, ..gap });
            let operands = loss::SoftmaxCrossEntropy { logits: logits.view(), labels: &labels };
            let found = loss::softmax_cross_entropy(&Backend::with_isa(isa), operands, delta.view()).unwrap();

            let a = reference::Matrix::from_fn(rows, classes, |i, j| logits.wide(i, j));
            let target = reference::Target::Labels(labels.iter().map(|&label| label as usize).collect());
            let reference = reference::Loss::SoftmaxCrossEntropy;
            let exact = reference.delta(&a, reference::Activation::Identity, &target);
            let exponential = 2 * LIMIT as usize;
            // Sixteen running sums, then four halvings.
            let sum = exponential + classes.div_ceil(16) + 4;
            let m = rows as f64;
            check(&mut tally, &delta, "delta", isa, |i, j| {
                let softmax = exact.at(i, j).abs().max(1.0 - exact.at(i, j).abs());
                let bound = gamma(exponential + sum + 1 + 3) * softmax + 2.0 * LIMIT * TINY;
                (-reference.factor(rows) * exact.at(i, j), bound / m + TINY)
            });
            let bound = gamma(sum) + classes as f64 * LIMIT * TINY + 1e-14 * f64::from(spread);
            tally.within(found, reference.value(&a, &target), bound, || format!("{isa}, L"));
        }
        judge(&tally, rows)?;
    }

    /// Any rule, schedule and numbers, in any number of tensors: the bits of the twin.
    #[test]
    fn update_rules_have_the_bits_of_their_twins(
        rule in rule(),
        lengths in prop::collection::vec(0..70_usize, 1..5),
        steps in 1..12_u64,
        wild in any::<bool>(),
        seed in seed(),
    ) {
        let mut tally = Tally::default();
        for isa in Isa::available() {
            let mut rng = StdRng::seed_from_u64(seed);
            let mut number = || match wild {
                true => f32::from_bits(rng.random()),
                false => rng.random_range(-1.0..1.0),
            };
            let backend = Backend::with_isa(isa);
            let mut theta: Vec<Vec<f32>> =
                lengths.iter().map(|&len| (0..len).map(|_| number()).collect()).collect();
            let mut expected = theta.clone();
            let mut twins: Vec<Twin> =
                lengths.iter().map(|&len| Twin::new(rule, Edges::of(isa).fused, len)).collect();
            let mut optimizer = Optimizer::new(rule);
            for t in 1..=steps {
                let mut gradients = Vec::new();
                for (twin, theta) in twins.iter_mut().zip(&mut expected) {
                    twin.step(theta, |at| {
                        let gradient: Vec<f32> = at.iter().map(|theta| theta + number()).collect();
                        gradients.push(gradient.clone());
                        gradient
                    });
                }
                let mut parameters: Vec<_> =
                    (0..).zip(&mut theta).map(|(key, theta)| Parameter::new(key, theta)).collect();
                let gradients: Vec<&[f32]> = gradients.iter().map(Vec::as_slice).collect();
                optimizer.begin(&backend, &mut parameters).unwrap().finish(&gradients).unwrap();
                for (found, expected) in theta.iter().flatten().zip(expected.iter().flatten()) {
                    tally.same(*found, *expected, || format!("{isa}, {rule:?}, step {t}"));
                }
            }
        }
        judge(&tally, lengths.iter().sum())?;
    }
}

fn momentum() -> impl Strategy<Value = Momentum> {
    prop_oneof![
        (0.0..1.0).prop_map(Momentum::Constant),
        (0.0..1.0, 0.0..1.0, 0..9_u64)
            .prop_map(|(a, b, steps): (f64, f64, u64)| { Momentum::Rising { from: a.min(b), to: a.max(b), steps } }),
    ]
}

fn learning_rate() -> impl Strategy<Value = LearningRate> {
    prop_oneof![
        (0.0..1.0).prop_map(LearningRate::Constant),
        (0.0..1.0, 1e-3..10.0).prop_map(|(initial, gamma)| LearningRate::InverseSquareRoot { initial, gamma }),
        (0.0..1.0, 1e-3..10.0).prop_map(|(initial, gamma)| LearningRate::Inverse { initial, gamma }),
    ]
}

fn rule() -> impl Strategy<Value = Rule> {
    let decay = prop_oneof![
        Just(WeightDecay::None),
        (0.0..2.0).prop_map(WeightDecay::Coupled),
        (0.0..2.0).prop_map(WeightDecay::Decoupled),
    ];
    (method(), learning_rate(), decay, prop_oneof![Just(1.0), 0.0..2.0]).prop_map(|(method, rate, decay, factor)| {
        let rule = Rule::new(method, rate).and_then(|rule| rule.with_weight_decay(decay));
        rule.and_then(|rule| rule.with_learning_rate_factor(factor)).expect("all are in range")
    })
}

fn method() -> impl Strategy<Value = Method> {
    let decay = || prop_oneof![Just(0.0), Just(0.9), Just(0.999), 0.0..1.0];
    let epsilon = || prop_oneof![Just(0.0), Just(1e-8), 1e-12..1.0];
    prop_oneof![
        Just(Method::Sgd),
        momentum().prop_map(|momentum| Method::Momentum { momentum }),
        momentum().prop_map(|momentum| Method::Nesterov { momentum }),
        epsilon().prop_map(|epsilon| Method::Adagrad { epsilon }),
        (decay(), epsilon()).prop_map(|(decay, epsilon)| Method::RmsProp { decay, epsilon }),
        (decay(), epsilon()).prop_map(|(decay, epsilon)| Method::RmsPropOutside { decay, epsilon }),
        (decay(), epsilon(), momentum()).prop_map(|(decay, epsilon, momentum)| Method::RmsPropNesterov {
            decay,
            epsilon,
            momentum
        }),
        (decay(), decay(), epsilon()).prop_map(|(beta1, beta2, epsilon)| Method::Adam { beta1, beta2, epsilon }),
    ]
}
