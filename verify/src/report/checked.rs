//! What was checked, as a figure of tables.

use super::figure::{Cell, Figure, Table};
use crate::check;
use crate::gradient_check::Agreement;
use crate::tally::Tally;
use crate::ulp::{self, Symmetry};
use lanegrad::Isa;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What came of planted faults: the document that `verify faults` writes, as far as it is shown.
#[derive(Clone, Debug, Deserialize)]
pub struct Faults {
    results: Vec<Planted>,
}

/// What came of one fault on one instruction set.
#[derive(Clone, Debug, Deserialize)]
struct Planted {
    fault: String,
    name: String,
    isa: String,
    outcome: String,
    /// The check that has caught it.
    check: Option<String>,
    /// What became of it otherwise.
    #[serde(alias = "how", alias = "noticed_by")]
    reason: Option<String>,
}

/// The checks of a run, the functions' errors, and planted faults if there is a file about them.
pub fn figure(checks: &check::Report, functions: &ulp::Report, faults: Option<&Faults>) -> Figure {
    let mut tables = vec![kernels(checks), ulp_table(functions)];
    tables.extend(faults.map(Faults::table));
    let compared = compared(checks);
    let facts = [
        ("checks.passed", f64::from(u8::from(checks.passed() && functions.passed()))),
        ("checks.compared", compared as f64),
        ("checks.kernels", checks.rows().count() as f64),
    ];
    Figure {
        id: "checked",
        title: "What was checked".to_owned(),
        text: [verdict(checks, functions).join(" "), gradients(checks), about_functions(functions)]
            .into_iter()
            .chain(wrong(checks, functions))
            .chain([about_faults(faults)])
            .collect(),
        source: "verify check, verify ulp and verify faults print the same.",
        plots: vec![],
        tables,
        facts: BTreeMap::from(facts.map(|(name, number)| (name.to_owned(), number))),
    }
}

/// Whether all passed, and how much was compared.
pub fn verdict(checks: &check::Report, functions: &ulp::Report) -> [String; 2] {
    let isas: Vec<_> = checks.isas().iter().map(|isa| isa.name()).collect();
    let (count, isas) = (checks.rows().count(), isas.join(", "));
    let threads = match checks.threads() {
        1 => "1 thread".to_owned(),
        threads => format!("{threads} threads"),
    };
    let passed = match checks.passed() && functions.passed() {
        true => format!("All {count} checks passed on {isas}, with {threads}."),
        false => format!("SOMETHING IS WRONG on {isas}, with {threads}."),
    };
    [passed, format!("{} numbers of the library were compared with a reference.", grouped(compared(checks)))]
}

fn compared(checks: &check::Report) -> u64 {
    checks.rows().flat_map(|(_, tallies)| tallies).map(Tally::compared).sum()
}

/// What is wrong, a sentence each.
pub fn wrong(checks: &check::Report, functions: &ulp::Report) -> Vec<String> {
    let of_function = |(function, isa, found): &(ulp::Function, Isa, ulp::Measurement)| {
        let faults = found.faults(function).into_iter();
        faults.map(|fault| format!("{} on {isa}: {fault}", function.name)).collect::<Vec<_>>()
    };
    let faults = checks.faults().into_iter().chain(functions.rows().iter().flat_map(of_function));
    faults.map(|fault| format!("WRONG: {fault}")).collect()
}

fn gradients(checks: &check::Report) -> String {
    let not_there: Vec<_> = Isa::NAMES.iter().filter(|name| Isa::from_name(name).is_none()).copied().collect();
    let missing = match &*not_there {
        [] => String::new(),
        names => format!(" This processor does not have {}.", names.join(" and ")),
    };
    let reference = match checks.gradients() {
        Some(Ok(Agreement { duals, largest_dual_ratio, differences, largest_difference_ratio })) => format!(
            "The reference's own derivatives were compared with dual numbers ({duals}, largest error {largest_dual_ratio:.4} of its \
             bound) and with Richardson differences ({differences}, {largest_difference_ratio:.4})."
        ),
        _ => "The reference's own derivatives were not found right.".to_owned(),
    };
    format!(
        "Each kernel is compared with a reference in f64, element by element. The first table has the largest error as a part of its \
         derived bound, so that 1 would be at the limit; exact means that no bit differs. {reference}{missing}"
    )
}

fn kernels(checks: &check::Report) -> Table {
    let cell = |tally: &Tally| match tally {
        tally if !tally.passed() => Cell::Text("WRONG".to_owned()),
        tally if tally.largest_ratio() == 0.0 => Cell::Text("exact".to_owned()),
        tally => Cell::Number((1e3 * tally.largest_ratio()).round() / 1e3),
    };
    let row = |(kernel, tallies): (&str, &[Tally])| {
        [Cell::Text(kernel.to_owned())].into_iter().chain(tallies.iter().map(cell)).collect()
    };
    let isas = checks.isas().iter().map(|isa| isa.name().to_owned());
    Table {
        caption: "Kernels on each instruction set: largest error as a part of its bound".to_owned(),
        columns: ["kernel".to_owned()].into_iter().chain(isas).collect(),
        rows: checks.rows().map(row).collect(),
    }
}

