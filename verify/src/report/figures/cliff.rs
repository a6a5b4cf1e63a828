//! A cliff (the lecture's figure 8.3), and what clipping does there.

mod unit;

use self::unit::{Parameters, STEPS, exact_loss, loss_and_gradient};
use super::Settings;
use super::significant::significant;
use crate::report::figure::{Axis, Cell, Contours, Figure, Plot, Series, Table};
use lanegrad::{Backend, Error, LearningRate, Method, Rule, State, clip};
use std::collections::BTreeMap;

/// w and b at the start, found by a search: descent from here is smooth, until a step ends on the cliff. A test shows that this does not
/// hang on rounding.
const START: Parameters = [4.8, -1.62];
const LEARNING_RATE: f64 = 0.6;
/// The norm that clipping allows: no gradient before the cliff is as long, so both paths are the same until there.
const LIMIT: f32 = 0.2;
const UPDATES: usize = 200;
/// What the plot shows of w and b.
const W: [f64; 2] = [3.8, 4.9];
const B: [f64; 2] = [-2.4, -1.5];

/// A point of a path, and what happened there.
struct Place {
    at: Parameters,
    loss: f64,
    /// The gradient's norm before clipping.
    norm: f64,
    /// How far the next point is.
    step: f64,
}

struct Path {
    places: Vec<Place>,
    /// The number of the place where the gradient is largest.
    cliff: usize,
}

impl Path {
    /// Gradient descent, with or without clipping.
    fn new(backend: &mut Backend, start: Parameters, limit: Option<f32>) -> Result<Self, Error> {
        let rule = Rule::new(Method::Sgd, LearningRate::Constant(LEARNING_RATE))?;
        let (mut state, mut theta) = (State::new(rule.method(), start.len())?, start);
        let mut places = Vec::with_capacity(UPDATES);
        for number in 1..=UPDATES as u64 {
            let (at, (loss, mut gradient)) = (theta, loss_and_gradient(backend, theta)?);
            let norm = match limit {
                Some(limit) => clip::by_global_norm(backend, &mut [&mut gradient], limit)?,
                None => clip::global_norm(backend, &[&gradient]),
            };
            state.update(backend, &rule, number, &mut theta, &gradient)?;
            places.push(Place { at, loss, norm, step: distance(at, theta) });
        }
        let cliff = (0..UPDATES).max_by(|&a, &b| places[a].norm.total_cmp(&places[b].norm)).unwrap_or_default();
        Ok(Self { places, cliff })
    }

    /// The longest step before that from the cliff.
    fn longest_before(&self) -> f64 {
        self.places[..self.cliff].iter().map(|place| place.step).fold(0.0, f64::max)
    }

    fn loss_before(&self) -> f64 {
        self.places[self.cliff.saturating_sub(1)].loss
    }

    fn last(&self) -> &Place {
        &self.places[UPDATES - 1]
    }

    fn longest(&self) -> f64 {
        self.places.iter().map(|place| place.step).fold(0.0, f64::max)
    }

    /// A number of each place against its number.
    fn history(&self, of: fn(&Place) -> f64) -> Vec<[f64; 2]> {
        self.places.iter().enumerate().map(|(number, place)| [number as f64, of(place)]).collect()
    }
}

fn distance(from: Parameters, to: Parameters) -> f64 {
    (f64::from(to[0]) - f64::from(from[0])).hypot(f64::from(to[1]) - f64::from(from[1]))
}

/// From the same start with the same step size.
struct Paths {
    free: Path,
    clipped: Path,
}

impl Paths {
    fn series(&self, points: fn(&Path) -> Vec<[f64; 2]>) -> Vec<Series> {
        let line = |label: String, index, path| {
            let nothing = format!("{label}: 0");
            Series::line(label, index, points(path)).with_zeros_marked(nothing)
        };
        vec![
            line("without clipping".to_owned(), 0, &self.free),
            line(format!("clipped to norm {}", significant(LIMIT.into())), 1, &self.clipped),
        ]
    }
}

