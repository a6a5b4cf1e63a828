//! Update rules against the numbers of PyTorch's optimizers, `verify/golden/pytorch.json`; the script that made it is beside it.

use lanegrad::*;
use lanegrad_verify::tally::Tally;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Golden {
    torch: String,
    steps: Vec<u64>,
    /// For each optimizer, the parameters after each of these steps.
    cases: BTreeMap<String, Vec<Vec<f64>>>,
}

/// The same numbers as the script draws.
fn numbers() -> impl Iterator<Item = f32> {
    std::iter::successors(Some(1_u32), |x| Some(x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223)))
        .skip(1)
        .map(|x| (x >> 8) as f32 / (1 << 23) as f32 - 0.75)
}

fn rule(case: &str) -> Rule {
    let (name, options) = case.split_once(", ").unwrap_or((case, ""));
    let momentum = options.starts_with("momentum 0.9");
    let (method, rate) = match name {
        "AdamW" => return Rule::adam_w(LearningRate::Constant(1e-3)).unwrap(),
        "Adam" => (Method::adam(), 1e-3),
        "SGD" if momentum => (Method::momentum(), 1e-3),
        "SGD" => (Method::sgd(), 1e-2),
        "RMSprop" => (Method::pytorch_rms_prop(), 1e-3),
        "Adagrad" => (Method::pytorch_adagrad(), 1e-2),
        other => panic!("{other} is not known here"),
    };
    let decay = if options.ends_with("weight decay 0.1") { WeightDecay::Coupled(0.1) } else { WeightDecay::None };
    Rule::new(method, LearningRate::Constant(rate)).unwrap().with_weight_decay(decay).unwrap()
}

/// Within 10⁻⁵, relative to the largest that the parameter has been.
#[test]
fn a_thousand_prescribed_gradients_lead_where_pytorch_goes() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/golden/pytorch.json")).unwrap();
    let Golden { torch, steps, cases } = serde_json::from_str(&text).unwrap();
    assert_eq!(cases.len(), 11);
    for isa in Isa::available() {
        let backend = Backend::with_isa(isa);
        for (case, expected) in &cases {
            let mut tally = Tally::default();
            let (rule, mut draw) = (rule(case), numbers());
            let mut theta: Vec<f32> = draw.by_ref().take(16).collect();
            let mut largest: Vec<f64> = theta.iter().map(|&theta| f64::from(theta).abs()).collect();
            let mut state = State::new(rule.method(), theta.len()).unwrap();
            let mut expected = steps.iter().zip(expected).peekable();
            for step in 1..=1000 {
                let gradient: Vec<f32> =
                    draw.by_ref().take(16).enumerate().map(|(i, g)| g * 2_f32.powi(i as i32 % 8 - 4)).collect();
                state.update(&backend, &rule, step, &mut theta, &gradient).unwrap();
                for (largest, &theta) in largest.iter_mut().zip(&theta) {
                    *largest = largest.max(f64::from(theta).abs());
                }
                if let Some((_, expected)) = expected.next_if(|&(&at, _)| at == step) {
                    for (i, (&found, &expected)) in theta.iter().zip(expected).enumerate() {
                        tally.within(found.into(), expected, 1e-5 * largest[i], || {
                            format!("{case} of PyTorch {torch} on {isa}, step {step}, parameter {i}")
                        });
                    }
                }
            }
            assert!(expected.next().is_none());
            println!("{:>8}: {:.3} of 1e-5: {case}", isa.name(), tally.largest_ratio());
            assert!(tally.passed(), "{tally:?}");
        }
    }
}
