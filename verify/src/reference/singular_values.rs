//! Singular values.

use super::Matrix;

/// The singular values of a matrix, largest first. Their number is that of the smaller side.
///
/// One-sided Jacobi: rotations of two columns at a time make all columns orthogonal; their lengths are the singular values. Each is
/// accurate to a few units in the last place of the largest. A matrix that is not finite results in NaN. Source: Hestenes 1958; Demmel
/// & Veselić 1992.
pub fn singular_values(a: &Matrix) -> Vec<f64> {
    let count = a.rows().min(a.cols());
    let largest = a.numbers().iter().map(|x| x.abs()).fold(0.0, f64::max);
    if !a.numbers().iter().all(|x| x.is_finite()) {
        return vec![f64::NAN; count];
    }
    if largest == 0.0 {
        return vec![0.0; count];
    }
    let at = |i, j| if a.rows() < a.cols() { a.at(j, i) } else { a.at(i, j) };
    let (rows, cols) = (a.rows().max(a.cols()), count);
    // Divided by the largest element, so that no square overflows and the sum of all squares is at least 1.
    let mut columns: Vec<Vec<f64>> = (0..cols).map(|j| (0..rows).map(|i| at(i, j) / largest).collect()).collect();
    // Convergence is quadratic: a dozen sweeps are plenty.
    let _ = (0..60).find(|_| !sweep(&mut columns));
    let mut values: Vec<f64> = columns.iter().map(|column| dot(column, column).sqrt() * largest).collect();
    values.sort_by(|a, b| b.total_cmp(a));
    values
}

/// Makes each pair of columns orthogonal in turn. Returns whether any was not.
fn sweep(columns: &mut [Vec<f64>]) -> bool {
    let mut squares: Vec<f64> = columns.iter().map(|column| dot(column, column)).collect();
    let mut rotated = false;
    for q in 1..columns.len() {
        let (before, from) = columns.split_at_mut(q);
        let y = &mut from[0];
        for (p, x) in before.iter_mut().enumerate() {
            let gamma = dot(x, y);
            // Below the first limit, the product is only rounding; below the second, it changes no value by 1e-15 of the largest.
            if gamma.abs() <= 1e-14 * (squares[p] * squares[q]).sqrt() || gamma.abs() <= 1e-30 {
                continue;
            }
            let zeta = (squares[q] - squares[p]) / (2.0 * gamma);
            let t = zeta.signum() / (zeta.abs() + zeta.hypot(1.0));
            let c = 1.0 / t.hypot(1.0);
            let s = c * t;
            for (x, y) in x.iter_mut().zip(y.iter_mut()) {
                (*x, *y) = (c * *x - s * *y, s * *x + c * *y);
            }
            squares[p] -= t * gamma;
            squares[q] += t * gamma;
            rotated = true;
        }
    }
    rotated
}

/// `Σ x y`, in eight running sums.
fn dot(x: &[f64], y: &[f64]) -> f64 {
    let ((x, x_tail), (y, y_tail)) = (x.as_chunks::<8>(), y.as_chunks::<8>());
    let mut sums = [0.0; 8];
    for (x, y) in x.iter().zip(y) {
        for ((sum, x), y) in sums.iter_mut().zip(x).zip(y) {
            *sum += x * y;
        }
    }
    sums.iter().sum::<f64>() + x_tail.iter().zip(y_tail).map(|(x, y)| x * y).sum::<f64>()
}
