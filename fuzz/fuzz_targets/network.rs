//! A small network, trained for a few steps, against the reference in f64.
//!
//! The tolerance is judged. What would make rounding errors grow without limit is kept out: the rules divide by no less than
//! their δ, here at least 1/100, and a run ends where a ReLU's net input is so near 0 that its sign may be rounded away.
#![no_main]

use arbitrary::{Result, Unstructured};
use lanegrad::{
    Activation, Clip, Initialization, LayerOptions, LearningRate, MatRef, Method, Momentum, Network, Optimizer, Rule,
    Scratch,
};
use lanegrad_fuzz::{Numbers, backend, strides};
use lanegrad_verify::check::dense;
use lanegrad_verify::objective::Objective;
use lanegrad_verify::random::uniform;
use lanegrad_verify::reference;
use lanegrad_verify::training::name::ACTIVATIONS;

/// Of the largest parameter, and of the loss.
const TOLERANCE: f64 = 1e-3;
/// The least distance of a ReLU's net input from its kink.
const CLEARANCE: f64 = 1e-4;

fn unit(u: &mut Unstructured<'_>) -> Result<f64> {
    Ok(f64::from(u.int_in_range(1..=99_u8)?) / 100.0)
}

/// A rule, and the reference's.
fn rule(u: &mut Unstructured<'_>) -> Result<(Method, reference::Rule)> {
    let (rho, delta, alpha) = (unit(u)?, unit(u)?, unit(u)?);
    let momentum = Momentum::Constant(alpha);
    let exact = reference::Momentum::Constant(alpha);
    Ok(match u.int_in_range(0..=6)? {
        0 => (Method::Sgd, reference::Rule::Sgd),
        1 => (Method::Momentum { momentum }, reference::Rule::Momentum { alpha: exact }),
        2 => (Method::Nesterov { momentum }, reference::Rule::Nesterov { alpha: exact }),
        3 => (Method::Adagrad { epsilon: delta }, reference::Rule::Adagrad { delta }),
        4 => (Method::RmsProp { decay: rho, epsilon: delta }, reference::Rule::RmsProp { rho, delta }),
        5 => (
            Method::RmsPropNesterov { decay: rho, epsilon: delta, momentum },
            reference::Rule::RmsPropNesterov { rho, delta, alpha: exact },
        ),
        _ => (
            Method::Adam { beta1: rho, beta2: alpha, epsilon: delta },
            reference::Rule::Adam { rho_1: rho, rho_2: alpha, delta },
        ),
    })
}

fn activation(u: &mut Unstructured<'_>) -> Result<Activation> {
    Ok(u.choose(ACTIVATIONS)?.1)
}

fn parameters(network: &mut Network) -> Vec<f64> {
    network.parameters_mut().flatten().flatten().map(|&mut x| f64::from(x)).collect()
}

/// The network with other parameters.
fn with_parameters(network: &reference::Network, theta: &[f64]) -> reference::Network {
    network.map(|number, _| theta[number])
}

/// Whether rounding cannot change what a ReLU does.
fn clear(network: &reference::Network, x: &reference::Matrix) -> bool {
    let mut below = x.clone();
    network.layers.iter().all(|layer| {
        let a = layer.net_input(&below);
        below = a.map(|a| layer.activation.value(a));
        layer.activation != reference::Activation::Relu || a.numbers().iter().all(|a| a.abs() > CLEARANCE)
    })
}

