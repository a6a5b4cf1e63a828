//! The faults that the checks must notice, and where each of them can be.
//!
//! They can be planted in a build for it: see `kernels/src/sabotage.rs`, and `verify faults`, which plants them all.

use crate::shapes::Edges;
use lanegrad::Isa;

/// A fault, or one of the ways to make it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its number in the list of 49.
    pub number: u8,
    /// Which way; empty for the first.
    pub way: &'static str,
    /// What is wrong.
    pub name: &'static str,
    /// Where it can be.
    pub place: Place,
}

/// Where a fault can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On every instruction set.
    Everywhere,
    /// Where a vector has more than one lane, and a slice a tail.
    Vectors,
    /// There, if `mul_add` rounds once.
    FusedVectors,
    /// In the choice of the instruction set, where there is one.
    Detection,
    /// Where a vector has more than one lane; no number shows it, only what watches the memory.
    Memory,
    /// Nowhere yet: it waits for this.
    Nowhere(&'static str),
}

impl Fault {
    /// Number and way: what `LANEGRAD_FAULT` is set to.
    pub fn id(&self) -> String {
        format!("{}{}", self.number, self.way)
    }

    /// Why the fault cannot be on this instruction set, if it cannot.
    pub fn impossible_on(&self, isa: Isa) -> Option<&'static str> {
        let Edges { lanes, fused, .. } = Edges::of(isa);
        match self.place {
            Place::Vectors | Place::FusedVectors if lanes == 1 => Some("one lane has no tail"),
            Place::FusedVectors if !fused => Some("products are rounded everywhere"),
            Place::Detection if Isa::from_name("avx512").is_none() => Some("AVX-512 is not on this CPU"),
            _ => None,
        }
    }
}

/// All of them.
#[rustfmt::skip]
pub const FAULTS: &[Fault] = {
    use Place::{Detection, Everywhere, FusedVectors, Memory, Nowhere, Vectors};
    const fn fault(number: u8, way: &'static str, name: &'static str, place: Place) -> Fault {
        Fault { number, way, name, place }
    }
    &[
        fault(1, "", "tail mask a lane short on store", Vectors),
        fault(1, "b", "tail mask a lane short on load", Vectors),
        fault(2, "", "a lane long on store", Vectors),
        fault(3, "", "a lane long on load", Vectors),
        fault(3, "b", "whole vectors read where a slice ends, what is too much not used", Memory),
        fault(4, "", "last k-term dropped", Everywhere),
        fault(5, "", "k-term twice at a KC seam", Everywhere),
        fault(6, "", "lanes permuted in a transpose", Vectors),
        fault(7, "", "row and column stride swapped", Everywhere),
        fault(8, "", "leading dimension of the output taken as columns", Everywhere),
        fault(8, "b", "leading dimension of an input taken as columns", Everywhere),
        fault(9, "", "transpose ignored", Everywhere),
        fault(10, "", "bias missing", Everywhere),
        fault(11, "", "bias added in each k-block", Everywhere),
        fault(12, "", "bias indexed by row", Everywhere),
        fault(13, "", "output read when it must not be", Everywhere),
        fault(14, "", "gradient overwritten instead of accumulated", Everywhere),
        fault(14, "b", "gradient accumulated instead of overwritten", Everywhere),
        fault(15, "", "pack padding uninitialised", Everywhere),
        fault(16, "", "pack buffer stale after a shape shrinks", Everywhere),
        fault(17, "", "row skipped or doubled at a thread seam", Nowhere("threads")),
        fault(18, "", "delta computed with the already updated weights", Everywhere),
        fault(19, "", "h' from the wrong tensor", Everywhere),
        fault(20, "", "mean over m·out instead of m, squared error", Everywhere),
        fault(20, "b", "mean over m·out instead of m, cross-entropy", Everywhere),
        fault(21, "", "last rows missing from the bias gradient", Everywhere),
        fault(22, "", "ReLU and max drop NaN", Everywhere),
        fault(23, "", "h' wrong at the kink", Everywhere),
        fault(23, "b", "h' wrong at -0", Everywhere),
        fault(24, "", "exp clamp off by one ULP", Everywhere),
        fault(25, "", "subnormals flushed", Everywhere),
        fault(26, "", "softmax without the max shift", Everywhere),
        fault(27, "", "log(0) in a cross-entropy", Everywhere),
        fault(28, "", "FMA in the body, mul+add in the tail", FusedVectors),
        fault(29, "", "a sum in lower precision: 16 bits", Everywhere),
        fault(29, "b", "a sum in lower precision: squared errors in f32", Everywhere),
        fault(29, "c", "a sum in lower precision: cross-entropies in f32", Everywhere),
        fault(29, "d", "a difference in lower precision: the label's delta as softmax − 1", Everywhere),
        fault(30, "", "reciprocal root for sqrt + division", Everywhere),
        fault(31, "", "δ on the wrong side of the root, RMSprop", Everywhere),
        fault(31, "b", "δ on the wrong side of the root, Adagrad", Everywhere),
        fault(31, "c", "δ on the wrong side of the root, Adam", Everywhere),
        fault(32, "", "bias correction off by one t", Everywhere),
        fault(33, "", "bias correction missing", Everywhere),
        fault(34, "", "ρ₁ and ρ₂ swapped", Everywhere),
        fault(35, "", "running f32 ρᵗ", Everywhere),
        fault(36, "", "Nesterov gradient at θ", Everywhere),
        fault(36, "b", "Nesterov gradient at θ + α v of the step before", Everywhere),
        fault(37, "", "η kept out of v where the form folds it in", Everywhere),
        fault(38, "", "coupled and decoupled decay confused", Everywhere),
        fault(39, "", "decay after the update", Everywhere),
        fault(40, "", "state not written in the tail", Vectors),
        fault(41, "", "parameter updated before its state is read", Everywhere),
        fault(42, "", "AMSGrad's maximum over the wrong r", Nowhere("AMSGrad")),
        fault(43, "", "m·n overflow wraps in a view", Everywhere),
        fault(43, "b", "m·n overflow wraps in a buffer", Everywhere),
        fault(44, "", "zero dimension reads element 0", Everywhere),
        fault(45, "", "output's row stride below its columns accepted", Everywhere),
        fault(46, "", "AVX-512 chosen without detection", Detection),
        fault(46, "b", "portable always", Detection),
        fault(47, "", "result depends on threads", Nowhere("threads")),
        fault(48, "", "stride gap written", Everywhere),
        fault(49, "", "vacuous pass", Everywhere),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_49_are_listed_in_order() {
        let mut numbers: Vec<u8> = FAULTS.iter().map(|fault| fault.number).collect();
        assert!(numbers.is_sorted());
        numbers.dedup();
        assert_eq!(numbers, (1..=49).collect::<Vec<_>>());
        for (i, fault) in FAULTS.iter().enumerate() {
            assert!(FAULTS[..i].iter().all(|other| other.id() != fault.id()), "{}", fault.id());
        }
    }
}
