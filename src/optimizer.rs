//! Optimizers: in-place update rules, and the state that they keep between steps.
//!
//! | what | type |
//! |---|---|
//! | the formula and its constants | [`Method`] |
//! | with step size and weight decay: everything that tensors share | [`Rule`] |
//! | what one tensor keeps: moments, and its own count of updates t | [`State`] |
//! | all of it, for a list of tensors | [`Optimizer`] |

mod list;
mod method;
mod rule;
mod state;

pub use self::list::{Optimizer, Parameter, Step};
pub use self::method::Method;
pub use self::rule::{Rule, WeightDecay};
pub use self::state::State;

const OPERATION: &str = "optimizer step";
