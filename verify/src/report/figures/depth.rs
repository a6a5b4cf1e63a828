//! Exploding and vanishing gradients of deep nets.

mod measure;

use self::measure::{EVERY, EXAMPLES, LAYERS, Norms};
use super::Settings;
use super::significant::significant;
use crate::report::figure::{Axis, Cell, Figure, Plot, Series, Table};
use crate::training::name::ACTIVATIONS;
use lanegrad::{Backend, Error};
use std::collections::BTreeMap;

/// The weights' variance is this divided by the number of inputs.
struct Scale {
    /// In ids and facts.
    name: &'static str,
    /// In sentences.
    symbol: &'static str,
    value: f32,
    plots: [&'static str; 2],
}

const SCALES: [Scale; 3] = [
    Scale { name: "half", symbol: "½", value: 0.5, plots: ["depth-gradients-half", "depth-jacobian-half"] },
    Scale { name: "one", symbol: "1", value: 1.0, plots: ["depth-gradients-one", "depth-jacobian-one"] },
    Scale { name: "two", symbol: "2", value: 2.0, plots: ["depth-gradients-two", "depth-jacobian-two"] },
];

/// A net, and what was measured.
struct Net {
    /// Of the activation function.
    name: &'static str,
    style: usize,
    norms: Norms,
}

impl Net {
    /// By how many orders of magnitude the gradient shrinks from the last layer to the first, if it does not underflow.
    fn orders_lost(&self) -> Option<f64> {
        let (first, last) = (self.norms.deltas[0], self.norms.deltas[LAYERS - 1]);
        (first > 0.0).then(|| (last / first).log10())
    }

