//! The ranges of hyper-parameters.

use crate::Error;

fn check(ok: bool, name: &'static str, expected: &'static str, found: f64) -> Result<(), Error> {
    if ok { Ok(()) } else { Err(Error::HyperParameter { name, expected, found }) }
}

/// Checks that x is positive and finite, also after rounding to `f32`.
pub(crate) fn positive(name: &'static str, x: f64) -> Result<(), Error> {
    check(x as f32 > 0.0 && (x as f32).is_finite(), name, "a positive f32", x)
}

/// Checks that x is zero, or positive and finite, also after rounding to `f32`: a positive x must not become zero.
pub(crate) fn not_negative(name: &'static str, x: f64) -> Result<(), Error> {
    check(x == 0.0 || (x as f32 > 0.0 && (x as f32).is_finite()), name, "zero or a positive f32", x)
}

/// Checks that x is finite as an `f32`.
pub(crate) fn finite(name: &'static str, x: f64) -> Result<(), Error> {
    check((x as f32).is_finite(), name, "a finite f32", x)
}

/// Checks that x is in [0, 1), also after rounding to `f32`.
pub(crate) fn fraction(name: &'static str, x: f64) -> Result<(), Error> {
    check(x >= 0.0 && (x as f32) < 1.0, name, "in [0, 1)", x)
}
