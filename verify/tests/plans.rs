//! Every plan that the library can make is reached by the shapes of `check`, on every instruction set, also on those that this
//! processor does not have: plans are made from a lowering's constants.

use lanegrad::MatRef;
use lanegrad_kernels::gemm::{Body, GROUP, Left, Order, Plan, Right, Strides};
use lanegrad_kernels::simd::Lowering;
use lanegrad_verify::check::dense::Operation;
use lanegrad_verify::check::product::{self, Case};
use lanegrad_verify::plans::{LOWERINGS, bodies, bodies_of};
use lanegrad_verify::shapes::Edges;
use std::collections::BTreeSet;

fn strides(matrix: MatRef<'_>) -> Strides {
    Strides::of(matrix.into())
}

/// What there is to choose, in words.
#[derive(Default)]
struct Reached {
    choices: BTreeSet<String>,
    bodies: BTreeSet<Body>,
}

impl Reached {
    fn note(&mut self, lowering: Lowering, [m, n, k]: [usize; 3], [a, b]: [Strides; 2], order: Order) {
        let (name, tiles, a, [m, n]) = match Plan::new(lowering, [m, n, k], a, b, order) {
            Plan::NoTerms => ("no terms", None, a, [m, n]),
            Plan::OneRow => ("one row", None, a, [m, n]),
            Plan::Lanes(lanes) => {
                self.choices.insert(format!("lanes, A packed: {}, B packed: {}", lanes.pack_a, lanes.pack_b));
                ("lanes", None, a, [m, n])
            }
            Plan::Rows(rows) => {
                self.choices.insert(format!("rows, {} × {} terms", rows.rows, rows.terms));
                ("rows", None, a, [m, n])
            }
            Plan::Tiles(tiles) => ("tiles", Some(tiles), a, [m, n]),
            Plan::Exchanged(tiles) => ("exchanged", Some(tiles), b.t(), [n, m]),
        };
        self.choices.insert(name.to_owned());
        let Some(tiles) = tiles else { return };
        self.choices.insert(format!("{name}: A {:?}, B {:?}", tiles.a, tiles.b));
        self.choices.insert(format!("{name}: all of B kept: {}", tiles.keep_b));
        self.choices.insert(format!("{name}: C prefetched: {}", tiles.prefetch_c));
        if tiles.b == Right::Grouped {
            let (kept, whole) = (tiles.keep_b, n.is_multiple_of(GROUP));
            self.choices.insert(format!("grouped, all of B kept: {kept}, whole groups alone: {whole}"));
        }
        for body in bodies_of(tiles, lowering, [m, n], a) {
            assert!(body.is_compiled(lowering), "{m}×{n}, {tiles:?}: {body:?} is not compiled");
            self.bodies.insert(body);
        }
    }
}

/// The plans of the products that `check` computes on a lowering.
fn reached(lowering: Lowering) -> Reached {
    let mut reached = Reached::default();
    for (turn, Case { a, b, accumulate, .. }) in product::cases(Edges::new(lowering, usize::MAX)).enumerate() {
        let sizes @ [m, n, _] = [a.view().rows(), b.view().cols(), a.view().cols()];
        if m > 0 && n > 0 {
            let order = Operation::of_turn(turn + 1, accumulate).order(m, accumulate);
            reached.note(lowering, sizes, [strides(a.view()), strides(b.view())], order);
        }
    }
    reached
}

#[test]
fn every_micro_kernel_is_reached() {
    let mut compiled = 0;
    for (name, lowering) in LOWERINGS {
        let reached = reached(lowering).bodies;
        let missing: Vec<_> = bodies(lowering).filter(|body| !reached.contains(body)).collect();
        assert_eq!(missing, [], "{name}");
        compiled += bodies(lowering).count();
    }
    println!("{compiled} micro-kernels");
    assert!(compiled <= 250);
}

/// Everything that a plan can say, but for sizes.
fn choices(lowering: Lowering) -> BTreeSet<String> {
    let mut all: BTreeSet<String> =
        ["no terms", "one row", "lanes", "rows", "tiles", "exchanged"].map(str::to_owned).into();
    for (a, b) in [(false, false), (false, true), (true, false), (true, true)] {
        all.insert(format!("lanes, A packed: {a}, B packed: {b}"));
    }
    for (rows, terms) in [(1, 4), (2, 4), (3, 4), (4, 3)] {
        all.insert(format!("rows, {rows} × {terms} terms"));
    }
    for (name, yes) in ["tiles", "exchanged"].into_iter().flat_map(|name| [(name, false), (name, true)]) {
        all.insert(format!("{name}: all of B kept: {yes}"));
        if name == "tiles" || !yes {
            all.insert(format!("{name}: C prefetched: {yes}"));
        }
    }
    let mut right = vec![Right::InPlace, Right::Packed];
    if lowering.variants {
        right.push(Right::Copied);
    }
    // Wider strips have as many lines of each row by themselves.
    if lowering.variants && lowering.registers < 32 {
        all.insert("tiles: A Packed, B Grouped".to_owned());
        for (kept, whole) in [(false, false), (false, true), (true, false), (true, true)] {
            all.insert(format!("grouped, all of B kept: {kept}, whole groups alone: {whole}"));
        }
    }
    for (a, b) in [Left::InPlace, Left::Packed].iter().flat_map(|a| right.iter().map(move |b| (a, b))) {
        all.insert(format!("tiles: A {a:?}, B {b:?}"));
    }
    // Few rows of A are the right operand; in place, if they are one.
    for b in [Right::InPlace, Right::Packed] {
        all.insert(format!("exchanged: A InPlace, B {b:?}"));
    }
    all
}

#[test]
fn every_choice_is_reached() {
    for (name, lowering) in LOWERINGS {
        let (reached, all) = (reached(lowering).choices, choices(lowering));
        let missing: Vec<_> = all.difference(&reached).collect();
        assert!(missing.is_empty(), "{name}: {missing:#?}");
        let unknown: Vec<_> = reached.difference(&all).collect();
        assert!(unknown.is_empty(), "not in the list, {name}: {unknown:#?}");
    }
}
