//! Level lines: marching squares.

use crate::report::figure::Contours;
use std::collections::BTreeMap;

/// Where a level line crosses the grid: between a point of the grid and the next one, in its row or in its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Crossing {
    row: usize,
    column: usize,
    upwards: bool,
}

/// The lines at one level, as x and y. A square with a value that is not finite has none.
pub(super) fn lines(contours: &Contours, level: f64) -> Vec<Vec<[f64; 2]>> {
    let mut neighbours: BTreeMap<Crossing, Vec<Crossing>> = BTreeMap::new();
    for [one, other] in segments(contours, level) {
        neighbours.entry(one).or_default().push(other);
        neighbours.entry(other).or_default().push(one);
    }
    let mut lines = Vec::new();
    // Open lines first, each from one of its ends; then only closed ones remain.
    while let Some(start) = neighbours
        .iter()
        .find_map(|(&crossing, next)| (next.len() == 1).then_some(crossing))
        .or(neighbours.keys().next().copied())
    {
        let mut line = vec![start];
        let mut at = start;
        while let Some(next) = neighbours.get_mut(&at).and_then(Vec::pop) {
            let back = neighbours.get_mut(&next).expect("neighbours are mutual");
            back.retain(|crossing| *crossing != at);
            line.push(next);
            at = next;
        }
        neighbours.retain(|_, next| !next.is_empty());
        lines.push(line.into_iter().map(|crossing| crossing.place(contours, level)).collect());
    }
    lines
}

/// The pieces of the lines, one or two in each square that they cross.
fn segments(contours: &Contours, level: f64) -> Vec<[Crossing; 2]> {
    let (columns, rows) = (contours.columns, contours.values.len() / contours.columns);
    let mut segments = Vec::new();
    for row in 0..rows.saturating_sub(1) {
        for column in 0..columns.saturating_sub(1) {
            // Anticlockwise from the lower left corner, and the edges from each to the next.
            let corners = [(row, column), (row, column + 1), (row + 1, column + 1), (row + 1, column)];
            let values = corners.map(|(row, column)| contours.values[row * columns + column]);
            if !values.iter().all(|value| value.is_finite()) {
                continue;
            }
            let edges = [(row, column, false), (row, column + 1, true), (row + 1, column, false), (row, column, true)];
            let above = values.map(|value| value >= level);
            let crossed: Vec<Crossing> = (0..4)
                .filter(|&edge| above[edge] != above[(edge + 1) % 4])
                .map(|edge| edges[edge])
                .map(|(row, column, upwards)| Crossing { row, column, upwards })
                .collect();
            match *crossed {
                [one, other] => segments.push([one, other]),
                // A saddle: the centre says which corners belong together.
                [bottom, right, top, left] => {
                    let centre = values.iter().sum::<f64>() / 4.0 >= level;
                    let apart = if centre == above[0] {
                        [[bottom, right], [top, left]]
                    } else {
                        [[left, bottom], [right, top]]
                    };
                    segments.extend(apart);
                }
                _ => {}
            }
        }
    }
    segments
}

impl Crossing {
    fn place(self, contours: &Contours, level: f64) -> [f64; 2] {
        let (columns, rows) = (contours.columns, contours.values.len() / contours.columns);
        let here = contours.values[self.row * columns + self.column];
        let next = if self.upwards { (self.row + 1, self.column) } else { (self.row, self.column + 1) };
        let part = (level - here) / (contours.values[next.0 * columns + next.1] - here);
        let (right, up) = if self.upwards { (0.0, part) } else { (part, 0.0) };
        let between = |[from, to]: [f64; 2], at: f64, count: usize| from + (to - from) * at / (count - 1) as f64;
        [between(contours.x, self.column as f64 + right, columns), between(contours.y, self.row as f64 + up, rows)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(value: impl Fn(f64, f64) -> f64) -> Contours {
        let at = |index: usize| -1.0 + index as f64 / 50.0;
        let values = (0..101).flat_map(|row| (0..101).map(move |column| (at(column), at(row))));
        let values = values.map(|(x, y)| value(x, y)).collect();
        Contours { x: [-1.0, 1.0], y: [-1.0, 1.0], columns: 101, values, levels: vec![] }
    }

    #[test]
    fn a_circle_is_one_closed_line() {
        let [line] = &*lines(&sample(|x, y| x * x + y * y), 0.25) else { panic!("one line") };
        assert_eq!(line.first(), line.last());
        assert!(line.len() > 100 && line.iter().all(|[x, y]| (x.hypot(*y) - 0.5).abs() < 1e-3));
    }

    #[test]
    fn open_lines_go_from_edge_to_edge() {
        let line = &lines(&sample(|x, _| x), 0.01)[..];
        assert!(line.len() == 1 && line[0].len() == 101 && line[0].iter().all(|[x, _]| (x - 0.01).abs() < 1e-12));
        assert_eq!(line[0][0][1].abs(), 1.0);
        // The two branches of a hyperbola, whose saddle lies within a square.
        assert_eq!(lines(&sample(|x, y| (x - 0.01) * (y - 0.01)), 1e-5).len(), 2);
    }

    #[test]
    fn nothing_is_drawn_where_there_is_nothing() {
        assert!(lines(&sample(|_, _| 1.0), 2.0).is_empty());
        assert!(lines(&sample(|x, _| if x > 0.0 { f64::INFINITY } else { 0.0 }), 1.0).is_empty());
        assert!(
            lines(&Contours { x: [0.0, 1.0], y: [0.0, 1.0], columns: 1, values: vec![], levels: vec![] }, 1.0)
                .is_empty()
        );
    }
}
