//! A long narrow valley (the lecture's figure 8.5), and each optimizer's way along it.

mod quadratic;
mod search;

use self::quadratic::{Point, Quadratic, distance};
use self::search::{DECADES, Grid, MOMENTA, Run, TARGET};
use super::Settings;
use super::significant::significant;
use crate::report::figure::{Axis, Cell, Contours, Figure, Plot, Series, Style, Table};
use crate::training::Algorithm;
use lanegrad::{Backend, Error, Method};
use std::collections::BTreeMap;

/// What the plots show of the plane: the start on the left, the minimum, and some way beyond it.
const X: [f64; 2] = [-1.1, 0.3];
const Y: [f64; 2] = [-0.85, 0.55];
/// Points of a line in the plot of distances.
const POINTS: usize = 250;

/// An optimizer's fastest run.
struct Entry {
    algorithm: Algorithm,
    style: Style,
    run: Run,
}

/// The figure. Every method of [`Algorithm::ALL`] is in it.
pub(super) fn figure(settings: &Settings, backend: &mut Backend) -> Result<Figure, Error> {
    settings.check()?;
    let valley = Quadratic::new(settings.condition);
    // Gradient descent needs (κ + 1)/2·ln(1000) steps at best, less than 4κ.
    let most_steps = (6.0 * settings.condition).max(4000.0) as usize;
    let grid = Grid { per_decade: if settings.quick { 10 } else { 20 }, most_steps };
    let mut entries = Vec::new();
    for (index, &algorithm) in Algorithm::ALL.iter().enumerate() {
        let run = grid.fastest(&valley, backend, algorithm.method())?;
        entries.push(Entry { algorithm, style: Style { index, markers: false }, run });
    }
    let arrows = match (of(&entries, Algorithm::Sgd), of(&entries, Algorithm::Momentum)) {
        (Some(descent), Some(momentum)) => arrows(&valley, backend, &descent.run, &momentum.run)?,
        _ => Vec::new(),
    };
    Ok(Figure {
        id: "valley",
        title: "A narrow valley: momentum and the other optimizers".to_owned(),
        text: text(settings, &grid, &entries),
        source: "Goodfellow, Bengio & Courville 2016, Deep Learning, section 8.3 and figure 8.5; for quadratics Polyak 1964",
        plots: vec![
            classical(&valley, &entries, arrows, settings),
            paths(&valley, &entries, settings),
            distances(&entries, settings),
        ],
        tables: vec![table(&entries)],
        facts: facts(settings, &entries),
    })
}

fn of(entries: &[Entry], algorithm: Algorithm) -> Option<&Entry> {
    entries.iter().find(|entry| entry.algorithm == algorithm)
}

impl Entry {
    fn method(&self) -> Method {
        self.run.rule.method()
    }

    fn learning_rate(&self) -> f64 {
        self.run.rule.learning_rate().at(1)
    }

    /// The name with what the grid has chosen.
    fn label(&self) -> String {
        let alpha = self.run.momentum.map(|alpha| format!(", α = {}", significant(alpha)));
        format!("{}, η = {}{}", self.method().name(), significant(self.learning_rate()), alpha.unwrap_or_default())
    }

    fn series(&self, points: Vec<[f64; 2]>) -> Series {
        Series { style: self.style, ..Series::line(self.label(), self.style.index, points) }
    }

    fn path(&self) -> Series {
        self.series(self.run.path.iter().copied().map(wide).collect())
    }

    fn final_distance(&self) -> f64 {
        self.run.path.last().map_or(1.0, |&theta| relative(theta))
    }
}

fn wide(theta: Point) -> [f64; 2] {
    theta.map(f64::from)
}

/// The distance to the minimum as a share of that at the start.
fn relative(theta: Point) -> f64 {
    distance(theta) / distance(Quadratic::start())
}

