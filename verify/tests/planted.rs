//! `verify faults` from outside. It builds a copy of the sources, so this test only runs when it is named: `--test planted`.

use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::{fs, str};

#[test]
fn a_planted_fault_is_caught_and_named() {
    let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (copy, json) = (temporary.with_file_name("faults"), temporary.join("faults.json"));
    let mut faults = Command::new(env!("CARGO_BIN_EXE_verify"));
    faults.args(["faults", "--fault", "4", "--isa", "scalar", "--json"]).arg(&json).arg("--copy").arg(&copy);
    let output = faults.output().unwrap();
    let (table, said) = (str::from_utf8(&output.stdout).unwrap(), str::from_utf8(&output.stderr).unwrap());
    assert!(output.status.success() && table.contains("1 caught wherever they can be"), "{table}{said}");
    assert!(table.contains(copy.to_str().unwrap()), "{table}");

    let document: Value = serde_json::from_slice(&fs::read(json).unwrap()).unwrap();
    assert_eq!(document["format"], "lanegrad-faults-1");
    let result = &document["results"][0];
    assert_eq!((&result["fault"], &result["outcome"]), (&"4".into(), &"caught".into()));
    assert!(result["check"].as_str().is_some_and(|check| !check.is_empty()), "{document}");

    let program = copy.join("target/release/verify");
    let check = |fault: &str| {
        let mut check = Command::new(&program);
        check.args(["check", "--isa", "scalar", "--until-wrong"]).env("LANEGRAD_FAULT", fault);
        check.env_remove("LANEGRAD_ISA").output().unwrap().status.code()
    };
    assert_eq!((check(""), check("4")), (Some(0), Some(1)), "an empty variable is an unset one");

    let page = temporary.join("report of a fault.html");
    let mut report = Command::new(&program);
    report.args(["report", "--quick", "--out"]).arg(&page).current_dir(temporary);
    let output = report.env("LANEGRAD_FAULT", "4").env("LANEGRAD_ISA", "scalar").output().unwrap();
    let said = str::from_utf8(&output.stdout).unwrap();
    assert!(
        output.status.code() == Some(1) && said.contains("SOMETHING IS WRONG on scalar, with 1 thread.\n"),
        "{said}"
    );
    let page = fs::read_to_string(page).unwrap();
    assert!(page.contains("<strong>SOMETHING IS WRONG") && page.contains("<p>WRONG: "));
}
