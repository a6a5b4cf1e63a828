//! Sizes, strides and slice lengths by construction: every combination of a few of each. What a combination needs is computed in
//! `u128`, which shares no code with the library. A combination that is wrong has its [`Error`]; with each of the others, every
//! function returns the bits that it returns for the same matrices without gaps, and writes nothing else.

use crate::functions::{FUNCTIONS, Function, Sizes};
use crate::table::{overflow, strides as strides_of_an_output, too_short};
use crate::world::broadcast;
use lanegrad::*;
use lanegrad_kernels::epilogue::Store;
use lanegrad_kernels::gemm::{self, Order, Product};
use lanegrad_kernels::simd::{View, ViewMut};
use lanegrad_verify::training::name::ACTIVATIONS;

/// No number that a computation would leave by chance.
const CANARY: f32 = f32::from_bits(0x7fc0_1234);
const HALF: usize = usize::MAX / 2 + 1;

/// Strides that are legal for a side of at most one element only. Their small multiples wrap to small numbers, or to zero, or
/// wrap when something is added.
const HUGE: [isize; 7] = [
    isize::MAX,
    isize::MAX - 15,
    isize::MIN,
    isize::MAX / 2 + 1,
    isize::MIN / 4,
    isize::MAX / 7 + 1,
    -(isize::MAX / 15 + 1),
];
/// Equal elements, overlapping and adjacent ones, and ones with gaps, in both directions.
const SMALL: [isize; 6] = [0, 1, 3, 20, -1, -4];
/// Of both, those to be combined with those of another operand.
const FEW: [isize; 5] = [0, 1, 20, -20, isize::MAX];

type Strides = (isize, isize);

fn strides() -> impl Iterator<Item = isize> + Clone {
    SMALL.into_iter().chain(HUGE)
}

/// The numbers that a matrix needs.
fn needed((rows, cols): (usize, usize), (row, col): Strides) -> Option<u128> {
    let reach = |count: usize, stride: isize| (count as u128 - 1).checked_mul(stride.unsigned_abs() as u128);
    if rows == 0 || cols == 0 {
        return Some(0);
    }
    reach(rows, row)?.checked_add(reach(cols, col)?)?.checked_add(1)
}

/// Where element (i, j) of a matrix is, whose lowest element begins its slice.
fn place((rows, cols): (usize, usize), (row, col): Strides, (i, j): (usize, usize)) -> usize {
    let along = |index: usize, count: usize, stride: isize| {
        let steps = if stride < 0 { index as i128 - (count as i128 - 1) } else { index as i128 };
        steps * stride as i128
    };
    usize::try_from(along(i, rows, row) + along(j, cols, col)).unwrap()
}

/// Whether an output may have these strides: rows or columns are contiguous and do not overlap.
fn disjoint((rows, cols): (usize, usize), (row, col): Strides) -> bool {
    let contiguous = |count: usize, stride: isize| count <= 1 || stride == 1;
    let apart = |count: usize, stride: isize, len: usize| count <= 1 || stride.unsigned_abs() >= len;
    let by_rows = contiguous(cols, col) && apart(rows, row, cols);
    let by_columns = contiguous(rows, row) && apart(cols, col, rows);
    rows == 0 || cols == 0 || by_rows || by_columns
}

/// The lengths of slices around what a matrix needs: none, one too few, as many, more.
fn lengths(needed: usize) -> impl Iterator<Item = usize> {
    [Some(0), needed.checked_sub(1), Some(needed), needed.checked_add(3)].into_iter().flatten()
}

/// The longest slice to be made.
const LONGEST: u128 = 1 << 19;

/// The numbers of a slice: all different, and exact in products.
fn numbers(len: usize) -> Vec<f32> {
    (0..len).map(|at| ((at * 7 + at / 11) % 31) as f32 / 8.0 - 2.0).collect()
}

/// How a matrix lies in a slice.
#[derive(Clone, Copy, Debug)]
struct Layout {
    strides: Strides,
    len: usize,
}

impl Layout {
    fn plain((rows, cols): (usize, usize)) -> Self {
        Self { strides: (cols as isize, 1), len: rows * cols }
    }

    fn view<'a>(&self, data: &'a [f32], (rows, cols): (usize, usize)) -> MatRef<'a> {
        let what = || panic!("{rows}×{cols}, {self:?}");
        MatRef::with_strides(&data[..self.len], rows, cols, self.strides.0, self.strides.1).unwrap_or_else(|_| what())
    }
}