/// At each point of momentum's way the step that gradient descent would take there.
fn arrows(
    valley: &Quadratic,
    backend: &mut Backend,
    descent: &Run,
    momentum: &Run,
) -> Result<Vec<[[f64; 2]; 2]>, Error> {
    let mut arrows = Vec::new();
    for &from in &momentum.path {
        let mut to = from;
        valley.descend(backend, &descent.rule, from, |theta| {
            to = theta;
            false
        })?;
        arrows.push([wide(from), wide(to)]);
    }
    Ok(arrows)
}

/// Level lines, each at four times the loss of the one inside it, one of them through the start.
fn contours(valley: &Quadratic, settings: &Settings) -> Contours {
    let through_start = valley.value(wide(Quadratic::start()));
    let levels = (-3..=3).map(|power| through_start * 4_f64.powi(power)).collect();
    Contours::of(X, Y, if settings.quick { 41 } else { 101 }, levels, |point| valley.value(point))
}

fn plane(id: &'static str, title: &str, valley: &Quadratic, settings: &Settings) -> Plot {
    let axis = |label: &str, range| Axis::linear(label).with_range(range);
    let contours = Some(contours(valley, settings));
    Plot { contours, ..Plot::new(id, title, axis("θ₁", X), axis("θ₂", Y)) }
}

fn classical(valley: &Quadratic, entries: &[Entry], arrows: Vec<[[f64; 2]; 2]>, settings: &Settings) -> Plot {
    let both: Vec<&Entry> =
        [Algorithm::Sgd, Algorithm::Momentum].into_iter().filter_map(|algorithm| of(entries, algorithm)).collect();
    let mut series: Vec<Series> = both.iter().map(|entry| entry.path()).collect();
    // At each of its points there is an arrow.
    series.iter_mut().skip(1).for_each(|momentum| momentum.style.markers = true);
    let counts: Vec<String> = both.into_iter().map(count).collect();
    Plot {
        description: format!(
            "Gradient descent jumps across the valley until it is on the floor, and then creeps along it. Momentum swings across and moves along the \
             floor to the minimum at 0 meanwhile; the arrows, the steps of gradient descent from the same points, point across and hardly along. \
             Steps: {}.",
            counts.join(", ")
        ),
        series,
        arrows,
        arrows_label: Some("gradient descent's step from momentum's points".to_owned()),
        ..plane("valley-momentum", "Gradient descent and momentum", valley, settings)
    }
}

fn paths(valley: &Quadratic, entries: &[Entry], settings: &Settings) -> Plot {
    let arrived = entries.iter().filter(|entry| entry.run.steps.is_some()).count();
    Plot {
        description: format!(
            "The paths of {} optimizers from the same start, each with its fastest step size; {arrived} of them come within {} of the \
             starting distance of the minimum at 0.",
            entries.len(),
            significant(TARGET),
        ),
        series: entries.iter().map(Entry::path).collect(),
        ..plane("valley-paths", "All optimizers", valley, settings)
    }
}

fn distances(entries: &[Entry], settings: &Settings) -> Plot {
    let series = entries.iter().map(|entry| {
        let path = &entry.run.path;
        let every = path.len().div_ceil(POINTS);
        let last = path.len() - 1;
        let shown = path.iter().enumerate().skip(1).filter(|(step, _)| step % every == 1 % every || *step == last);
        let series = entry.series(shown.map(|(step, &theta)| [step as f64, relative(theta)]).collect());
        series.with_zeros_marked(format!("{}: at the minimum", entry.method().name()))
    });
    let counts: Vec<String> = entries.iter().map(count).collect();
    Plot {
        description: format!(
            "Steps to {} of the starting distance at κ = {}: {}.",
            significant(TARGET),
            significant(settings.condition),
            counts.join(", ")
        ),
        series: series.collect(),
        ..Plot::new(
            "valley-distance",
            "Distance to the minimum",
            Axis::logarithmic("steps"),
            Axis::logarithmic("distance to the minimum ÷ distance at the start"),
        )
    }
}

fn count(entry: &Entry) -> String {
    let name = entry.method().name();
    entry.run.steps.map_or_else(|| format!("{name} does not arrive"), |steps| format!("{name} {steps}"))
}