/// The figure.
pub(super) fn figure(settings: &Settings, backend: &mut Backend) -> Result<Figure, Error> {
    let paths = Paths { free: Path::new(backend, START, None)?, clipped: Path::new(backend, START, Some(LIMIT))? };
    let told = told(&paths);
    Ok(Figure {
        id: "cliff",
        title: "A cliff: gradients that explode, and clipping".to_owned(),
        text: vec![
            format!(
                "A recurrent net of one unit, x_t = w·σ(x_(t−1)) + b with x_0 = 0.5, is to reach σ(x_{STEPS}) = 0.7; the loss is the squared \
                 difference. The same w and b act {STEPS} times, and where a small change of x grows from step to step their gradient grows \
                 exponentially: the surface has a cliff. On its left the unit settles near σ = 0, on its right \
                 near σ = 1, and the valley with σ = 0.7 runs along its foot."
            ),
            format!(
                "Both runs are gradient descent from w = {}, b = {} with η = {}. Forward, gradients and updates are the library's: a step of \
                 the unit is a dense layer with one input and one unit, and the gradients of its {STEPS} uses are added up. One run clips the gradient \
                 to a norm of {}. Only the surface is computed in f64.",
                significant(START[0].into()),
                significant(START[1].into()),
                significant(LEARNING_RATE),
                significant(LIMIT.into()),
            ),
            told.clone(),
        ],
        source: "Pascanu, Mikolov & Bengio 2013, On the difficulty of training recurrent neural networks, figure 6; Goodfellow, Bengio & \
                 Courville 2016, Deep Learning, sections 8.2.4 and 10.11.1",
        plots: vec![surface(&paths, settings, told), losses(&paths), steps(&paths)],
        tables: vec![table(&paths)],
        facts: facts(&paths),
    })
}

/// What happened, in a sentence.
fn told(Paths { free, clipped }: &Paths) -> String {
    format!(
        "Without clipping, the longest of the first {} steps is {} long; step {} starts on the cliff, is {} long, {} times as much, and ends at w = {}, b = {}, \
         where the loss is {} and hardly has a slope; with clipping no step is longer than {}, and after {UPDATES} steps the loss is {}, below the {} before \
         the cliff.",
        free.cliff,
        significant(free.longest_before()),
        free.cliff + 1,
        significant(free.places[free.cliff].step),
        significant(free.places[free.cliff].step / free.longest_before()),
        significant(free.last().at[0].into()),
        significant(free.last().at[1].into()),
        significant(free.last().loss),
        significant(clipped.longest()),
        significant(clipped.last().loss),
        significant(clipped.loss_before()),
    )
}

fn surface(paths: &Paths, settings: &Settings, description: String) -> Plot {
    let levels = vec![0.001, 0.005, 0.02, 0.04, 0.06, 0.08, 0.15, 0.25, 0.35, 0.45];
    let contours = Contours::of(W, B, if settings.quick { 41 } else { 161 }, levels, exact_loss);
    let Path { places, cliff } = &paths.free;
    let mut series = paths.series(|path| path.places.iter().map(|place| place.at.map(f64::from)).collect());
    // Up to the cliff the paths are one: these are the steps of both.
    series[0].style.markers = true;
    Plot {
        description,
        contours: Some(contours),
        series,
        arrows: places.get(cliff + 1).map(|next| leaving(places[*cliff].at, next.at)).into_iter().collect(),
        arrows_label: Some(format!("a step of length {} out of the plot", significant(places[*cliff].step))),
        ..Plot::new(
            "cliff-surface",
            "The paths over lines of equal loss",
            Axis::linear("w").with_range(W),
            Axis::linear("b").with_range(B),
        )
    }
}

