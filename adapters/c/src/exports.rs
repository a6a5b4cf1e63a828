//! The functions of the header, in its order.

use crate::memory::{call, lanegrad_matrix, lanegrad_matrix_mut};
use crate::status::{Fault, message};
use core::ffi::c_char;
use lanegrad::{Activation, Backend, Error, LearningRate, MatMut, Method, Momentum, Rule, State, WeightDecay};
use lanegrad::{dense, loss};

/// The version of the header: major.
pub const LANEGRAD_VERSION_MAJOR: i32 = 0;
/// The version of the header: minor.
pub const LANEGRAD_VERSION_MINOR: i32 = 1;
/// The version of the header: patch.
pub const LANEGRAD_VERSION_PATCH: i32 = 0;
/// The binary interface of the header. It is part of the shared library's soname, and grows with every incompatible change.
pub const LANEGRAD_ABI: i32 = 1;

/// Activation functions h. See the documentation of lanegrad::Activation.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum lanegrad_activation {
    /// h(a) = a
    LANEGRAD_IDENTITY = 0,
    /// h(a) = 1 / (1 + exp(-a))
    LANEGRAD_SIGMOID = 1,
    /// h(a) = tanh(a)
    LANEGRAD_TANH = 2,
    /// h(a) = a / (1 + |a|)
    LANEGRAD_SOFTSIGN = 3,
    /// h(a) = a < 0 ? 0 : a
    LANEGRAD_RELU = 4,
}

/// The instruction set in use, the threads, and the workspace of products. Used by one thread at a time.
#[derive(Debug)]
pub struct lanegrad_backend(Backend);

/// An update rule with its constants.
#[derive(Debug)]
pub struct lanegrad_rule(Rule);

/// What a rule keeps for one tensor between updates.
#[derive(Debug)]
pub struct lanegrad_state(State);

fn activation_of(number: i32) -> Result<Activation, Fault> {
    const ACTIVATIONS: [(lanegrad_activation, Activation); 5] = [
        (lanegrad_activation::LANEGRAD_IDENTITY, Activation::Identity),
        (lanegrad_activation::LANEGRAD_SIGMOID, Activation::Sigmoid),
        (lanegrad_activation::LANEGRAD_TANH, Activation::Tanh),
        (lanegrad_activation::LANEGRAD_SOFTSIGN, Activation::Softsign),
        (lanegrad_activation::LANEGRAD_RELU, Activation::Relu),
    ];
    let found = ACTIVATIONS.into_iter().find(|(known, _)| *known as i32 == number);
    found.map(|(_, activation)| activation).ok_or(Fault::Activation { found: number })
}

fn required<T>(operand: &'static str, handle: Option<T>) -> Result<T, Fault> {
    handle.ok_or(Fault::Null { operand })
}

/// The version of the library, such as "0.1.0".
#[unsafe(no_mangle)]
pub extern "C" fn lanegrad_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// The binary interface of the library. A program that may meet another library than the one of its header compares it with LANEGRAD_ABI.
#[unsafe(no_mangle)]
pub extern "C" fn lanegrad_abi() -> i32 {
    LANEGRAD_ABI
}

/// The message of this thread's last error, in UTF-8; "" if there was none. Valid until this thread's next call.
#[unsafe(no_mangle)]
pub extern "C" fn lanegrad_message() -> *const c_char {
    message()
}

/// Creates a backend with one thread. It uses the best instruction set of this processor, or the one that the environment variable
/// LANEGRAD_ISA names: avx512, avx2, portable or scalar.
#[unsafe(no_mangle)]
pub extern "C" fn lanegrad_backend_new(backend: *mut *mut lanegrad_backend) -> i32 {
    call("backend", |memory| {
        let place = memory.place("backend", backend)?;
        place.write(Box::into_raw(Box::new(lanegrad_backend(Backend::new()?))));
        Ok(())
    })
}

