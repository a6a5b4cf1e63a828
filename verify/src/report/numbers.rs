//! The numbers of a plot as tables, so that nobody has to read them off the picture.

use super::figure::{Cell, Plot, Series, Table};
use std::collections::BTreeMap;

/// The tables of a plot: its series, its arrows, and its marked points, as far as it has them.
///
/// Where x rises along each series, a row is a value of x and a column a series. Otherwise the series are paths: a row is a step, and
/// each path has two columns.
pub fn tables(plot: &Plot) -> Vec<Table> {
    let rises = |series: &Series| series.points.is_sorted_by(|one, next| one[0] < next[0]);
    let series = if plot.series.iter().all(rises) { functions(plot) } else { paths(plot) };
    [series, arrows(plot), marked(plot)].into_iter().filter(|table| !table.rows.is_empty()).collect()
}

fn functions(plot: &Plot) -> Table {
    let count = plot.series.len();
    // Numbers in this order are told apart by their bits too, and NaN is one of them.
    let mut rows: BTreeMap<u64, Vec<Cell>> = BTreeMap::new();
    for (column, series) in plot.series.iter().enumerate() {
        for &[x, y] in &series.points {
            let row = rows.entry(rank(x)).or_insert_with(|| {
                let mut row = vec![Cell::Number(x)];
                row.resize(count + 1, Cell::Text(String::new()));
                row
            });
            row[column + 1] = Cell::Number(y);
        }
    }
    let columns = [&plot.x.label].into_iter().chain(plot.series.iter().map(|series| &series.label));
    Table {
        caption: format!("{}: {}", plot.title, plot.y.label),
        columns: columns.cloned().collect(),
        rows: rows.into_values().collect(),
    }
}

/// Rises with the number.
fn rank(number: f64) -> u64 {
    let bits = number.to_bits();
    if number.is_sign_negative() { !bits } else { bits | 1 << 63 }
}

fn paths(plot: &Plot) -> Table {
    let steps = plot.series.iter().map(|series| series.points.len()).max().unwrap_or(0);
    let cells = |step: usize, series: &Series| match series.points.get(step) {
        Some(point) => point.map(Cell::Number),
        None => [const { Cell::Text(String::new()) }; 2],
    };
    let row = |step| {
        let cells = plot.series.iter().flat_map(|series| cells(step, series));
        [Cell::Number(step as f64)].into_iter().chain(cells).collect()
    };
    let headings = plot
        .series
        .iter()
        .flat_map(|series| [&plot.x, &plot.y].map(|axis| format!("{}: {}", series.label, axis.label)));
    Table {
        caption: format!("{}: the paths, step by step", plot.title),
        columns: ["step".to_owned()].into_iter().chain(headings).collect(),
        rows: (0..steps).map(row).collect(),
    }
}

fn arrows(plot: &Plot) -> Table {
    let end = |which: &str| [&plot.x, &plot.y].map(|axis| format!("{which} {}", axis.label));
    Table {
        caption: format!("{}: arrows, {}", plot.title, plot.arrows_label.as_deref().unwrap_or_default()),
        columns: [end("from"), end("to")].concat(),
        rows: plot
            .arrows
            .iter()
            .map(|arrow| arrow.as_flattened().iter().copied().map(Cell::Number).collect())
            .collect(),
    }
}

fn marked(plot: &Plot) -> Table {
    let row = |series: &Series, &[x, y]: &[f64; 2]| {
        let meaning = series.marked_label.clone().unwrap_or_default();
        vec![Cell::Text(series.label.clone()), Cell::Number(x), Cell::Number(y), Cell::Text(meaning)]
    };
    Table {
        caption: format!("{}: marked points", plot.title),
        columns: vec!["line".to_owned(), plot.x.label.clone(), plot.y.label.clone(), "meaning".to_owned()],
        rows: plot.series.iter().flat_map(|series| series.marked.iter().map(|point| row(series, point))).collect(),
    }
}

