//! Invalid arguments are refused, and only the given memory is read or written.

use super::platform::Platform;
use crate::operand::{Layout, Operand, Output};
use crate::random::uniform;
use crate::shapes::Edges;
use crate::tally::Tally;
use lanegrad::dense::{self, Backward, Forward, Gradient};
use lanegrad::{Activation, Error, Initialization, LayerOptions, MatMut, MatRef, Network, Scratch, loss};

/// Half the bits of a `usize`: the square is 0 if it wraps.
const ROOT: usize = 1 << (usize::BITS / 2);
/// The highest bit: twice this value is 0 if it wraps.
const TOP: usize = 1 << (usize::BITS - 1);

/// A view that reaches beyond its slice, or whose offsets overflow, is refused; so is an output whose rows overlap.
pub(super) fn views(platform: &Platform, tally: &mut Tally) {
    let mut data = [0.0; 64];
    const LONGEST: isize = isize::MAX;
    for (rows, cols, stride) in
        [(ROOT + 1, 1, ROOT as isize), (TOP + 1, 1, 2), (3, 2, LONGEST), (3, 2, isize::MIN), (4, 4, -LONGEST)]
    {
        let place = || format!("{rows}×{cols} with a row stride of {stride}");
        let input = MatRef::with_strides(&data, rows, cols, stride, 1);
        tally.holds(matches!(input, Err(Error::Overflow { .. })), || format!("{}, an input: {input:?}", place()));
        let input = MatRef::with_strides(&data, cols, rows, 1, stride);
        tally.holds(matches!(input, Err(Error::Overflow { .. })), || format!("{}, transposed: {input:?}", place()));
        let output = MatMut::with_strides(&mut data, rows, cols, stride, 1);
        tally.holds(matches!(output, Err(Error::Overflow { .. })), || format!("{}, an output: {output:?}", place()));
    }
    for (rows, cols, stride) in
        (0..6).flat_map(|rows| (0..6).flat_map(move |cols| (-7_isize..8).map(move |s| (rows, cols, s))))
    {
        let needed: usize = if rows * cols == 0 { 0 } else { (rows - 1) * stride.unsigned_abs() + cols };
        for len in [needed.saturating_sub(1), needed, needed + 1] {
            let place = || format!("{rows}×{cols} with a row stride of {stride} in {len} numbers");
            let input = MatRef::with_strides(&data[..len], rows, cols, stride, 1).is_ok();
            tally.holds(input == (needed <= len), || format!("an input, {}", place()));
            let output = MatMut::with_strides(&mut data[..len], rows, cols, stride, 1).is_ok();
            let disjoint = rows <= 1 || cols <= stride.unsigned_abs();
            tally.holds(output == (needed <= len && (disjoint || cols == 0)), || format!("an output, {}", place()));
            let output = MatMut::with_strides(&mut data[..len], cols, rows, 1, stride).is_ok();
            tally.holds(output == (needed <= len && (disjoint || cols == 0)), || format!("transposed, {}", place()));
        }
    }

    // A row that is repeated until the number of outputs overflows.
    let units = LayerOptions { units: 2, activation: Activation::Relu, initialization: Initialization::HeNormal };
    let network = Network::new(1, &[units], uniform(1));
    let rows = MatRef::with_strides(&data, TOP, 1, 0, 1).expect("the row is there");
    let refused =
        network.is_ok_and(|network| network.predict(&mut platform.backend(), &mut Scratch::default(), rows).is_err());
    tally.holds(refused, || format!("predictions for {TOP} examples were not refused"));
}