/// An operand.
#[derive(Clone, Copy)]
enum Operand {
    Input((usize, usize)),
    Output((usize, usize)),
}

impl Operand {
    /// Every right layout with two of these strides, in a slice of the length needed, and in longer ones.
    fn layouts(self, strides: &[isize], longer: &[usize]) -> Vec<Layout> {
        let (shape, pairs): (_, Vec<_>) = match self {
            Self::Input(shape) => {
                (shape, strides.iter().flat_map(|row| strides.iter().map(|col| (*row, *col))).collect())
            }
            Self::Output(shape @ (rows, cols)) => {
                let sides = [rows, cols].map(|side| side as isize);
                let all = strides.iter().copied().chain(sides.into_iter().flat_map(|side| [side, side + 3, -side - 2]));
                let both = all.flat_map(|stride| [(stride, 1), (1, stride)]);
                (shape, both.filter(|strides| disjoint(shape, *strides)).collect())
            }
        };
        let mut layouts = Vec::new();
        for strides in pairs {
            if let Some(needed) = needed(shape, strides).filter(|needed| *needed <= LONGEST) {
                layouts.extend([0].iter().chain(longer).map(|more| Layout { strides, len: needed as usize + more }));
            }
        }
        layouts
    }
}

#[test]
fn views_of_every_size_stride_and_length() {
    let sizes = [0, 1, 2, 5, usize::MAX / 7 + 1, HALF, usize::MAX];
    let data = numbers(256);
    let mut output = vec![CANARY; 256];
    let [mut right, mut wrong] = [0, 0];
    for (rows, cols) in sizes.into_iter().flat_map(|rows| sizes.map(|cols| (rows, cols))) {
        let shape = (rows, cols);
        for (row, col) in strides().flat_map(|row| strides().map(move |col| (row, col))) {
            let needs = needed(shape, (row, col));
            let needs = needs.and_then(|needed| usize::try_from(needed).ok());
            let short = |len| match needs {
                Some(needed) if needed <= len => None,
                Some(needed) => Some(too_short(len, needed).0),
                None => Some(overflow(shape, (row, col)).0),
            };
            for len in lengths(needs.unwrap_or(7)).filter(|len| *len <= data.len()) {
                let what = format!("{rows}×{cols}, strides {row} and {col}, {len} numbers");
                let found = MatRef::with_strides(&data[..len], rows, cols, row, col);
                assert_eq!(found.as_ref().err(), short(len).as_ref(), "{what}");
                if let Ok(view) = found {
                    assert_eq!((view.rows(), view.cols()), shape, "{what}");
                    let edges = |size: usize| [0, 1, 2, size.wrapping_sub(1), size, usize::MAX];
                    for (i, j) in edges(rows).into_iter().flat_map(|i| edges(cols).map(|j| (i, j))) {
                        let element = (i < rows && j < cols).then(|| data[place(shape, (row, col), (i, j))]);
                        assert_eq!((view.get(i, j), view.t().get(j, i)), (element, element), "{what}: ({i}, {j})");
                    }
                    assert!(rows <= 1 || cols == 0 || view.row_stride() == row, "{what}");
                    assert!(cols <= 1 || rows == 0 || view.col_stride() == col, "{what}");
                    assert!(cols > 1 || view.col_stride() == 1, "{what}");
                    right += 1;
                } else {
                    wrong += 1;
                }

                let found = MatMut::with_strides(&mut output[..len], rows, cols, row, col);
                let expected = if disjoint(shape, (row, col)) {
                    short(len)
                } else {
                    Some(strides_of_an_output(shape, (row, col)).0)
                };
                assert_eq!(found.as_ref().err(), expected.as_ref(), "{what}");
                if let Ok(mut view) = found {
                    assert_eq!((view.rows(), view.cols()), shape, "{what}");
                    assert!(rows <= 1 || cols == 0 || view.row_stride() == row, "{what}");
                    assert!(cols <= 1 || rows == 0 || view.col_stride() == col, "{what}");
                    assert!(rows == 0 || cols == 0 || view.col_stride() == 1 || view.row_stride() == 1, "{what}");
                    if view.col_stride() == 1 && rows > 0 {
                        let last = view.row_mut(rows - 1).unwrap();
                        assert_eq!((last.len(), last.iter().all(|x| x.to_bits() == CANARY.to_bits())), (cols, true));
                    }
                    right += 1;
                } else {
                    wrong += 1;
                }
            }
        }
    }
    assert!(output.iter().all(|x| x.to_bits() == CANARY.to_bits()));
    println!("{right} views are right, {wrong} wrong");
    assert!(right > 2000 && wrong > 2000);
}

