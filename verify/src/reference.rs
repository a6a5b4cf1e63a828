//! The lecture in f64, scalar, letter by letter.
