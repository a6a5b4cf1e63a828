//! The operations of a layer in `lanegrad`: its products with their fused operations.

use super::platform::Platform;
use super::product::{self, sum};
use crate::bound::{U, gamma, ulp};
use crate::foreign;
use crate::operand::{Layout, Operand, Output};
use crate::reference;
use crate::shapes::Edges;
use crate::tally::Tally;
use lanegrad::dense::{self, ActivationBackward, Backward, Forward, Gradient};
use lanegrad::{Activation, MatMut, MatRef};
use lanegrad_kernels::gemm::Order;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// The largest error of an activation function, in units in the last place.
pub(super) const ACTIVATION_ULP: f64 = crate::ulp::LIMIT;

/// One of a layer's three products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// [`dense::forward`]
    Forward,
    /// [`dense::backward`]
    Backward,
    /// [`dense::gradient`]
    Gradient,
}

impl Operation {
    /// All operations.
    pub const ALL: [Self; 3] = [Self::Forward, Self::Backward, Self::Gradient];

    /// The operation that computes the `turn`-th product of a check.
    pub fn of_turn(turn: usize, accumulate: bool) -> Self {
        match turn % 3 {
            0 if !accumulate => Self::Forward,
            1 if !accumulate => Self::Backward,
            _ => Self::Gradient,
        }
    }

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Backward => "backward",
            Self::Gradient => "gradient",
        }
    }

    /// The order in which it sums a product with `m` rows.
    pub fn order(self, m: usize, accumulate: bool) -> Order {
        match self {
            Self::Forward => Order::of_forward(m),
            Self::Backward | Self::Gradient => Order::Chain { accumulate },
        }
    }
}

/// `A·B` by each of the three operations in turn.
fn by_turns(platform: &Platform) -> impl FnMut(MatRef<'_>, MatRef<'_>, MatMut<'_>, bool) {
    let mut backend = platform.backend();
    let mut turn = 0;
    move |a, b, c, accumulate| {
        turn += 1;
        let backend = &mut backend;
        let done = match Operation::of_turn(turn, accumulate) {
            Operation::Forward => {
                dense::forward(backend, Forward { x: a, w: b.t(), bias: None, activation: Activation::Identity }, c)
            }
            Operation::Backward => dense::backward(backend, Backward { delta: a, w: b, below: None }, c),
            Operation::Gradient => dense::gradient(backend, Gradient { delta: a.t(), x: b, accumulate }, c, None),
        };
        done.expect("the shapes fit");
    }
}

pub(super) fn integers(platform: &Platform, tally: &mut Tally) {
    product::integers(platform.edges(), &mut by_turns(platform), tally);
    product::one_hot(platform.edges(), &mut by_turns(platform), tally);
}

/// Small square layers of integers, in each layout. With wrong strides, or without the transposition that is part of two of the
/// products, elements come from the wrong places, all of which are inside the slices.
pub(super) fn square(platform: &Platform, tally: &mut Tally) {
    let mut backend = platform.backend();
    let Edges { mr, lanes, .. } = platform.edges();
    for size in [2, 3, mr, lanes + 1, lanes + 3] {
        for (turn, (left, right)) in Layout::ALL.into_iter().flat_map(|a| Layout::ALL.map(|b| (a, b))).enumerate() {
            let integer = |i: usize, j: usize| ((31 * i + 17 * j + turn) % 23) as f32 - 11.0;
            let a = Operand::from_fn(size, size, left, integer);
            let b = Operand::from_fn(size, size, right, |i, j| integer(i + 3, j));
            let bias: Vec<f32> = (0..size).map(|j| integer(7, j)).collect();
            let mut compare =
                |what: &str, c: &Output, start: &dyn Fn(usize) -> f32, term: &dyn Fn(usize, usize, usize) -> f32| {
                    for (i, j) in (0..size).flat_map(|i| (0..size).map(move |j| (i, j))) {
                        let expected = (0..size).fold(start(j), |sum, p| sum + term(i, j, p));
                        tally.same(c.at(i, j) + 0.0, expected + 0.0, || {
                            format!("{what}, {size}×{size}, {left:?} and {right:?}, element ({i}, {j})")
                        });
                    }
                };
            let mut c = Output::in_turn(turn / 3, size, size, turn % 3);
            let forward = Forward { x: a.view(), w: b.view(), bias: Some(&bias), activation: Activation::Identity };
            dense::forward(&mut backend, forward, c.view()).expect("the shapes fit");
            compare("x·wᵀ + b", &c, &|j| bias[j], &|i, j, p| a.at(i, p) * b.at(j, p));
            c.fill(|_, _| f32::NAN);
            let backward = Backward { delta: a.view(), w: b.view(), below: None };
            dense::backward(&mut backend, backward, c.view()).expect("the shapes fit");
            compare("delta·w", &c, &|_| 0.0, &|i, j, p| a.at(i, p) * b.at(p, j));
            for (accumulate, start) in [(false, 0.0), (true, 5.0)] {
                c.fill(|_, _| if accumulate { start } else { f32::NAN });
                let mut db = vec![c.at(0, 0); size];
                let gradient = Gradient { delta: a.view(), x: b.view(), accumulate };
                dense::gradient(&mut backend, gradient, c.view(), Some(&mut db)).expect("the shapes fit");
                compare("deltaᵀ·x", &c, &|_| start, &|i, j, p| a.at(p, i) * b.at(p, j));
                let sums = Output::from_fn(size, size, |i, _| db[i]);
                compare("sums of delta", &sums, &|_| start, &|i, _, p| a.at(p, i));
            }
        }
    }
}

