//! Oracles, bounds and gradient checks for f32 kernels of dense networks.

pub mod reference;
