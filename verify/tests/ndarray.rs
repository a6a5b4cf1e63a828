//! Views of `ndarray` in any layout: the operations on 2,000 random ones have the bits of those on copies without gaps.

use lanegrad::*;
use ndarray::{Array1, Array2, ArrayView2, Axis, ShapeBuilder, Slice};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// A matrix somewhere in an array.
struct Source {
    array: Array2<f32>,
    shape: (usize, usize),
    /// For rows and columns: where it starts, and the step.
    slices: [(isize, isize); 2],
    /// Each of its rows, if they are all the same.
    row: Option<Array1<f32>>,
}

impl Source {
    fn new(rng: &mut StdRng, rows: usize, cols: usize) -> Self {
        let around = (2 * rows + 3, 2 * cols + 3).set_f(rng.random());
        let array = Array2::from_shape_simple_fn(around, || rng.random_range(-1.0..1.0));
        let slices = [(); 2].map(|()| {
            let step = *[1, 1, 1, 2, -1, -2].get(rng.random_range(0..6)).expect("one of six");
            (rng.random_range(0..=2_i32) as isize, step)
        });
        let row = rng.random_ratio(1, 8).then(|| Array1::from_shape_simple_fn(cols, || rng.random_range(-1.0..1.0)));
        Self { array, shape: (rows, cols), slices, row }
    }

    fn view(&self) -> ArrayView2<'_, f32> {
        if let Some(row) = &self.row {
            return row.broadcast(self.shape).expect("a row can be repeated");
        }
        let mut view = self.array.view();
        for (axis, (count, (from, step))) in [self.shape.0, self.shape.1].into_iter().zip(self.slices).enumerate() {
            let end = from + (count as isize - 1).max(0) * step.abs() + isize::from(count > 0);
            view.slice_axis_inplace(Axis(axis), Slice::new(from, Some(end), step));
        }
        assert_eq!(view.dim(), self.shape);
        view
    }
}

/// The bits of each output, from inputs as they are and outputs in this layout.
fn run(isa: Isa, [x, w, delta]: [ArrayView2<'_, f32>; 3], by_columns: bool, backwards: bool) -> Vec<Vec<u32>> {
    let mut backend = Backend::with_isa(isa);
    let mut results = Vec::new();
    let mut keep = |rows: usize, cols: usize, write: &mut dyn FnMut(MatMut<'_>) -> Result<(), Error>| {
        let mut output = Array2::from_elem((rows, cols).set_f(by_columns), f32::NAN);
        let mut view = output.view_mut();
        if backwards {
            view.invert_axis(Axis(usize::from(by_columns)));
        }
        write(view.try_into().expect("rows or columns are contiguous")).expect("the shapes fit");
        if backwards {
            output.invert_axis(Axis(usize::from(by_columns)));
        }
        results.push(output.iter().map(|x| x.to_bits()).collect());
    };
    let (batch, inputs, outputs) = (x.nrows(), x.ncols(), w.nrows());
    let [x, w, delta] = [x, w, delta].map(MatRef::from);
    keep(batch, outputs, &mut |z| {
        dense::forward(&mut backend, dense::Forward { x, w, bias: None, activation: Activation::Sigmoid }, z)
    });
    keep(batch, inputs, &mut |below| {
        let layer = dense::Backward { delta, w, below: Some((Activation::Tanh, x)) };
        dense::backward(&mut backend, layer, below)
    });
    keep(outputs, inputs, &mut |dw| {
        dense::gradient(&mut backend, dense::Gradient { delta, x, accumulate: false }, dw, None)
    });
    results
}

#[test]
fn two_thousand_random_views() {
    let mut rng = StdRng::seed_from_u64(18);
    for number in 0..2000 / 3 + 1 {
        let [batch, inputs, outputs] = [(); 3].map(|()| rng.random_range(0..=[4, 20, 40][number % 3]));
        let sources = [(batch, inputs), (outputs, inputs), (batch, outputs)]
            .map(|(rows, cols)| Source::new(&mut rng, rows, cols));
        let views = sources.each_ref().map(Source::view);
        let copies = views.map(|view| view.to_owned());
        for isa in Isa::available() {
            let found = run(isa, views, rng.random(), rng.random());
            let expected = run(isa, copies.each_ref().map(|copy| copy.view()), false, false);
            assert_eq!(found, expected, "{batch}×{inputs}→{outputs} on {isa}");
        }
    }
}

#[test]
fn an_output_with_steps_is_refused() {
    let mut array = Array2::<f32>::zeros((4, 6));
    let mut view = array.view_mut();
    view.slice_axis_inplace(Axis(1), Slice::new(0, None, 2));
    let error = MatMut::try_from(view).unwrap_err();
    assert_eq!(error, Error::Strides { shape: (4, 3), strides: (6, 2) });
}