pub(super) fn bounded(platform: &Platform, tally: &mut Tally) {
    product::bounded(platform.edges(), &mut by_turns(platform), tally);
}

pub(super) fn tight(platform: &Platform, tally: &mut Tally) {
    product::tight(platform.edges(), &mut by_turns(platform), tally);
}

pub(super) fn large(platform: &Platform, tally: &mut Tally) {
    // A scalar product of this size takes longer than all the rest, and its blocking is the same as on the others.
    let edges = match platform.edges() {
        edges if edges.lanes == 1 => Edges { nc: 64, ..edges },
        edges => edges,
    };
    product::against(&mut foreign::matrixmultiply, edges, &mut by_turns(platform), tally);
}

/// `⟨delta, x·wᵀ⟩ = ⟨delta·w, x⟩ = ⟨deltaᵀ·x, w⟩`: exact on integers, and independent of a reference.
pub(super) fn adjoint(platform: &Platform, tally: &mut Tally) {
    let mut backend = platform.backend();
    let mut rng = StdRng::seed_from_u64(3);
    for (turn, [batch, outputs, inputs]) in platform.edges().products().enumerate().filter(|(turn, _)| turn % 11 == 0) {
        let mut random = |rows, cols, layout| {
            Operand::from_fn(rows, cols, layout, |_, _| {
                rng.random_range(1..=7) as f32 * [1.0, -1.0][rng.random_range(0..2)]
            })
        };
        let x = random(batch, inputs, Layout::in_turn(turn));
        let w = random(outputs, inputs, Layout::pair_in_turn(turn).1);
        let delta = random(batch, outputs, Layout::in_turn(turn / Layout::ALL.len().pow(2)));
        let (mut a, mut below, mut dw) =
            (Output::in_turn(turn, batch, outputs, 0), Output::new(batch, inputs, 1), Output::new(outputs, inputs, 2));
        let forward = Forward { x: x.view(), w: w.view(), bias: None, activation: Activation::Identity };
        let backward = Backward { delta: delta.view(), w: w.view(), below: None };
        let gradient = Gradient { delta: delta.view(), x: x.view(), accumulate: false };
        dense::forward(&mut backend, forward, a.view()).expect("the shapes fit");
        dense::backward(&mut backend, backward, below.view()).expect("the shapes fit");
        dense::gradient(&mut backend, gradient, dw.view(), None).expect("the shapes fit");
        let [by_forward, by_backward, by_gradient] =
            [inner(&delta, &a), inner(&x, &below), inner(&w, &dw)].map(|sum| sum as f32);
        tally.same(by_backward, by_forward, || {
            format!("⟨delta·w, x⟩ against ⟨delta, x·wᵀ⟩, {batch}×{outputs}×{inputs}")
        });
        tally.same(by_gradient, by_forward, || {
            format!("⟨deltaᵀ·x, w⟩ against ⟨delta, x·wᵀ⟩, {batch}×{outputs}×{inputs}")
        });
    }
}

/// `Σ a b`, of integers.
fn inner(a: &Operand, b: &Output) -> i64 {
    (0..b.rows()).flat_map(|i| (0..b.cols()).map(move |j| a.at(i, j) as i64 * b.at(i, j) as i64)).sum()
}

