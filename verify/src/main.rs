//! The command line of `lanegrad-verify`.
fn main() {}
