//! Distributions of initial weights.

/// The distribution of a layer's initial weights; its bias starts at 0. The layer has `in` inputs and `out` units:
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Initialization {
    /// Uniform in ±√(6/(in + out)). Source: Glorot & Bengio 2010.
    GlorotUniform,
    /// Normal with variance 2/(in + out). Source: Glorot & Bengio 2010.
    GlorotNormal,
    /// Uniform in ±√(6/in). Source: He et al. 2015.
    HeUniform,
    /// Normal with variance 2/in. Source: He et al. 2015.
    HeNormal,
}

impl Initialization {
    /// Draws a weight of a layer with `inputs` inputs and `units` units.
    pub(super) fn draw(self, inputs: usize, units: usize, uniform: &mut impl FnMut() -> f64) -> f32 {
        let variance = match self {
            Self::GlorotUniform | Self::GlorotNormal => 2.0 / (inputs as f64 + units as f64),
            Self::HeUniform | Self::HeNormal => 2.0 / inputs as f64,
        };
        let standard = match self {
            Self::GlorotUniform | Self::HeUniform => (2.0 * uniform() - 1.0) * 3_f64.sqrt(),
            Self::GlorotNormal | Self::HeNormal => {
                // Box & Muller 1958; 1 − u keeps the logarithm finite.
                let radius = (-2.0 * (1.0 - uniform()).ln()).sqrt();
                radius * (core::f64::consts::TAU * uniform()).cos()
            }
        };
        (variance.sqrt() * standard) as f32
    }
}
