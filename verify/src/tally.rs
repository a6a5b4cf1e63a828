//! What a check has compared, how close it came to its bounds, and the first thing it found wrong.

/// The running result of a check.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    compared: u64,
    largest_ratio: f64,
    fault: Option<String>,
}

impl Tally {
    /// Numbers compared.
    pub fn compared(&self) -> u64 {
        self.compared
    }

    /// The largest error as a part of its bound; 0 if all agreed to the last bit.
    pub fn largest_ratio(&self) -> f64 {
        self.largest_ratio
    }

    /// Whether nothing was wrong. A check that compared nothing has not passed.
    pub fn passed(&self) -> bool {
        self.fault.is_none() && self.compared > 0
    }

    /// What was wrong first.
    pub fn fault(&self) -> Option<&str> {
        match &self.fault {
            None if self.compared == 0 => Some("nothing was compared"),
            fault => fault.as_deref(),
        }
    }

    /// Notes something wrong that is not a number.
    pub fn wrong(&mut self, what: impl FnOnce() -> String) {
        self.fault.get_or_insert_with(what);
    }

    /// Counts a fact as a comparison, and notes it if it does not hold.
    pub fn holds(&mut self, fact: bool, otherwise: impl FnOnce() -> String) {
        self.compared += 1;
        if !fact {
            self.wrong(otherwise);
        }
    }

    /// Compares a number with what it should be, give or take `bound`. NaN and infinities must be met exactly.
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

    /// Compares a number with what it should be, bit for bit; all NaN count as equal.
    pub fn same(&mut self, found: f32, expected: f32, place: impl FnOnce() -> String) {
        self.compared += 1;
        if found.to_bits() != expected.to_bits() && !(found.is_nan() && expected.is_nan()) {
            self.wrong(|| format!("{}: {found:e}, expected exactly {expected:e}", place()));
        }
    }
}
