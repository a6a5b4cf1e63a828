//! What the lines and marks of a plot mean.

use super::ROW;
use super::canvas::{self, Area, Error, TEXT, units};
use super::mark;
use crate::report::figure::{Plot, Style};
use serde::Serialize;

/// Width and height of the sample beside a text, and the gap after each of the two.
const KEY: [u32; 2] = [34, 14];
const GAP: [u32; 2] = [6, 18];

/// What a line or a mark means.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// A sample, as an SVG element without a text alternative of its own.
    pub key: String,
    /// The meaning.
    pub label: String,
}

/// A line or a mark.
enum Sample {
    Series(Style),
    Cross(usize),
    Arrow,
}

/// The legend of a plot, for a page.
///
/// # Errors
/// When the drawing library fails.
pub fn legend(plot: &Plot) -> Result<Vec<Entry>, Error> {
    let entry = |(sample, label): (Sample, &str)| {
        let attributes = format!("aria-hidden=\"true\" width=\"{}\" height=\"{}\"", KEY[0], KEY[1]);
        let key = canvas::draw(KEY, &attributes, "", |area| sample.draw(area, (0, units(KEY[1]) / 2)))?;
        Ok(Entry { key, label: label.to_owned() })
    };
    samples(plot).into_iter().map(entry).collect()
}

/// Height of the legend below a plot, in pixels.
pub(super) fn height(plot: &Plot, width: u32) -> u32 {
    ROW * places(plot, width).last().map_or(0, |(_, row)| row + 1)
}

/// Draws the legend below a plot.
pub(super) fn draw(plot: &Plot, width: u32, area: &Area<'_>) -> Result<(), Error> {
    for ((sample, label), (x, row)) in samples(plot).iter().zip(places(plot, width)) {
        let (x, y) = (units(x), units(row * ROW + ROW / 2));
        sample.draw(area, (x, y))?;
        mark::label(area, label, (x + units(KEY[0] + GAP[0]), y), TEXT)?;
    }
    Ok(())
}

/// The left end of each entry and its row, filled one after the other.
fn places(plot: &Plot, width: u32) -> Vec<(u32, u32)> {
    let (mut x, mut row) = (GAP[1], 0);
    let place = |(_, label): &(Sample, &str)| {
        let length = KEY[0] + GAP[0] + canvas::width_of(label.chars().count()) + GAP[1];
        if x > GAP[1] && x + length > width {
            (x, row) = (GAP[1], row + 1);
        }
        let place = (x, row);
        x += length;
        place
    };
    samples(plot).iter().map(place).collect()
}

/// What marks mean is said once, beside the first series that has them.
fn samples(plot: &Plot) -> Vec<(Sample, &str)> {
    let mut samples = Vec::new();
    for series in &plot.series {
        samples.push((Sample::Series(series.style), &*series.label));
    }
    for series in plot.series.iter().filter(|series| !series.marked.is_empty()) {
        if let Some(label) =
            series.marked_label.as_deref().filter(|label| samples.iter().all(|(_, other)| other != label))
        {
            samples.push((Sample::Cross(series.style.index), label));
        }
    }
    if let Some(label) = plot.arrows_label.as_deref().filter(|_| !plot.arrows.is_empty()) {
        samples.push((Sample::Arrow, label));
    }
    samples
}

impl Sample {
    /// Draws it from its left end.
    fn draw(&self, area: &Area<'_>, (x, y): (i32, i32)) -> Result<(), Error> {
        let (width, middle) = (units(KEY[0]), (x + units(KEY[0]) / 2, y));
        match *self {
            Self::Series(style) => {
                mark::path(area, vec![(x, y), (x + width, y)], mark::series_line(style))?;
                if style.markers { mark::marker(area, middle, style.index) } else { Ok(()) }
            }
            Self::Cross(index) => mark::cross(area, middle, index),
            Self::Arrow => mark::arrow(area, (x, y), (x + width, y)),
        }
    }
}
