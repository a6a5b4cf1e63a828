//! A plot as SVG: plotters draws it, and a style sheet, the same for every plot, gives it colours and dashes.

mod axis;
mod canvas;
mod clip;
mod contour;
mod legend;
mod mark;
mod paint;

pub use self::canvas::Error;
pub use self::legend::{Entry, legend};
pub use self::paint::style_sheet;

use self::canvas::{Area, TEXT, UNIT, units};
use self::mark::Place;
use self::paint::Paint;
use super::figure::Plot;
use plotters::prelude::*;

/// Width and height of a plot, without a caption and a legend.
const SIZE: [u32; 2] = [520, 360];
const CAPTION: u32 = 18;
/// Height of a line of text above a plot or below it, in a file of its own.
const ROW: u32 = 24;

/// The plot as an element of a page that has the [style sheet](style_sheet), the [legend] and the title beside it. `prefix` makes its
/// ids unique in the page.
///
/// # Errors
/// When the drawing library fails.
pub fn inline(plot: &Plot, prefix: &str) -> Result<String, Error> {
    let [title, description] = ["title", "description"].map(|part| format!("{prefix}-{}-{part}", plot.id));
    let labels = [
        format!("<title id=\"{title}\">{}</title>", escape(&plot.title)),
        format!("<desc id=\"{description}\">{}</desc>", escape(&plot.description)),
    ];
    let attributes = format!("role=\"img\" aria-labelledby=\"{title} {description}\"");
    canvas::draw(SIZE, &attributes, &labels.concat(), |area| draw(plot, area))
}

/// The plot as a file of its own, with title, legend and style sheet.
///
/// # Errors
/// When the drawing library fails.
pub fn stand_alone(plot: &Plot) -> Result<String, Error> {
    let size = [SIZE[0], ROW + SIZE[1] + legend::height(plot, SIZE[0]) + ROW / 2];
    let [width, height] = size;
    let attributes = format!("role=\"img\" xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\"");
    let labels = [
        format!("\n<title>{}</title>\n<desc>{}</desc>", escape(&plot.title), escape(&plot.description)),
        format!("\n<style>\n{}</style>\n", style_sheet()),
    ];
    canvas::draw(size, &attributes, &labels.concat(), |area| {
        area.fill(&Paint::Ground.colour())?;
        let (caption, rest) = area.split_vertically(units(ROW));
        mark::caption(&caption, &plot.title, (units(width) / 2, units(ROW) / 2), CAPTION)?;
        let (plotting, below) = rest.split_vertically(units(SIZE[1]));
        draw(plot, &plotting)?;
        legend::draw(plot, width, &below)
    })
}

fn draw(plot: &Plot, area: &Area<'_>) -> Result<(), Error> {
    let axes = axis::of(plot);
    let [x, y] = axes.clone();
    let [beside_x, beside_y] = [&x, &y].map(|axis| canvas::width_of(axis.longest_label()));
    let mut chart = ChartBuilder::on(area)
        .margin_top(units(ROW + 6))
        .margin_right(units(4 + beside_x / 2))
        .x_label_area_size(units(46))
        .y_label_area_size(units(beside_y + 12))
        .build_cartesian_2d(x, y)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(mark::stroke(Paint::Grid, 1.0))
        .axis_style(mark::stroke(Paint::Text, 1.0))
        .set_all_tick_mark_size(units(4))
        .x_desc(&plot.x.label)
        .axis_desc_style(canvas::font(TEXT))
        .label_style(canvas::font(TEXT))
        .draw()?;
    // Above its axis, a long label has room and is read without turning one's head.
    mark::label(area, &plot.y.label, (units(8), units(9)), TEXT)?;
    let corner = area.get_pixel_range();
    let place = |[x, y]: [f64; 2]| {
        let (x, y) = chart.backend_coord(&(x, y));
        (x - corner.0.start, y - corner.1.start)
    };
    draw_contents(plot, &axes, &place, area)
}