/// What a call returns and leaves behind, in bits; rows of the output without what lies between them.
type Left = (u64, Vec<u32>, Vec<u32>);

/// Calls the function with inputs that lie as `inputs` says, and an output that lies as `output` says. `None` if it refuses an output
/// whose rows are not contiguous, as losses do.
fn call(function: &Function, isa: Isa, sizes: Sizes, inputs: &[(Vec<f32>, Layout)], output: Layout) -> Option<Left> {
    let what = || {
        format!(
            "{}, {sizes:?}, {:?}, {output:?} on {isa}",
            function.name,
            inputs.iter().map(|i| i.1).collect::<Vec<_>>()
        )
    };
    let shape @ (rows, cols) = (function.output)(sizes);
    let elements: Vec<_> = (0..rows)
        .flat_map(|i| (0..cols).map(move |j| (i, j)))
        .map(|element| place(shape, output.strides, element))
        .collect();
    let mut data = vec![CANARY; output.len];
    elements.iter().for_each(|&at| data[at] = 0.25);
    let before = data.clone();
    let mut side = vec![0.5; sizes[2]];
    let views: Vec<_> = (function.inputs)(sizes)
        .into_iter()
        .zip(inputs)
        .map(|(shape, (data, layout))| layout.view(data, shape))
        .collect();
    let z = MatMut::with_strides(&mut data, rows, cols, output.strides.0, output.strides.1)
        .unwrap_or_else(|_| panic!("{shape:?}, {output:?}"));
    let by_columns = z.col_stride() != 1;
    let result = (function.call)(&mut Backend::with_isa(isa), &views, z, &mut side);
    let bits = |numbers: &[f32]| numbers.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    if by_columns && function.name.starts_with("loss::") {
        assert!(matches!(result, Err(Error::Layout { operand: "deltas", .. })), "{}: {result:?}", what());
        assert_eq!(bits(&data), bits(&before), "{}", what());
        return None;
    }
    let result = result.unwrap_or_else(|error| panic!("{}: {error}", what()));
    let found = elements.iter().map(|&at| data[at].to_bits()).collect();
    elements.iter().for_each(|&at| data[at] = CANARY);
    assert!(data.iter().all(|x| x.to_bits() == CANARY.to_bits()), "{}: it wrote outside its output", what());
    Some((result.to_bits(), found, bits(&side)))
}

/// The function with one operand after the other in each of its layouts, the other operands without gaps; or with each two of them
/// in each two of a few layouts.
fn every_layout(function: &Function, isa: Isa, sizes: Sizes, in_pairs: bool) -> usize {
    let (shapes, output) = ((function.inputs)(sizes), (function.output)(sizes));
    let mut operands: Vec<_> = shapes.iter().copied().map(Operand::Input).collect();
    operands.push(Operand::Output(output));
    let plain: Vec<_> = shapes.iter().chain([&output]).copied().map(Layout::plain).collect();
    let mut calls = 0;
    let mut check = |layouts: &[Layout]| {
        let (output_layout, layouts) = layouts.split_last().expect("there is an output");
        let inputs: Vec<_> = layouts.iter().map(|layout| (numbers(layout.len), *layout)).collect();
        // The same matrices without gaps.
        let copies: Vec<_> = (shapes.iter().zip(&inputs))
            .map(|(&(rows, cols), (data, Layout { strides, .. }))| {
                let element = |i, j| data[place((rows, cols), *strides, (i, j))];
                let copy = (0..rows).flat_map(|i| (0..cols).map(move |j| element(i, j))).collect();
                (copy, Layout::plain((rows, cols)))
            })
            .collect();
        let expected = call(function, isa, sizes, &copies, Layout::plain(output));
        let found = call(function, isa, sizes, &inputs, *output_layout);
        if found.is_some() {
            assert_eq!(found, expected, "{}, {sizes:?}, {layouts:?}, {output_layout:?} on {isa}", function.name);
        }
        calls += 1;
    };
    for (number, operand) in operands.iter().enumerate() {
        let mut layouts = plain.clone();
        if !in_pairs {
            for layout in operand.layouts(&strides().collect::<Vec<_>>(), &[3]) {
                layouts[number] = layout;
                check(&layouts);
            }
            continue;
        }
        for layout in operand.layouts(&FEW, &[]) {
            layouts[number] = layout;
            for (other, operand) in operands.iter().enumerate().skip(number + 1) {
                for layout in operand.layouts(&FEW, &[]) {
                    layouts[other] = layout;
                    check(&layouts);
                }
                layouts[other] = plain[other];
            }
        }
    }
    calls
}

