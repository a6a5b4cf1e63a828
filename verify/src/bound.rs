//! Bounds of the difference between a rounded result and the exact one. Source: Higham 2002, chapter 3.

/// The unit roundoff of `f32`: the error of one rounding is at most u times the result.
pub const U: f64 = 1.0 / (1 << 24) as f64;

/// The smallest subnormal of `f32`, which is twice the error of one rounding near zero.
pub const TINY: f64 = f32::from_bits(1) as f64;

/// `γₙ = nu/(1 − nu)`: after n consecutive roundings, the error is at most this times `Σ|a||b|`.
pub fn gamma(n: usize) -> f64 {
    let nu = n as f64 * U;
    assert!(nu < 1.0, "γ of {n} roundings means nothing");
    nu / (1.0 - nu)
}

/// A bound for seeded data that notices a single product missing from a sum of n products: rounding errors of either sign cancel like a
/// random walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Data {
    /// Values of either sign with mean zero: `8u` times `Σ|a||b|`.
    ZeroMean,
    /// Values of one sign, whose partial sums grow: `(2√n + 4)u` times `Σ|a||b|`.
    OneSign,
}

impl Data {
    /// The factor of `Σ|a||b|`.
    pub fn tight(self, n: usize) -> f64 {
        match self {
            Self::ZeroMean => 8.0 * U,
            Self::OneSign => (2.0 * (n as f64).sqrt() + 4.0) * U,
        }
    }
}

/// One unit in the last place of an `f32` near x: the distance between the two `f32` around it.
pub fn ulp(x: f64) -> f64 {
    // A subnormal f32 has the gap of the smallest normal one. Without its fraction, x is a power of two.
    let normal = x.abs().clamp(f32::MIN_POSITIVE.into(), f32::MAX.into());
    f64::from_bits(normal.to_bits() & f64::INFINITY.to_bits()) * f64::from(f32::EPSILON)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ulp_is_the_gap_between_neighbours() {
        for x in [1.0, 1.5, 0.999_999_94, 2.0, f32::MIN_POSITIVE, 1e-40, 0.0, 3e38, 1e-20] {
            assert_eq!(ulp(f64::from(x)), f64::from(x.next_up()) - f64::from(x), "{x:e}");
        }
    }
}