/// The same activation function in the reference.
pub fn reference(activation: Activation) -> reference::Activation {
    match activation {
        Activation::Identity => reference::Activation::Identity,
        Activation::Sigmoid => reference::Activation::Sigmoid,
        Activation::Tanh => reference::Activation::Tanh,
        Activation::Softsign => reference::Activation::Softsign,
        Activation::Relu => reference::Activation::Relu,
        other => unreachable!("{other:?} is not in the reference"),
    }
}

/// Roundings in h', computed from z.
pub(super) fn derivative_roundings(activation: Activation) -> usize {
    match activation {
        // 1 − |z|, which counts twice, and its square.
        Activation::Softsign => 3,
        _ => 1,
    }
}

/// `z = h(x·wᵀ + b)`. The net input is within γₙ of its terms, n = k + 2; h is monotone, so that its values at both ends of
/// that interval bound what becomes of the error; h itself adds at most [`ACTIVATION_ULP`].
///
/// At the seam: the same bits as the unfused sequence of product, addition and activation.
pub(super) fn forward(platform: &Platform, activation: Activation, tally: &mut Tally) {
    let h = |a: f64| reference(activation).value(a);
    let own_ulp = match activation {
        Activation::Identity | Activation::Relu => 0.0,
        _ => ACTIVATION_ULP,
    };
    let mut backend = platform.backend();
    let mut rng = StdRng::seed_from_u64(4);
    for (turn, [batch, outputs, inputs]) in platform.edges().layers().into_iter().enumerate() {
        let mut number = |spread: f32| spread * (2.0 * rng.random::<f32>() - 1.0);
        let spread = 4.0 / (inputs as f32).sqrt();
        let x = Operand::from_fn(batch, inputs, Layout::in_turn(turn), |_, _| number(1.0));
        let w = Operand::from_fn(outputs, inputs, Layout::in_turn(turn + 1), |_, _| number(spread));
        let bias: Vec<f32> = (0..outputs).map(|_| number(1.0)).collect();
        let mut run = |bias, activation| {
            let mut z = Output::in_turn(turn, batch, outputs, 3);
            let layer = Forward { x: x.view(), w: w.view(), bias, activation };
            dense::forward(&mut backend, layer, z.view()).expect("the shapes fit");
            if let Some(at) = z.stray_write() {
                tally.wrong(|| format!("number {at} was written, which is not z's"));
            }
            z
        };
        let z = run(Some(&bias), activation);
        let sums = run(None, Activation::Identity);
        let mut chain: Vec<f32> =
            (0..batch * outputs).map(|at| sums.at(at / outputs, at % outputs) + bias[at % outputs]).collect();
        activation.apply(&backend, &mut chain);
        for i in 0..batch {
            for j in 0..outputs {
                let (a, terms) = sum(f64::from(bias[j]), (0..inputs).map(|p| x.wide(i, p) * w.wide(j, p)));
                let error = gamma(inputs + 2) * terms;
                let (low, high) = (h(a - error), h(a + error));
                let bound = (h(a) - low).max(high - h(a)) + own_ulp * ulp(high.abs().max(low.abs()));
                let place = || format!("{batch}×{inputs}→{outputs}, element ({i}, {j})");
                tally.within(z.at(i, j).into(), h(a), bound, place);
                tally.same(z.at(i, j), chain[i * outputs + j], || format!("{}, against the unfused chain", place()));
            }
        }
    }
}