#[test]
fn every_function_takes_every_size_stride_and_length() {
    for (in_pairs, few) in [(false, &[0, 1, 2, 9, 17][..]), (true, &[0, 1, 9])] {
        let mut calls = 0;
        for isa in Isa::available() {
            for function in &FUNCTIONS {
                let all = few.iter().flat_map(|m| few.iter().flat_map(move |k| few.iter().map(move |n| [*m, *k, *n])));
                for sizes in all.filter(|sizes| (function.takes)(*sizes)) {
                    calls += every_layout(function, isa, sizes, in_pairs);
                }
            }
        }
        println!("{calls} calls{}", if in_pairs { ", two operands at a time" } else { "" });
    }
}

/// So long that rows are prefetched when they are packed.
const LONG: usize = gemm::FAR + 40;

/// One column that is contiguous along k.
#[test]
fn one_long_row_has_any_stride() {
    let sizes = [9, LONG, 1];
    let function = &FUNCTIONS[0];
    for isa in Isa::available() {
        let (x, w) = (numbers(9 * LONG), numbers(LONG));
        let [x, plain] = [(x, Layout::plain((9, LONG))), (w.clone(), Layout::plain((1, LONG)))];
        let expected = call(function, isa, sizes, &[x.clone(), plain], Layout::plain((9, 1)));
        for stride in [0].into_iter().chain(HUGE) {
            let w = (w.clone(), Layout { strides: (stride, 1), len: LONG });
            let found = call(function, isa, sizes, &[x.clone(), w], Layout::plain((9, 1)));
            assert_eq!(found, expected, "stride {stride} on {isa}");
        }
    }
}

/// The stride of a single row or column is not used, whatever it is.
#[test]
fn the_product_takes_any_stride_that_is_not_used() {
    fn product(isa: Isa, order: Order, a: View<'_>, b: View<'_>, c_stride: isize) -> Vec<u32> {
        let (m, n, k) = (a.rows(), b.cols(), a.cols());
        let mut c = vec![0.0; m * n];
        let mut workspace = vec![0.0; gemm::workspace_len(m, n, k).unwrap()];
        let output = ViewMut::new(&mut c, m, n, c_stride, 1).unwrap();
        isa.run(Product::new(isa.lowering(), order, a, b, output, Store).with_workspace(&mut workspace));
        c.iter().map(|x| x.to_bits()).collect()
    }
    let few = [1, 2, 9, 17];
    let all = few.into_iter().flat_map(|m| few.into_iter().flat_map(move |n| few.map(|k| [m, n, k])));
    for (isa, sizes @ [m, n, k]) in
        all.chain([[9, 1, LONG]]).flat_map(|sizes| Isa::available().map(move |isa| (isa, sizes)))
    {
        let (a, b) = (numbers(m * k), numbers(k * n));
        for order in [Order::Chain { accumulate: false }, Order::of_forward(m)] {
            for (by_rows, huge) in HUGE.into_iter().flat_map(|huge| [(true, huge), (false, huge)]) {
                let view = |data, rows: usize, cols: usize, unused: Option<isize>| {
                    let (row, col) = if by_rows { (cols, 1) } else { (1, rows) };
                    let stride = |size, stride: usize| unused.filter(|_| size == 1).unwrap_or(stride as isize);
                    View::new(data, rows, cols, stride(rows, row), stride(cols, col)).unwrap()
                };
                let expected = product(isa, order, view(&a, m, k, None), view(&b, k, n, None), n as isize);
                let (a, b) = (view(&a, m, k, Some(huge)), view(&b, k, n, Some(huge)));
                let found = product(isa, order, a, b, if m == 1 { huge } else { n as isize });
                assert_eq!(found, expected, "{sizes:?}, {order:?}, {a:?}, {b:?} on {isa}");
            }
        }
    }
}