/// Creates a backend with this many threads, the caller included, from 1 to 64. The others are started here, sleep when they have nothing
/// to do, and end when the backend is freed. Results do not depend on their number, to the last bit. Small operations stay on the
/// caller's thread. A child process after fork() makes a backend of its own, and neither uses nor frees this one.
#[unsafe(no_mangle)]
pub extern "C" fn lanegrad_backend_new_with_threads(threads: usize, backend: *mut *mut lanegrad_backend) -> i32 {
    call("backend", |memory| {
        let place = memory.place("backend", backend)?;
        place.write(Box::into_raw(Box::new(lanegrad_backend(Backend::builder().threads(threads).build()?))));
        Ok(())
    })
}

/// Frees a backend and ends its threads. NULL is ignored.
#[unsafe(no_mangle)]
pub extern "C" fn lanegrad_backend_free(backend: Option<Box<lanegrad_backend>>) {
    call("backend", |_| {
        drop(backend);
        Ok(())
    });
}

/// z = h(x * w^T + bias), batch x out. x is batch x in; w is out x in; bias has length out, or is NULL with length 0.
#[unsafe(no_mangle)]
pub extern "C" fn lanegrad_forward(
    backend: Option<&mut lanegrad_backend>,
    x: lanegrad_matrix,
    w: lanegrad_matrix,
    bias: *const f32,
    bias_len: usize,
    activation: i32,
    z: lanegrad_matrix_mut,
) -> i32 {
    call("dense forward", |memory| {
        let backend = required("backend", backend)?;
        let (x, w) = (memory.matrix("inputs", x)?, memory.matrix("weights", w)?);
        let given = !(bias.is_null() && bias_len == 0);
        let bias = memory.slice("bias", bias, bias_len)?;
        let layer = dense::Forward { x, w, bias: given.then_some(bias), activation: activation_of(activation)? };
        Ok(dense::forward(&mut backend.0, layer, memory.matrix_mut("outputs", z)?)?)
    })
}

/// delta_below = (delta * w) . h'(a), batch x in, where h is the activation of the layer below and z_below its output, batch x in. delta is
/// batch x out; w is out x in. If z_below is NULL, delta_below is the gradient of the layer's input, and the activation is not used.
#[unsafe(no_mangle)]
pub extern "C" fn lanegrad_backward(
    backend: Option<&mut lanegrad_backend>,
    delta: lanegrad_matrix,
    w: lanegrad_matrix,
    activation_below: i32,
    z_below: *const lanegrad_matrix,
    delta_below: lanegrad_matrix_mut,
) -> i32 {
    call("dense backward", |memory| {
        let backend = required("backend", backend)?;
        let (delta, w) = (memory.matrix("deltas", delta)?, memory.matrix("weights", w)?);
        let below = match memory.optional("matrix of outputs of the layer below", z_below)? {
            Some(z) => Some((activation_of(activation_below)?, memory.matrix("outputs of the layer below", z)?)),
            None => None,
        };
        let layer = dense::Backward { delta, w, below };
        Ok(dense::backward(&mut backend.0, layer, memory.matrix_mut("deltas of the layer below", delta_below)?)?)
    })
}

/// dw = delta^T * x, out x in, and db, the column sums of delta, of length out. delta is batch x out; x is batch x in. If accumulate is not
/// 0, they are added to dw and db. dw may be NULL; db may be NULL with length 0.
#[unsafe(no_mangle)]
pub extern "C" fn lanegrad_gradient(
    backend: Option<&mut lanegrad_backend>,
    delta: lanegrad_matrix,
    x: lanegrad_matrix,
    accumulate: i32,
    dw: *const lanegrad_matrix_mut,
    db: *mut f32,
    db_len: usize,
) -> i32 {
    call("dense gradient", |memory| {
        let backend = required("backend", backend)?;
        let (delta, x) = (memory.matrix("deltas", delta)?, memory.matrix("inputs", x)?);
        let dw: Option<MatMut<'_>> = match memory.optional("matrix of weight gradients", dw)? {
            Some(dw) => Some(memory.matrix_mut("weight gradients", dw)?),
            None => None,
        };
        let given = !(db.is_null() && db_len == 0);
        let db = memory.slice_mut("bias gradient", db, db_len)?;
        let layer = dense::Gradient { delta, x, accumulate: accumulate != 0 };
        Ok(dense::gradient(&mut backend.0, layer, dw, given.then_some(db))?)
    })
}

