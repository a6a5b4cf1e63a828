//! The choice of the instruction set and of threads.

use crate::table::{Table, isa, threads};
use lanegrad::*;
use std::env;
use std::process::Command;

/// The variable that names the instruction set belongs to a process: a child is this test once more, with it.
pub(crate) const CHILD: &str = "LANEGRAD_CONTRACT_CHILD";

pub(crate) fn rows(t: &mut Table) {
    // Of a long name, the first sixteen bytes, and never a part of a character.
    for (way, name, shown) in [
        ("unknown", "sse2", "sse2"),
        ("empty", "", ""),
        ("upper case", "AVX2", "AVX2"),
        ("longer than is kept", "123456789012345é7", "123456789012345"),
    ] {
        t.row("Backend::with_isa_named", way, isa(name, shown), move |_| Backend::with_isa_named(name).map(drop));
        // An empty variable counts as unset.
        if name.is_empty() {
            continue;
        }
        for function in ["Backend::new", "Builder::build"] {
            t.row(function, way, isa(name, shown), move |_| {
                let child = Command::new(env::current_exe().unwrap())
                    .args(["--exact", "every_function_and_every_way_of_being_wrong", "--nocapture"])
                    .envs([("LANEGRAD_ISA", name), (CHILD, name)])
                    .output()
                    .unwrap();
                assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
                Backend::with_isa_named(name).map(drop)
            });
        }
    }
    for (way, found) in [("no threads", 0), ("65 threads", 65), ("more threads than any system has", usize::MAX)] {
        t.row("Builder::build", way, threads(found), move |world| {
            Backend::builder().isa(world.backend.isa()).threads(found).build().map(drop)
        });
    }
}