/// A sum of no terms is zero, although the slices have elements: without inputs `z = b`, without a batch `dw = 0`, without units
/// `delta_below = 0`.
pub(super) fn nothing(platform: &Platform, tally: &mut Tally) {
    let mut backend = platform.backend();
    let nan = [f32::NAN; 64];
    let empty = |rows, cols| MatRef::new(&nan, rows, cols).expect("it has no elements");
    let Edges { mr, lanes, .. } = platform.edges();
    for (rows, cols) in [(1, 1), (mr, lanes), (mr + 1, 2 * lanes + 1), (3, 40)] {
        let mut compare = |what: &str, output: &Output, expected: &dyn Fn(usize, usize) -> f32| {
            for i in 0..rows {
                for j in 0..cols {
                    tally
                        .same(output.at(i, j), expected(i, j), || format!("{what}, {rows}×{cols}, element ({i}, {j})"));
                }
            }
        };
        let number = |i: usize, j: usize| (10 * i + j) as f32 + 1.0;
        let mut output = Output::new(rows, cols, 1);

        let bias: Vec<f32> = (0..cols).map(|j| number(0, j)).collect();
        let (x, w) = (empty(rows, 0), empty(cols, 0));
        let layer = Forward { x, w, bias: Some(&bias), activation: Activation::Identity };
        dense::forward(&mut backend, layer, output.view()).expect("the shapes fit");
        compare("z without inputs", &output, &|_, j| number(0, j));

        let layer = Backward { delta: empty(rows, 0), w: empty(0, cols), below: None };
        dense::backward(&mut backend, layer, output.view()).expect("the shapes fit");
        compare("delta without units", &output, &|_, _| 0.0);

        for accumulate in [false, true] {
            output.fill(number);
            let mut db: Vec<f32> = (0..rows).map(|i| number(i, 0)).collect();
            let layer = Gradient { delta: empty(0, rows), x: empty(0, cols), accumulate };
            dense::gradient(&mut backend, layer, output.view(), Some(&mut db)).expect("the shapes fit");
            let expected = |i, j| if accumulate { number(i, j) } else { 0.0 };
            compare("dw without a batch", &output, &expected);
            compare("db without a batch", &Output::from_fn(rows, cols, |i, _| db[i]), &|i, _| expected(i, 0));
        }
    }
}

/// The elements between and around the rows of an output are not written, whatever its width.
pub(super) fn gaps(platform: &Platform, tally: &mut Tally) {
    let mut backend = platform.backend();
    let Edges { mr, lanes, .. } = platform.edges();
    for (rows, cols) in [1, 2, mr, mr + 1].into_iter().flat_map(|rows| (1..2 * lanes + 9).map(move |cols| (rows, cols)))
    {
        let operand = |rows, cols| Operand::from_fn(rows, cols, Layout::Rows, |i, j| (i + 2 * j) as f32 / 64.0);
        let (x, w, delta, y) = (operand(rows, 3), operand(cols, 3), operand(rows, 5), operand(rows, cols));
        let labels: Vec<u32> = (0..rows).map(|i| (i % cols) as u32).collect();
        let mut watch = |what: &str, write: &mut dyn FnMut(MatMut<'_>) -> bool| {
            let mut output = Output::new(rows, cols, 3);
            let done = write(output.view());
            tally.holds(done && output.stray_write().is_none(), || {
                format!("{what}, {rows}×{cols}: number {:?} was written, which is in a gap", output.stray_write())
            });
        };
        watch("z", &mut |z| {
            let layer = Forward { x: x.view(), w: w.view(), bias: None, activation: Activation::Relu };
            dense::forward(&mut backend, layer, z).is_ok()
        });
        watch("delta of the layer below", &mut |below| {
            let w = operand(5, cols);
            let layer = Backward { delta: delta.view(), w: w.view(), below: None };
            dense::backward(&mut backend, layer, below).is_ok()
        });
        watch("dw", &mut |dw| {
            let (delta, x) = (operand(5, rows), operand(5, cols));
            let layer = Gradient { delta: delta.view(), x: x.view(), accumulate: false };
            dense::gradient(&mut backend, layer, dw, None).is_ok()
        });
        watch("delta of the squared error", &mut |delta| {
            let (predicted, activation) = (y.view(), Activation::Tanh);
            let loss = loss::SquaredError { predicted, target: y.view(), c: 0.5, activation };
            loss::squared_error(&backend, loss, delta).is_ok()
        });
        watch("delta of the cross-entropy", &mut |delta| {
            let loss = loss::SoftmaxCrossEntropy { logits: y.view(), labels: &labels };
            loss::softmax_cross_entropy(&backend, loss, delta).is_ok()
        });
    }
}
