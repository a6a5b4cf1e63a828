//! The part of a line that lies within a rectangle.

/// Opposite corners: the lower x and y, the higher x and y.
type Corners = [[f64; 2]; 2];

/// The parts of a line within a rectangle. A point that has no position interrupts the line.
pub(super) fn visible(points: impl Iterator<Item = Option<[f64; 2]>>, corners: Corners) -> Vec<Vec<[f64; 2]>> {
    let mut parts: Vec<Vec<[f64; 2]>> = Vec::new();
    let mut before: Option<[f64; 2]> = None;
    for point in points {
        if let Some([from, to]) = before.zip(point).and_then(|(from, to)| segment(from, to, corners)) {
            match parts.last_mut() {
                Some(part) if part.last() == Some(&from) => part.push(to),
                _ => parts.push(vec![from, to]),
            }
        }
        before = point;
    }
    parts
}

pub(super) fn contains([low, high]: Corners, point: [f64; 2]) -> bool {
    (0..2).all(|axis| (low[axis]..=high[axis]).contains(&point[axis]))
}

/// The part of a straight line within a rectangle: Liang and Barsky, 1984.
fn segment(from: [f64; 2], to: [f64; 2], [low, high]: Corners) -> Option<[[f64; 2]; 2]> {
    let (mut start, mut end) = (0.0_f64, 1.0_f64);
    for axis in 0..2 {
        let length = to[axis] - from[axis];
        let edges = [low[axis], high[axis]].map(|edge| edge - from[axis]);
        if length == 0.0 {
            if edges[0] > 0.0 || edges[1] < 0.0 {
                return None;
            }
            continue;
        }
        let [one, other] = edges.map(|edge| edge / length);
        (start, end) = (start.max(one.min(other)), end.min(one.max(other)));
    }
    let at = |part: f64| match part {
        0.0 => from,
        1.0 => to,
        part => [0, 1].map(|axis| (from[axis] + part * (to[axis] - from[axis])).clamp(low[axis], high[axis])),
    };
    (start <= end).then(|| [at(start), at(end)])
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQUARE: Corners = [[0.0, 0.0], [1.0, 1.0]];

    #[test]
    fn a_line_ends_at_the_edge() {
        let line = [[0.5, 0.5], [0.5, 3.0], [-1.0, 3.0], [-1.0, 0.25], [3.0, 0.25], [0.0, 1e300]];
        let parts = visible(line.into_iter().map(Some), SQUARE);
        assert_eq!(parts, [vec![[0.5, 0.5], [0.5, 1.0]], vec![[0.0, 0.25], [1.0, 0.25]]]);
    }

    #[test]
    fn a_line_within_stays_one() {
        let line = [Some([0.0, 0.0]), Some([0.5, 1.0]), Some([1.0, 0.0])];
        assert_eq!(visible(line.into_iter(), SQUARE), [line.map(Option::unwrap)]);
        let [from, to, end] = line.map(Option::unwrap);
        let interrupted = [Some(from), Some(to), None, Some(end), Some(from)];
        assert_eq!(visible(interrupted.into_iter(), SQUARE), [[from, to], [end, from]]);
    }
}
