//! The lecture's figure: training accuracy against examples seen, one curve an optimizer.

use crate::training::{Algorithm, Point, Run};
use plotters::prelude::*;
use std::error::Error;

const SIZE: (u32, u32) = (960, 600);

/// Draws the learning curves of `runs` as an SVG document.
///
/// # Errors
/// When the drawing library fails.
pub fn learning_curves(runs: &[Run]) -> Result<String, Box<dyn Error>> {
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let seen = runs.iter().flat_map(|run| &run.outcome.curve).map(|point| point.examples).max().unwrap_or(0).max(1);
    let lowest = floor(runs, seen);
    let mut chart = ChartBuilder::on(&area)
        .caption("Training accuracy", ("sans-serif", 24))
        .margin(16)
        .margin_right(32)
        .x_label_area_size(48)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..seen as f64, lowest..100.0)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.12))
        .x_desc("examples seen")
        .y_desc("accuracy on training examples, %")
        .x_labels(8)
        .x_label_formatter(&|x| thousands(*x as u64))
        .y_label_formatter(&|y| format!("{y:.1}"))
        .axis_desc_style(("sans-serif", 16))
        .label_style(("sans-serif", 14))
        .draw()?;
    for run in runs {
        let line = style(run.algorithm);
        let name = run.algorithm.name();
        let label = if run.outcome.diverged { format!("{name} (diverged)") } else { name.to_owned() };
        chart
            .draw_series(LineSeries::new(visible(&run.outcome.curve, lowest), line))?
            .label(label)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 28, y)], line));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .margin(16)
        .legend_area_size(36)
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.3))
        .label_font(("sans-serif", 15))
        .draw()?;
    area.present()?;
    drop(chart);
    drop(area);
    Ok(svg)
}

/// Okabe and Ito's colours, which colour-blind readers tell apart, without the yellow that white drowns; the variants with
/// Nesterov's gradient, which run close to their siblings, lie as thin lines on thick ones.
fn style(algorithm: Algorithm) -> ShapeStyle {
    let (colour, width) = match algorithm {
        Algorithm::Sgd => (RGBColor(0, 0, 0), 2),
        Algorithm::Momentum => (RGBColor(86, 180, 233), 5),
        Algorithm::Nesterov => (RGBColor(0, 114, 178), 2),
        Algorithm::Adagrad => (RGBColor(204, 121, 167), 2),
        Algorithm::RmsProp => (RGBColor(230, 159, 0), 5),
        Algorithm::RmsPropNesterov => (RGBColor(213, 94, 0), 2),
        Algorithm::Adam => (RGBColor(0, 158, 115), 2),
    };
    colour.stroke_width(width)
}

/// The lower end of the axis, in per cent: what the slowest curve reaches in the first tenth of the run, rounded down
/// to a multiple of 5. Below it, curves rise too steeply to be compared.
fn floor(runs: &[Run], seen: u64) -> f64 {
    let early = |run: &Run| {
        let mut points = run.outcome.curve.iter();
        points.find(|point| point.examples >= seen / 10).map(|point| 100.0 * point.training_accuracy)
    };
    let slowest = runs.iter().filter_map(early).fold(95.0, f64::min);
    (slowest / 5.0).floor() * 5.0
}

/// The part of a curve that lies above `lowest` from then on, in per cent, led in from the axis.
fn visible(curve: &[Point], lowest: f64) -> impl Iterator<Item = (f64, f64)> {
    let at = |point: &Point| (point.examples as f64, 100.0 * point.training_accuracy);
    let hidden = curve.iter().take_while(|point| at(point).1 < lowest).count();
    let entry = hidden.checked_sub(1).zip(curve.get(hidden)).map(|(before, after)| {
        let ((x0, y0), (x1, y1)) = (at(&curve[before]), at(after));
        (x0 + (x1 - x0) * (lowest - y0) / (y1 - y0), lowest)
    });
    let rest = curve[hidden..].iter().map(move |point| (at(point).0, at(point).1.max(lowest)));
    entry.into_iter().chain(rest)
}

/// A count with a space between thousands.
fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join("\u{202f}")
}
