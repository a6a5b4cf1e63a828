//! Oracles, bounds and gradient checks for f32 kernels of dense networks.
//!
//! Two links make the results of `lanegrad` trustworthy. **A**: every kernel on every instruction set agrees with the scalar reference
//! in f64, within a derived bound ([`check`]). **B**: the reference's derivatives agree with derivatives that share no code with them
//! ([`gradient_check`]).

pub mod bound;
pub mod check;
pub mod data;
pub mod document;
pub mod eager;
pub mod faults;
pub mod foreign;
pub mod gradient_check;
pub mod objective;
pub mod operand;
#[cfg(feature = "command-line")]
pub mod output;
pub mod plans;
pub mod random;
pub mod reference;
pub mod report;
pub mod shapes;
pub mod tally;
pub mod training;
pub mod twin;
pub mod ulp;
