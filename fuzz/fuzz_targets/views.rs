//! The constructors of views accept what lies inside the slice, and nothing else.
#![no_main]

use arbitrary::{Result, Unstructured};
use lanegrad::{Error, MatMut, MatRef};

/// Small ones, and those around which products overflow.
fn size(u: &mut Unstructured<'_>) -> Result<usize> {
    const HUGE: [usize; 5] = [usize::MAX, usize::MAX - 1, usize::MAX / 2, usize::MAX / 2 + 1, 1 << 32];
    match u.int_in_range(0..=9)? {
        0 => u.arbitrary(),
        1 => Ok(*u.choose(&HUGE)?),
        _ => u.int_in_range(0..=12),
    }
}

/// How many numbers a view needs; `None` where that is no `u128`, let alone a `usize`.
fn needed(rows: usize, cols: usize, row_stride: usize, col_stride: usize) -> Option<u128> {
    if rows == 0 || cols == 0 {
        return Some(0);
    }
    let product = |a: usize, b: usize| (a as u128 - 1) * b as u128;
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

fn run(u: &mut Unstructured<'_>) -> Result<()> {
    let mut data: Vec<f32> = (0..u.int_in_range(0..=200)?).map(|i: u8| f32::from(i)).collect();
    let len = data.len();
    let (rows, cols, row_stride, col_stride) = (size(u)?, size(u)?, size(u)?, size(u)?);

    let needs = needed(rows, cols, row_stride, col_stride);
    match MatRef::with_strides(&data, rows, cols, row_stride, col_stride) {
        Ok(view) => {
            assert!(needs.is_some_and(|needs| needs <= len as u128));
            let (i, j) = (size(u)?, size(u)?);
            for (i, j) in [(i, j), (rows.wrapping_sub(1), cols.wrapping_sub(1)), (rows, 0), (0, cols)] {
                let element = (i < rows && j < cols).then(|| data[i * row_stride + j * col_stride]);
                assert!(view.get(i, j) == element && view.t().get(j, i) == element);
            }
        }
        Err(error) => check_error(error, needs, len),
    }

    let needs = needed(rows, cols, row_stride, 1);
    match MatMut::with_row_stride(&mut data, rows, cols, row_stride) {
        Ok(view) => {
            assert!(row_stride >= cols && needs.is_some_and(|needs| needs <= len as u128));
            assert!((view.rows(), view.cols()) == (rows, cols));
        }
        Err(Error::RowStride { expected, found }) => assert!((expected, found) == (cols, row_stride) && found < cols),
        Err(error) => check_error(error, needs, len),
    }

    let needs = needed(rows, cols, cols, 1);
    let fits = needs.is_some_and(|needs| needs <= len as u128);
    assert!(MatRef::new(&data, rows, cols).is_ok() == fits);
    assert!(MatMut::new(&mut data, rows, cols).is_ok() == fits);
    Ok(())
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    // Too short an input is no input.
    let _ = run(&mut Unstructured::new(data));
});
