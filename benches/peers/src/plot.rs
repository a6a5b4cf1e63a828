//! Ours ÷ the best peer's, a dot a cell.

use crate::Error;
use plotters::prelude::*;

const WIDTH: u32 = 960;
const LINE: u32 = 18;

/// Draws ratios and their names as an SVG document, a line each, on a logarithmic axis.
pub(crate) fn ratios(dots: &[(String, f64)]) -> Result<String, Error> {
    // Twice as fast lies as far from the middle as half as fast.
    let (lowest, highest) = dots
        .iter()
        .fold((-0.3_f64, 0.3_f64), |(low, high), (_, ratio)| (low.min(ratio.log2()), high.max(ratio.log2())));
    let mut svg = String::new();
    let size = (WIDTH, LINE * dots.len() as u32 + 120);
    let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
    area.fill(&WHITE)?;
    let label = |line: &i32| {
        let index = usize::try_from(-*line).unwrap_or(usize::MAX);
        dots.get(index).map_or(String::new(), |(name, _)| name.clone())
    };
    let mut chart = ChartBuilder::on(&area)
        .caption("How many times as fast as the best peer", ("sans-serif", 22))
        .margin(16)
        .x_label_area_size(40)
        .y_label_area_size(320)
        .build_cartesian_2d(lowest - 0.1..highest + 0.1, -(dots.len() as i32)..1)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.12))
        .y_labels(dots.len() + 2)
        .y_label_formatter(&label)
        .x_labels(8)
        .x_label_formatter(&|power| format!("{:.2}", power.exp2()))
        .label_style(("sans-serif", 13))
        .draw()?;
    chart.draw_series([PathElement::new([(0.0, -(dots.len() as i32)), (0.0, 1)], BLACK)])?;
    // Okabe and Ito's blue and vermilion, which colour-blind readers tell apart.
    let (ahead, behind) = (RGBColor(0, 114, 178), RGBColor(213, 94, 0));
    chart.draw_series(dots.iter().enumerate().map(|(line, (_, ratio))| {
        let colour = if *ratio >= 1.0 { ahead } else { behind };
        Circle::new((ratio.log2(), -(line as i32)), 5, colour.filled())
    }))?;
    area.present()?;
    drop(chart);
    drop(area);
    Ok(svg)
}
