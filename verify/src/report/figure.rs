//! A figure as numbers: what is drawn, what it shows, and every number that it shows.

use serde::Serialize;
use std::collections::BTreeMap;

/// A figure, with all that the page says about it.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// Names the figure in links and in the JSON document: lower-case words with hyphens.
    pub id: &'static str,
    /// A heading.
    pub title: String,
    /// Paragraphs: what was computed and how, with the settings, and what came out, with the measured numbers.
    pub text: Vec<String>,
    /// Where the idea comes from: a paper or a textbook.
    pub source: &'static str,
    /// The plots, side by side where there is room.
    pub plots: Vec<Plot>,
    /// Tables beside the plots' own numbers.
    pub tables: Vec<Table>,
    /// Numbers by name, for tests and for other programs: `momentum.steps`, for instance.
    pub facts: BTreeMap<String, f64>,
}

/// One pair of axes and what is drawn in it.
#[derive(Clone, Debug, Serialize)]
pub struct Plot {
    /// Unique in its figure; as [`Figure::id`].
    pub id: &'static str,
    /// A short title.
    pub title: String,
    /// The result in one or two sentences, for those who do not see the picture.
    pub description: String,
    /// Horizontal.
    pub x: Axis,
    /// Vertical.
    pub y: Axis,
    /// Below everything else.
    pub contours: Option<Contours>,
    /// Lines, and points with markers.
    pub series: Vec<Series>,
    /// Each from (x, y) to (x, y).
    pub arrows: Vec<[[f64; 2]; 2]>,
    /// What the arrows are, for the legend.
    pub arrows_label: Option<String>,
}

/// An axis.
#[derive(Clone, Debug, Serialize)]
pub struct Axis {
    /// What it shows, with the unit.
    pub label: String,
    /// How numbers become lengths.
    pub scale: Scale,
    /// From and to; `None`: what the series need.
    pub range: Option<[f64; 2]>,
}

impl Plot {
    /// Empty axes.
    pub fn new(id: &'static str, title: impl Into<String>, x: Axis, y: Axis) -> Self {
        Self {
            id,
            title: title.into(),
            description: String::new(),
            x,
            y,
            contours: None,
            series: Vec::new(),
            arrows: Vec::new(),
            arrows_label: None,
        }
    }
}

impl Axis {
    /// A linear axis, from and to what the series need.
    pub fn linear(label: impl Into<String>) -> Self {
        Self { label: label.into(), scale: Scale::Linear, range: None }
    }

    /// A logarithmic axis, from and to what the series need.
    pub fn logarithmic(label: impl Into<String>) -> Self {
        Self { scale: Scale::Logarithmic, ..Self::linear(label) }
    }

    /// The axis from and to these numbers.
    pub fn with_range(self, range: [f64; 2]) -> Self {
        Self { range: Some(range), ..self }
    }
}

impl Contours {
    /// The level lines of a function over a rectangle, from as many values in each direction. They have five digits, which is more than a
    /// line shows, and keeps the document short.
    pub fn of(x: [f64; 2], y: [f64; 2], side: usize, levels: Vec<f64>, f: impl Fn([f64; 2]) -> f64) -> Self {
        let at = |[from, to]: [f64; 2], index: usize| from + (to - from) * index as f64 / (side - 1) as f64;
        let short = |value: f64| format!("{value:.4e}").parse().unwrap_or(value);
        let values = (0..side * side).map(|index| short(f([at(x, index % side), at(y, index / side)])));
        Self { x, y, columns: side, values: values.collect(), levels }
    }
}

impl Series {
    /// A line without markers, in the style at that position of the list.
    pub fn line(label: impl Into<String>, index: usize, points: Vec<[f64; 2]>) -> Self {
        let style = Style { index, markers: false };
        Self { label: label.into(), points, style, marked: Vec::new(), marked_label: None }
    }

    /// Marks the points that a logarithmic axis cannot show, whose y is 0, and says what they are.
    pub fn with_zeros_marked(mut self, label: impl Into<String>) -> Self {
        self.marked = self.points.extract_if(.., |[_, y]| *y == 0.0).collect();
        self.marked_label = (!self.marked.is_empty()).then(|| label.into());
        self
    }
}

/// How numbers become lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// A number is a length.
    Linear,
    /// Its logarithm is. Numbers that are not positive are not drawn.
    Logarithmic,
}

/// A line.
#[derive(Clone, Debug, Serialize)]
pub struct Series {
    /// In the legend, with its settings.
    pub label: String,
    /// x and y, in order. A number that is not finite, or outside the axes, ends the line there.
    pub points: Vec<[f64; 2]>,
    /// How it is drawn.
    pub style: Style,
    /// Points that are marked, such as a norm that has underflowed to 0, with one marker each at the edge of the plot.
    pub marked: Vec<[f64; 2]>,
    /// What the marks mean.
    pub marked_label: Option<String>,
}

/// How a line is drawn: colour, dashes and markers follow from a position in a list of styles that colour-blind readers can tell apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Style {
    /// Position in the list; the same thing has the same position in every plot.
    pub index: usize,
    /// Whether each point has a marker.
    pub markers: bool,
}

/// Values over a rectangle, whose level lines are drawn.
#[derive(Clone, Debug, Serialize)]
pub struct Contours {
    /// From and to, of the columns.
    pub x: [f64; 2],
    /// From and to, of the rows.
    pub y: [f64; 2],
    /// Values in a row; the first one lies at `x[0]`, the last one at `x[1]`.
    pub columns: usize,
    /// Row by row, the first row at `y[0]`.
    pub values: Vec<f64>,
    /// The values at which lines are drawn, rising.
    pub levels: Vec<f64>,
}

/// A table.
#[derive(Clone, Debug, Serialize)]
pub struct Table {
    /// What it shows.
    pub caption: String,
    /// The heading of each column, with the unit.
    pub columns: Vec<String>,
    /// Each with as many cells as there are columns.
    pub rows: Vec<Vec<Cell>>,
}

/// A cell of a table.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Cell {
    /// Shown with enough digits to tell numbers apart, `null` in the document if it is not finite.
    Number(f64),
    /// Words.
    Text(String),
}