/// A number with seven digits, or all digits of a whole one: what tells two f32 of a figure apart, and what other programs can read.
pub fn written(number: f64) -> String {
    match number {
        number if number.fract() == 0.0 && number.abs() < 1e15 => format!("{number}"),
        number if !number.is_finite() => format!("{number}"),
        number if (1e-4..1e7).contains(&number.abs()) => {
            // Decimals after the first digit that is not 0.
            let decimals = (6.0 - number.abs().log10().floor()).max(0.0) as usize;
            let digits = format!("{number:.decimals$}");
            // Only zeros after the point mean nothing.
            if decimals == 0 { digits } else { digits.trim_end_matches('0').trim_end_matches('.').to_owned() }
        }
        number => {
            let digits = format!("{number:.6e}");
            let (mantissa, exponent) = digits.split_once('e').unwrap_or((&digits, "0"));
            format!("{}e{exponent}", mantissa.trim_end_matches('0').trim_end_matches('.'))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::figure::Axis;

    fn plot(series: &[&[[f64; 2]]]) -> Plot {
        let lines = series.iter().enumerate();
        let series = lines.map(|(index, points)| Series::line(format!("s{index}"), index, points.to_vec())).collect();
        Plot { series, ..Plot::new("plot", "T", Axis::linear("x"), Axis::linear("y")) }
    }

    /// Rows as text, cells separated by bars.
    fn rows(table: &Table) -> Vec<String> {
        let cell = |cell: &Cell| match cell {
            Cell::Number(number) => written(*number),
            Cell::Text(text) => text.clone(),
        };
        table.rows.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>().join("|")).collect()
    }

    #[test]
    fn functions_share_their_rows() {
        let tables = tables(&plot(&[&[[-1.0, 5.0], [2.0, 6.0]], &[[0.0, f64::NAN], [2.0, 7.5]]]));
        assert_eq!(tables.len(), 1);
        assert_eq!(tables[0].columns, ["x", "s0", "s1"]);
        assert_eq!(rows(&tables[0]), ["-1|5|", "0||NaN", "2|6|7.5"]);
    }

    #[test]
    fn paths_have_a_row_for_each_step() {
        let mut plot = plot(&[&[[1.0, 2.0], [0.0, 1.0]], &[[3.0, 4.0]]]);
        plot.arrows.push([[1.0, 2.0], [3.0, 4.0]]);
        plot.series[1].marked.push([9.0, 0.0]);
        let [paths, arrows, marked] = &*tables(&plot) else { panic!("three tables") };
        assert_eq!(paths.columns, ["step", "s0: x", "s0: y", "s1: x", "s1: y"]);
        assert_eq!(rows(paths), ["0|1|2|3|4", "1|0|1||"]);
        assert_eq!((rows(arrows), rows(marked)), (vec!["1|2|3|4".to_owned()], vec!["s1|9|0|".to_owned()]));
    }

    #[test]
    fn numbers_are_written_with_seven_digits() {
        let numbers =
            [0.0, -3.0, 115_613_617.0, 0.1, f64::from(0.1_f32), 1.0 / 3.0, 98.64, 1e-4, 1.5e-30, -2e300, f64::NAN];
        let text = "0 -3 115613617 0.1 0.1 0.3333333 98.64 0.0001 1.5e-30 -2e300 NaN";
        assert_eq!(numbers.map(written).join(" "), text);
        // With seven digits, the second ends in zeros; in front of the decimal point as well, they count. The third is rounded up.
        for digits in [1.234_567_89, 3.302_509_605, 9.999_999_7] {
            for exponent in -300..300 {
                let number = digits * 10_f64.powi(exponent);
                let read: f64 = written(number).parse().unwrap();
                assert!((read - number).abs() <= 1e-6 * number, "{number:e}: {read:e}");
            }
        }
    }
}
