//! All checks, up to the first that finds something wrong: the suite for cargo-mutants.

use lanegrad_verify::check::{self, Scope};

#[test]
fn until_something_is_wrong() {
    let report = check::run(Scope { until_wrong: true, ..Scope::default() }, &mut |_, _, _| ());
    assert!(report.passed(), "{report}");
}