/// `(delta·w) ⊙ h'(a)`: the sum within γₙ of its terms, n = k + 1; h' adds [its roundings](derivative_roundings), the multiplication
/// one, and where `mul_add` rounds twice, h' another one of its product.
pub(super) fn backward(platform: &Platform, activation: Activation, tally: &mut Tally) {
    let h = reference(activation);
    let mut backend = platform.backend();
    let mut rng = StdRng::seed_from_u64(5);
    let edges = platform.edges();
    for (turn, [batch, inputs, outputs]) in edges.layers().into_iter().enumerate() {
        let mut number = || 2.0 * rng.random::<f32>() - 1.0;
        let delta = Operand::from_fn(batch, outputs, Layout::in_turn(turn), |_, _| number());
        let w = Operand::from_fn(outputs, inputs, Layout::in_turn(turn + 1), |_, _| number());
        // Every fifth element is at the kink.
        let z = Operand::from_fn(batch, inputs, Layout::in_turn(turn + 2), |i, j| match (i + j) % 5 {
            0 => [0.0, -0.0][j % 2],
            _ => h.value(f64::from(3.0 * number())) as f32,
        });
        let mut below = Output::in_turn(turn, batch, inputs, 2);
        let layer = Backward { delta: delta.view(), w: w.view(), below: Some((activation, z.view())) };
        dense::backward(&mut backend, layer, below.view()).expect("the shapes fit");
        if let Some(at) = below.stray_write() {
            tally.wrong(|| format!("number {at} was written, which is not delta's"));
        }
        // The product and h' as separate operations, with the sums in another layout.
        let mut sums = Output::new(batch, inputs, 1);
        let layer = Backward { below: None, ..layer };
        dense::backward(&mut backend, layer, sums.view()).expect("the shapes fit");
        let sums = Operand::from_fn(batch, inputs, Layout::in_turn(turn + 3), |i, j| sums.at(i, j));
        let mut chain = Output::in_turn(turn / 3, batch, inputs, 3);
        let operands = ActivationBackward { gradient: sums.view(), z: z.view(), activation };
        dense::activation_backward(&backend, operands, chain.view()).expect("the shapes fit");
        if let Some(at) = chain.stray_write() {
            tally.wrong(|| format!("number {at} was written, which is not delta's"));
        }
        for i in 0..batch {
            for j in 0..inputs {
                let (sum, terms) = sum(0.0, (0..outputs).map(|p| delta.wide(i, p) * w.wide(p, j)));
                let (value, derivative) = (z.wide(i, j), h.derivative(z.wide(i, j)));
                let twice = match activation {
                    Activation::Sigmoid | Activation::Tanh if !edges.fused => U * value * value,
                    _ => 0.0,
                };
                let gamma = gamma(outputs + 2 + derivative_roundings(activation));
                let bound = gamma * terms * derivative + terms * twice * (1.0 + gamma);
                tally.within(below.at(i, j).into(), sum * derivative, bound, || {
                    format!("{batch}×{outputs}→{inputs}, element ({i}, {j}), z = {value:e}")
                });
                tally.same(below.at(i, j), chain.at(i, j), || {
                    format!("{batch}×{outputs}→{inputs}, element ({i}, {j}), against the unfused chain")
                });
            }
        }
    }
}

/// `dw = deltaᵀ·x` and `db` = column sums of delta, overwriting and accumulating.
pub(super) fn gradient(platform: &Platform, tally: &mut Tally) {
    let mut backend = platform.backend();
    let mut rng = StdRng::seed_from_u64(6);
    for (turn, [outputs, inputs, batch]) in platform.edges().layers().into_iter().enumerate() {
        for accumulate in [false, true] {
            let mut number = || 2.0 * rng.random::<f32>() - 1.0;
            let delta = Operand::from_fn(batch, outputs, Layout::in_turn(turn), |_, _| number());
            let x = Operand::from_fn(batch, inputs, Layout::in_turn(turn + 3), |_, _| number());
            let mut dw = Output::in_turn(turn, outputs, inputs, 1);
            let mut db = vec![f32::NAN; outputs];
            if accumulate {
                dw.fill(|_, _| number());
                db.fill_with(number);
            }
            let (dw_before, db_before) = (dw.clone(), db.clone());
            let layer = Gradient { delta: delta.view(), x: x.view(), accumulate };
            dense::gradient(&mut backend, layer, dw.view(), Some(&mut db)).expect("the shapes fit");
            let mut alone = db_before.clone();
            dense::gradient(&mut backend, layer, None, Some(&mut alone)).expect("the shapes fit");
            let start = |before: f32| if accumulate { f64::from(before) } else { 0.0 };
            for j in 0..outputs {
                let place = |what| format!("{what} of {batch}×{inputs}→{outputs}, accumulate {accumulate}, unit {j}");
                for i in 0..inputs {
                    let products = (0..batch).map(|row| delta.wide(row, j) * x.wide(row, i));
                    let (sum, terms) = sum(start(dw_before.at(j, i)), products);
                    tally.within(dw.at(j, i).into(), sum, gamma(batch + 1) * terms, || place("dw"));
                }
                let (sum, terms) = sum(start(db_before[j]), (0..batch).map(|row| delta.wide(row, j)));
                tally.within(db[j].into(), sum, gamma(batch + 1) * terms, || place("db"));
                tally.same(alone[j], db[j], || place("db by itself"));
            }
        }
    }
}
