//! The constructors of views accept what lies inside the slice, and nothing else; and what they accept, products do.
#![no_main]

use arbitrary::{Result, Unstructured};
use lanegrad::{Activation, Error, MatMut, MatRef, dense};
use lanegrad_fuzz::backend;

/// Small ones, and those around which products overflow.
fn size(u: &mut Unstructured<'_>) -> Result<usize> {
    const HUGE: [usize; 5] = [usize::MAX, usize::MAX - 1, usize::MAX / 2, usize::MAX / 2 + 1, 1 << 32];
    match u.int_in_range(0..=9)? {
        0 => u.arbitrary(),
        1 => Ok(*u.choose(&HUGE)?),
        _ => u.int_in_range(0..=12),
    }
}

/// The same, in both directions.
fn stride(u: &mut Unstructured<'_>) -> Result<isize> {
    let stride = size(u)? as isize;
    Ok(if u.ratio(1, 4)? { stride.wrapping_neg() } else { stride })
}

/// How many elements a view needs; `None` where that is no `u128`, let alone a `usize`.
fn needed(rows: usize, cols: usize, row_stride: isize, col_stride: isize) -> Option<u128> {
    if rows == 0 || cols == 0 {
        return Some(0);
    }
    let product = |a: usize, b: isize| (a as u128 - 1) * b.unsigned_abs() as u128;
    product(rows, row_stride).checked_add(product(cols, col_stride))?.checked_add(1)
}

/// The error is the one that fits the numbers.
fn check_error(error: Error, needed: Option<u128>, len: usize) {
    match error {
        Error::TooShort { expected, found } => {
            assert!(Some(expected as u128) == needed && found == len && expected > len);
        }
        Error::Overflow { .. } => assert!(needed.is_none_or(|needed| needed > usize::MAX as u128)),
        error => panic!("{error}"),
    }
}

/// The most elements that a product is made of here: a view with strides of zero may have any number of them.
const MOST: usize = 400;

/// The view as each operand of a product whose others are sums of its rows or columns, or its elements.
fn multiply(u: &mut Unstructured<'_>, view: MatRef<'_>) -> Result<()> {
    let (rows, cols) = (view.rows(), view.cols());
    if rows.saturating_mul(cols) > MOST || rows.max(cols) > MOST {
        return Ok(());
    }
    let mut backend = backend(u)?;
    let element = |i, j| view.get(i, j).expect("it lies in the view");
    let one = MatRef::with_strides(&[1.0], 1, cols, 0, 0).expect("one number is enough");
    let fits = "the shapes fit";

    // The sums of its rows, with the view as inputs and as weights; small integers, so that any order is exact.
    let expected: Vec<f32> = (0..rows).map(|i| (0..cols).map(|j| element(i, j)).sum()).collect();
    for (x, w) in [(view, one), (one, view)] {
        let mut z = vec![f32::NAN; rows];
        let layer = dense::Forward { x, w, bias: None, activation: Activation::Identity };
        dense::forward(&mut backend, layer, MatMut::new(&mut z, x.rows(), w.rows()).expect(fits)).expect(fits);
        assert!(z == expected, "{view:?}: {z:?}, expected {expected:?}");
    }

    // Those of its columns, with the view as delta and as inputs.
    let ones = MatRef::with_strides(&[1.0], rows, 1, 0, 0).expect("one number is enough");
    let expected: Vec<f32> = (0..cols).map(|j| (0..rows).map(|i| element(i, j)).sum()).collect();
    for (delta, x) in [(view, ones), (ones, view)] {
        let (mut dw, mut db) = (vec![f32::NAN; cols], vec![f32::NAN; delta.cols()]);
        let layer = dense::Gradient { delta, x, accumulate: false };
        let output = MatMut::new(&mut dw, delta.cols(), x.cols()).expect(fits);
        dense::gradient(&mut backend, layer, output, Some(&mut db)).expect(fits);
        assert!(dw == expected, "{view:?}: {dw:?}, expected {expected:?}");
        let sum = |j| (0..rows).map(|i| delta.get(i, j).expect("it lies in the view")).sum::<f32>();
        assert!(db.iter().enumerate().all(|(j, db)| *db == sum(j)), "{view:?}: {db:?}");
    }

    // The view as outputs of the layer below, whose slope is 1 where an element is above 0.
    let mut below = vec![f32::NAN; rows * cols];
    let layer = dense::Backward { delta: ones, w: one, below: Some((Activation::Relu, view)) };
    dense::backward(&mut backend, layer, MatMut::new(&mut below, rows, cols).expect(fits)).expect(fits);
    for (number, &found) in below.iter().enumerate() {
        let expected = if element(number / cols, number % cols) > 0.0 { 1.0 } else { 0.0 };
        assert!(found == expected, "{view:?}: number {number} is {found}, expected {expected}");
    }
    Ok(())
}

