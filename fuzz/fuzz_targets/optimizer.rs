//! Any rule, hyper-parameters and numbers: no panic, and the bits of the scalar twin on every instruction set, however the
//! parameters are split, and however many steps are begun and dropped, or end with gradients that do not fit.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use lanegrad::{Backend, Isa, LearningRate, Method, Momentum, Optimizer, Parameter, Rule, WeightDecay};
use lanegrad_fuzz::same;
use lanegrad_verify::{shapes::Edges, twin::Twin};

/// Numbers that pass as hyper-parameters, and some that do not.
fn number(u: &mut Unstructured<'_>) -> Result<f64> {
    match u.int_in_range(0..=3)? {
        0 => Ok(f64::from(u.arbitrary::<u16>()?) / 65_536.0),
        1 => Ok(f64::from(u.arbitrary::<f32>()?)),
        2 => u.arbitrary(),
        _ => Ok(*u.choose(&[0.0, 0.5, 0.9, 0.999, 1e-8, 1e-45, 1.0])?),
    }
}

fn momentum(u: &mut Unstructured<'_>) -> Result<Momentum> {
    Ok(match u.arbitrary()? {
        true => Momentum::Constant(number(u)?),
        false => Momentum::Rising { from: number(u)?, to: number(u)?, steps: u.int_in_range(0..=5)? },
    })
}

fn learning_rate(u: &mut Unstructured<'_>) -> Result<LearningRate> {
    Ok(match u.int_in_range(0..=2)? {
        0 => LearningRate::Constant(number(u)?),
        1 => LearningRate::InverseSquareRoot { initial: number(u)?, gamma: number(u)? },
        _ => LearningRate::Inverse { initial: number(u)?, gamma: number(u)? },
    })
}

fn method(u: &mut Unstructured<'_>) -> Result<Method> {
    Ok(match u.int_in_range(0..=7)? {
        0 => Method::Sgd,
        1 => Method::Momentum { momentum: momentum(u)? },
        2 => Method::Nesterov { momentum: momentum(u)? },
        3 => Method::Adagrad { epsilon: number(u)? },
        4 => Method::RmsProp { decay: number(u)?, epsilon: number(u)? },
        5 => Method::RmsPropOutside { decay: number(u)?, epsilon: number(u)? },
        6 => Method::RmsPropNesterov { decay: number(u)?, epsilon: number(u)?, momentum: momentum(u)? },
        _ => Method::Adam { beta1: number(u)?, beta2: number(u)?, epsilon: number(u)? },
    })
}

const STEPS: usize = 4;

#[derive(Clone, Copy, Arbitrary)]
struct Element {
    theta: f32,
    gradients: [f32; STEPS],
}

/// What comes before a step.
#[derive(Clone, Copy, Debug, Arbitrary, PartialEq)]
enum Before {
    Nothing,
    /// A step that is dropped.
    Dropped,
    /// A step that lacks a gradient.
    Refused,
}

/// The parameters after the steps, as tensors that are cut at `cuts`.
fn optimize(
    backend: &Backend,
    mut optimizer: Optimizer,
    elements: &[Element],
    cuts: &[usize],
    before: [Before; STEPS],
) -> Vec<f32> {
    let mut theta: Vec<_> = elements.iter().map(|element| element.theta).collect();
    for (t, before) in before.into_iter().enumerate() {
        let gradient: Vec<_> = elements.iter().map(|element| element.gradients[t]).collect();
        let (mut parameters, mut gradients) = (Vec::new(), Vec::new());
        let (mut rest, mut rest_gradient) = (&mut theta[..], &gradient[..]);
        for &cut in cuts {
            let (part, behind) = rest.split_at_mut(cut.min(rest.len()));
            let (part_gradient, behind_gradient) = rest_gradient.split_at(part.len());
            parameters.push(Parameter::new(parameters.len() as u64, part));
            gradients.push(part_gradient);
            (rest, rest_gradient) = (behind, behind_gradient);
        }
        parameters.push(Parameter::new(parameters.len() as u64, rest));
        gradients.push(rest_gradient);
        if before != Before::Nothing {
            let bits = |parameters: &[Parameter<'_>]| -> Vec<Vec<u32>> {
                parameters.iter().map(|tensor| tensor.values.iter().map(|theta| theta.to_bits()).collect()).collect()
            };
            let theta = bits(&parameters);
            let step = optimizer.begin(backend, &mut parameters).expect("the same tensors at each step");
            match before {
                Before::Refused => assert!(step.finish(&gradients[1..]).is_err()),
                _ => drop(step),
            }
            assert!(bits(&parameters) == theta, "{} step {t}: {before:?} changed the parameters", backend.isa());
        }
        let step = optimizer.begin(backend, &mut parameters).expect("the same tensors at each step");
        step.finish(&gradients).expect("a gradient for each tensor");
    }
    theta
}

/// The parameters after the steps, by the scalar twin.
fn twin(optimizer: &Optimizer, fused: bool, elements: &[Element]) -> Vec<f32> {
    let mut theta: Vec<_> = elements.iter().map(|element| element.theta).collect();
    let mut twin = Twin::new(optimizer.rule(), fused, theta.len());
    for t in 0..STEPS {
        twin.step(&mut theta, |_| elements.iter().map(|element| element.gradients[t]).collect());
    }
    theta
}

fn run(u: &mut Unstructured<'_>) -> Result<()> {
    let (method, learning_rate) = (method(u)?, learning_rate(u)?);
    let Ok(rule) = Rule::new(method, learning_rate) else { return Ok(()) };
    let lambda = f64::from(u.int_in_range(0..=1000_u16)?) / 500.0;
    let decay = [WeightDecay::None, WeightDecay::Coupled(lambda), WeightDecay::Decoupled(lambda)];
    let Ok(rule) = rule.with_weight_decay(*u.choose(&decay)?) else { return Ok(()) };
    let optimizer = Optimizer::new(rule);
    let cuts: Vec<_> = (0..u.int_in_range(0..=3)?).map(|_| u.int_in_range(0..=40)).collect::<Result<_>>()?;
    let before: [Before; STEPS] = u.arbitrary()?;
    let elements: Vec<Element> = u.arbitrary()?;

    let twins = [false, true].map(|fused| twin(&optimizer, fused, &elements));
    for isa in Isa::available() {
        let backend = Backend::with_isa(isa);
        let twin = &twins[usize::from(Edges::of(isa).fused)];
        for (cuts, before) in [(&[][..], [Before::Nothing; STEPS]), (&cuts, before)] {
            let found = optimize(&backend, optimizer.clone(), &elements, cuts, before);
            let equal = found.iter().zip(twin).all(|(&a, &b)| same(a, b));
            assert!(equal, "{isa}, {rule:?}, cut at {cuts:?}: {found:?}, twin: {twin:?}");
        }
    }
    Ok(())
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    // Too short an input is no input.
    let _ = run(&mut Unstructured::new(data));
});
