//! The same bits wherever the operands lie, with or without gaps between their rows, however the parameters are split into
//! tensors, and whatever the workspace was used for before.

use crate::operand::{CANARY, GAP, Input, Output};
use crate::{METHODS, SHAPES, bits, numbers, optimize, products};
use lanegrad::*;
use lanegrad_verify::training::name::ACTIVATIONS;

#[test]
fn products_do_not_depend_on_the_run_the_place_or_the_gaps() {
    let mut compared = 0;
    for isa in Isa::available() {
        for shape in SHAPES {
            for (activation, accumulate) in [(Activation::Relu, false), (Activation::Tanh, true)] {
                let mut backend = Backend::with_isa(isa);
                let first = products(&mut backend, shape, activation, accumulate, 0, 0);
                for offset in 0..16 {
                    for gap in [0, 1, GAP] {
                        let again = products(&mut backend, shape, activation, accumulate, offset, gap);
                        assert!(first == again, "{isa}, {shape:?}, {activation:?}, offset {offset}, gap {gap}");
                        compared += again.z.len() + again.below.len() + again.dw.len();
                    }
                }
            }
        }
    }
    assert!(compared > 1_000_000);
}

#[test]
fn products_do_not_depend_on_what_the_workspace_was_used_for() {
    for isa in Isa::available() {
        let mut used = Backend::with_isa(isa);
        for shape in SHAPES.into_iter().chain(SHAPES.into_iter().rev()) {
            let fresh = products(&mut Backend::with_isa(isa), shape, Activation::Sigmoid, true, 0, 0);
            assert!(products(&mut used, shape, Activation::Sigmoid, true, 0, 0) == fresh, "{isa}, {shape:?}");
        }
    }
}

#[test]
fn losses_do_not_depend_on_the_run_the_place_or_the_gaps() {
    let mut compared = 0;
    for isa in Isa::available() {
        let backend = Backend::with_isa(isa);
        for (rows, columns) in [(1, 1), (3, 10), (7, 16), (5, 33), (2, 4100)] {
            let (predicted, target) = (numbers(rows * columns, 1), numbers(rows * columns, 2));
            let labels: Vec<_> = (0..rows).map(|i| (i * 7 % columns) as u32).collect();
            let run = |offset, gap| {
                let predicted = Input::new(&predicted, (rows, columns), offset, gap);
                let target = Input::new(&target, (rows, columns), offset + 1, gap);
                let mut deltas = [(); 2].map(|()| Output::new(None, (rows, columns), offset, gap));
                let (predicted, target) = (predicted.view(), target.view());
                let squared = loss::SquaredError { predicted, target, c: 0.5, activation: Activation::Sigmoid };
                let softmax = loss::SoftmaxCrossEntropy { logits: predicted, labels: &labels };
                let losses = [
                    loss::squared_error(&backend, squared, deltas[0].view()).unwrap().to_bits(),
                    loss::softmax_cross_entropy(&backend, softmax, deltas[1].view()).unwrap().to_bits(),
                ];
                (losses, deltas.map(|delta| bits(&delta.values())))
            };
            let first = run(0, 0);
            for offset in 0..16 {
                for gap in [0, GAP] {
                    assert!(run(offset, gap) == first, "{isa}, {rows}×{columns}, offset {offset}, gap {gap}");
                    compared += rows * columns;
                }
            }
        }
    }
    assert!(compared > 10_000);
}

#[test]
fn activations_do_not_depend_on_the_place_or_the_neighbours_and_with_fma_not_on_the_instruction_set() {
    let mut compared = 0;
    let wild = [f32::NAN, f32::INFINITY, 0.0, -0.0, 1e-45, 89.0, f32::MIN];
    let x: Vec<f32> = numbers(131, 1).iter().map(|x| x * 20.0).chain(wild).collect();
    for &(_, activation) in ACTIVATIONS {
        let alone = |isa: Isa| {
            let backend = Backend::with_isa(isa);
            let apply = |&x: &f32| {
                let mut x = [x];
                activation.apply(&backend, &mut x);
                // The bits of a NaN are nobody's promise.
                if x[0].is_nan() { CANARY } else { x[0].to_bits() }
            };
            x.iter().map(apply).collect::<Vec<_>>()
        };
        for isa in Isa::available() {
            let expected = alone(isa);
            assert!(isa.name() == "portable" || expected == alone(Isa::from_name("scalar").unwrap()), "{isa}");
            let backend = Backend::with_isa(isa);
            for offset in 0..=16 {
                for len in [1, 7, 16, 33, x.len() - offset] {
                    let mut together = x.clone();
                    activation.apply(&backend, &mut together[offset..offset + len]);
                    for (i, found) in together.into_iter().enumerate() {
                        let inside = (offset..offset + len).contains(&i);
                        let expected = if inside { expected[i] } else { x[i].to_bits() };
                        let found = if inside && found.is_nan() { CANARY } else { found.to_bits() };
                        assert!(found == expected, "{isa}, {activation:?}, number {i}, offset {offset}, {len} long");
                        compared += 1;
                    }
                }
            }
        }
    }
    assert!(compared > 10_000);
}

/// The norm is summed in a fixed order, and so are the bits of what is scaled by it; by value, each number is on its own.
#[test]
fn clipping_does_not_depend_on_the_run_or_the_place_and_with_fma_not_on_the_instruction_set() {
    let values = [numbers(4099, 1), numbers(77, 2), numbers(0, 3), numbers(5, 4)];
    let run = |isa: Isa, offset: usize| {
        let backend = Backend::with_isa(isa);
        let clip = |clip: fn(&Backend, &mut [&mut [f32]]) -> f64| {
            let mut inputs = values.each_ref().map(|values| Input::new(values, (1, values.len()), offset, 0));
            let mut tensors: Vec<_> = inputs.iter_mut().map(|input| &mut input.data[offset..]).collect();
            let norm = clip(&backend, &mut tensors);
            assert!(inputs.iter().all(|input| input.data[..offset].iter().all(|x| x.to_bits() == CANARY)));
            (norm.to_bits(), inputs.map(|input| bits(&input.data[offset..])))
        };
        [
            clip(|backend, tensors| clip::by_global_norm(backend, tensors, 1.5).unwrap()),
            clip(|backend, tensors| clip::by_value(backend, tensors, 0.25).map(|()| 0.0).unwrap()),
        ]
    };
    for isa in Isa::available() {
        let first = run(isa, 0);
        assert!(isa.name() == "portable" || first == run(Isa::from_name("scalar").unwrap(), 0), "{isa}");
        for offset in 0..=16 {
            assert!(run(isa, offset) == first, "{isa}, offset {offset}");
        }
    }
}

#[test]
fn optimizers_do_not_depend_on_the_place_or_on_how_the_parameters_are_split() {
    for isa in Isa::available() {
        let backend = Backend::with_isa(isa);
        for method in METHODS {
            let first = optimize(&backend, method, 0, &[101]);
            for offset in 0..16 {
                assert_eq!(optimize(&backend, method, offset, &[101]), first, "{isa}, {method:?}, offset {offset}");
            }
            for lengths in [&[50, 51][..], &[1, 100], &[100, 1], &[0, 16, 17, 8, 7, 53], &[1; 101]] {
                assert_eq!(optimize(&backend, method, 3, lengths), first, "{isa}, {method:?}, {lengths:?}");
            }
        }
    }
}