/// x = h(x), in place.
#[unsafe(no_mangle)]
pub extern "C" fn lanegrad_activation_apply(
    backend: Option<&lanegrad_backend>,
    activation: i32,
    x: *mut f32,
    len: usize,
) -> i32 {
    call("activation", |memory| {
        let backend = required("backend", backend)?;
        activation_of(activation)?.apply(&backend.0, memory.slice_mut("elements", x, len)?);
        Ok(())
    })
}

/// delta = gradient . h'(a), where gradient is that of the output z = h(a). All have the same shape.
#[unsafe(no_mangle)]
pub extern "C" fn lanegrad_activation_backward(
    backend: Option<&lanegrad_backend>,
    gradient: lanegrad_matrix,
    z: lanegrad_matrix,
    activation: i32,
    delta: lanegrad_matrix_mut,
) -> i32 {
    call("activation backward", |memory| {
        let backend = required("backend", backend)?;
        let (gradient, z) = (memory.matrix("gradients", gradient)?, memory.matrix("outputs", z)?);
        let operands = dense::ActivationBackward { gradient, z, activation: activation_of(activation)? };
        Ok(dense::activation_backward(&backend.0, operands, memory.matrix_mut("deltas", delta)?)?)
    })
}

/// loss = c / m * sum((predicted - target)^2), and delta = 2 * c / m * (predicted - target) . h'(a), for the m rows of predicted = h(a),
/// where h is the activation of the last layer. All have the same shape. c > 0; the rows of delta are contiguous.
#[unsafe(no_mangle)]
pub extern "C" fn lanegrad_squared_error(
    backend: Option<&lanegrad_backend>,
    predicted: lanegrad_matrix,
    target: lanegrad_matrix,
    c: f32,
    activation: i32,
    delta: lanegrad_matrix_mut,
    loss: *mut f64,
) -> i32 {
    call("squared error", |memory| {
        let backend = required("backend", backend)?;
        let (predicted, target) = (memory.matrix("predictions", predicted)?, memory.matrix("targets", target)?);
        let operands = loss::SquaredError { predicted, target, c, activation: activation_of(activation)? };
        let (delta, place) = (memory.matrix_mut("deltas", delta)?, memory.place("loss", loss)?);
        place.write(loss::squared_error(&backend.0, operands, delta)?);
        Ok(())
    })
}

/// loss = 1 / m * sum(log(sum(exp(logits))) - logits[label]), and delta = (softmax(logits) - onehot(label)) / m, for m rows of logits, which
/// are the outputs of a last layer without activation. There are m labels, each less than the number of columns. The rows of delta are
/// contiguous.
#[unsafe(no_mangle)]
pub extern "C" fn lanegrad_softmax_cross_entropy(
    backend: Option<&lanegrad_backend>,
    logits: lanegrad_matrix,
    labels: *const u32,
    labels_len: usize,
    delta: lanegrad_matrix_mut,
    loss: *mut f64,
) -> i32 {
    call("softmax cross-entropy", |memory| {
        let backend = required("backend", backend)?;
        let (logits, labels) = (memory.matrix("logits", logits)?, memory.slice("labels", labels, labels_len)?);
        let operands = loss::SoftmaxCrossEntropy { logits, labels };
        let (delta, place) = (memory.matrix_mut("deltas", delta)?, memory.place("loss", loss)?);
        place.write(loss::softmax_cross_entropy(&backend.0, operands, delta)?);
        Ok(())
    })
}

fn new_rule(method: Method, learning_rate: f64, rule: *mut *mut lanegrad_rule) -> i32 {
    call("rule", |memory| {
        let place = memory.place("rule", rule)?;
        let rule = Rule::new(method, LearningRate::Constant(learning_rate))?;
        place.write(Box::into_raw(Box::new(lanegrad_rule(rule))));
        Ok(())
    })
}

