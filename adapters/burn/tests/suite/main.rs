//! lanegrad-burn against burn's own layers, losses and optimizers, and against a reference in f64.

mod errors;
mod gradients;
mod layouts;
mod optimizers;
mod parameters;
mod reference;
mod tensors;
mod threads;
