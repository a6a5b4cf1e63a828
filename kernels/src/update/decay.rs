//! Weight decay, applied before any rule: coupled, `g ← g + λθ`, or decoupled, `θ ← θ − ηλθ`. Source: Loshchilov & Hutter 2019.
//!
//! `θ − ηλθ`, not `(1 − ηλ)θ`: for ηλ = 10⁻⁵, rounding `1 − ηλ` to `f32` changes the decay by 3 ‰.

use super::Rule;
use crate::simd::Simd;

/// A weight decay.
#[derive(Clone, Copy, Debug)]
pub enum Decay {
    /// λ of `g ← g + λθ`
    Coupled(f32),
    /// ηλ of `θ ← θ − ηλθ`
    Decoupled(f32),
}

/// A rule that is applied after weight decay.
#[derive(Clone, Copy, Debug)]
pub struct Decayed<R> {
    /// The rule.
    pub rule: R,
    /// The weight decay.
    pub decay: Decay,
}

impl<R: Rule<N>, const N: usize> Rule<N> for Decayed<R> {
    const NAMES: &'static [&'static str; N] = R::NAMES;

    #[inline(always)]
    fn step<S: Simd>(self, simd: S, theta: S::V, gradient: S::V, states: [S::V; N]) -> (S::V, [S::V; N]) {
        match self.decay {
            Decay::Coupled(lambda) => {
                let gradient = simd.mul_add(simd.splat(lambda), theta, gradient);
                self.rule.step(simd, theta, gradient, states)
            }
            Decay::Decoupled(rate) => {
                let decayed = simd.neg_mul_add(simd.splat(rate), theta, theta);
                self.rule.step(simd, decayed, gradient, states)
            }
        }
    }
}