fn text(settings: &Settings, grid: &Grid, entries: &[Entry]) -> Vec<String> {
    let kappa = significant(settings.condition);
    let momenta: Vec<String> = MOMENTA.map(significant).to_vec();
    let mut text = vec![
        format!(
            "The loss is L(θ) = ½ θᵀHθ with two parameters. H has the eigenvalues 1 and κ = {kappa}: the loss is a valley whose sides are \
             κ times as steep as its floor. The floor lies at 30° to the axes, so that optimizers with a step size for each parameter get \
             no help from them. The gradient Hθ is a product of the library's, exact but for rounding; what the literature calls stochastic \
             gradient descent (SGD) is plain gradient descent here."
        ),
        format!(
            "Every optimizer starts at the same point and uses the constants of its preset, but for its step size η and, where it has one, its momentum α. \
             Those are the fastest of a grid: η from {} to {}, {} to a decade, and α among {}. The fastest run needs the fewest \
             steps until its distance to the minimum is {} of that at the start, and stays below that for as many steps again.",
            significant(10_f64.powi(DECADES.0)),
            significant(10_f64.powi(DECADES.1)),
            grid.per_decade,
            momenta.join(", "),
            significant(TARGET),
        ),
    ];
    let steps = |algorithm| of(entries, algorithm).and_then(|entry| Some((entry, entry.run.steps?)));
    if let (Some((_, descent)), Some((entry, momentum))) = (steps(Algorithm::Sgd), steps(Algorithm::Momentum)) {
        text.push(format!(
            "Gradient descent needs {descent} steps: a step size above 2/κ = {} would throw it out of the valley, and below that it moves slowly \
             along the floor. Momentum needs {momentum}, {} times fewer, with η = {} and α = {}: across the valley its steps cancel, \
             along the floor they add up. Theory gives about κ/2·ln(1/ε) steps for the one and √κ/2·ln(1/ε) for the other.",
            significant(2.0 / settings.condition),
            significant(descent as f64 / momentum as f64),
            significant(entry.learning_rate()),
            significant(entry.run.momentum.unwrap_or_default()),
        ));
    }
    let all: Vec<String> = entries.iter().map(count).collect();
    text.push(format!(
        "Steps of all: {}. A rule that divides by an average of the gradient's size over few steps, as RMSprop does over about ten, takes steps of about η \
         however near the minimum it is: it settles only if η is small, and a small η is slow.",
        all.join(", ")
    ));
    text
}

fn table(entries: &[Entry]) -> Table {
    let rows = entries.iter().map(|entry| {
        vec![
            Cell::Text(entry.method().name().to_owned()),
            Cell::Number(entry.learning_rate()),
            entry.run.momentum.map_or(Cell::Text("–".to_owned()), Cell::Number),
            entry.run.steps.map_or(Cell::Text("not reached".to_owned()), |steps| Cell::Number(steps as f64)),
            Cell::Number(entry.final_distance()),
        ]
    });
    let columns = ["optimizer", "step size η", "momentum α", "steps to the target", "last distance ÷ first"];
    Table {
        caption: format!("Steps to {} of the starting distance, each optimizer at its fastest", significant(TARGET)),
        columns: columns.map(str::to_owned).to_vec(),
        rows: rows.collect(),
    }
}

fn facts(settings: &Settings, entries: &[Entry]) -> BTreeMap<String, f64> {
    let mut facts = BTreeMap::from([("condition".to_owned(), settings.condition), ("target".to_owned(), TARGET)]);
    for entry in entries {
        let name = entry.algorithm.name();
        facts.insert(format!("{name}.learning_rate"), entry.learning_rate());
        facts.insert(format!("{name}.distance"), entry.final_distance());
        facts.extend(entry.run.momentum.map(|alpha| (format!("{name}.momentum"), alpha)));
        facts.extend(entry.run.steps.map(|steps| (format!("{name}.steps"), steps as f64)));
    }
    facts
}
