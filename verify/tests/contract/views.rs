//! Views of matrices: an example of each kind. All combinations are in `sizes.rs`.

use crate::table::{Table, overflow, row_stride, too_short};
use crate::world::DATA;
use lanegrad::*;

const HALF: usize = usize::MAX / 2 + 1;

pub(crate) fn rows(t: &mut Table) {
    let f = "MatRef::new";
    t.row(f, "slice too short", too_short(32, 33), |_| MatRef::new(&DATA, 3, 11).map(drop));
    t.row(f, "slice empty", too_short(0, 1), |_| MatRef::new(&[], 1, 1).map(drop));
    t.row(f, "rows × columns overflow", overflow((HALF, 4), (4, 1)), |_| MatRef::new(&DATA, HALF, 4).map(drop));

    let f = "MatRef::with_strides";
    for (way, rows, cols, row, col, needs) in [
        ("row stride too long", 3, 2, 31, 1, 64),
        ("column stride too long", 2, 3, 0, 16, 33),
        ("last element one behind the end", 2, 3, 30, 1, 33),
    ] {
        t.row(f, way, too_short(32, needs), move |_| MatRef::with_strides(&DATA, rows, cols, row, col).map(drop));
    }
    for (way, rows, cols, row, col) in [
        ("row offset overflows", 3, 1, HALF, 1),
        ("column offset overflows", 1, 3, 1, HALF),
        ("sum of offsets overflows", 2, 2, HALF, HALF),
        ("last offset is the largest", 2, 2, usize::MAX, 0),
        ("everything is the largest", usize::MAX, usize::MAX, usize::MAX, usize::MAX),
    ] {
        let answer = overflow((rows, cols), (row, col));
        t.row(f, way, answer, move |_| MatRef::with_strides(&DATA, rows, cols, row, col).map(drop));
    }

    let f = "MatMut::new";
    t.row(f, "slice too short", too_short(24, 25), |world| MatMut::new(&mut world.output, 5, 5).map(drop));
    t.row(f, "slice empty", too_short(0, 1), |_| MatMut::new(&mut [], 1, 1).map(drop));
    t.row(f, "rows × columns overflow", overflow((HALF, 4), (4, 1)), |world| {
        MatMut::new(&mut world.output, HALF, 4).map(drop)
    });

    let f = "MatMut::with_row_stride";
    for (way, rows, cols, stride, answer) in [
        ("slice too short", 4, 3, 8, too_short(24, 27)),
        ("rows overlap", 2, 3, 2, row_stride(2, 3)),
        ("row stride zero", 2, 3, 0, row_stride(0, 3)),
        ("row stride below the columns of one row", 1, 3, 2, row_stride(2, 3)),
        ("row stride below the columns of no row", 0, 3, 2, row_stride(2, 3)),
        ("row offset overflows", 3, 1, HALF, overflow((3, 1), (HALF, 1))),
        ("sum of offsets overflows", 2, 3, usize::MAX, overflow((2, 3), (usize::MAX, 1))),
    ] {
        t.row(f, way, answer, move |world| MatMut::with_row_stride(&mut world.output, rows, cols, stride).map(drop));
    }
}
