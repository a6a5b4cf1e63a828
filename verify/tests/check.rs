//! Every kernel on every instruction set against its oracles; and the oracles against kernels that are wrong.

use lanegrad::{Isa, MatMut, MatRef};
use lanegrad_verify::check::{self, Scope, product};
use lanegrad_verify::shapes::Edges;
use lanegrad_verify::tally::Tally;

#[test]
fn every_kernel_on_every_instruction_set() {
    let report = check::run(Scope::default(), &mut |_, _, _| ());
    assert!(report.passed(), "{report}");
    assert_eq!(report.isas().len(), Isa::available().count());
    for (kernel, tallies) in report.rows() {
        assert!(tallies.iter().all(|tally| tally.compared() >= 100), "{kernel}: {tallies:?}");
    }
}

#[test]
fn what_compared_nothing_has_not_passed() {
    let tally = Tally::default();
    assert!(!tally.passed());
    assert_eq!(tally.fault(), Some("nothing was compared"));
}

/// A plain product with one mistake, of the kind that its parameter names.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mistake {
    None,
    LastTermDropped,
    TermTwiceAtABlock,
    LastColumnMissing,
    LastRowMissing,
    OneColumnTooMany,
    AccumulatesWhenToldNotTo,
    OverwritesWhenToldToAdd,
    TransposeIgnored,
    SumInLowerPrecision,
}

fn multiply(mistake: Mistake, kc: usize) -> impl FnMut(MatRef<'_>, MatRef<'_>, MatMut<'_>, bool) {
    move |a, b, mut c, accumulate| {
        let (m, n, k) = (c.rows(), c.cols(), a.cols());
        let less_by = |by: bool, size: usize| size - usize::from(by && size > 0);
        let accumulate = match mistake {
            Mistake::AccumulatesWhenToldNotTo => true,
            Mistake::OverwritesWhenToldToAdd => false,
            _ => accumulate,
        };
        for i in 0..less_by(mistake == Mistake::LastRowMissing, m) {
            let row = c.row_mut(i).expect("C's rows are contiguous");
            let columns = less_by(mistake == Mistake::LastColumnMissing, n);
            for (j, element) in row[..columns].iter_mut().enumerate() {
                let mut sum = if accumulate { *element } else { 0.0 };
                for p in 0..less_by(mistake == Mistake::LastTermDropped, k) {
                    let left = if mistake == Mistake::TransposeIgnored && m == k { a.get(p, i) } else { a.get(i, p) };
                    let term = left.unwrap() * b.get(p, j).unwrap();
                    sum += term;
                    if mistake == Mistake::TermTwiceAtABlock && p == kc {
                        sum += term;
                    }
                    if mistake == Mistake::SumInLowerPrecision {
                        sum = f32::from_bits(sum.to_bits() & !0xff);
                    }
                }
                *element = sum;
            }
        }
        // An empty output has no slice to write behind.
        if mistake == Mistake::OneColumnTooMany && m > 0 && n > 0 {
            write_after_row(c, n);
        }
    }
}

/// What only a kernel with pointers can do. After the first row there is a gap or a margin.
#[expect(unsafe_code, reason = "the kernel that is to be caught writes after a row")]
fn write_after_row(mut c: MatMut<'_>, n: usize) {
    // SAFETY: after each row of an output of the checks there are other elements of its slice.
    unsafe { c.as_mut_ptr().add(n).write(0.0) }
}

#[test]
fn a_wrong_product_is_noticed_on_integers() {
    let edges = Edges::of(Isa::detect());
    let integers = |mistake| {
        let mut tally = Tally::default();
        product::integers(edges, &mut multiply(mistake, edges.kc), &mut tally);
        tally
    };
    assert!(integers(Mistake::None).passed(), "{:?}", integers(Mistake::None));
    for mistake in [
        Mistake::LastTermDropped,
        Mistake::TermTwiceAtABlock,
        Mistake::LastColumnMissing,
        Mistake::LastRowMissing,
        Mistake::OneColumnTooMany,
        Mistake::AccumulatesWhenToldNotTo,
        Mistake::OverwritesWhenToldToAdd,
        Mistake::TransposeIgnored,
    ] {
        assert!(!integers(mistake).passed(), "{mistake:?} was not noticed");
    }
}

#[test]
fn the_tight_bound_notices_one_missing_term_and_low_precision() {
    let edges = Edges::of(Isa::detect());
    let tight = |mistake| {
        let mut tally = Tally::default();
        product::tight(edges, &mut multiply(mistake, edges.kc), &mut tally);
        tally
    };
    assert!(tight(Mistake::None).passed(), "{:?}", tight(Mistake::None));
    for mistake in [Mistake::LastTermDropped, Mistake::TermTwiceAtABlock, Mistake::SumInLowerPrecision] {
        assert!(!tight(mistake).passed(), "{mistake:?} was not noticed");
    }
}
