//! The measured properties of a kernel, and which of them are faults.

use super::{Function, LIMIT, Symmetry};
use core::fmt;

/// The largest of several values, with its argument.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Largest {
    /// The value; 0 if there was none.
    pub value: f64,
    /// The argument.
    pub at: f32,
}

impl Largest {
    /// Of equal values, the one with the smallest magnitude is kept, whatever the order of the threads.
    pub(super) fn update(&mut self, other: Self) {
        let order = |at: f32| at.to_bits().rotate_left(1);
        if other.value > self.value || (other.value == self.value && order(other.at) < order(self.at)) {
            *self = other;
        }
    }

    /// The largest of `value(i)`, at `x[i]`. Most blocks contain none larger than an earlier one.
    #[inline(always)]
    pub(super) fn search(&mut self, x: &[f32], value: impl Fn(usize) -> f64) {
        // Branch-free, so that it is vectorised. The position is only searched for if the maximum is new.
        let block = (0..x.len()).map(&value).fold(0.0, |a: f64, b| if b > a { b } else { a });
        if block > 0.0 && block >= self.value {
            let i = (0..x.len()).find(|&i| value(i) == block).expect("the largest is one of them");
            self.update(Self { value: block, at: x[i] });
        }
    }
}

/// The measured properties of a kernel.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// The number of arguments tested.
    pub inputs: u64,
    /// The largest error, in ULP of the exact value; infinite if a NaN or ∞ differs.
    pub error: Largest,
    /// Pairs of neighbouring floats at which the result decreases, if the function increases.
    pub falls: u64,
    /// The largest decrease, in floats, at the left float of the pair.
    pub fall: Largest,
    /// Magnitudes at which the symmetry does not hold to the last bit.
    pub asymmetric: u64,
    /// For [`Symmetry::SumIsOne`], the largest `|f(−x) + f(x) − 1|`, in ULP of the floats below 1.
    pub asymmetry: Largest,
    /// The smallest and the largest result that is not NaN.
    pub range: [f32; 2],
    /// Special arguments whose results are not correctly rounded: the argument, the result, and the expected result.
    pub specials: Vec<[f32; 3]>,
}

impl Measurement {
    pub(super) fn new() -> Self {
        Self {
            inputs: 0,
            error: Largest::default(),
            falls: 0,
            fall: Largest::default(),
            asymmetric: 0,
            asymmetry: Largest::default(),
            range: [f32::INFINITY, f32::NEG_INFINITY],
            specials: Vec::new(),
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.inputs += other.inputs;
        self.error.update(other.error);
        self.falls += other.falls;
        self.fall.update(other.fall);
        self.asymmetric += other.asymmetric;
        self.asymmetry.update(other.asymmetry);
        self.range = [self.range[0].min(other.range[0]), self.range[1].max(other.range[1])];
        self.specials.extend(other.specials);
    }

    /// The faults, one sentence each: an error above [`LIMIT`], a broken symmetry, a result outside the range, a wrong special value,
    /// or nothing tested. Decreases are measured, not forbidden.
    pub fn faults(&self, function: &Function) -> Vec<String> {
        let mut faults = Vec::new();
        if self.inputs == 0 {
            faults.push("nothing was tested".into());
        }
        if self.error.value > LIMIT {
            faults.push(format!("{:.3} ULP off at {}", self.error.value, Argument(self.error.at)));
        }
        if function.symmetry == Symmetry::Odd && self.asymmetric > 0 {
            faults.push(format!("not odd at {} magnitudes", self.asymmetric));
        }
        if function.symmetry == Symmetry::SumIsOne && self.asymmetry.value > 1.5 * LIMIT {
            let Largest { value, at } = self.asymmetry;
            faults.push(format!("f(−x) + f(x) is {value:.3} ULP from 1 at {}", Argument(at)));
        }
        let [low, high] = self.range;
        if low < function.range[0] || high > function.range[1] {
            let [least, most] = function.range;
            faults.push(format!("results from {low:e} to {high:e}, expected {least:e} to {most:e}"));
        }
        for [x, found, expected] in &self.specials {
            faults.push(format!("f({x:e}) is {found:e}, expected {expected:e}"));
        }
        faults
    }
}

/// An argument, with its bits.
pub(super) struct Argument(pub(super) f32);

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>15e} {:#010x}", self.0, self.0.to_bits())
    }
}