    fn said(&self) -> String {
        match self.orders_lost() {
            None => format!("{} underflows to 0", self.name),
            Some(lost) if lost < 0.0 => format!("{} gains {:.1}", self.name, -lost),
            Some(lost) => format!("{} loses {lost:.1}", self.name),
        }
    }
}

/// The figure: every activation function of the table, with every scale.
pub(super) fn figure(settings: &Settings, backend: &mut Backend) -> Result<Figure, Error> {
    let width = if settings.quick { 32 } else { 64 };
    let (mut plots, mut facts, mut rows, mut said) = (Vec::new(), BTreeMap::new(), Vec::new(), Vec::new());
    for scale in &SCALES {
        let mut nets = Vec::new();
        for (style, &(name, activation)) in ACTIVATIONS.iter().enumerate() {
            nets.push(Net {
                name,
                style,
                norms: Norms::measure(backend, activation, scale.value, width, settings.seed)?,
            });
        }
        plots.extend([gradients(scale, &nets), jacobians(scale, &nets)]);
        nets.iter().for_each(|net| add_facts(scale, net, &mut facts));
        rows.extend(nets.iter().map(|net| row(scale, net)));
        said.push(format!(
            "with variance {}/in, {}",
            scale.symbol,
            nets.iter().map(Net::said).collect::<Vec<_>>().join(", ")
        ));
    }
    Ok(Figure {
        id: "depth",
        title: "Exploding and vanishing gradients".to_owned(),
        text: text(settings, width, &said),
        source: "Glorot & Bengio 2010, Understanding the difficulty of training deep feedforward neural networks; He et al. 2015, Delving deep into \
                 rectifiers; Goodfellow, Bengio & Courville 2016, Deep Learning, section 8.2.5",
        plots,
        tables: vec![table(rows)],
        facts,
    })
}

fn text(settings: &Settings, width: usize, said: &[String]) -> Vec<String> {
    vec![
        format!(
            "Nets of {LAYERS} layers of {width} units, each layer with the same activation function h, are given {EXAMPLES} random examples; inputs and targets are \
             normal numbers, the loss is half the squared error. Weights are drawn from a normal distribution with variance ½/in, 1/in or 2/in, \
             where in = {width} is the number of a unit's inputs (seed {}); biases are 0. No net has been trained.",
            settings.seed
        ),
        format!(
            "Backward multiplies by one Jacobian per layer, f'_l = diag(h'(a_l))·W_l, and so the gradient's norm changes by about the same factor \
             in each. The first plot for each variance shows ‖∂L/∂a_l‖, the root of the sum of squares over units and examples. From layer {LAYERS} to \
             layer 1, in orders of magnitude: {}.",
            said.join("; ")
        ),
        "σ' is at most ¼, so sigmoid layers lose most with any of these weights. With 2/in a ReLU net keeps its norm, since \
         half of its units are off; with 1/in the identity does, and tanh and softsign nearly. A factor of 2 in the variance, over fifty layers, decides \
         between vanishing and exploding."
            .to_owned(),
        format!(
            "The second plot for each variance shows, for the first example, the spectral norm (the largest singular value) of the Jacobian of the outputs with \
             respect to the outputs of layer l, f'_{LAYERS} … f'_(l+1); at l = 0 it is that with respect to the inputs. Its rows are what the library's backward \
             makes of one-hot gradients. Beside it is the product of the largest singular values of the layers, each from a full \
             decomposition in f64. It bounds the norm from above, but far from tightly: the directions in which single layers stretch most do not line up."
        ),
    ]
}

/// Norms at each fifth layer, from the inputs on.
fn numbered(norms: &[f64]) -> impl Iterator<Item = [f64; 2]> {
    norms.iter().enumerate().map(|(index, &norm)| [(index * EVERY) as f64, norm])
}

fn series(label: String, style: usize, points: impl Iterator<Item = [f64; 2]>) -> Series {
    let underflow = format!("{label}: underflows to 0");
    Series::line(label, style, points.collect()).with_zeros_marked(underflow)
}

fn gradients(scale: &Scale, nets: &[Net]) -> Plot {
    let line = |net: &Net| {
        let points = net.norms.deltas.iter().enumerate().map(|(index, &norm)| [(index + 1) as f64, norm]);
        series(net.name.to_owned(), net.style, points)
    };
    let said: Vec<String> = nets.iter().map(Net::said).collect();
    Plot {
        description: format!(
            "The norm of the gradient from layer {LAYERS} to layer 1, in orders of magnitude: {}.",
            said.join(", ")
        ),
        series: nets.iter().map(line).collect(),
        ..Plot::new(
            scale.plots[0],
            format!("Gradients, weights of variance {}/in", scale.symbol),
            Axis::linear("layer l"),
            Axis::logarithmic("‖∂L/∂a_l‖"),
        )
    }
}

fn jacobians(scale: &Scale, nets: &[Net]) -> Plot {
    let lines = |net: &Net| {
        let mut bound = series(format!("{}, bound", net.name), net.style, numbered(&net.norms.bounds));
        bound.style.markers = true;
        [series(net.name.to_owned(), net.style, numbered(&net.norms.jacobians)), bound]
    };
    let said = nets.iter().map(|net| {
        let (norm, bound) = (significant(net.norms.jacobians[0]), significant(net.norms.bounds[0]));
        format!("{} {norm} (bound {bound})", net.name)
    });
    let said: Vec<String> = said.collect();
    Plot {
        description: format!("The norm of the Jacobian with respect to the inputs: {}.", said.join(", ")),
        series: nets.iter().flat_map(lines).collect(),
        ..Plot::new(
            scale.plots[1],
            format!("Jacobians, weights of variance {}/in", scale.symbol),
            Axis::linear("layer l; 0: the inputs"),
            Axis::logarithmic("‖∂z_L/∂z_l‖, spectral norm"),
        )
    }
}

fn row(scale: &Scale, net: &Net) -> Vec<Cell> {
    let Norms { deltas, jacobians, bounds } = &net.norms;
    let numbers = [deltas[LAYERS - 1], deltas[0], jacobians[0], bounds[0]];
    let words = [net.name.to_owned(), format!("{}/in", scale.symbol)];
    words.map(Cell::Text).into_iter().chain(numbers.map(Cell::Number)).collect()
}

fn table(rows: Vec<Vec<Cell>>) -> Table {
    let columns = [
        "activation".to_owned(),
        "variance".to_owned(),
        format!("‖∂L/∂a‖, layer {LAYERS}"),
        "‖∂L/∂a‖, layer 1".to_owned(),
        "‖Jacobian‖, inputs to outputs".to_owned(),
        "∏ largest singular values".to_owned(),
    ];
    Table { caption: "Norms of the nets; 0 is a norm that has underflowed".to_owned(), columns: columns.to_vec(), rows }
}

fn add_facts(scale: &Scale, net: &Net, facts: &mut BTreeMap<String, f64>) {
    let Norms { deltas, jacobians, bounds } = &net.norms;
    let zeros = deltas.iter().filter(|norm| **norm == 0.0).count();
    // At the last layer both are 1.
    let tightest =
        jacobians.iter().zip(bounds).take(jacobians.len() - 1).map(|(norm, bound)| norm / bound).fold(0.0, f64::max);
    let numbers = [
        ("gradient_first", Some(deltas[0])),
        ("gradient_last", Some(deltas[LAYERS - 1])),
        ("gradients_of_zero", Some(zeros as f64)),
        ("orders_lost", net.orders_lost()),
        ("jacobian", Some(jacobians[0])),
        ("jacobian_bound", Some(bounds[0])),
        ("jacobian_largest_share", Some(tightest)),
    ];
    for (what, number) in numbers {
        facts.extend(number.map(|number| (format!("{}.{}.{what}", net.name, scale.name), number)));
    }
}
