//! The contract of every public function that can fail, in one table: each way of being wrong has its [`Error`] and its message,
//! and leaves every output and every state as it was, to the last bit. And the other way round: what is not wrong is computed.
//!
//! # How a way of being wrong gets onto the list
//! * **Sizes, strides and slice lengths** are not chosen by hand. `sizes.rs` forms every combination of zero, one, a few and huge
//!   rows and columns, of equal, overlapping, adjacent, distant and huge strides, and of slices that are empty, too short by one,
//!   exact and too long; calculation in `u128` tells which of them are wrong, and how. Those that are right go through every
//!   function of matrices. A new function of matrices gets an entry in `sizes::FUNCTIONS`, and a new kind of size or stride one
//!   in the lists at the top of that file. The rows in `views.rs` have one example for each kind, for its message.
//! * **Shapes that do not fit**: each operand of a function with rows too many or too few, with columns too many or too few, and
//!   transposed, where its sizes are given by another operand.
//! * **Lengths of slices and lists**: none, one too few, one too many.
//! * **Hyper-parameters**: each parameter of each variant with every kind of number outside its range ([`table::NOT_POSITIVE`] and
//!   the lists in `optimizers.rs`), NaN, infinities and what only rounding to `f32` puts out of range among them.
//! * **Memory**: each function that allocates, with sizes that overflow and with sizes that do not but that no machine has.
//! * **What is found elsewhere**, by fuzzing or by a report: not the case, but a list that would have contained it.
//!
//! No function can be left out: `public_fallible_functions` reads them from the sources.

mod backends;
mod functions;
mod losses;
mod networks;
mod optimizers;
mod products;
mod sizes;
mod table;
mod views;
mod world;

use backends::CHILD;
use lanegrad::*;
use lanegrad_verify::check::update::methods;
use std::collections::{BTreeMap, BTreeSet};
use std::{env, fs};
use table::{Row, Table};
use world::World;

const METHODS: [Method; 8] = methods(Momentum::Constant(0.75));

fn table() -> Table {
    let mut t = Table::default();
    views::rows(&mut t);
    backends::rows(&mut t);
    products::rows(&mut t);
    losses::rows(&mut t);
    optimizers::rows(&mut t);
    networks::rows(&mut t);
    t
}

/// Equal, but that NaN is NaN.
fn equal(a: Error, b: Error) -> bool {
    a == b || format!("{a:?}") == format!("{b:?}")
}

#[test]
fn every_function_and_every_way_of_being_wrong() {
    if let Some(name) = env::var_os(CHILD) {
        let expected = Backend::with_isa_named(&name.to_string_lossy()).unwrap_err();
        assert_eq!(Backend::new().unwrap_err(), expected);
        assert_eq!(Backend::builder().threads(2).build().unwrap_err(), expected);
        return;
    }
    let Table(rows) = table();
    let mut ways: BTreeMap<_, BTreeSet<&String>> = BTreeMap::new();
    let mut calls = 0;
    for isa in Isa::available() {
        for method in METHODS {
            let untouched = World::new(isa, method).later();
            for Row { function, way, error, message, call } in &rows {
                // A process each: once is enough.
                if ["Backend::new", "Builder::build"].contains(function)
                    && ways.get(function).is_some_and(|ways| ways.contains(way))
                {
                    continue;
                }
                let what = format!("{function}, {way}, on {isa} with {method:?}");
                let mut world = World::new(isa, method);
                let before = world.snapshot();
                let found = call(&mut world).expect_err(&what);
                assert!(equal(found, *error), "{what}: {found:?}, expected {error:?}");
                assert_eq!(found.to_string(), *message, "{what}");
                assert_eq!(world.snapshot(), before, "{what}: it wrote");
                // What the snapshot does not show, later steps do.
                assert_eq!(world.later(), untouched, "{what}: later steps differ");
                ways.entry(function).or_default().insert(way);
                calls += 1;
            }
        }
    }
    for (function, ways) in &ways {
        println!(
            "{function:<30} {:>3} ways: {}",
            ways.len(),
            ways.iter().map(|way| way.as_str()).collect::<Vec<_>>().join(", ")
        );
    }
    let (functions, pairs) = (ways.len(), ways.values().map(BTreeSet::len).sum::<usize>());
    println!("{functions} functions × their ways of being wrong = {pairs}; {} rows, {calls} calls", rows.len());
    assert_eq!(ways.keys().map(|name| name.to_string()).collect::<BTreeSet<_>>(), public_fallible_functions());
}

/// The table in the documentation of `Error`: which function answers with which variant.
#[test]
fn the_documentation_lists_them() {
    let Table(rows) = table();
    let mut tested = BTreeSet::new();
    for Row { function, error, .. } in &rows {
        let debug = format!("{error:?}");
        tested.insert((debug.split(' ').next().unwrap().to_owned(), function.to_string()));
    }
    // No slice is so long that its state overflows, and what memory there is cannot be known.
    for function in ["Optimizer::begin", "Optimizer::step", "State::restore", "State::look_ahead"] {
        tested.insert(("OutOfMemory".to_owned(), function.to_owned()));
    }

    let source = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../src/error.rs")).unwrap();
    let mut listed = BTreeSet::new();
    for line in source.lines().filter(|line| line.starts_with("/// | ") && line.contains("::")) {
        let cells: Vec<_> = line.split(" | ").collect();
        let name = |cell: &str| cell.trim_matches(['`', ' ', '|']).to_owned();
        listed.extend(cells[3].split(", ").map(|function| (name(cells[2]), name(function))));
    }
    assert_eq!(listed, tested);
    println!("{} pairs of a function and a variant", listed.len());
}

/// Every `pub fn` of the library that returns a `Result`, as the sources have it: none can be left out of the table.
fn public_fallible_functions() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../src");
    let files = ["", "/network", "/optimizer"]
        .into_iter()
        .flat_map(|folder| fs::read_dir(format!("{source}{folder}")).unwrap());
    for path in files.map(|file| file.unwrap().path()).filter(|path| path.is_file()) {
        let module = path.file_stem().unwrap().to_string_lossy().into_owned();
        let (mut owner, mut in_trait) = (module.clone(), false);
        let source = fs::read_to_string(&path).unwrap();
        let mut lines = source.lines();
        while let Some(line) = lines.next() {
            if line == "}" {
                owner.clone_from(&module);
                in_trait = false;
            } else if let Some(rest) = line.strip_prefix("impl") {
                // The type, or what behind `for` implements a trait.
                let rest = rest.rsplit(" for ").next().unwrap_or(rest);
                let rest =
                    if rest.starts_with('<') { rest.split_once("> ").map_or(rest, |(_, rest)| rest) } else { rest };
                owner = rest.trim().split(['<', ' ', '{']).next().unwrap_or_default().to_owned();
            } else if let Some(rest) = line.strip_prefix("pub trait ") {
                rest.split([':', ' ']).next().unwrap_or_default().clone_into(&mut owner);
                in_trait = true;
            }
            let function = line.trim_start();
            if let Some(rest) = function.strip_prefix(if in_trait { "fn " } else { "pub fn " }) {
                let mut signature = line.to_owned();
                while !signature.contains(['{', ';']) {
                    signature += lines.next().unwrap();
                }
                if signature.contains("-> Result<") {
                    let name = rest.split(['(', '<']).next().unwrap();
                    names.insert(format!("{owner}::{name}"));
                }
            }
        }
    }
    names
}