fn run(u: &mut Unstructured<'_>) -> Result<()> {
    let (mut backend, mut numbers) = (backend(u)?, Numbers::new(u)?);
    let (batch, inputs) = (u.int_in_range(1..=9)?, u.int_in_range(1..=20)?);
    let softmax: bool = u.arbitrary()?;
    let depth = u.int_in_range(1..=3)?;
    let mut layers = Vec::new();
    for l in 1..=depth {
        let activation = if softmax && l == depth { Activation::Identity } else { activation(u)? };
        let units = u.int_in_range(1..=20)?;
        layers.push(LayerOptions { units, activation, initialization: Initialization::GlorotUniform });
    }
    let outputs = layers[depth - 1].units;
    let (method, rule) = rule(u)?;
    let rate = unit(u)? / 10.0;
    let clip = match u.int_in_range(0..=2)? {
        0 => Some(Clip::Value(unit(u)? as f32)),
        1 => Some(Clip::GlobalNorm(unit(u)? as f32)),
        _ => None,
    };
    let steps = u.int_in_range(1..=4)?;

    let mut network = Network::new(inputs, &layers, uniform(u.arbitrary()?)).expect("it has layers and units");
    let x: Vec<f32> = (0..batch * inputs).map(|_| numbers.fraction()).collect();
    let y: Vec<f32> = (0..batch * outputs).map(|_| numbers.fraction()).collect();
    let labels: Vec<u32> = (0..batch).map(|_| u.int_in_range(0..=outputs as u32 - 1)).collect::<Result<_>>()?;
    for ([_, bias], options) in network.parameters_mut().zip(&layers) {
        assert_eq!(bias.len(), options.units);
        bias.fill_with(|| numbers.fraction());
    }

    let exact_x = reference::Matrix::from_fn(batch, inputs, |i, j| f64::from(x[i * inputs + j]));
    let (x_strides, y_strides) =
        (strides(u, (batch, inputs), (inputs as isize, 1))?, strides(u, (batch, outputs), (outputs as isize, 1))?);
    let (objective, exact_target, exact_loss) = if softmax {
        let exact = reference::Target::Labels(labels.iter().map(|&label| label as usize).collect());
        (Objective::CrossEntropy { labels: &labels }, exact, reference::Loss::SoftmaxCrossEntropy)
    } else {
        let values = MatRef::with_strides(&y, batch, outputs, y_strides.0, y_strides.1).expect("the view fits");
        let exact = reference::Matrix::from_fn(batch, outputs, |i, j| f64::from(y[i * outputs + j]));
        let exact = reference::Target::Values(exact);
        (Objective::SquaredError { c: 0.5, target: values }, exact, reference::Loss::SquaredError { c: 0.5 })
    };
    let exact_network = reference::Network {
        layers: network
            .layers()
            .iter()
            .map(|layer| {
                let w = layer.weights();
                reference::Layer {
                    w: reference::Matrix::from_fn(w.rows(), w.cols(), |j, i| w.get(j, i).map_or(f64::NAN, f64::from)),
                    b: layer.bias().iter().map(|&b| f64::from(b)).collect(),
                    activation: dense::reference(layer.activation()),
                }
            })
            .collect(),
    };
    let mut theta = parameters(&mut network);
    let mut exact_optimizer = reference::Optimizer::new(rule, reference::LearningRate::Constant(rate), theta.len());
    let mut scratch = Scratch::default();
    let mut optimizer = Optimizer::new(Rule::new(method, LearningRate::Constant(rate)).expect("all are in range"));

    for step in 1..=steps {
        let (mut is_clear, mut expected) = (true, f64::NAN);
        exact_optimizer.step(&mut theta, |theta| {
            let network = with_parameters(&exact_network, theta);
            is_clear = clear(&network, &exact_x);
            expected = network.loss(&exact_x, exact_loss, &exact_target);
            let (gradients, _) = network.backward(&exact_x, exact_loss, &exact_target);
            let mut numbers: Vec<f64> = gradients.iter().flat_map(reference::Gradient::numbers).collect();
            match clip {
                Some(Clip::Value(limit)) => {
                    numbers.iter_mut().for_each(|g| *g = g.clamp(-f64::from(limit), limit.into()))
                }
                Some(Clip::GlobalNorm(limit)) => {
                    let norm = numbers.iter().map(|g| g * g).sum::<f64>().sqrt();
                    let factor = (f64::from(limit) / norm).min(1.0);
                    numbers.iter_mut().for_each(|g| *g *= factor);
                }
                _ => {}
            }
            numbers
        });
        if !is_clear {
            return Ok(());
        }
        let (row, col) = strides(u, (0, inputs), (inputs as isize, 1))?;
        let nothing = MatRef::with_strides(&[], 0, inputs, row, col).expect("there is nothing to view");
        let outputs_of_nothing = network.predict(&mut backend, &mut scratch, nothing).expect("it has its columns");
        assert_eq!((outputs_of_nothing.rows(), outputs_of_nothing.cols()), (0, outputs));
        let x = MatRef::with_strides(&x, batch, inputs, x_strides.0, x_strides.1).expect("the view fits");
        let found = objective.train_step(&mut network, &mut backend, &mut optimizer, x, clip).expect("everything fits");
        let what = (backend.isa(), method, step);
        assert!(
            (found - expected).abs() <= TOLERANCE * (1.0 + expected),
            "{what:?}: loss {found}, expected {expected}"
        );
        let largest = theta.iter().fold(1.0, |max: f64, theta| max.max(theta.abs()));
        for (number, (found, theta)) in parameters(&mut network).into_iter().zip(&theta).enumerate() {
            let close = (found - theta).abs() <= TOLERANCE * largest;
            assert!(close, "{what:?}: parameter {number} is {found}, expected {theta}");
        }
    }
    Ok(())
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    // Too short an input is no input.
    let _ = run(&mut Unstructured::new(data));
});