/// The view becomes a product of nothing: zeros.
fn overwrite(u: &mut Unstructured<'_>, view: MatMut<'_>) -> Result<()> {
    let (rows, cols) = (view.rows(), view.cols());
    let nothing = |rows, cols| MatRef::new(&[], rows, cols).expect("there is nothing to view");
    let mut backend = backend(u)?;
    let done = match u.int_in_range(0..=2)? {
        0 => {
            let (x, w, activation) = (nothing(rows, 0), nothing(cols, 0), Activation::Relu);
            dense::forward(&mut backend, dense::Forward { x, w, bias: None, activation }, view)
        }
        1 => {
            let (delta, w) = (nothing(rows, 0), nothing(0, cols));
            dense::backward(&mut backend, dense::Backward { delta, w, below: None }, view)
        }
        _ => {
            let (delta, x) = (nothing(0, rows), nothing(0, cols));
            dense::gradient(&mut backend, dense::Gradient { delta, x, accumulate: false }, view, None)
        }
    };
    done.expect("the shapes fit");
    Ok(())
}

fn run(u: &mut Unstructured<'_>) -> Result<()> {
    let mut data: Vec<f32> = (0..u.int_in_range(0..=200)?).map(|i: u8| f32::from(i)).collect();
    let len = data.len();
    let (rows, cols, row_stride, col_stride) = (size(u)?, size(u)?, stride(u)?, stride(u)?);
    // Where element (i, j) of a view that fits is: its slice begins with the one that is lowest in memory.
    let along = |index: usize, count: usize, stride: isize| {
        (if stride < 0 { index as i128 - (count as i128 - 1) } else { index as i128 }) * stride as i128
    };
    let place = |i, j, strides: (isize, isize)| {
        usize::try_from(along(i, rows, strides.0) + along(j, cols, strides.1)).expect("it is in the slice")
    };

    let needs = needed(rows, cols, row_stride, col_stride);
    match MatRef::with_strides(&data, rows, cols, row_stride, col_stride) {
        Ok(view) => {
            assert!(needs.is_some_and(|needs| needs <= len as u128));
            let (i, j) = (size(u)?, size(u)?);
            for (i, j) in [(i, j), (rows.wrapping_sub(1), cols.wrapping_sub(1)), (rows, 0), (0, cols)] {
                let element = (i < rows && j < cols).then(|| data[place(i, j, (row_stride, col_stride))]);
                assert!(view.get(i, j) == element && view.t().get(j, i) == element);
            }
            multiply(u, view)?;
        }
        Err(error) => check_error(error, needs, len),
    }

    let strides = *u.choose(&[(row_stride, 1), (1, row_stride), (row_stride, col_stride)])?;
    let needs = needed(rows, cols, strides.0, strides.1);
    let apart = |count: usize, stride: isize, len: usize| count <= 1 || stride.unsigned_abs() >= len;
    let by_rows = (cols <= 1 || strides.1 == 1) && apart(rows, strides.0, cols);
    let by_columns = (rows <= 1 || strides.0 == 1) && apart(cols, strides.1, rows);
    let disjoint = rows == 0 || cols == 0 || by_rows || by_columns;
    let before = data.clone();
    match MatMut::with_strides(&mut data, rows, cols, strides.0, strides.1) {
        Ok(view) => {
            assert!(disjoint && needs.is_some_and(|needs| needs <= len as u128));
            assert!((view.rows(), view.cols()) == (rows, cols));
            overwrite(u, view)?;
            let mut expected = before;
            if rows > 0 && cols > 0 {
                (0..rows).for_each(|i| (0..cols).for_each(|j| expected[place(i, j, strides)] = 0.0));
            }
            assert!(data == expected, "{data:?}, expected {expected:?}");
        }
        Err(Error::Strides { shape, strides: found }) => {
            assert!(!disjoint && (shape, found) == ((rows, cols), strides));
        }
        Err(error) => {
            assert!(disjoint);
            check_error(error, needs, len);
        }
    }

    let needs = rows.checked_mul(cols).map(|needs| needs as u128);
    let fits = needs.is_some_and(|needs| needs <= len as u128);
    assert!(MatRef::new(&data, rows, cols).is_ok() == fits);
    assert!(MatMut::new(&mut data, rows, cols).is_ok() == fits);
    Ok(())
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    // Too short an input is no input.
    let _ = run(&mut Unstructured::new(data));
});
