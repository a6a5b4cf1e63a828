//! The same bits on every instruction set with FMA: those of sums in one order, each step rounded once.

use crate::operand::GAP;
use crate::{METHODS, Results, SHAPES, bits, numbers, optimize, products};
use lanegrad::*;
use lanegrad_verify::objective::Objective;
use lanegrad_verify::random::uniform;
use lanegrad_verify::training::Loss;

/// Without inputs, `z = h(b)`; without a batch, `dw = 0`; without units, `delta_below = 0`.
#[test]
fn a_sum_of_nothing_is_zero() {
    for isa in Isa::available() {
        let mut backend = Backend::with_isa(isa);
        for (batch, inputs, outputs) in [(40, 0, 70), (0, 40, 70), (40, 70, 0)] {
            let results = products(&mut backend, (batch, inputs, outputs), Activation::Identity, false, 0, GAP);
            let bias = bits(&numbers(outputs, 4));
            assert!(inputs > 0 || results.z.chunks(outputs).all(|row| row == bias), "{isa}");
            assert!(batch > 0 || (results.dw.iter().chain(&results.db).all(|&x| x == 0)), "{isa}");
            assert!(outputs > 0 || results.below.iter().all(|&x| x == 0), "{isa}");
        }
    }
}

/// `c ← c + a·b` over p = 0, 1, …, each step rounded once: the order and the rounding that every product promises.
#[expect(clippy::disallowed_methods, reason = "the twin of the vocabulary's mul_add, which rounds once")]
fn chain(start: f32, terms: impl Iterator<Item = (f32, f32)>) -> f32 {
    terms.fold(start, |sum, (a, b)| a.mul_add(b, sum))
}

/// Of at most eight rows, a forward product: sixteen chains, whose upper half is added to the lower until one remains.
fn forward_sum(batch: usize, terms: impl Iterator<Item = (f32, f32)> + Clone) -> f32 {
    if batch > 8 {
        return chain(0.0, terms);
    }
    let mut lanes: Vec<f32> = (0..16).map(|lane| chain(0.0, terms.clone().skip(lane).step_by(16))).collect();
    while lanes.len() > 1 {
        let upper = lanes.split_off(lanes.len() / 2);
        lanes.iter_mut().zip(upper).for_each(|(lower, upper)| *lower += upper);
    }
    lanes[0]
}

#[test]
fn with_fma_every_instruction_set_has_the_bits_of_the_plain_chain() {
    let mut compared = 0;
    for isa in Isa::available().filter(|isa| isa.name() != "portable") {
        let mut backend = Backend::with_isa(isa);
        for (batch, inputs, outputs) in SHAPES {
            let (x, w) = (numbers(batch * inputs, 1), numbers(outputs * inputs, 2));
            let (delta, bias) = (numbers(batch * outputs, 3), numbers(outputs, 4));
            let (dw0, db0) = (numbers(outputs * inputs, 5), numbers(outputs, 6));
            let z = |i: usize, j: usize| {
                forward_sum(batch, (0..inputs).map(|p| (x[i * inputs + p], w[j * inputs + p]))) + bias[j]
            };
            let below =
                |i: usize, j: usize| chain(0.0, (0..outputs).map(|p| (delta[i * outputs + p], w[p * inputs + j])));
            let dw = |start: f32, i: usize, j: usize| {
                chain(start, (0..batch).map(|p| (delta[p * outputs + i], x[p * inputs + j])))
            };
            let db = |start: f32, j: usize| (0..batch).fold(start, |sum, p| sum + delta[p * outputs + j]);
            let each = |rows: usize, cols: usize, f: &dyn Fn(usize, usize) -> f32| {
                (0..rows).flat_map(|i| (0..cols).map(move |j| f(i, j).to_bits())).collect::<Vec<_>>()
            };
            let relu = |a: f32| if a > 0.0 { a } else { 0.0 };

            for (activation, accumulate) in [(Activation::Identity, false), (Activation::Relu, true)] {
                let h = |a: f32| if activation == Activation::Relu { relu(a) } else { a };
                let slope = |z: f32| if activation == Activation::Relu && z <= 0.0 { 0.0 } else { 1.0 };
                let start = |values: &[f32], at: usize| if accumulate { values[at] } else { 0.0 };
                let expected = Results {
                    z: each(batch, outputs, &|i, j| h(z(i, j))),
                    below: each(batch, inputs, &|i, j| {
                        // Where h' is 0, so is the delta, without a sign.
                        if slope(x[i * inputs + j]) == 0.0 { 0.0 } else { below(i, j) }
                    }),
                    dw: each(outputs, inputs, &|i, j| dw(start(&dw0, i * inputs + j), i, j)),
                    db: each(1, outputs, &|_, j| db(start(&db0, j), j)),
                };
                let found = products(&mut backend, (batch, inputs, outputs), activation, accumulate, 0, 0);
                assert!(found == expected, "{isa}, {batch}, {inputs}, {outputs}, {activation:?}");
                compared += found.z.len() + found.below.len() + found.dw.len();
            }
        }
    }
    assert!(compared > 10_000);
}

