//! The faults that the checks must notice, where each of them can be, and how it gets into the sources.
//!
//! The sources have none of them. `verify faults` writes a copy of the workspace in which every fault can be turned on.
//! The faults of single vector operations are in the lowering of `verify/faults/planted.rs`, the others are [edits](Edit).

mod edit;

pub use self::edit::{Edit, Error, plant};

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
    /// What it changes; nothing if it is in the lowering that wraps the others, or nowhere yet.
    pub edits: &'static [Edit],
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

/// The module `planted` of the copy's kernels: which fault is on, what the wrong expressions call, and the lowering that wraps
/// the others.
pub const PLANTED: &str = include_str!("../faults/planted.rs");

/// What is changed whichever fault is on: the kernels have the module, each of them runs on the lowering that wraps the others, and
/// the parentheses around an edited expression are no reason for a warning.
#[rustfmt::skip]
pub const ALWAYS: &[Edit] = &[
    Edit { file: "kernels/src/lib.rs", right: "pub mod simd;", wrong: "pub mod planted;\npub mod simd;" },
    Edit { file: "kernels/src/isa.rs", right: "kernel.run(simd)", wrong: "kernel.run(planted::Saboteur::new(simd))" },
    Edit { file: "Cargo.toml", right: "[workspace.lints.rust]", wrong: "[workspace.lints.rust]\nunused_parens = \"allow\"" },
];

