//! Singular values against matrices whose values are known, and against what holds for those of any matrix.

use lanegrad_verify::random::uniform;
use lanegrad_verify::reference::{Matrix, singular_values};

fn random(rows: usize, cols: usize, seed: u64) -> Matrix {
    let mut uniform = uniform(seed);
    Matrix::from_fn(rows, cols, |_, _| 2.0 * uniform() - 1.0)
}

fn transposed(a: &Matrix) -> Matrix {
    Matrix::from_fn(a.cols(), a.rows(), |i, j| a.at(j, i))
}

/// Every value within 1e-13 of the largest.
fn close(what: &str, found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, value) in found.iter().zip(expected) {
        assert!((found - value).abs() <= 1e-13 * expected[0], "{what}: {found:e}, expected {value:e}");
    }
}

/// Turns rows i and i + 1 of a by an angle: its singular values stay.
fn turn(a: &mut Matrix, i: usize, angle: f64) {
    let (sin, cos) = angle.sin_cos();
    *a = Matrix::from_fn(a.rows(), a.cols(), |row, j| match row {
        _ if row == i => cos * a.at(i, j) - sin * a.at(i + 1, j),
        _ if row == i + 1 => sin * a.at(i, j) + cos * a.at(i + 1, j),
        _ => a.at(row, j),
    });
}

/// `U·diag(values)·Vᵀ` with U and V made of rotations.
fn with_values(values: &[f64], rows: usize, cols: usize) -> Matrix {
    let mut a = Matrix::from_fn(rows, cols, |i, j| if i == j { values[i] } else { 0.0 });
    for turns in 0..2 {
        for _ in 0..3 {
            (0..a.rows() - 1).for_each(|i| turn(&mut a, i, 0.7 + i as f64 + turns as f64));
        }
        a = transposed(&a);
    }
    a
}

#[test]
fn known_ones_are_found() {
    let golden = (1.0 + 5_f64.sqrt()) / 2.0;
    let shear = Matrix::from_fn(2, 2, |i, j| if j >= i { 1.0 } else { 0.0 });
    close("a shear", &singular_values(&shear), &[golden, 1.0 / golden]);
    let values: Vec<f64> = (0..20).map(|i| 0.6_f64.powi(i)).collect();
    for (rows, cols) in [(20, 20), (33, 20), (20, 57)] {
        let a = with_values(&values, rows, cols);
        close("falling", &singular_values(&a), &values);
    }
    let equal = [1.0; 17];
    close("all equal", &singular_values(&with_values(&equal, 17, 17)), &equal);
    let deficient = [3.0, 2.0, 0.0, 0.0, 0.0];
    close("rank 2", &singular_values(&with_values(&deficient, 5, 9)), &deficient);
    close("zeros", &singular_values(&Matrix::from_fn(3, 4, |_, _| 0.0)), &[0.0; 3]);
    assert!(singular_values(&Matrix::from_fn(0, 4, |_, _| 0.0)).is_empty());
}

#[test]
fn what_holds_for_every_matrix_holds() {
    for (seed, (rows, cols)) in (1..).zip([(1, 1), (7, 7), (8, 3), (31, 64), (64, 64)]) {
        let a = random(rows, cols, seed);
        let values = singular_values(&a);
        assert!(values.is_sorted_by(|a, b| a >= b));
        close("the transpose", &singular_values(&transposed(&a)), &values);
        let squares = |numbers: &[f64]| numbers.iter().map(|x| x * x).sum::<f64>();
        assert!((squares(&values) / squares(a.numbers()) - 1.0).abs() < 1e-13, "the Frobenius norm");
        // No vector is stretched by more than the largest value.
        for seed in 0..10 {
            let x = random(cols, 1, 100 + seed);
            let stretched: Vec<f64> = (0..rows).map(|i| (0..cols).map(|j| a.at(i, j) * x.at(j, 0)).sum()).collect();
            assert!(squares(&stretched) <= squares(x.numbers()) * values[0].powi(2) * (1.0 + 1e-13));
        }
    }
}

#[test]
fn no_scale_overflows_or_underflows() {
    let a = random(9, 9, 5);
    let values = singular_values(&a);
    for scale in [1e-290, 1e290] {
        let scaled: Vec<f64> = values.iter().map(|value| value * scale).collect();
        close("scaled", &singular_values(&a.map(|x| x * scale)), &scaled);
    }
}

#[test]
fn what_is_not_finite_has_none() {
    for x in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let a = Matrix::from_fn(4, 3, |i, j| if (i, j) == (2, 1) { x } else { 1.0 });
        assert!(singular_values(&a).iter().all(|value| value.is_nan()) && singular_values(&a).len() == 3);
    }
}