/// An arrow along a step, no longer than the plot shows.
fn leaving(from: Parameters, to: Parameters) -> [[f64; 2]; 2] {
    let (from, to) = (from.map(f64::from), to.map(f64::from));
    let part = (0..2).map(|axis| {
        let ([low, high], way) = ([W, B][axis], to[axis] - from[axis]);
        let room = if way > 0.0 { high - from[axis] } else { from[axis] - low };
        room / way.abs()
    });
    let part = part.fold(1.0, f64::min);
    [from, [0, 1].map(|axis| from[axis] + part * (to[axis] - from[axis]))]
}

fn losses(paths: &Paths) -> Plot {
    let Paths { free, clipped } = paths;
    Plot {
        description: format!(
            "Without clipping the loss jumps from {} before the cliff to {} and stays there; with clipping it swings, as the path meets the foot of the cliff \
             again and again, and comes down to {}.",
            significant(free.loss_before()),
            significant(free.last().loss),
            significant(clipped.last().loss),
        ),
        series: paths.series(|path| path.history(|place| place.loss)),
        ..Plot::new("cliff-loss", "Loss", Axis::linear("steps"), Axis::logarithmic("loss (σ(x₅₀) − 0.7)²"))
    }
}

fn steps(paths: &Paths) -> Plot {
    let Paths { free, clipped } = paths;
    Plot {
        description: format!(
            "The longest step without clipping is {} long, the longest with clipping {}.",
            significant(free.longest()),
            significant(clipped.longest()),
        ),
        series: paths.series(|path| path.history(|place| place.step)),
        ..Plot::new(
            "cliff-steps",
            "Length of the steps",
            Axis::linear("steps"),
            Axis::logarithmic("length of the step in (w, b)"),
        )
    }
}

fn table(Paths { free, clipped }: &Paths) -> Table {
    let columns = [
        "",
        "longest step before the cliff",
        "gradient's norm on the cliff",
        "step from the cliff",
        "loss before the cliff",
        "last loss",
    ];
    let row = |name: &str, path: &Path| {
        let Place { norm, step, .. } = path.places[path.cliff];
        let numbers = [path.longest_before(), norm, step, path.loss_before(), path.last().loss];
        std::iter::once(Cell::Text(name.to_owned())).chain(numbers.map(Cell::Number)).collect()
    };
    Table {
        caption: "On the cliff".to_owned(),
        columns: columns.map(str::to_owned).to_vec(),
        rows: vec![row("without clipping", free), row("clipped", clipped)],
    }
}

fn facts(Paths { free, clipped }: &Paths) -> BTreeMap<String, f64> {
    let mut facts = BTreeMap::from([
        ("learning_rate".to_owned(), LEARNING_RATE),
        ("limit".to_owned(), LIMIT.into()),
        ("updates".to_owned(), UPDATES as f64),
    ]);
    for (name, path) in [("unclipped", free), ("clipped", clipped)] {
        for (what, number) in [
            ("steps_before_cliff", path.cliff as f64),
            ("longest_step_before_cliff", path.longest_before()),
            ("cliff_gradient_norm", path.places[path.cliff].norm),
            ("cliff_step", path.places[path.cliff].step),
            ("loss_before_cliff", path.loss_before()),
            ("last_loss", path.last().loss),
            ("last_w", path.last().at[0].into()),
            ("last_b", path.last().at[1].into()),
        ] {
            facts.insert(format!("{name}.{what}"), number);
        }
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;
    use lanegrad::Isa;

    #[test]
    fn it_does_not_hang_on_rounding() {
        for isa in Isa::available() {
            let mut backend = Backend::with_isa(isa);
            for direction in 0..8 {
                let (sin, cos) = (std::f32::consts::FRAC_PI_4 * direction as f32).sin_cos();
                let start = [START[0] + 4e-4 * cos, START[1] + 4e-4 * sin];
                let free = Path::new(&mut backend, start, None).unwrap();
                let ratio = free.places[free.cliff].step / free.longest_before();
                assert!(free.cliff == 17 && ratio > 100.0, "{isa}, {start:?}: {ratio} at step {}", free.cliff);
            }
        }
    }
}