/// However large the other sizes: an output without elements is finished at once, and needs no memory.
#[test]
fn empty_outputs_of_huge_operations() {
    let huge = [0, 1, 9, HALF, usize::MAX];
    let all = huge.into_iter().flat_map(|batch| huge.into_iter().flat_map(move |i| huge.map(|o| [batch, i, o])));
    let mut calls = 0;
    for isa in Isa::available() {
        let mut backend = Backend::with_isa(isa);
        for [batch, inputs, outputs] in all.clone() {
            let mut output = |rows: usize, cols: usize| {
                (rows == 0 || cols == 0).then(|| {
                    calls += 1;
                    MatMut::with_strides(&mut [], rows, cols, isize::MAX, 1).unwrap()
                })
            };
            let (x, w, delta) = (broadcast(batch, inputs), broadcast(outputs, inputs), broadcast(batch, outputs));
            for activation in [Activation::Identity, Activation::Sigmoid] {
                if let Some(z) = output(batch, outputs) {
                    dense::forward(&mut backend, dense::Forward { x, w, bias: None, activation }, z).unwrap();
                }
                if let Some(below) = output(batch, inputs) {
                    let layer = dense::Backward { delta, w, below: Some((activation, x)) };
                    dense::backward(&mut backend, layer, below).unwrap();
                }
                if let Some(out) = output(batch, outputs) {
                    let operands = dense::ActivationBackward { gradient: delta, z: delta, activation };
                    dense::activation_backward(&backend, operands, out).unwrap();
                }
                if let Some(out) = output(batch, outputs).filter(|_| batch > 0) {
                    let operands = loss::SquaredError { predicted: delta, target: delta, c: 0.5, activation };
                    assert_eq!(loss::squared_error(&backend, operands, out), Ok(0.0));
                }
            }
            for accumulate in [false, true] {
                if let Some(dw) = output(outputs, inputs) {
                    let db = if outputs == 0 { Some(&mut [][..]) } else { None };
                    dense::gradient(&mut backend, dense::Gradient { delta, x, accumulate }, dw, db).unwrap();
                }
            }
        }
    }
    println!("{calls} calls");
}

/// What takes slices and lists takes empty ones: no tensor at all, one without elements, some without elements among others.
#[test]
fn empty_slices_and_lists() {
    let lists: [&[usize]; 5] = [&[], &[0], &[0, 0], &[0, 5, 0], &[9, 0]];
    for isa in Isa::available() {
        let backend = Backend::with_isa(isa);
        for &(_, h) in ACTIVATIONS {
            h.apply(&backend, &mut []);
        }
        for lengths in lists {
            let total = lengths.iter().sum::<usize>();
            let tensors = || lengths.iter().map(|len| vec![2.0_f32; *len]).collect::<Vec<_>>();
            let mut gradients = tensors();
            let mut slices: Vec<_> = gradients.iter_mut().map(Vec::as_mut_slice).collect();
            let norm = clip::by_global_norm(&backend, &mut slices, 1.0).unwrap();
            assert!((norm - 2.0 * (total as f64).sqrt()).abs() < 1e-6, "{norm}");
            clip::by_value(&backend, &mut slices, 0.125).unwrap();
            assert!(gradients.iter().flatten().all(|g| *g == 0.125));

            for method in crate::METHODS {
                let mut optimizer = Optimizer::new(Rule::new(method, LearningRate::Constant(0.25)).unwrap());
                let mut together = optimizer.clone();
                let (mut theta, mut joined) = (tensors(), vec![2.0_f32; total]);
                for _ in 0..3 {
                    let slices: Vec<_> = gradients.iter().map(Vec::as_slice).collect();
                    let mut parameters: Vec<_> =
                        (0..).zip(&mut theta).map(|(key, theta)| Parameter::new(key, theta)).collect();
                    drop(optimizer.begin(&backend, &mut parameters).unwrap());
                    optimizer.begin(&backend, &mut parameters).unwrap().finish(&slices).unwrap();
                    let mut step = Parameter::numbered([&mut joined]);
                    together.begin(&backend, &mut step).unwrap().finish(&[&gradients.concat()]).unwrap();
                }
                assert_eq!(theta.concat(), joined, "{method:?} on {isa}");
            }
        }
    }
}
