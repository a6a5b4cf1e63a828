//! What holds for every figure, whatever it shows.

use crate::{QUICK, compute};
use lanegrad::Isa;
use lanegrad_verify::report::figure::{Cell, Figure, Plot, Scale, Series};
use lanegrad_verify::report::figures::ALL;
use std::collections::BTreeSet;

fn is_id(id: &str) -> bool {
    !id.is_empty() && id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

fn unique<T: Ord>(values: impl IntoIterator<Item = T>) -> bool {
    let mut seen = BTreeSet::new();
    values.into_iter().all(|value| seen.insert(value))
}

fn plot_is_whole(plot: &Plot) {
    let id = plot.id;
    assert!(is_id(id), "{id}");
    assert!(!plot.title.is_empty() && !plot.x.label.is_empty() && !plot.y.label.is_empty(), "{id}");
    assert!(plot.description.ends_with('.'), "{id}: {}", plot.description);
    assert!(!plot.series.is_empty(), "{id}");
    assert!(unique(plot.series.iter().map(|series| &series.label)), "{id}: a label occurs twice");
    for series in &plot.series {
        let place = format!("{id}, {}", series.label);
        assert!(!series.points.is_empty() || !series.marked.is_empty(), "{place}");
        assert_eq!(series.marked.is_empty(), series.marked_label.is_none(), "{place}");
        for [x, y] in series.points.iter().chain(&series.marked) {
            assert!(x.is_finite() && y.is_finite(), "{place}: {x}, {y}");
        }
        if plot.y.scale == Scale::Logarithmic {
            assert!(series.points.iter().all(|[_, y]| *y > 0.0), "{place}: nothing to draw on a logarithmic axis");
        }
    }
    assert_eq!(plot.arrows.is_empty(), plot.arrows_label.is_none(), "{id}");
    assert!(plot.arrows.iter().flatten().flatten().all(|number| number.is_finite()), "{id}");
    if let Some(contours) = &plot.contours {
        assert_eq!(contours.values.len() % contours.columns, 0, "{id}");
        assert!(contours.values.iter().all(|value| value.is_finite()), "{id}");
        assert!(contours.levels.is_sorted_by(|a, b| a < b), "{id}");
        assert_eq!((Some(contours.x), Some(contours.y)), (plot.x.range, plot.y.range), "{id}");
    }
}

fn figure_is_whole(name: &str, figure: &Figure) {
    assert_eq!(figure.id, name);
    assert!(is_id(name) && !figure.title.is_empty() && !figure.source.is_empty(), "{name}");
    assert!(!figure.text.is_empty() && figure.text.iter().all(|text| text.ends_with('.')), "{name}");
    // A line that was broken in the source without a backslash, or a number that is none.
    let descriptions = figure.plots.iter().map(|plot| &plot.description);
    for text in figure.text.iter().chain(descriptions) {
        assert!(!text.contains("  ") && !text.contains("NaN") && !text.contains("inf "), "{name}: {text}");
    }
    assert!(unique(figure.plots.iter().map(|plot| plot.id)), "{name}");
    figure.plots.iter().for_each(plot_is_whole);
    for table in &figure.tables {
        for row in &table.rows {
            assert_eq!(row.len(), table.columns.len(), "{name}, {}", table.caption);
            assert!(row.iter().all(|cell| !matches!(cell, Cell::Number(number) if !number.is_finite())), "{row:?}");
        }
    }
    for (fact, number) in &figure.facts {
        assert!(number.is_finite(), "{name}, {fact}: {number}");
    }
}

#[test]
fn every_figure_is_whole_and_the_same_every_time() {
    assert!(unique(ALL.iter().map(|(name, _)| name)));
    for isa in Isa::available() {
        for (name, _) in ALL {
            let [first, second] = [(); 2].map(|()| compute(name, QUICK, isa));
            figure_is_whole(name, &first);
            let [first, second] = [first, second].map(|figure| serde_json::to_string(&figure).unwrap());
            assert!(first == second, "{name} on {isa} differs from one time to the next");
        }
    }
}

#[test]
fn zeros_are_marked_and_the_rest_is_drawn() {
    let points = vec![[1.0, 1e-38], [2.0, 0.0], [3.0, 2.0], [4.0, 0.0]];
    let series = Series::line("norm", 0, points).with_zeros_marked("0");
    assert_eq!(series.points, [[1.0, 1e-38], [3.0, 2.0]]);
    assert_eq!((series.marked, series.marked_label.as_deref()), (vec![[2.0, 0.0], [4.0, 0.0]], Some("0")));
    let series = Series::line("norm", 0, vec![[1.0, 1.0]]).with_zeros_marked("0");
    assert_eq!((series.marked.len(), series.marked_label), (0, None));
}
