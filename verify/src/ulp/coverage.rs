//! The arguments to test: magnitudes in runs, and runs in blocks.

/// Everyday: every 1009th of all floats, and this many floats around each boundary.
const STRIDE: u32 = 1009;
const AROUND: u32 = 10_000;

/// The largest magnitude, as bits: a NaN.
pub(super) const LAST: u32 = i32::MAX as u32;

/// Magnitudes evaluated at a time: with reference and results, they fit the first-level cache.
const BLOCK: u32 = 1 << 10;

/// The arguments to test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// A strided part of all floats, and ten thousand on both sides of each boundary.
    Everyday,
    /// All 2³² floats.
    Exhaustive,
}

/// Magnitudes at equal distances in their bits, tested with either sign.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    pub(super) first: u32,
    pub(super) count: u32,
    pub(super) step: u32,
}

impl Coverage {
    /// All magnitudes, in runs.
    pub fn runs(self, boundaries: &[f32]) -> Vec<Run> {
        let cut = |step: u32, most: u32| {
            let all = LAST / step + 1;
            (0..all).step_by(most as usize).map(move |at| Run { first: at * step, count: most.min(all - at), step })
        };
        match self {
            Self::Exhaustive => cut(1, 1 << 20).collect(),
            Self::Everyday => cut(STRIDE, 1 << 16)
                .chain(boundaries.iter().map(|boundary| {
                    let bits = boundary.to_bits();
                    let first = bits.saturating_sub(AROUND);
                    Run { first, count: LAST.min(bits + AROUND) - first + 1, step: 1 }
                }))
                .collect(),
        }
    }
}

impl Run {
    /// The run's magnitudes.
    pub fn magnitudes(self) -> impl Iterator<Item = f32> {
        (0..self.count).map(move |i| f32::from_bits(self.first + i * self.step))
    }

    /// The run in parts. If its magnitudes are neighbours, a part starts with the last magnitude of the previous one.
    pub(super) fn blocks(self) -> impl Iterator<Item = Self> {
        (0..self.count).step_by(BLOCK as usize).map(move |at| Self {
            first: self.first + at * self.step,
            count: BLOCK.min(self.count - at),
            ..self
        })
    }
}