fn about_functions(functions: &ulp::Report) -> String {
    let inputs = functions.rows().iter().map(|(.., found)| found.inputs).max().unwrap_or(0);
    format!(
        "The second table has the functions of one number, tried at {} arguments each: the largest error in units in the last place \
         (ULP) and where it is; at how many neighbours the result falls although the function rises; and what is left of f(−x) = \
         −f(x), or of f(−x) + f(x) = 1.",
        grouped(inputs)
    )
}

fn ulp_table(functions: &ulp::Report) -> Table {
    let columns = ["function", "instruction set", "error, ULP", "at", "falls", "symmetry"];
    let row = |(function, isa, found): &(ulp::Function, Isa, ulp::Measurement)| {
        let text = |text: &str| Cell::Text(text.to_owned());
        vec![
            text(function.name),
            text(isa.name()),
            Cell::Number((1e4 * found.error.value).round() / 1e4),
            Cell::Number(found.error.at.into()),
            if function.rises { Cell::Number(found.falls as f64) } else { text("–") },
            match function.symmetry {
                Symmetry::None => text("–"),
                Symmetry::Odd if found.asymmetric == 0 => text("odd"),
                Symmetry::Odd => text("NOT ODD"),
                Symmetry::SumIsOne => text(&format!("1 ± {:.4} ULP", found.asymmetry.value)),
            },
        ]
    };
    Table {
        caption: "Functions of one number".to_owned(),
        columns: columns.map(str::to_owned).into(),
        rows: functions.rows().iter().map(row).collect(),
    }
}

fn about_faults(faults: Option<&Faults>) -> String {
    let Some(Faults { results }) = faults else {
        return "That the checks can fail is shown by planting faults in the kernels: verify faults does so, in a build for it, and leaves \
                a file that this page shows. There is none."
            .to_owned();
    };
    let count = |outcome: &str| results.iter().filter(|planted| planted.outcome == outcome).count();
    format!(
        "That the checks can fail is shown by planting faults in the kernels, one at a time. Of {} runs with a fault {} were caught by a \
         check and {} were not.",
        count("caught") + count("missed"),
        count("caught"),
        count("missed")
    )
}

impl Faults {
    fn table(&self) -> Table {
        let columns = ["fault", "what is wrong", "instruction set", "outcome", "check that noticed, or reason"];
        let row = |planted: &Planted| {
            let Planted { fault, name, isa, outcome, check, reason } = planted;
            let why = check.as_ref().or(reason.as_ref()).cloned().unwrap_or_default();
            [fault, name, isa, outcome, &why].map(|text| Cell::Text(text.clone())).into()
        };
        Table {
            caption: "Planted faults".to_owned(),
            columns: columns.map(str::to_owned).into(),
            rows: self.results.iter().map(row).collect(),
        }
    }
}

/// A count with commas between thousands.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planted_faults_are_counted_and_listed() {
        let document = r#"{ "format": "lanegrad-faults-1", "results": [
            { "fault": "3b", "name": "a read", "isa": "any", "outcome": "elsewhere", "noticed_by": "guard pages" },
            { "fault": "4", "name": "a lane", "isa": "avx2", "outcome": "caught", "check": "product", "found": "1", "seconds": 0.5 },
            { "fault": "4", "name": "a lane", "isa": "scalar", "outcome": "missed", "how": "all checks pass", "seconds": 0.5 },
            { "fault": "5", "name": "a tile", "isa": "any", "outcome": "impossible", "reason": "no tiles" }
        ] }"#;
        let faults: Faults = serde_json::from_str(document).unwrap();
        let last: Vec<_> = faults.table().rows.iter().map(|row| row[4].clone()).collect();
        assert_eq!(
            last,
            ["guard pages", "product", "all checks pass", "no tiles"].map(|text| Cell::Text(text.to_owned()))
        );
        assert!(about_faults(Some(&faults)).contains("Of 2 runs with a fault 1 were caught by a check and 1 were not"));
    }

    #[test]
    fn nothing_checked_is_not_passed() {
        let scope = check::Scope { isa: Some(Isa::detect()), until_wrong: true, threads: None };
        let mut functions = ulp::Report::default();
        let checks = check::run(scope, &mut |_, _, _| ());
        assert_eq!(figure(&checks, &functions, None).facts["checks.passed"], 0.0);
        functions.add(ulp::RELU, &[Isa::detect()], ulp::Coverage::Everyday, &mut |_, _| ());
        let figure = figure(&checks, &functions, None);
        assert_eq!(figure.facts["checks.passed"], 1.0, "{:?}", figure.text);
    }
}
