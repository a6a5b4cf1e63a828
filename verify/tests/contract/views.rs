//! Views of matrices: an example of each kind. All combinations are in `sizes.rs`.

use crate::table::{Table, overflow, strides, too_short};
use crate::world::DATA;
use lanegrad::*;

const HALF: usize = usize::MAX / 2 + 1;
const LONGEST: isize = isize::MAX;

pub(crate) fn rows(t: &mut Table) {
    let f = "MatRef::new";
    t.row(f, "slice too short", too_short(32, 33), |_| MatRef::new(&DATA, 3, 11).map(drop));
    t.row(f, "slice empty", too_short(0, 1), |_| MatRef::new(&[], 1, 1).map(drop));
    t.row(f, "rows × columns overflow", overflow((HALF, 4), (4, 1)), |_| MatRef::new(&DATA, HALF, 4).map(drop));

    let f = "MatRef::with_strides";
    for (way, rows, cols, row, col, needs) in [
        ("row stride too long", 3, 2, 31, 1, 64),
        ("row stride too long, backwards", 3, 2, -31, 1, 64),
        ("column stride too long", 2, 3, 0, 16, 33),
        ("column stride too long, backwards", 2, 3, 0, -16, 33),
        ("last element one behind the end", 2, 3, 30, 1, 33),
        ("first element one before the start", 2, 3, -30, 1, 33),
    ] {
        t.row(f, way, too_short(32, needs), move |_| MatRef::with_strides(&DATA, rows, cols, row, col).map(drop));
    }
    for (way, rows, cols, row, col) in [
        ("row offset overflows", 4, 1, LONGEST, 1),
        ("column offset overflows", 1, 4, 1, LONGEST),
        ("row offset overflows, backwards", 3, 1, isize::MIN, 1),
        ("sum of offsets overflows", 2, 2, isize::MIN, isize::MIN),
        ("last offset is the largest", 3, 2, LONGEST, 1),
        ("everything is the largest", usize::MAX, usize::MAX, LONGEST, LONGEST),
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

    let f = "MatMut::with_strides";
    for (way, rows, cols, (row, col), answer) in [
        ("slice too short", 4, 3, (8, 1), too_short(24, 27)),
        ("slice too short, backwards", 4, 3, (-8, 1), too_short(24, 27)),
        ("slice too short, by columns", 3, 4, (1, 8), too_short(24, 27)),
        ("rows overlap", 2, 3, (2, 1), strides((2, 3), (2, 1))),
        ("rows overlap, backwards", 2, 3, (-2, 1), strides((2, 3), (-2, 1))),
        ("row stride zero", 2, 3, (0, 1), strides((2, 3), (0, 1))),
        ("columns overlap", 3, 2, (1, 2), strides((3, 2), (1, 2))),
        ("column stride zero", 3, 2, (1, 0), strides((3, 2), (1, 0))),
        ("neither rows nor columns are contiguous", 2, 3, (6, 2), strides((2, 3), (6, 2))),
        ("rows run backwards inside", 2, 3, (3, -1), strides((2, 3), (3, -1))),
        ("row offset overflows", 4, 1, (LONGEST, 1), overflow((4, 1), (LONGEST, 1))),
        ("sum of offsets overflows", 3, 3, (LONGEST, 1), overflow((3, 3), (LONGEST, 1))),
    ] {
        t.row(f, way, answer, move |world| MatMut::with_strides(&mut world.output, rows, cols, row, col).map(drop));
    }
}
