//! `verify report`: one page, whose numbers are those of its document.

use crate::{directory, refused, run, text, tiny_set, verify};
use lanegrad_verify::report::numbers::written;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;

/// What stands in the cells of a part of the page, and how often.
fn cells(html: &str) -> BTreeMap<&str, usize> {
    let mut cells = BTreeMap::new();
    for part in html.split("<t").skip(1).filter(|part| part.starts_with('d') || part.starts_with("h scope=\"row\"")) {
        let (_, rest) = part.split_once('>').unwrap();
        *cells.entry(rest.split_once('<').unwrap().0).or_default() += 1;
    }
    cells
}

/// The numbers of a value, with lists and objects in it.
fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Number(number) => vec![number.as_f64().unwrap()],
        Value::Array(values) => values.iter().flat_map(numbers).collect(),
        Value::Object(fields) => fields.values().flat_map(numbers).collect(),
        _ => vec![],
    }
}

#[test]
fn the_page_has_every_number_of_the_document() {
    let name = "report";
    tiny_set(name);
    let out = ["--out", "made/report.html", "--json", "report.json", "--pictures", "pictures"];
    let flags = ["report", "--quick", "--data", ".", "--seed", "5", "--threads", "2"];
    let output = run(verify(name, &[&flags, &out[..]].concat()));
    let said = text(&output.stdout);
    assert!(said.contains("with 2 threads.\n"), "{said}");
    assert!(output.status.success() && said.ends_with("numbers: report.json\nreport: made/report.html\n"), "{said}");
    assert!(said.lines().all(|line| line.chars().count() <= 80), "{said}");
    let page = fs::read_to_string(directory(name).join("made/report.html")).unwrap();
    let document: Value = serde_json::from_slice(&fs::read(directory(name).join("report.json")).unwrap()).unwrap();
    assert_eq!(document["format"], "lanegrad-report-1");
    assert_eq!((&document["settings"]["seed"], &document["settings"]["quick"]), (&5.into(), &true.into()));
    assert_eq!(document["about"]["threads"], 2);
    assert!(
        page.contains("<dt>Threads</dt><dd>2</dd>")
            && page.split("</header>").next().unwrap().contains("with 2 threads")
    );

    let figures = document["figures"].as_array().unwrap();
    assert!(figures.iter().any(|figure| figure["id"] == "checked" && figure["facts"]["checks.passed"] == 1.0));
    for figure in figures {
        let id = figure["id"].as_str().unwrap();
        let section = page.split(&format!("<section id=\"{id}\"")).nth(1).unwrap();
        let section = section.split("</section>").next().unwrap();
        let cells = cells(section);
        let mut expected: BTreeMap<String, usize> = BTreeMap::new();
        let plots = figure["plots"].as_array().unwrap();
        let y = plots
            .iter()
            .flat_map(|plot| plot["series"].as_array().unwrap())
            .flat_map(|series| series["points"].as_array().unwrap());
        let y = y.flat_map(|point| numbers(&point[1]));
        let arrows = plots.iter().flat_map(|plot| numbers(&plot["arrows"]));
        for number in y.chain(arrows).chain(numbers(&figure["tables"])) {
            *expected.entry(written(number)).or_default() += 1;
        }
        for (number, count) in expected {
            assert!(
                cells.get(&*number).is_some_and(|found| *found >= count),
                "{id}: {number}, {count} times: {cells:?}"
            );
        }
        if !plots.is_empty() {
            let picture = fs::read_to_string(directory(name).join(format!("pictures/{id}.svg"))).unwrap();
            assert!(picture.starts_with("<svg"), "{picture}");
        }
    }
}

#[test]
fn bad_flags_are_refused() {
    tiny_set("report flags");
    let refused =
        |flags: &[&str], reason: &str| refused(verify("report flags", &[&["report"], flags].concat()), reason);
    refused(&["--condition", "0.5"], "the condition number is 0.5, expected a number from 1 to 10000");
    refused(&["--condition", "inf"], "the condition number is inf");
    refused(&["--condition", "-2"], "the condition number is -2");
    refused(&["--condition", "round"], "--condition <KAPPA>");
    refused(&["--seed", "-1"], "--seed");
    refused(&["--data", "nowhere"], "nowhere/train-images-idx3-ubyte: there is no such file");
    fs::create_dir_all(directory("report flags").join("target/lanegrad")).unwrap();
    fs::write(directory("report flags").join("target/lanegrad/faults.json"), "{}").unwrap();
    refused(&["--data", "."], "target/lanegrad/faults.json: it is not what faults writes: missing field");
}