#[test]
fn with_fma_every_instruction_set_optimizes_alike() {
    let mut compared = 0;
    for method in METHODS {
        let scalar = optimize(&Backend::with_isa_named("scalar").unwrap(), method, 0, &[101]);
        for isa in Isa::available().filter(|isa| isa.name() != "portable") {
            assert_eq!(optimize(&Backend::with_isa(isa), method, 0, &[101]), scalar, "{isa}, {method:?}");
            compared += 1;
        }
    }
    assert!(compared >= METHODS.len());
}

/// All parameters after a few steps of training.
fn train(isa: Isa, method: Method, loss: Loss) -> Vec<u32> {
    let (batch, inputs, outputs) = (37, 19, 10);
    let (x, y) = (numbers(batch * inputs, 1), numbers(batch * outputs, 2));
    let labels: Vec<_> = (0..batch as u32).map(|i| i * 3 % outputs as u32).collect();
    let layer = |units, activation| LayerOptions { units, activation, initialization: Initialization::HeNormal };
    let layers = [layer(33, Activation::Relu), layer(24, Activation::Sigmoid), layer(outputs, Activation::Identity)];
    let mut network = Network::new(inputs, &layers, uniform(7)).unwrap();
    let mut backend = Backend::with_isa(isa);
    let mut optimizer = Optimizer::new(Rule::new(method, LearningRate::Constant(0.01)).unwrap());
    let objective = Objective::new(loss, MatRef::new(&y, batch, outputs).unwrap(), &labels);
    let x = MatRef::new(&x, batch, inputs).unwrap();
    let clip = Some(Clip::GlobalNorm(1.0));
    let mut results = Vec::new();
    for _ in 0..10 {
        let loss = objective.train_step(&mut network, &mut backend, &mut optimizer, x, clip).unwrap();
        assert!(loss.is_finite());
        results.extend([loss.to_bits() as u32, (loss.to_bits() >> 32) as u32]);
    }
    results.extend(network.parameters_mut().flatten().flatten().map(|x| x.to_bits()));
    results
}

#[test]
fn training_does_not_depend_on_the_run_and_with_fma_not_on_the_instruction_set() {
    let scalar = Isa::from_name("scalar").unwrap();
    let mut results = std::collections::HashSet::new();
    for method in METHODS {
        for loss in [Loss::SquaredError { c: 0.5 }, Loss::SoftmaxCrossEntropy] {
            let first = train(scalar, method, loss);
            for isa in Isa::available() {
                let run = train(isa, method, loss);
                assert!(run == train(isa, method, loss), "{isa}, {method:?}, {loss:?}: two runs differ");
                if isa.name() != "portable" {
                    assert!(run == first, "{isa}, {method:?}, {loss:?}: differs from scalar");
                }
            }
            assert!(results.insert(first), "{method:?} and {loss:?} make no difference");
        }
    }
}
