//! What plotters draws on: lengths are whole numbers of a tenth of a pixel, and colours become names.

use super::paint::{self, Paint};
use plotters::coord::Shift;
use plotters::prelude::*;
use std::io;

/// An area to draw on.
pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
/// What the drawing library says when it fails.
pub type Error = DrawingAreaErrorKind<io::Error>;

/// Units of the drawing in a pixel of the picture at its natural size.
pub(super) const UNIT: u32 = 10;
/// Size of the text beside axes and in legends.
pub(super) const TEXT: u32 = 14;

/// An SVG element of a size, with more attributes and with labels before the drawing.
pub(super) fn draw(
    [width, height]: [u32; 2],
    attributes: &str,
    labels: &str,
    contents: impl FnOnce(&Area<'_>) -> Result<(), Error>,
) -> Result<String, Error> {
    let mut svg = String::new();
    let [width, height] = [width, height].map(|length| length * UNIT);
    {
        let area = SVGBackend::with_string(&mut svg, (width, height)).into_drawing_area();
        contents(&area)?;
        area.present()?;
    }
    let (_, drawing) = svg.split_once(">\n").unwrap_or_default();
    let drawing = paint::named(&drawing.replace(" opacity=\"1\"", ""));
    Ok(format!("<svg {attributes} viewBox=\"0 0 {width} {height}\">{labels}{drawing}"))
}

/// A length in pixels.
pub(super) fn units(length: u32) -> i32 {
    (length * UNIT) as i32
}

/// About the width of a text of so many characters, in pixels: the reader's fonts are not known.
pub(super) fn width_of(characters: usize) -> u32 {
    characters as u32 * TEXT * 11 / 20
}

/// Text as the drawing library sizes it: with its ascent and descent.
pub(super) fn font(size: u32) -> TextStyle<'static> {
    ("sans-serif", 1.24 * f64::from(size * UNIT)).into_font().color(&Paint::Text.colour())
}
