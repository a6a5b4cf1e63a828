//! Numbers as f32 arithmetic has them. Source: Wilkinson's running error analysis; Higham 2002, section 3.3. Every operation
//! passes on the errors of its operands, and rounding adds u times the result and half of the smallest subnormal.

use lanegrad_verify::bound::{TINY, U};

/// The exact number, and how far from it the computed one may be at most.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rounded {
    pub(crate) exact: f64,
    pub(crate) error: f64,
}

impl Rounded {
    /// A number that f32 holds.
    pub(crate) fn exact(exact: f64) -> Self {
        Self { exact, error: 0.0 }
    }

    /// A scalar that is computed in f64 and rounded once.
    pub(crate) fn scalar(exact: f64) -> Self {
        Self::exact(exact).rounded()
    }

    /// `|fl(x̂) − x| ≤ e + u(|x| + e) + tiny/2`
    pub(crate) fn rounded(self) -> Self {
        let Self { exact, error } = self;
        Self { exact, error: error + U * (exact.abs() + error) + TINY / 2.0 }
    }

    /// `|x̂ŷ − xy| ≤ |x|·e_y + |y|·e_x + e_x·e_y`
    pub(crate) fn product(self, other: Self) -> Self {
        let error = self.exact.abs() * other.error + other.exact.abs() * self.error + self.error * other.error;
        Self { exact: self.exact * other.exact, error }
    }

    pub(crate) fn sum(self, other: Self) -> Self {
        Self { exact: self.exact + other.exact, error: self.error + other.error }
    }

    /// `|x̂/ŷ − x/y| ≤ (e_x + |x/y|·e_y)/(|y| − e_y)`
    pub(crate) fn quotient(self, other: Self) -> Self {
        let exact = self.exact / other.exact;
        let error = (self.error + exact.abs() * other.error) / (other.exact.abs() - other.error).max(0.0);
        Self { exact, error }
    }

    /// `|√x̂ − √x| ≤ e/(√x + √(x − e))` and `≤ √e`
    pub(crate) fn root(self) -> Self {
        let exact = self.exact.sqrt();
        let below = (self.exact - self.error).max(0.0).sqrt();
        // `min` takes the second where the first is 0/0.
        Self { exact, error: (self.error / (exact + below)).min(self.error.sqrt()) }
    }
}
