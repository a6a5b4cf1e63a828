//! Axes: which part of the numbers is shown, where each lies, and which are written beside the axis.

use crate::report::figure::{self, Plot, Scale};
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use std::ops::Range;

/// About so many numbers are written beside an axis.
const TICKS: f64 = 6.0;
/// The part of the axis that remains free at both ends, if nothing else is asked for.
const MARGIN: f64 = 0.04;

/// An axis. A position is a number, or its logarithm to base 10 on a logarithmic axis.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    scale: Scale,
    pub(super) from: f64,
    pub(super) to: f64,
    /// Position and label.
    ticks: Vec<(f64, String)>,
}

/// The axes of a plot, x first.
pub(super) fn of(plot: &Plot) -> [Axis; 2] {
    let series = plot.series.iter().flat_map(|series| series.points.iter().chain(&series.marked));
    let points: Vec<_> = series.chain(plot.arrows.as_flattened()).copied().collect();
    let contours = plot.contours.as_ref().map(|contours| [contours.x, contours.y]);
    [&plot.x, &plot.y].map(|axis| {
        let of_point = usize::from(std::ptr::eq(axis, &plot.y));
        let range = axis.range.or(contours.map(|ranges| ranges[of_point]));
        Axis::new(axis, range, points.iter().map(|point| point[of_point]))
    })
}

impl Axis {
    fn new(axis: &figure::Axis, range: Option<[f64; 2]>, numbers: impl Iterator<Item = f64>) -> Self {
        let scale = axis.scale;
        let positions = |numbers: &mut dyn Iterator<Item = f64>| {
            let positions = numbers.filter_map(|number| position(scale, number));
            positions.fold(None, |ends: Option<[f64; 2]>, at| {
                Some(ends.map_or([at, at], |[from, to]| [from.min(at), to.max(at)]))
            })
        };
        let [from, to] = match range.and_then(|range| positions(&mut range.into_iter())) {
            Some(asked) => asked,
            None => {
                let [from, to] = positions(&mut numbers.into_iter()).unwrap_or([0.0, 1.0]);
                let margin = MARGIN * (to - from);
                // A curve that begins at 0 begins in the corner.
                let lowest = if scale == Scale::Linear && from == 0.0 { 0.0 } else { from - margin };
                [lowest, to + margin]
            }
        };
        // All numbers are equal, or there are none.
        let half = match scale {
            _ if from < to => 0.0,
            Scale::Linear => f64::max(0.5, 0.1 * from.abs()),
            Scale::Logarithmic => 0.5,
        };
        let (from, to) = (from - half, to + half);
        Self { scale, from, to, ticks: ticks(scale, from, to) }
    }

    /// Where a number lies, if it can.
    pub(super) fn position(&self, number: f64) -> Option<f64> {
        position(self.scale, number)
    }

    /// Where a number lies, or the end of the axis next to it.
    pub(super) fn clamped(&self, number: f64) -> f64 {
        match self.position(number) {
            Some(position) => position.clamp(self.from, self.to),
            None if number == f64::INFINITY => self.to,
            None => self.from,
        }
    }

