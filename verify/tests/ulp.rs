//! The functions of one number, and whether the measurement notices what is wrong with them.

use lanegrad::{Activation, Isa};
use lanegrad_verify::training::name::ACTIVATIONS;
use lanegrad_verify::ulp::{Coverage, FUNCTIONS, Measurement, Report, SIGMOID, Symmetry, TANH, measure};

#[test]
fn every_function_on_every_instruction_set() {
    let isas: Vec<Isa> = Isa::available().collect();
    let mut report = Report::default();
    assert!(!report.passed(), "nothing was measured");
    for function in FUNCTIONS {
        report.add(function, &isas, Coverage::Everyday, &mut |_, _| ());
    }
    assert!(report.passed(), "{report}");
    assert_eq!(report.rows().len(), FUNCTIONS.len() * isas.len());
    for (function, isa, found) in report.rows() {
        assert!(found.inputs > 4_000_000, "{} on {isa}", function.name);
        // What the headers of the kernels say about all floats, where an FMA rounds once.
        let exact = ["exp", "tanh", "relu"].contains(&function.name);
        assert!(found.falls == 0 || !exact, "{} on {isa} falls", function.name);
        let fused = |row: &&(_, Isa, _)| row.1.name() != "portable";
        let same = report.rows().iter().filter(fused).filter(|row| row.0.name == function.name);
        assert!(isa.name() == "portable" || same.map(|row| &row.2).all(|other| other == found));
    }
}

#[test]
fn every_activation_is_measured() {
    for (name, activation) in ACTIVATIONS.iter().filter(|(_, activation)| *activation != Activation::Identity) {
        assert!(FUNCTIONS.iter().any(|function| function.name == *name), "{activation:?} is not in ulp::FUNCTIONS");
    }
}

#[test]
fn all_floats_are_tried_once() {
    let mut next = 0;
    for run in Coverage::Exhaustive.runs(&[]) {
        let mut magnitudes = run.magnitudes();
        assert_eq!(magnitudes.next().map(f32::to_bits), Some(next));
        let last = magnitudes.last().unwrap().to_bits();
        assert!(last > next);
        next = last + 1;
    }
    assert_eq!(next, 1 << 31);
}

#[test]
fn the_everyday_part_has_the_surroundings_of_all_boundaries() {
    let runs = Coverage::Everyday.runs(&[0.0, 0.625, f32::MAX]);
    let tried: std::collections::HashSet<u32> =
        runs.into_iter().flat_map(|run| run.magnitudes().map(f32::to_bits)).collect();
    for bits in [0, 10_000, 0.625_f32.to_bits() - 10_000, 0.625_f32.to_bits() + 10_000, f32::INFINITY.to_bits()] {
        assert!(tried.contains(&bits), "{bits:#x}");
    }
    assert!(tried.len() > 2_000_000);
}

/// tanh, rounded to nearest, but for what `change` makes of it.
fn changed(change: impl Fn(f32, f32) -> f32 + Sync) -> Measurement {
    let kernel = |x: &mut [f32]| x.iter_mut().for_each(|x| *x = change(*x, f64::from(*x).tanh() as f32));
    let [found] = measure(&TANH, Coverage::Everyday, [&kernel], &mut |_, _| ());
    found
}

#[track_caller]
fn noticed(found: &Measurement, fault: &str) {
    let faults = found.faults(&TANH);
    assert!(faults.iter().any(|said| said.contains(fault)), "{fault}: {faults:?}");
}

#[test]
fn a_function_that_is_right_has_no_faults() {
    let found = changed(|_, y| y);
    assert!(found.faults(&TANH).is_empty(), "{:?}", found.faults(&TANH));
    assert!(found.error.value > 0.49 && found.error.value <= 0.5, "{:?}", found.error);
    assert_eq!((found.falls, found.asymmetric, found.range), (0, 0, [-1.0, 1.0]));
}

#[test]
fn a_function_that_is_wrong_at_one_float_is_noticed() {
    let at = 0.625_f32.next_down();
    let found = changed(|x, y| if x == at { f32::from_bits(y.to_bits() + 3) } else { y });
    assert!(found.error.at == at && found.error.value > 2.4 && found.error.value < 3.6, "{:?}", found.error);
    noticed(&found, "ULP off at");
    // It falls to the next float, which is not forbidden; and it is not odd any more.
    assert!(found.falls == 1 && found.fall.at == at, "{:?}", found.fall);
    assert_eq!(found.asymmetric, 1);
    noticed(&found, "not odd at 1");

    let found = changed(|x, y| if x == -at { y.next_up() } else { y });
    assert_eq!((found.falls, found.asymmetric), (0, 1));
    noticed(&found, "not odd at 1");
    let found = changed(|x, y| if x == -at { f32::from_bits(y.to_bits() - 3) } else { y });
    assert!(found.falls == 1 && found.fall.at == -at, "{:?}", found.fall);

    noticed(&changed(|x, y| if x == f32::MAX { y.next_up() } else { y }), "results from");
    noticed(&changed(|x, y| if x.is_nan() { 0.0 } else { y }), "inf ULP off");
    noticed(&changed(|x, y| if x.is_nan() { 0.0 } else { y }), "f(NaN) is 0e0");
    noticed(&changed(|x, y| if x == -1.0 { f32::NAN } else { y }), "inf ULP off at");
    noticed(&changed(|_, y| y + 0.0), "f(-0e0) is 0e0, expected -0e0");
    noticed(&changed(|x, y| if x.is_subnormal() { 0.0 * x } else { y }), "f(1e-45) is 0e0");
    noticed(&changed(|x, y| if x == f32::INFINITY { 0.999_999_9 } else { y }), "f(inf) is 9.999999e-1");
}

#[test]
fn a_sum_that_is_not_one_is_noticed() {
    assert_eq!(SIGMOID.symmetry, Symmetry::SumIsOne);
    let sigmoid = |off: f32| {
        move |x: &mut [f32]| {
            for x in x {
                let off = if *x == 1.0 { off } else { 0.0 };
                *x = (1.0 / (1.0 + (-f64::from(*x)).exp())) as f32 - off;
            }
        }
    };
    let kernels = [sigmoid(0.0), sigmoid(2.0 * f32::EPSILON)];
    let [right, wrong] = measure(&SIGMOID, Coverage::Everyday, [&kernels[0], &kernels[1]], &mut |_, _| ());
    assert!(right.faults(&SIGMOID).is_empty() && right.asymmetry.value <= 1.0, "{right:?}");
    assert_eq!(wrong.asymmetry.at, 1.0);
    assert!(wrong.faults(&SIGMOID).iter().any(|fault| fault.contains("ULP from 1 at")), "{wrong:?}");
}

#[test]
fn progress_ends_where_it_should() {
    let mut seen = (0, 0);
    let kernel = |x: &mut [f32]| x.iter_mut().for_each(|x| *x = x.tanh());
    measure(&TANH, Coverage::Everyday, [&kernel], &mut |done, total| {
        assert_eq!(done, seen.0 + 1);
        seen = (done, total);
    });
    assert!(seen.0 == seen.1 && seen.1 > 1);
}
