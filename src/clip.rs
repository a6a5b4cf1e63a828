//! Clipping, which keeps a gradient from throwing the parameters off a cliff (the lecture's figure 8.3).

use crate::{Backend, Error, hyper_parameter};
use lanegrad_kernels::elementwise::{Clamp, MapInPlace, Scale};
use lanegrad_kernels::reduce::{MaxAbs, SumOfSquares};

/// How the gradients of a step are clipped.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Clip {
    /// See [`by_value`].
    Value(f32),
    /// See [`by_global_norm`].
    GlobalNorm(f32),
}

/// The operation applied to each gradient.
#[derive(Clone, Copy)]
pub(crate) enum Clipping {
    Clamp(f32),
    /// By two factors in turn: their product may be below the range of `f32`.
    Scale(f32, f32),
    Nothing,
}

/// `g ← min(max(g, −limit), limit)`, element by element. NaN is kept.
///
/// # Errors
/// If the limit is not a positive number.
pub fn by_value(backend: &Backend, gradients: &mut [&mut [f32]], limit: f32) -> Result<(), Error> {
    Clip::Value(limit).validate()?;
    for gradient in gradients {
        Clipping::Clamp(limit).apply(backend, gradient);
    }
    Ok(())
}

/// `g ← g · limit/‖g‖` if `‖g‖ > limit`, with the norm taken over all gradients together. Returns the norm before clipping, which
/// neither overflows nor underflows. If it is infinite, finite elements become 0 and infinite ones NaN. If it is NaN, nothing is
/// clipped.
///
/// # Errors
/// If the limit is not a positive number.
///
/// ```
/// use lanegrad::{Backend, clip};
/// let (mut dw, mut db) = ([3.0, 0.0], [4.0]);
/// let norm = clip::by_global_norm(&Backend::new()?, &mut [&mut dw, &mut db], 1.0)?;
/// assert_eq!((norm, dw, db), (5.0, [0.6, 0.0], [0.8]));
/// # Ok::<(), lanegrad::Error>(())
/// ```
pub fn by_global_norm(backend: &Backend, gradients: &mut [&mut [f32]], limit: f32) -> Result<f64, Error> {
    Clip::GlobalNorm(limit).validate()?;
    let norm = norm_of(backend, gradients.iter().map(|gradient| &**gradient));
    let clipping = Clipping::to_norm(limit, norm);
    for gradient in gradients {
        clipping.apply(backend, gradient);
    }
    Ok(norm)
}

impl Clip {
    pub(crate) fn validate(self) -> Result<(), Error> {
        match self {
            Self::Value(limit) => hyper_parameter::positive("the clipping value", f64::from(limit)),
            Self::GlobalNorm(limit) => hyper_parameter::positive("the clipping norm", f64::from(limit)),
        }
    }

    /// Returns the operation to apply to each of these gradients.
    pub(crate) fn measure<'a>(self, backend: &Backend, gradients: impl Iterator<Item = &'a [f32]> + Clone) -> Clipping {
        match self {
            Self::Value(limit) => Clipping::Clamp(limit),
            Self::GlobalNorm(limit) => Clipping::to_norm(limit, norm_of(backend, gradients)),
        }
    }
}

impl Clipping {
    fn to_norm(limit: f32, norm: f64) -> Self {
        let factor = f64::from(limit) / norm;
        if norm <= f64::from(limit) || norm.is_nan() {
            Self::Nothing
        } else if factor >= f64::from(f32::MIN_POSITIVE) || norm.is_infinite() {
            Self::Scale(factor as f32, 1.0)
        } else {
            // A power of two is exact. If the rest of the factor is subnormal too, so is the result.
            const POWER: f32 = f32::MIN_POSITIVE;
            Self::Scale(POWER, (factor / f64::from(POWER)) as f32)
        }
    }

    pub(crate) fn apply(self, backend: &Backend, x: &mut [f32]) {
        match self {
            Self::Clamp(limit) => backend.share(MapInPlace { map: Clamp(limit), x }),
            Self::Scale(first, second) => {
                backend.share(MapInPlace { map: Scale(first), x });
                if second != 1.0 {
                    backend.share(MapInPlace { map: Scale(second), x });
                }
            }
            Self::Nothing => {}
        }
    }
}

/// `√Σg²` over all gradients together, which [`by_global_norm`] compares with its limit. It neither overflows nor underflows.
///
/// ```
/// use lanegrad::{Backend, clip};
/// assert_eq!(clip::global_norm(&Backend::new()?, &[&[3.0, 0.0], &[4.0]]), 5.0);
/// # Ok::<(), lanegrad::Error>(())
/// ```
pub fn global_norm(backend: &Backend, gradients: &[&[f32]]) -> f64 {
    norm_of(backend, gradients.iter().copied())
}

fn norm_of<'a>(backend: &Backend, gradients: impl Iterator<Item = &'a [f32]> + Clone) -> f64 {
    let max = gradients.clone().map(|gradient| backend.run(MaxAbs(gradient))).fold(0.0, f32::max);
    // A power of two scales the largest element to about 1. Scaling is exact, and the square is in range. The two bounds keep the power
    // itself a normal number.
    let exponent = (max.to_bits() >> 23).clamp(1, 253);
    let scale = f32::from_bits((254 - exponent) << 23);
    let squares: f64 = gradients.map(|gradient| backend.run(SumOfSquares { x: gradient, scale })).sum();
    squares.sqrt() / f64::from(scale)
}
