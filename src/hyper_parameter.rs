//! The ranges of hyper-parameters.

use crate::Error;

fn check(ok: bool, name: &'static str, expected: &'static str, found: f64) -> Result<(), Error> {
    if ok { Ok(()) } else { Err(Error::HyperParameter { name, expected, found }) }
}

/// Above zero and finite, also after rounding to `f32`.
pub(crate) fn positive(name: &'static str, x: f64) -> Result<(), Error> {
    check(x as f32 > 0.0 && (x as f32).is_finite(), name, "a positive f32", x)
}

/// Zero, or above it and finite, also after rounding to `f32`: what is meant to be above zero is not taken for zero.
pub(crate) fn not_negative(name: &'static str, x: f64) -> Result<(), Error> {
    check(x == 0.0 || (x as f32 > 0.0 && (x as f32).is_finite()), name, "zero or a positive f32", x)
}

/// A finite `f32`.
pub(crate) fn finite(name: &'static str, x: f64) -> Result<(), Error> {
    check((x as f32).is_finite(), name, "a finite f32", x)
}

/// In [0, 1), also after rounding to `f32`.
pub(crate) fn fraction(name: &'static str, x: f64) -> Result<(), Error> {
    check(x >= 0.0 && (x as f32) < 1.0, name, "in [0, 1)", x)
}
