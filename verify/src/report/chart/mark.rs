//! Lines, markers, arrows and words, at a place of the drawing.

use super::canvas::{Area, Error, UNIT, font};
use super::paint::Paint;
use crate::report::figure::Style;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Across and down from the upper left corner, in the drawing's units.
pub(super) type Place = (i32, i32);

/// Markers are this far from their centre to their edge, in pixels.
const RADIUS: f64 = 3.5;
/// Length of an arrow's head, in pixels; it is half as wide.
const HEAD: f64 = 6.0;

/// A line of this width in pixels.
pub(super) fn stroke(paint: Paint, width: f64) -> ShapeStyle {
    paint.colour().stroke_width((width * f64::from(UNIT)) as u32)
}

/// The line of a series; markers tell it from others as well as dashes do.
pub(super) fn series_line(Style { index, markers }: Style) -> ShapeStyle {
    stroke(if markers { Paint::Marker(index) } else { Paint::Line(index) }, 2.0)
}

/// A line from place to place.
pub(super) fn path(area: &Area<'_>, mut places: Vec<Place>, style: ShapeStyle) -> Result<(), Error> {
    places.dedup();
    area.draw(&PathElement::new(places, style))
}

/// The marker of a series, in four shapes.
pub(super) fn marker(area: &Area<'_>, place: Place, index: usize) -> Result<(), Error> {
    let style = Paint::Marker(index).colour().filled();
    let corners: &[[f64; 2]] = match index % 4 {
        0 => return area.draw(&Circle::new(place, (RADIUS * f64::from(UNIT)) as i32, style)),
        1 => &[[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]],
        2 => &[[0.0, -1.25], [1.15, 0.85], [-1.15, 0.85]],
        _ => &[[0.0, -1.35], [1.35, 0.0], [0.0, 1.35], [-1.35, 0.0]],
    };
    let corners: Vec<Place> =
        corners.iter().map(|corner| beside(place, corner.map(|length| RADIUS * length))).collect();
    area.draw(&Polygon::new(corners, style))
}

/// Marks a point that lies outside the axes, or stands out otherwise.
pub(super) fn cross(area: &Area<'_>, place: Place, index: usize) -> Result<(), Error> {
    let length = 1.4 * RADIUS;
    [length, -length].into_iter().try_for_each(|up| {
        let ends = [[-length, -up], [length, up]].map(|end| beside(place, end));
        path(area, ends.to_vec(), stroke(Paint::Marker(index), 2.0))
    })
}

/// The next place, unless a cross there would touch the one drawn last.
pub(super) fn apart(drawn: &mut Option<Place>, next: Place) -> Option<Option<Place>> {
    let touches =
        |last: Place| f64::from((next.0 - last.0).abs().max((next.1 - last.1).abs())) < 4.0 * RADIUS * f64::from(UNIT);
    Some((!drawn.is_some_and(touches)).then(|| *drawn.insert(next)))
}

/// An arrow from place to place.
pub(super) fn arrow(area: &Area<'_>, from: Place, to: Place) -> Result<(), Error> {
    let [across, down] = [to.0 - from.0, to.1 - from.1].map(f64::from);
    let length = across.hypot(down);
    if length == 0.0 {
        return Ok(());
    }
    let style = stroke(Paint::Text, 1.2);
    path(area, vec![from, to], style)?;
    let [across, down] = [across, down].map(|part| HEAD * part / length);
    let wings = [0.5, -0.5].map(|side| beside(to, [-across - side * down, -down + side * across]));
    path(area, vec![wings[0], to, wings[1]], style)
}

/// A text whose left end is at a place.
pub(super) fn label(area: &Area<'_>, text: &str, place: Place, size: u32) -> Result<(), Error> {
    words(area, text, place, size, HPos::Left)
}

/// A text around a place.
pub(super) fn caption(area: &Area<'_>, text: &str, place: Place, size: u32) -> Result<(), Error> {
    words(area, text, place, size, HPos::Center)
}

fn words(area: &Area<'_>, text: &str, place: Place, size: u32, end: HPos) -> Result<(), Error> {
    area.draw(&Text::new(text, place, font(size).pos(Pos::new(end, VPos::Center))))
}

/// So many pixels to the right of a place, and down.
fn beside(place: Place, [right, down]: [f64; 2]) -> Place {
    let units = |pixels: f64| (pixels * f64::from(UNIT)).round() as i32;
    (place.0 + units(right), place.1 + units(down))
}