/// All of them.
#[rustfmt::skip]
pub const FAULTS: &[Fault] = {
    use Place::{Detection, Everywhere, FusedVectors, Memory, Nowhere, Vectors};
    const fn fault(
        number: u8, way: &'static str, name: &'static str, place: Place, edits: &'static [Edit],
    ) -> Fault {
        Fault { number, way, name, place, edits }
    }
    const fn edit(file: &'static str, right: &'static str, wrong: &'static str) -> Edit {
        Edit { file, right, wrong }
    }
    &[
        fault(1, "", "tail mask a lane short on store", Vectors, &[]),
        fault(1, "b", "tail mask a lane short on load", Vectors, &[]),
        fault(2, "", "a lane long on store", Vectors, &[
            edit("kernels/src/simd.rs",
                "target.get_mut(j * Self::LANES..)",
                "planted::one_longer(target).get_mut(j * Self::LANES..)"),
        ]),
        fault(3, "", "a lane long on load", Vectors, &[]),
        fault(3, "b", "whole vectors read where a slice ends, what is too much not used", Memory, &[]),
        fault(4, "", "last k-term dropped", Everywhere, &[
            edit("kernels/src/gemm/tile.rs",
                "Tile { a: a.of(&tile, depth), c, depth, from_c }",
                "Tile { a: a.of(&tile, depth), c, depth: depth - 1, from_c }"),
        ]),
        fault(5, "", "k-term twice at a KC seam", Everywhere, &[
            edit("kernels/src/gemm.rs", "blocks(0..k, kc)", "blocks(0..k, kc - usize::from(kc < k))"),
            edit("kernels/src/gemm.rs",
                "plan.left(simd, a.block(ic.clone(), pc.clone()), a_panels)",
                "plan.left(simd, a.block(ic.clone(), pc.start..k.min(pc.start + kc)), a_panels)"),
            edit("kernels/src/gemm.rs",
                "plan.right(simd, *b, strip, b_panels)",
                "plan.right(simd, *b, Place { pc: pc.start..k.min(pc.start + kc), ..strip }, b_panels)"),
            edit("kernels/src/gemm.rs",
                "strip.sum(simd, mr)",
                "strip.depth = k.min(pc.start + kc) - pc.start; strip.sum(simd, mr)"),
        ]),
        fault(6, "", "lanes permuted in a transpose", Vectors, &[]),
        fault(7, "", "row and column stride swapped", Everywhere, &[
            edit("src/dense.rs", "a.view()", "planted::swapped_strides(a.view())"),
        ]),
        fault(8, "", "leading dimension of the output taken as columns", Everywhere, &[
            edit("src/dense.rs", "c.into_view()", "planted::output_without_gaps(c.into_view())"),
        ]),
        fault(8, "b", "leading dimension of an input taken as columns", Everywhere, &[
            edit("src/dense.rs", "a.view()", "planted::without_gaps(a.view())"),
        ]),
        fault(9, "", "transpose ignored", Everywhere, &[
            // Of a square matrix: another one would not fit.
            edit("kernels/src/simd/view.rs",
                "self.layout.t()",
                "if self.layout.rows == self.layout.cols { self.layout } else { self.layout.t() }"),
        ]),
        fault(10, "", "bias missing", Everywhere, &[
            edit("kernels/src/epilogue.rs", "simd.add(sums, bias)", "sums"),
        ]),
        fault(11, "", "bias added in each k-block", Everywhere, &[
            edit("kernels/src/gemm.rs", "pc.end == k", "true"),
        ]),
        fault(12, "", "bias indexed by row", Everywhere, &[
            edit("kernels/src/epilogue.rs",
                "View::repeated_row(bias, rows)",
                "bias.first().map_or(View::repeated_row(bias, rows), |first| View::constant(first, rows, columns))"),
        ]),
        fault(13, "", "output read when it must not be", Everywhere, &[
            edit("kernels/src/gemm.rs", "accumulate || pc.start > 0", "true"),
        ]),
        fault(14, "", "gradient overwritten instead of accumulated", Everywhere, &[
            edit("src/dense.rs", "Order::Chain { accumulate }", "Order::Chain { accumulate: false }"),
        ]),
        fault(14, "b", "gradient accumulated instead of overwritten", Everywhere, &[
            edit("src/dense.rs", "Order::Chain { accumulate }", "Order::Chain { accumulate: true }"),
        ]),
        fault(15, "", "pack padding uninitialised", Vectors, &[
            edit("kernels/src/gemm/pack.rs",
                "&mut self.panel[p * self.width + at..]",
                "&mut self.panel[p * self.width + at..][..self.columns.saturating_sub(at).min(S::LANES)]"),
        ]),
        fault(16, "", "pack buffer stale after a shape shrinks", Everywhere, &[
            edit("kernels/src/gemm/pack.rs",
                "Packing { simd, b, columns: b.cols(), width, prefetch, panel }.run()",
                "if !planted::shrunk(b.rows() * b.cols()) { Packing { simd, b, columns: b.cols(), width, prefetch, panel }.run() }"),
        ]),
        fault(17, "", "row skipped or doubled at a thread seam", Everywhere, &[
            edit("kernels/src/gemm/shared.rs",
                "a.block(rows.clone(), 0..k)",
                "a.block(rows.start - rows.start.min(1)..rows.end - rows.start.min(1), 0..k)"),
        ]),
        fault(18, "", "delta computed with the already updated weights", Everywhere, &[
            edit("src/network/training.rs",
                "layer.weights()",
                "matrix(planted::updated(&layer.w, dw), layer.units, layer.inputs)"),
        ]),
        fault(19, "", "h' from the wrong tensor", Everywhere, &[
            edit("src/network/training.rs",
                "Some((below_activation, z))",
                "Some((below_activation, matrix(below.delta.clone().leak(), batch, layer.inputs)))"),
        ]),
        fault(20, "", "mean over m·out instead of m, squared error", Everywhere, &[
            edit("kernels/src/loss/squared_error.rs", "(2.0 * c / rows as f64)", "(2.0 * c / (rows * columns) as f64)"),
            edit("kernels/src/loss/squared_error.rs", "(c / rows as f64)", "(c / (rows * columns) as f64)"),
        ]),
        fault(20, "b", "mean over m·out instead of m, cross-entropy", Everywhere, &[
            edit("kernels/src/loss/softmax_cross_entropy.rs", "labels.len() as f64", "(labels.len() * classes) as f64"),
        ]),
        fault(21, "", "last rows missing from the bias gradient", Everywhere, &[
            edit("kernels/src/reduce.rs", "0..self.a.rows()", "0..self.a.rows() / 4 * 4"),
        ]),
        fault(22, "", "ReLU and max drop NaN", Everywhere, &[]),
        fault(23, "", "h' wrong at the kink", Everywhere, &[
            edit("kernels/src/math/activation.rs", "simd.less_equal(z, zero)", "simd.less(z, zero)"),
        ]),
        fault(23, "b", "h' wrong at -0", Everywhere, &[
            edit("kernels/src/math/activation.rs",
                "simd.less_equal(z, zero)",
                "planted::flat_except_at_minus_zero(simd, z)"),
        ]),
        fault(24, "", "exp clamp off by one ULP", Everywhere, &[
            edit("kernels/src/math/exp.rs",
                "simd.min(simd.splat(89.0), x)",
                "planted::clamped_below_the_last(simd, x)"),
        ]),
        fault(25, "", "subnormals flushed", Everywhere, &[]),
        fault(26, "", "softmax without the max shift", Everywhere, &[
            edit("kernels/src/loss/softmax_cross_entropy.rs", "row_max(simd, row)", "0.0"),
        ]),
        fault(27, "", "log(0) in a cross-entropy", Everywhere, &[
            edit("kernels/src/loss/softmax_cross_entropy.rs",
                "total += surprise",
                "total -= f64::from(likely / sum).ln()"),
        ]),
        fault(28, "", "FMA in the body, mul+add in the tail", FusedVectors, &[]),
        fault(29, "", "a sum in lower precision: 16 bits", Everywhere, &[]),
        fault(29, "b", "a sum in lower precision: squared errors in f32", Everywhere, &[
            edit("kernels/src/loss/squared_error.rs", "total += wide", "total = f64::from(total as f32 + sum)"),
        ]),
        fault(29, "c", "a sum in lower precision: cross-entropies in f32", Everywhere, &[
            edit("kernels/src/loss/softmax_cross_entropy.rs",
                "total += surprise",
                "total = f64::from(total as f32 + surprise as f32)"),
        ]),
        fault(29, "d", "a difference in lower precision: the label's delta as softmax − 1", Everywhere, &[
            edit("kernels/src/loss/softmax_cross_entropy.rs", "0.0 - others", "likely - sum"),
        ]),
        fault(30, "", "reciprocal root for sqrt + division", Everywhere, &[]),
        fault(31, "", "δ on the wrong side of the root, RMSprop", Everywhere, &[
            edit("kernels/src/update/rmsprop.rs", "simd.sqrt(simd.add(epsilon, r))", "simd.add(epsilon, simd.sqrt(r))"),
        ]),
        fault(31, "b", "δ on the wrong side of the root, Adagrad", Everywhere, &[
            edit("kernels/src/update/adagrad.rs", "simd.add(epsilon, simd.sqrt(r))", "simd.sqrt(simd.add(epsilon, r))"),
        ]),
        fault(31, "c", "δ on the wrong side of the root, Adam", Everywhere, &[
            edit("kernels/src/update/adam.rs",
                "simd.mul_add(simd.sqrt(r), simd.splat(self.root_factor), simd.splat(self.epsilon))",
                "simd.mul(simd.sqrt(simd.add(r, simd.splat(self.epsilon))), simd.splat(self.root_factor))"),
        ]),
        fault(32, "", "bias correction off by one t", Everywhere, &[
            edit("kernels/src/update/adam.rs",
                "-(t as f64 * decay.ln()).exp_m1()",
                "-((t + 1) as f64 * decay.ln()).exp_m1()"),
        ]),
        fault(33, "", "bias correction missing", Everywhere, &[
            edit("kernels/src/update/adam.rs", "-(t as f64 * decay.ln()).exp_m1()", "1.0"),
        ]),
        fault(34, "", "ρ₁ and ρ₂ swapped", Everywhere, &[
            edit("kernels/src/update/adam.rs", "MovingAverage::new(first_decay)", "MovingAverage::new(second_decay)"),
            edit("kernels/src/update/adam.rs", "MovingAverage::new(second_decay)", "MovingAverage::new(first_decay)"),
            edit("kernels/src/update/adam.rs",
                "epsilon * correction(first_decay)",
                "epsilon * correction(second_decay)"),
            edit("kernels/src/update/adam.rs",
                "(correction(first_decay) / correction(second_decay).sqrt())",
                "(correction(second_decay) / correction(first_decay).sqrt())"),
        ]),
        fault(35, "", "running f32 ρᵗ", Everywhere, &[
            edit("kernels/src/update/adam.rs",
                "-(t as f64 * decay.ln()).exp_m1()",
                "1.0 - f64::from((0..t).fold(1.0, |power, _| power * decay as f32))"),
        ]),
        fault(36, "", "Nesterov gradient at θ", Everywhere, &[
            edit("src/optimizer/rule.rs", "Some(LookAhead { momentum: momentum.at(step) as f32 })", "None"),
        ]),
        fault(36, "b", "Nesterov gradient at θ + α v of the step before", Everywhere, &[
            edit("src/optimizer/rule.rs",
                "Some(LookAhead { momentum: momentum.at(step) as f32 })",
                "Some(LookAhead { momentum: momentum.at(step.max(2) - 1) as f32 })"),
        ]),
        fault(37, "", "η kept out of v where the form folds it in", Everywhere, &[
            edit("kernels/src/update/momentum.rs",
                "simd.neg_mul_add(simd.splat(self.learning_rate), gradient, v)",
                "simd.sub(v, gradient)"),
            edit("kernels/src/update/momentum.rs",
                "simd.add(theta, v)",
                "simd.mul_add(simd.splat(self.learning_rate), v, theta)"),
        ]),
        fault(38, "", "coupled and decoupled decay confused", Everywhere, &[
            edit("src/optimizer/rule.rs",
                "Some(Decay::Coupled(lambda as f32))",
                "Some(Decay::Decoupled((rate * lambda) as f32))"),
            edit("src/optimizer/rule.rs",
                "Some(Decay::Decoupled((rate * lambda) as f32))",
                "Some(Decay::Coupled(lambda as f32))"),
        ]),
        fault(39, "", "decay after the update", Everywhere, &[
            edit("kernels/src/update/decay.rs",
                "self.rule.step(simd, decayed, gradient, states)",
                "let (theta, states) = self.rule.step(simd, theta, gradient, states);
                 (simd.neg_mul_add(simd.splat(rate), theta, theta), states)"),
        ]),
        fault(40, "", "state not written in the tail", Vectors, &[
            edit("kernels/src/simd/slices.rs",
                "unsafe { self[i].get_unchecked_mut(lanes.clone()) }",
                "if lanes.len() == S::LANES { unsafe { self[i].get_unchecked_mut(lanes.clone()) } } else { &mut [] }"),
        ]),
        fault(41, "", "parameter updated before its state is read", Everywhere, &[
            edit("kernels/src/update/adagrad.rs",
                "simd.add(epsilon, simd.sqrt(r))",
                "simd.add(epsilon, simd.sqrt(simd.neg_mul_add(gradient, gradient, r)))"),
        ]),
        fault(42, "", "AMSGrad's maximum over the wrong r", Nowhere("AMSGrad"), &[]),
        fault(43, "", "m·n overflow wraps in a view", Everywhere, &[
            edit("kernels/src/simd/layout.rs",
                "(count - 1).checked_mul(stride.unsigned_abs())",
                "Some((count - 1).wrapping_mul(stride.unsigned_abs()))"),
        ]),
        fault(43, "b", "m·n overflow wraps in a buffer", Everywhere, &[
            edit("src/network.rs", "rows.checked_mul(cols)", "Some(rows.wrapping_mul(cols))"),
        ]),
        fault(44, "", "zero dimension takes an element that is not there", Everywhere, &[
            edit("kernels/src/gemm.rs",
                "operands.c.fill(0.0)",
                "operands.c.fill(f32::NAN)"),
        ]),
        fault(45, "", "output's row stride below its columns accepted", Everywhere, &[
            edit("kernels/src/simd/layout.rs", "row_stride.unsigned_abs() >= cols", "true"),
        ]),
        fault(46, "", "AVX-512 chosen without detection", Detection, &[
            edit("kernels/src/isa.rs", "Avx512::detect_with(has)", "Avx512::detect_with(&|_| true)"),
        ]),
        fault(46, "b", "portable always", Detection, &[
            edit("kernels/src/isa.rs", "vectors.into_iter()", "[None, None].into_iter()"),
        ]),
        fault(47, "", "result depends on threads", Everywhere, &[
            edit("kernels/src/gemm/shared.rs",
                "Self::new(lowering, order, a, b, c, epilogue.block(rows, columns))",
                "let of_block = super::Order::of_forward(a.rows());
                 let order = if order == (super::Order::Chain { accumulate: false }) { of_block } else { order };
                 Self::new(lowering, order, a, b, c, epilogue.block(rows, columns))"),
        ]),
        fault(48, "", "stride gap written", Everywhere, &[
            edit("src/dense.rs", "c.into_view()", "planted::write_gaps(c.into_view())"),
        ]),
        fault(49, "", "vacuous pass", Everywhere, &[
            edit("verify/src/check/product.rs", "edges.layers().into_iter()", "Vec::new().into_iter()"),
        ]),
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

    #[test]
    fn each_is_somewhere_or_waits() {
        for fault in FAULTS {
            let places = [
                !fault.edits.is_empty(),
                PLANTED.contains(&format!("(\"{}\", ", fault.id())),
                matches!(fault.place, Place::Nowhere(_)),
            ];
            assert_eq!(places.into_iter().filter(|&there| there).count(), 1, "{}: {places:?}", fault.id());
        }
    }
}