    /// The most characters of a label.
    pub(super) fn longest_label(&self) -> usize {
        self.ticks.iter().map(|(_, label)| label.chars().count()).max().unwrap_or(0)
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, position: &f64, (start, end): (i32, i32)) -> i32 {
        let part = (position - self.from) / (self.to - self.from);
        start + (part * f64::from(end - start)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        let ticks = if hint.weight().allow_light_points() { &[] } else { &*self.ticks };
        ticks.iter().map(|(position, _)| *position).collect()
    }

    fn range(&self) -> Range<f64> {
        self.from..self.to
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, position: &f64) -> String {
        self.ticks.iter().find(|tick| tick.0 == *position).map_or(String::new(), |tick| tick.1.clone())
    }
}

fn position(scale: Scale, number: f64) -> Option<f64> {
    let position = match scale {
        Scale::Linear => number,
        Scale::Logarithmic => number.log10(),
    };
    position.is_finite().then_some(position)
}

/// Positions within these ends, and what is written there.
fn ticks(scale: Scale, from: f64, to: f64) -> Vec<(f64, String)> {
    match to - from {
        _ if scale == Scale::Linear => linear_ticks(from, to).collect(),
        decades if decades < 1.0 => {
            let numbers = linear_ticks(10_f64.powf(from), 10_f64.powf(to));
            numbers.map(|(number, label)| (number.log10(), label)).collect()
        }
        decades if decades < 2.0 => {
            let exponents = from.floor() as i32..=to.floor() as i32;
            let digits = exponents.flat_map(|exponent| [1, 2, 5].map(|digit| (digit, exponent)));
            let tick = |(digit, exponent)| (f64::from(exponent) + f64::from(digit).log10(), power(digit, exponent));
            digits.map(tick).filter(|(position, _)| (from..=to).contains(position)).collect()
        }
        decades => {
            let step = round_step(decades / TICKS).max(1.0);
            multiples(step, from, to).map(|exponent| (exponent, power(1, exponent as i32))).collect()
        }
    }
}

fn linear_ticks(from: f64, to: f64) -> impl Iterator<Item = (f64, String)> {
    let step = round_step((to - from) / TICKS);
    let largest = from.abs().max(to.abs());
    multiples(step, from, to).map(move |number| (number, decimal(number, step, largest)))
}

/// 1, 2 or 5 times a power of ten, `step` or more.
fn round_step(step: f64) -> f64 {
    let unit = 10_f64.powf(step.log10().floor());
    [1.0, 2.0, 5.0].map(|digit| digit * unit).into_iter().find(|&round| round >= step).unwrap_or(10.0 * unit)
}

fn multiples(step: f64, from: f64, to: f64) -> impl Iterator<Item = f64> {
    // An end that is a multiple but for rounding counts.
    let (first, last) = ((from / step - 1e-9).ceil() as i64, (to / step + 1e-9).floor() as i64);
    (first..=last).map(move |count| count as f64 * step)
}

/// A number with the decimals that tell it from its neighbours, a `step` away.
fn decimal(number: f64, step: f64, largest: f64) -> String {
    if largest != 0.0 && !(1e-4..1e6).contains(&largest) {
        let exponent = largest.log10().floor() as i32;
        let scale = 10_f64.powi(exponent);
        let mantissa = decimal(number / scale, step / scale, 1.0);
        return if number == 0.0 { "0".into() } else { format!("{mantissa}·10{}", superscript(exponent)) };
    }
    let decimals = (-step.log10()).ceil().max(0.0) as usize;
    let digits = format!("{:.decimals$}", number.abs());
    let (whole, fraction) = digits.split_once('.').map_or((&*digits, String::new()), |(w, f)| (w, format!(".{f}")));
    let groups: Vec<_> = whole.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    let whole = if whole.len() > 4 { groups.join("\u{202f}") } else { whole.to_owned() };
    let sign = if number < 0.0 { "−" } else { "" };
    format!("{sign}{whole}{fraction}")
}

/// `digit` · 10^`exponent`
fn power(digit: u8, exponent: i32) -> String {
    let factor = if digit == 1 { String::new() } else { format!("{digit}·") };
    format!("{factor}10{}", superscript(exponent))
}

fn superscript(number: i32) -> String {
    let raised = |digit: char| match digit {
        '-' => '⁻',
        digit => ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'][digit as usize - '0' as usize],
    };
    number.to_string().chars().map(raised).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: Scale, range: [f64; 2]) -> Vec<String> {
        let axis = figure::Axis { scale, ..figure::Axis::linear("") };
        Axis::new(&axis, Some(range), [].into_iter()).ticks.into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn labels_tell_their_numbers_apart() {
        assert_eq!(
            labels(Scale::Linear, [0.0, 50_000.0]).join(" "),
            "0 10\u{202f}000 20\u{202f}000 30\u{202f}000 40\u{202f}000 50\u{202f}000"
        );
        assert_eq!(labels(Scale::Linear, [-1.0, 1.0]).join(" "), "−1.0 −0.5 0.0 0.5 1.0");
        assert_eq!(
            labels(Scale::Linear, [0.0, 3e-9]).join(" "),
            "0 0.5·10⁻⁹ 1.0·10⁻⁹ 1.5·10⁻⁹ 2.0·10⁻⁹ 2.5·10⁻⁹ 3.0·10⁻⁹"
        );
        assert_eq!(labels(Scale::Logarithmic, [1e-40, 1.0]).join(" "), "10⁻⁴⁰ 10⁻³⁰ 10⁻²⁰ 10⁻¹⁰ 10⁰");
        assert_eq!(labels(Scale::Logarithmic, [0.04, 1.5]).join(" "), "5·10⁻² 10⁻¹ 2·10⁻¹ 5·10⁻¹ 10⁰");
        assert_eq!(labels(Scale::Logarithmic, [0.04, 0.3]).join(" "), "0.05 0.10 0.15 0.20 0.25 0.30");
    }

    #[test]
    fn every_range_has_ticks() {
        for exponent in -300..300 {
            let unit = 10_f64.powi(exponent);
            for [from, to] in [[0.0, unit], [-unit, unit], [unit, 1.3 * unit], [unit, unit], [unit, 1e5 * unit]] {
                for scale in [Scale::Linear, Scale::Logarithmic] {
                    let labels = labels(scale, [from, to]);
                    assert!((1..=12).contains(&labels.len()), "{scale:?} {from:e} {to:e}: {labels:?}");
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_drawn_does_not_count() {
        let axis = figure::Axis::logarithmic("");
        let axis = Axis::new(&axis, None, [0.0, f64::NAN, 1.0, 100.0, f64::INFINITY].into_iter());
        assert!(axis.from > -0.2 && axis.to < 2.2, "{axis:?}");
        assert_eq!((axis.position(0.0), axis.clamped(0.0), axis.clamped(1e9)), (None, axis.from, axis.to));
    }
}