/// theta -= learning_rate * g.
#[unsafe(no_mangle)]
pub extern "C" fn lanegrad_rule_sgd(learning_rate: f64, rule: *mut *mut lanegrad_rule) -> i32 {
    new_rule(Method::Sgd, learning_rate, rule)
}

/// v = momentum * v - learning_rate * g; theta += v. 0 <= momentum < 1; usually 0.9.
#[unsafe(no_mangle)]
pub extern "C" fn lanegrad_rule_momentum(learning_rate: f64, momentum: f64, rule: *mut *mut lanegrad_rule) -> i32 {
    new_rule(Method::Momentum { momentum: Momentum::Constant(momentum) }, learning_rate, rule)
}

/// As momentum, but g is taken at theta + momentum * v: call lanegrad_state_look_ahead before computing it.
#[unsafe(no_mangle)]
pub extern "C" fn lanegrad_rule_nesterov(learning_rate: f64, momentum: f64, rule: *mut *mut lanegrad_rule) -> i32 {
    new_rule(Method::Nesterov { momentum: Momentum::Constant(momentum) }, learning_rate, rule)
}

/// r += g^2; theta -= learning_rate * g / (epsilon + sqrt(r)). epsilon >= 0; usually 1e-7, in PyTorch 1e-10.
#[unsafe(no_mangle)]
pub extern "C" fn lanegrad_rule_adagrad(learning_rate: f64, epsilon: f64, rule: *mut *mut lanegrad_rule) -> i32 {
    new_rule(Method::Adagrad { epsilon }, learning_rate, rule)
}

/// r = decay * r + (1 - decay) * g^2; theta -= learning_rate * g / sqrt(epsilon + r). 0 <= decay < 1, usually 0.9; epsilon usually 1e-8.
#[unsafe(no_mangle)]
pub extern "C" fn lanegrad_rule_rmsprop(
    learning_rate: f64,
    decay: f64,
    epsilon: f64,
    rule: *mut *mut lanegrad_rule,
) -> i32 {
    new_rule(Method::RmsProp { decay, epsilon }, learning_rate, rule)
}

/// As rmsprop, but with epsilon outside the root, as in PyTorch: theta -= learning_rate * g / (epsilon + sqrt(r)).
#[unsafe(no_mangle)]
pub extern "C" fn lanegrad_rule_rmsprop_outside(
    learning_rate: f64,
    decay: f64,
    epsilon: f64,
    rule: *mut *mut lanegrad_rule,
) -> i32 {
    new_rule(Method::RmsPropOutside { decay, epsilon }, learning_rate, rule)
}

/// Adam. Usually beta1 is 0.9, beta2 0.999, and epsilon 1e-8. Without weight decay.
#[unsafe(no_mangle)]
pub extern "C" fn lanegrad_rule_adam(
    learning_rate: f64,
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    rule: *mut *mut lanegrad_rule,
) -> i32 {
    new_rule(Method::Adam { beta1, beta2, epsilon }, learning_rate, rule)
}

/// AdamW: Adam, and theta -= learning_rate * weight_decay * theta before it. weight_decay is usually 0.01.
#[unsafe(no_mangle)]
pub extern "C" fn lanegrad_rule_adamw(
    learning_rate: f64,
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    weight_decay: f64,
    rule: *mut *mut lanegrad_rule,
) -> i32 {
    call("rule", |memory| {
        let place = memory.place("rule", rule)?;
        let rule = Rule::new(Method::Adam { beta1, beta2, epsilon }, LearningRate::Constant(learning_rate))?;
        let rule = rule.with_weight_decay(WeightDecay::Decoupled(weight_decay))?;
        place.write(Box::into_raw(Box::new(lanegrad_rule(rule))));
        Ok(())
    })
}

/// Changes the learning rate, starting with the next update.
#[unsafe(no_mangle)]
pub extern "C" fn lanegrad_rule_set_learning_rate(rule: Option<&mut lanegrad_rule>, learning_rate: f64) -> i32 {
    call("rule", |_| {
        let rule = required("rule", rule)?;
        rule.0 = rule.0.with_learning_rate(LearningRate::Constant(learning_rate))?;
        Ok(())
    })
}