/// What is drawn between the axes, from bottom to top; `place` is that of a position on the axes.
fn draw_contents(
    plot: &Plot,
    [x, y]: &[axis::Axis; 2],
    place: &dyn Fn([f64; 2]) -> Place,
    area: &Area<'_>,
) -> Result<(), Error> {
    let corners = [[x.from, y.from], [x.to, y.to]];
    let position = |point: &[f64; 2]| Some([x.position(point[0])?, y.position(point[1])?]);
    let visible = |points: &[[f64; 2]]| -> Vec<Vec<Place>> {
        let parts = clip::visible(points.iter().map(position), corners);
        parts.into_iter().map(|part| part.into_iter().map(place).collect()).collect()
    };
    let line =
        |points: &[[f64; 2]], style| visible(points).into_iter().try_for_each(|part| mark::path(area, part, style));
    if let Some(contours) = &plot.contours {
        let style = mark::stroke(Paint::Contour, 1.0);
        let lines = contours.levels.iter().flat_map(|&level| contour::lines(contours, level));
        lines.into_iter().try_for_each(|points| line(&points, style))?;
    }
    for series in &plot.series {
        let index = series.style.index;
        line(&series.points, mark::series_line(series.style))?;
        if series.style.markers {
            let mut inside = series.points.iter().filter_map(position).filter(|&point| clip::contains(corners, point));
            inside.try_for_each(|point| mark::marker(area, place(point), index))?;
        }
    }
    for part in plot.arrows.iter().flat_map(|arrow| visible(arrow)) {
        mark::arrow(area, part[0], part[1])?;
    }
    for series in &plot.series {
        let places = series.marked.iter().map(|point| place([x.clamped(point[0]), y.clamped(point[1])]));
        places.scan(None, mark::apart).flatten().try_for_each(|place| mark::cross(area, place, series.style.index))?;
    }
    Ok(())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::figure::{Axis, Contours, Series, Style};

    /// Whatever a plot can have, and numbers that cannot be drawn.
    fn plot() -> Plot {
        let series = (0..40).map(|index| {
            let value = |step| f64::exp(-f64::from(step * (index + 1)) / 8.0);
            let points = (0..30).map(|step| [f64::from(step), value(step)]).chain([[30.0, f64::NAN], [31.0, 0.0]]);
            Series {
                style: Style { index: index as usize, markers: index < 5 },
                marked: vec![[31.0, 0.0], [40.0, f64::INFINITY]],
                marked_label: Some("underflow to 0".into()),
                ..Series::line(format!("method {index} <of many>"), 0, points.collect())
            }
        });
        let values = (0..100).map(|index| f64::from(index % 10 + index / 10)).collect();
        Plot {
            description: "x < y".into(),
            contours: Some(Contours { x: [0.0, 30.0], y: [1e-9, 1.0], columns: 10, values, levels: vec![2.0, 9.5] }),
            series: series.collect(),
            arrows: vec![[[1.0, 1e-3], [5.0, 1e-4]], [[1.0, 0.5], [1e300, 0.5]], [[1.0, 0.5], [1.0, 0.5]]],
            arrows_label: Some("gradient".into()),
            ..Plot::new("everything", "A & B", Axis::linear("step"), Axis::logarithmic("distance to the minimum"))
        }
    }

    #[test]
    fn a_drawing_has_names_for_colours_and_its_texts() {
        let svg = inline(&plot(), "test").unwrap();
        assert!(svg.contains("<title id=\"test-everything-title\">A &amp; B</title>"), "{}", &svg[..500]);
        assert!(svg.contains("aria-labelledby=\"test-everything-title test-everything-description\""));
        for class in ["stroke-contour", "stroke-1 dash-1", "fill-text", "fill-4"] {
            assert!(svg.contains(&format!("class=\"{class}\"")), "{class}");
        }
        assert!(!svg.contains("=\"#") && !svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        assert!(stand_alone(&plot()).unwrap().contains("method 39 &lt;of many&gt;"));
    }

    #[test]
    fn a_plot_may_be_empty() {
        let empty = Plot::new("empty", "Empty", Axis::linear("x"), Axis::logarithmic("y"));
        assert!(inline(&empty, "test").unwrap().ends_with("</svg>\n"));
    }
}
