//! The comparisons of a check, the largest error as a fraction of its bound, and the first failure.

/// The running result of a check.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    compared: u64,
    largest_ratio: f64,
    fault: Option<String>,
}

impl Tally {
    /// The number of values compared.
    pub fn compared(&self) -> u64 {
        self.compared
    }

    /// The largest error as a fraction of its bound; 0 if all agreed to the last bit.
    pub fn largest_ratio(&self) -> f64 {
        self.largest_ratio
    }

    /// Whether nothing was wrong. A check that compared nothing has not passed.
    pub fn passed(&self) -> bool {
        self.fault.is_none() && self.compared > 0
    }

    /// The first failure.
    pub fn fault(&self) -> Option<&str> {
        match &self.fault {
            None if self.compared == 0 => Some("nothing was compared"),
            fault => fault.as_deref(),
        }
    }

    /// Records a failure that is not a comparison of values.
    pub fn wrong(&mut self, what: impl FnOnce() -> String) {
        self.fault.get_or_insert_with(what);
    }

    /// Counts a fact as a comparison, and records a failure if it does not hold.
    pub fn holds(&mut self, fact: bool, otherwise: impl FnOnce() -> String) {
        self.compared += 1;
        if !fact {
            self.wrong(otherwise);
        }
    }

    /// Compares a value with the expected one, within `bound`. NaN and infinities must be equal.
    pub fn within(&mut self, found: f64, expected: f64, bound: f64, place: impl FnOnce() -> String) {
        self.compared += 1;
        let error = (found - expected).abs();
        if found == expected || (found.is_nan() && expected.is_nan()) {
            return;
        }
        if error <= bound && bound < f64::INFINITY {
            self.largest_ratio = self.largest_ratio.max(error / bound);
        } else {
            self.wrong(|| format!("{}: {found:e}, expected {expected:e} ± {bound:.2e}", place()));
        }
    }

    /// Compares a value with the expected one, bit for bit. All NaN are equal.
    pub fn same(&mut self, found: f32, expected: f32, place: impl FnOnce() -> String) {
        self.compared += 1;
        if found.to_bits() != expected.to_bits() && !(found.is_nan() && expected.is_nan()) {
            self.wrong(|| format!("{}: {found:e}, expected exactly {expected:e}", place()));
        }
    }
}