/// Frees a rule. NULL is ignored. States do not refer to it.
#[unsafe(no_mangle)]
pub extern "C" fn lanegrad_rule_free(rule: Option<Box<lanegrad_rule>>) {
    call("rule", |_| {
        drop(rule);
        Ok(())
    });
}

/// Creates the state of a tensor of len parameters that is updated with this rule, or with another of its kind.
#[unsafe(no_mangle)]
pub extern "C" fn lanegrad_state_new(rule: Option<&lanegrad_rule>, len: usize, state: *mut *mut lanegrad_state) -> i32 {
    call("optimizer state", |memory| {
        let rule = required("rule", rule)?;
        let place = memory.place("state", state)?;
        place.write(Box::into_raw(Box::new(lanegrad_state(State::new(rule.0.method(), len)?))));
        Ok(())
    })
}

/// Updates the parameters theta with their gradient, both of length len, in place. step is the number 1, 2, ... of the run's step.
#[unsafe(no_mangle)]
pub extern "C" fn lanegrad_state_update(
    state: Option<&mut lanegrad_state>,
    backend: Option<&lanegrad_backend>,
    rule: Option<&lanegrad_rule>,
    step: u64,
    theta: *mut f32,
    gradient: *const f32,
    len: usize,
) -> i32 {
    call("optimizer step", |memory| {
        let state = required("state", state)?;
        let (backend, rule) = (required("backend", backend)?, required("rule", rule)?);
        expect_len(&state.0, len)?;
        let theta = memory.slice_mut("parameters", theta, len)?;
        let gradient = memory.slice("gradient", gradient, len)?;
        Ok(state.0.update(&backend.0, &rule.0, step, theta, gradient)?)
    })
}

/// Moves theta to the point where the gradient of this step is taken: theta + momentum * v for nesterov; other rules leave it.
#[unsafe(no_mangle)]
pub extern "C" fn lanegrad_state_look_ahead(
    state: Option<&mut lanegrad_state>,
    backend: Option<&lanegrad_backend>,
    rule: Option<&lanegrad_rule>,
    step: u64,
    theta: *mut f32,
    len: usize,
) -> i32 {
    call("optimizer step", |memory| {
        let state = required("state", state)?;
        let (backend, rule) = (required("backend", backend)?, required("rule", rule)?);
        expect_len(&state.0, len)?;
        Ok(state.0.look_ahead(&backend.0, &rule.0, step, memory.slice_mut("parameters", theta, len)?)?)
    })
}

/// Moves theta back from where lanegrad_state_look_ahead has left it, to the bit. This abandons the step.
#[unsafe(no_mangle)]
pub extern "C" fn lanegrad_state_undo_look_ahead(
    state: Option<&mut lanegrad_state>,
    theta: *mut f32,
    len: usize,
) -> i32 {
    call("optimizer step", |memory| {
        let state = required("state", state)?;
        expect_len(&state.0, len)?;
        Ok(state.0.undo_look_ahead(memory.slice_mut("parameters", theta, len)?)?)
    })
}

/// Checks the length before a slice is made: if it is wrong, the memory need not exist.
fn expect_len(state: &State, found: usize) -> Result<(), Fault> {
    let (operation, operand, expected) = ("optimizer step", "a parameter tensor", state.len());
    if found == expected { Ok(()) } else { Err(Error::Length { operation, operand, expected, found }.into()) }
}

/// Frees a state. NULL is ignored.
#[unsafe(no_mangle)]
pub extern "C" fn lanegrad_state_free(state: Option<Box<lanegrad_state>>) {
    call("optimizer state", |_| {
        drop(state);
        Ok(())
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_the_package() {
        let version = format!("{LANEGRAD_VERSION_MAJOR}.{LANEGRAD_VERSION_MINOR}.{LANEGRAD_VERSION_PATCH}");
        assert_eq!(version, env!("CARGO_PKG_VERSION"));
    }
}
