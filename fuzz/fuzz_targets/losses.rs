//! The losses and their deltas against f64: any labels, any strides; any logits at all for softmax.
#![no_main]

use arbitrary::{Result, Unstructured};
use lanegrad::{Activation, Error, MatRef, loss};
use lanegrad_fuzz::{Input, Numbers, Output, backend, strides};

/// Half the distance from 1 to the next f32.
const U: f64 = f32::EPSILON as f64 / 2.0;

fn squared_error(u: &mut Unstructured<'_>) -> Result<()> {
    let shape @ (rows, columns) = (u.int_in_range(0..=9)?, u.int_in_range(0..=40)?);
    let (backend, mut numbers) = (backend(u)?, Numbers::new(u)?);
    let (predicted, target) = (Input::new(u, &mut numbers, shape)?, Input::new(u, &mut numbers, shape)?);
    let mut delta = Output::new(u, &mut numbers, shape, false)?;
    let c = *u.choose(&[0.5, 1.0, 0.3, 0.0, f32::NAN])?;
    let activation = *u.choose(&[Activation::Identity, Activation::Relu])?;

    let operands = loss::SquaredError { predicted: predicted.view(), target: target.view(), c, activation };
    let found = match loss::squared_error(&backend, operands, delta.view()) {
        Ok(loss) => loss,
        Err(error) => {
            let right = match error {
                Error::Empty { .. } => rows == 0,
                Error::HyperParameter { .. } => c.is_nan() || c <= 0.0,
                _ => false,
            };
            assert!(right, "{error}");
            return Ok(());
        }
    };
    assert!(rows > 0 && c > 0.0);

    let error = |i, j| predicted.at(i, j) - target.at(i, j);
    let places = (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j)));
    let sum: i64 = places.clone().map(|(i, j)| error(i, j).pow(2)).sum();
    let mean = f64::from(c) / rows as f64;
    assert!((found - mean * sum as f64).abs() <= 1e-14 * found, "the loss is {found}");
    for (i, j) in places {
        let slope = if activation == Activation::Relu && predicted.at(i, j) <= 0 { 0.0 } else { 1.0 };
        let expected = 2.0 * mean * error(i, j) as f64 * slope;
        let found = f64::from(delta.at(i, j));
        assert!((found - expected).abs() <= 3.0 * U * expected.abs(), "delta is {found}, expected {expected}");
    }
    delta.check_canaries();
    Ok(())
}

fn softmax_cross_entropy(u: &mut Unstructured<'_>) -> Result<()> {
    let shape @ (rows, classes) = (u.int_in_range(0..=5)?, u.int_in_range(0..=40)?);
    let (backend, mut numbers) = (backend(u)?, Numbers::new(u)?);
    let mut delta = Output::new(u, &mut numbers, shape, false)?;
    let labels: Vec<_> = (0..rows).map(|_| u.int_in_range(0..=classes as u32)).collect::<Result<_>>()?;
    let wild: bool = u.arbitrary()?;
    let logit = |_| if wild { u.arbitrary() } else { Ok(f32::from(u.arbitrary::<i16>()?) / 256.0) };
    let logits: Vec<f32> = (0..rows * classes).map(logit).collect::<Result<_>>()?;

    let (row, col) = strides(u, shape, (classes as isize, 1))?;
    let view = MatRef::with_strides(&logits, rows, classes, row, col).expect("the view fits");
    let operands = loss::SoftmaxCrossEntropy { logits: view, labels: &labels };
    let found = match loss::softmax_cross_entropy(&backend, operands, delta.view()) {
        Ok(loss) => loss,
        Err(error) => {
            let right = match error {
                Error::Empty { .. } => rows == 0,
                Error::Label { row, found, .. } => labels[row] == found && found as usize >= classes,
                _ => false,
            };
            assert!(right, "{error}");
            return Ok(());
        }
    };
    assert!(rows > 0 && labels.iter().all(|&label| (label as usize) < classes));

    // In a row, the sum of so many exponentials; their arguments are rounded by at most d·U where they are e⁻ᵈ.
    let bound = (classes as f64 + 32.0) * U;
    let mut total = 0.0;
    for (i, row) in logits.chunks(classes).enumerate() {
        let label = labels[i] as usize;
        let spoilt =
            row.iter().any(|a| a.is_nan() || *a == f32::INFINITY) || row.iter().all(|a| *a == f32::NEG_INFINITY);
        let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let exp = |a: f32| (f64::from(a) - f64::from(max)).exp();
        let sum: f64 = row.iter().map(|&a| exp(a)).sum();
        total += if spoilt { f64::NAN } else { sum.ln() - (f64::from(row[label]) - f64::from(max)) };
        for (j, &a) in row.iter().enumerate() {
            let found = f64::from(delta.at(i, j));
            let expected = (exp(a) / sum - f64::from(u8::from(j == label))) / rows as f64;
            let close = (found - expected).abs() <= bound / rows as f64;
            assert!(if spoilt { found.is_nan() } else { close }, "delta is {found}, expected {expected}");
        }
    }
    let expected = total / rows as f64;
    let close = found == expected || (found - expected).abs() <= bound + 1e-14 * expected.abs();
    assert!(close || (found.is_nan() && expected.is_nan()), "the loss is {found}, expected {expected}");
    delta.check_canaries();
    Ok(())
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut u = Unstructured::new(data);
    // Too short an input is no input.
    let _ = match u.arbitrary() {
        Ok(true) => squared_error(&mut u),
        _ => softmax_cross_entropy(&mut u),
    };
});
