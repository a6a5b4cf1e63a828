//! An optimizer on your own slices: each tensor has a state that you own, and is updated in place, in one pass.
//!
//! ```sh
//! cargo run --release --example optimizer
//! ```

use lanegrad::{Backend, Error, LearningRate, Rule, State};

/// Parameters of yours, wherever they are, and what the optimizer remembers of them.
struct Tensor {
    values: Vec<f32>,
    state: State,
}

/// The gradient of Σ (θ_i − i/10)²/2.
fn gradient(values: &[f32]) -> Vec<f32> {
    values.iter().enumerate().map(|(i, theta)| theta - i as f32 / 10.0).collect()
}

fn main() -> Result<(), Error> {
    let backend = Backend::new()?;
    let rule = Rule::adam_w(LearningRate::InverseSquareRoot { initial: 0.1, gamma: 0.01 })?;
    let mut tensors = Vec::new();
    for len in [21, 8] {
        tensors.push(Tensor { values: vec![1.0; len], state: State::new(rule.method(), len)? });
    }
    for step in 1..=500 {
        for Tensor { values, state } in &mut tensors {
            let gradient = gradient(values);
            state.update(&backend, &rule, step, values, &gradient)?;
        }
    }
    for Tensor { values, state } in &tensors {
        let slots: Vec<_> =
            state.slots().map(|(name, elements)| format!("{name} ({} elements)", elements.len())).collect();
        println!("after {} updates: {:.3?}…, beside it {}", state.updates(), &values[..4], slots.join(" and "));
    }
    assert!(tensors.iter().all(|tensor| gradient(&tensor.values).iter().all(|g| g.abs() < 0.02)));
    Ok(())
}
