//! The same bits run after run, for any alignment, any values in the other rows of the batch and, with FMA, on every
//! instruction set; and nothing is read or written that is not named.

use lanegrad::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// batch, inputs, outputs: single elements, both sides of the tiles' and blocks' edges, and nothing at all.
const SHAPES: [(usize, usize, usize); 11] = [
    (1, 1, 1),
    (2, 3, 5),
    (6, 16, 16),
    (7, 17, 15),
    (13, 65, 63),
    (5, 64, 129),
    (97, 66, 33),
    (12, 513, 17),
    (3, 520, 260),
    (515, 9, 10),
    (0, 4, 3),
];

/// A bit pattern that no computation leaves by chance.
const CANARY: u32 = 0x7fc0_1234;

/// The longest of the gaps between rows.
const GAP: usize = 3;

fn numbers(len: usize, seed: u64) -> Vec<f32> {
    let mut rng = StdRng::seed_from_u64(seed);
    (0..len).map(|_| rng.random_range(-1.0..1.0)).collect()
}

fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|x| x.to_bits()).collect()
}

/// An input matrix in a buffer of its own: `offset` numbers and gaps of `gap` numbers that are not its own.
struct Input {
    data: Vec<f32>,
    offset: usize,
    rows: usize,
    cols: usize,
    stride: usize,
}

impl Input {
    fn new(values: &[f32], (rows, cols): (usize, usize), offset: usize, gap: usize) -> Self {
        let stride = cols + gap;
        let mut data = vec![f32::from_bits(CANARY); offset + rows * stride];
        for i in 0..rows {
            data[offset + i * stride..][..cols].copy_from_slice(&values[i * cols..][..cols]);
        }
        Self { data, offset, rows, cols, stride }
    }

    fn view(&self) -> MatRef<'_> {
        MatRef::with_strides(&self.data[self.offset..], self.rows, self.cols, self.stride, 1).unwrap()
    }
}

/// An output matrix in a buffer that is otherwise canaries, the matrix itself too unless it has values.
struct Output {
    data: Vec<f32>,
    offset: usize,
    rows: usize,
    cols: usize,
    stride: usize,
}

impl Output {
    fn new(values: Option<&[f32]>, (rows, cols): (usize, usize), offset: usize, gap: usize) -> Self {
        let stride = cols + gap;
        let mut data = vec![f32::from_bits(CANARY); offset + rows * stride + 64];
        for (i, row) in values.into_iter().flat_map(|values| values.chunks(cols.max(1))).enumerate() {
            data[offset + i * stride..][..cols].copy_from_slice(row);
        }
        Self { data, offset, rows, cols, stride }
    }

    fn view(&mut self) -> MatMut<'_> {
        MatMut::with_row_stride(&mut self.data[self.offset..], self.rows, self.cols, self.stride).unwrap()
    }

    /// The matrix; everything around it must still be canaries.
    #[track_caller]
    fn values(&self) -> Vec<f32> {
        let mut values = Vec::new();
        for (at, &x) in self.data.iter().enumerate() {
            let inside = at >= self.offset
                && (at - self.offset) / self.stride.max(1) < self.rows
                && (at - self.offset) % self.stride.max(1) < self.cols;
            if inside {
                values.push(x);
            } else {
                assert_eq!(x.to_bits(), CANARY, "number {at}, outside the matrix, was written");
            }
        }
        values
    }
}

/// The results of the three products and the bias gradient.
#[derive(Debug, PartialEq)]
struct Results {
    z: Vec<u32>,
    below: Vec<u32>,
    dw: Vec<u32>,
    db: Vec<u32>,
}

/// The three products of random operands, placed at `offset` with gaps of `gap`; what they return must not depend on those.
fn products(
    backend: &mut Backend,
    (batch, inputs, outputs): (usize, usize, usize),
    activation: Activation,
    accumulate: bool,
    offset: usize,
    gap: usize,
) -> Results {
    let x = Input::new(&numbers(batch * inputs, 1), (batch, inputs), offset, gap);
    let w = Input::new(&numbers(outputs * inputs, 2), (outputs, inputs), offset + 1, gap);
    let delta = Input::new(&numbers(batch * outputs, 3), (batch, outputs), offset + 2, gap);
    let bias = Input::new(&numbers(outputs, 4), (1, outputs), offset + 3, 0);

    let mut z = Output::new(None, (batch, outputs), offset, gap);
    let layer = dense::Forward { x: x.view(), w: w.view(), bias: Some(&bias.data[bias.offset..]), activation };
    dense::forward(backend, layer, z.view()).unwrap();

    let mut below = Output::new(None, (batch, inputs), offset, gap);
    let layer = dense::Backward { delta: delta.view(), w: w.view(), below: Some((activation, x.view())) };
    dense::backward(backend, layer, below.view()).unwrap();

    let (dw0, db0) = (numbers(outputs * inputs, 5), numbers(outputs, 6));
    let mut dw = Output::new(accumulate.then_some(&dw0), (outputs, inputs), offset, gap);
    let mut db = Output::new(accumulate.then_some(&db0), (1, outputs), offset, 0);
    let layer = dense::Gradient { delta: delta.view(), x: x.view(), accumulate };
    let slice = &mut db.data[db.offset..][..outputs];
    dense::gradient(backend, layer, dw.view(), Some(slice)).unwrap();

    let [z, below, dw, db] = [z, below, dw, db].map(|output| output.values());
    // The outputs held NaN: had they been read, it would be there still.
    for (name, values) in [("z", &z), ("delta_below", &below), ("dw", &dw), ("db", &db)] {
        assert!(values.iter().all(|x| x.is_finite()), "{name} was read, or not written");
    }
    Results { z: bits(&z), below: bits(&below), dw: bits(&dw), db: bits(&db) }
}

#[test]
fn products_do_not_depend_on_the_run_the_place_or_the_gaps() {
    let mut compared = 0;
    for isa in Isa::available() {
        for shape in SHAPES {
            for (activation, accumulate) in [(Activation::Relu, false), (Activation::Tanh, true)] {
                let mut backend = Backend::with_isa(isa);
                let first = products(&mut backend, shape, activation, accumulate, 0, 0);
                for offset in 0..16 {
                    for gap in [0, 1, GAP] {
                        let again = products(&mut backend, shape, activation, accumulate, offset, gap);
                        assert!(first == again, "{isa}, {shape:?}, {activation:?}, offset {offset}, gap {gap}");
                        compared += again.z.len() + again.below.len() + again.dw.len();
                    }
                }
            }
        }
    }
    assert!(compared > 1_000_000);
}

/// Without inputs, `z = h(b)`; without a batch, `dw = 0`; without units, `delta_below = 0`.
#[test]
fn a_sum_of_nothing_is_zero() {
    for isa in Isa::available() {
        let mut backend = Backend::with_isa(isa);
        for (batch, inputs, outputs) in [(40, 0, 70), (0, 40, 70), (40, 70, 0)] {
            let results = products(&mut backend, (batch, inputs, outputs), Activation::Identity, false, 0, GAP);
            let bias = bits(&numbers(outputs, 4));
            assert!(inputs > 0 || results.z.chunks(outputs).all(|row| row == bias), "{isa}");
            assert!(batch > 0 || (results.dw.iter().chain(&results.db).all(|&x| x == 0)), "{isa}");
            assert!(outputs > 0 || results.below.iter().all(|&x| x == 0), "{isa}");
        }
    }
}

#[test]
fn products_do_not_depend_on_what_the_workspace_was_used_for() {
    for isa in Isa::available() {
        let mut used = Backend::with_isa(isa);
        for shape in SHAPES.into_iter().chain(SHAPES.into_iter().rev()) {
            let fresh = products(&mut Backend::with_isa(isa), shape, Activation::Sigmoid, true, 0, 0);
            assert!(products(&mut used, shape, Activation::Sigmoid, true, 0, 0) == fresh, "{isa}, {shape:?}");
        }
    }
}

/// `c ← c + a·b` over p = 0, 1, …, each step rounded once: the order and the rounding that every product promises.
#[expect(clippy::disallowed_methods, reason = "the twin of the vocabulary's mul_add, which rounds once")]
fn chain(start: f32, terms: impl Iterator<Item = (f32, f32)>) -> f32 {
    terms.fold(start, |sum, (a, b)| a.mul_add(b, sum))
}

/// Of at most eight rows, a forward product: sixteen chains, whose upper half is added to the lower until one remains.
fn forward_sum(batch: usize, terms: impl Iterator<Item = (f32, f32)> + Clone) -> f32 {
    if batch > 8 {
        return chain(0.0, terms);
    }
    let mut lanes: Vec<f32> = (0..16).map(|lane| chain(0.0, terms.clone().skip(lane).step_by(16))).collect();
    while lanes.len() > 1 {
        let upper = lanes.split_off(lanes.len() / 2);
        lanes.iter_mut().zip(upper).for_each(|(lower, upper)| *lower += upper);
    }
    lanes[0]
}

#[test]
fn with_fma_every_instruction_set_has_the_bits_of_the_plain_chain() {
    let mut compared = 0;
    for isa in Isa::available().filter(|isa| isa.name() != "portable") {
        let mut backend = Backend::with_isa(isa);
        for (batch, inputs, outputs) in SHAPES {
            let (x, w) = (numbers(batch * inputs, 1), numbers(outputs * inputs, 2));
            let (delta, bias) = (numbers(batch * outputs, 3), numbers(outputs, 4));
            let (dw0, db0) = (numbers(outputs * inputs, 5), numbers(outputs, 6));
            let z = |i: usize, j: usize| {
                forward_sum(batch, (0..inputs).map(|p| (x[i * inputs + p], w[j * inputs + p]))) + bias[j]
            };
            let below =
                |i: usize, j: usize| chain(0.0, (0..outputs).map(|p| (delta[i * outputs + p], w[p * inputs + j])));
            let dw = |start: f32, i: usize, j: usize| {
                chain(start, (0..batch).map(|p| (delta[p * outputs + i], x[p * inputs + j])))
            };
            let db = |start: f32, j: usize| (0..batch).fold(start, |sum, p| sum + delta[p * outputs + j]);
            let each = |rows: usize, cols: usize, f: &dyn Fn(usize, usize) -> f32| {
                (0..rows).flat_map(|i| (0..cols).map(move |j| f(i, j).to_bits())).collect::<Vec<_>>()
            };
            let relu = |a: f32| if a > 0.0 { a } else { 0.0 };

            for (activation, accumulate) in [(Activation::Identity, false), (Activation::Relu, true)] {
                let h = |a: f32| if activation == Activation::Relu { relu(a) } else { a };
                let slope = |z: f32| if activation == Activation::Relu && z <= 0.0 { 0.0 } else { 1.0 };
                let start = |values: &[f32], at: usize| if accumulate { values[at] } else { 0.0 };
                let expected = Results {
                    z: each(batch, outputs, &|i, j| h(z(i, j))),
                    below: each(batch, inputs, &|i, j| {
                        // Where h' is 0, so is the delta, without a sign.
                        if slope(x[i * inputs + j]) == 0.0 { 0.0 } else { below(i, j) }
                    }),
                    dw: each(outputs, inputs, &|i, j| dw(start(&dw0, i * inputs + j), i, j)),
                    db: each(1, outputs, &|_, j| db(start(&db0, j), j)),
                };
                let found = products(&mut backend, (batch, inputs, outputs), activation, accumulate, 0, 0);
                assert!(found == expected, "{isa}, {batch}, {inputs}, {outputs}, {activation:?}");
                compared += found.z.len() + found.below.len() + found.dw.len();
            }
        }
    }
    assert!(compared > 10_000);
}

/// Fills all rows but `kept` with what spreads if anything does.
fn disturb(values: &mut [f32], cols: usize, kept: usize) {
    let wild = [f32::NAN, f32::INFINITY, -1e38, 0.0, f32::NEG_INFINITY, 1e-45];
    for (i, row) in values.chunks_mut(cols).enumerate().filter(|&(i, _)| i != kept) {
        row.fill(wild[i % wild.len()]);
    }
}

#[test]
fn a_row_does_not_depend_on_the_other_rows() {
    let mut compared = 0;
    for isa in Isa::available() {
        let mut backend = Backend::with_isa(isa);
        for (batch, inputs, outputs) in SHAPES.into_iter().filter(|&(batch, inputs, _)| batch > 1 && inputs > 0) {
            let (x, w) = (numbers(batch * inputs, 1), numbers(outputs * inputs, 2));
            let (delta, bias) = (numbers(batch * outputs, 3), numbers(outputs, 4));
            let w = MatRef::new(&w, outputs, inputs).unwrap();
            let mut run = |x: &[f32], delta: &[f32], activation| {
                let (mut z, mut below) = (vec![0.0; batch * outputs], vec![0.0; batch * inputs]);
                let x = MatRef::new(x, batch, inputs).unwrap();
                let forward = dense::Forward { x, w, bias: Some(&bias), activation };
                dense::forward(&mut backend, forward, MatMut::new(&mut z, batch, outputs).unwrap()).unwrap();
                let delta = MatRef::new(delta, batch, outputs).unwrap();
                let backward = dense::Backward { delta, w, below: Some((activation, x)) };
                dense::backward(&mut backend, backward, MatMut::new(&mut below, batch, inputs).unwrap()).unwrap();
                (z, below)
            };
            for activation in ACTIVATIONS {
                let (z, below) = run(&x, &delta, activation);
                for kept in [0, batch / 2, batch - 1] {
                    let (mut x, mut delta) = (x.clone(), delta.clone());
                    disturb(&mut x, inputs, kept);
                    disturb(&mut delta, outputs, kept);
                    let (other_z, other_below) = run(&x, &delta, activation);
                    let row = kept * outputs..(kept + 1) * outputs;
                    assert_eq!(bits(&z[row.clone()]), bits(&other_z[row]), "{isa}, {activation:?}, row {kept}");
                    let row = kept * inputs..(kept + 1) * inputs;
                    assert_eq!(bits(&below[row.clone()]), bits(&other_below[row]), "{isa}, {activation:?}, row {kept}");
                    compared += inputs + outputs;
                }
            }
        }
    }
    assert!(compared > 10_000);
}

/// A row of a prediction is the same, whatever tile it falls into, and whatever strides the operands have: in a mini-batch of at
/// most eight rows, and in a larger one.
#[test]
fn a_row_does_not_depend_on_the_size_of_the_batch_or_the_layout() {
    let mut compared = 0;
    for isa in Isa::available() {
        let mut backend = Backend::with_isa(isa);
        let (batch, inputs, outputs) = (101, 70, 37);
        let (x, w) = (numbers(batch * inputs, 1), numbers(outputs * inputs, 2));
        let across = |values: &[f32], rows: usize, cols: usize| -> Vec<f32> {
            (0..rows * cols).map(|at| values[at % rows * cols + at / rows]).collect()
        };
        let w_across = across(&w, outputs, inputs);
        let layouts = [MatRef::new(&w, outputs, inputs).unwrap(), MatRef::new(&w_across, inputs, outputs).unwrap().t()];
        let mut forward = |rows: std::ops::Range<usize>, w, x_across: bool| {
            let mut z = vec![f32::NAN; rows.len() * outputs];
            let x = &x[rows.start * inputs..rows.end * inputs];
            let columns = across(x, rows.len(), inputs);
            let x = match x_across {
                true => MatRef::new(&columns, inputs, rows.len()).unwrap().t(),
                false => MatRef::new(x, rows.len(), inputs).unwrap(),
            };
            let layer = dense::Forward { x, w, bias: None, activation: Activation::Tanh };
            dense::forward(&mut backend, layer, MatMut::new(&mut z, rows.len(), outputs).unwrap()).unwrap();
            z
        };
        let together = forward(0..batch, layouts[0], false);
        let single: Vec<f32> = (0..batch).flat_map(|row| forward(row..row + 1, layouts[0], false)).collect();
        for (size, expected) in
            [(1, &single), (2, &single), (5, &single), (8, &single), (9, &together), (50, &together)]
        {
            for from in (0..batch - 100 % size).step_by(size).filter(|from| from + size <= batch) {
                for (w, x_across) in [(0, false), (0, true), (1, false), (1, true)] {
                    let found = forward(from..from + size, layouts[w], x_across);
                    let expected = &expected[from * outputs..(from + size) * outputs];
                    assert_eq!(bits(&found), bits(expected), "{isa}, {size} rows from {from}, layout {w} {x_across}");
                    compared += size;
                }
            }
        }
    }
    assert!(compared > 1000);
}

#[test]
fn losses_do_not_depend_on_the_run_the_place_or_the_gaps() {
    let mut compared = 0;
    for isa in Isa::available() {
        let backend = Backend::with_isa(isa);
        for (rows, columns) in [(1, 1), (3, 10), (7, 16), (5, 33), (2, 4100)] {
            let (predicted, target) = (numbers(rows * columns, 1), numbers(rows * columns, 2));
            let labels: Vec<_> = (0..rows).map(|i| (i * 7 % columns) as u32).collect();
            let run = |offset, gap| {
                let predicted = Input::new(&predicted, (rows, columns), offset, gap);
                let target = Input::new(&target, (rows, columns), offset + 1, gap);
                let mut deltas = [(); 2].map(|()| Output::new(None, (rows, columns), offset, gap));
                let (predicted, target) = (predicted.view(), target.view());
                let squared = loss::SquaredError { predicted, target, c: 0.5, activation: Activation::Sigmoid };
                let softmax = loss::SoftmaxCrossEntropy { logits: predicted, labels: &labels };
                let losses = [
                    loss::squared_error(&backend, squared, deltas[0].view()).unwrap().to_bits(),
                    loss::softmax_cross_entropy(&backend, softmax, deltas[1].view()).unwrap().to_bits(),
                ];
                (losses, deltas.map(|delta| bits(&delta.values())))
            };
            let first = run(0, 0);
            for offset in 0..16 {
                for gap in [0, GAP] {
                    assert!(run(offset, gap) == first, "{isa}, {rows}×{columns}, offset {offset}, gap {gap}");
                    compared += rows * columns;
                }
            }
        }
    }
    assert!(compared > 10_000);
}

#[test]
fn a_row_of_softmax_does_not_depend_on_the_other_rows() {
    for isa in Isa::available() {
        let backend = Backend::with_isa(isa);
        let (rows, classes) = (7, 37);
        let logits = numbers(rows * classes, 1);
        let delta = |logits: &[f32]| {
            let mut delta = vec![f32::NAN; rows * classes];
            let logits = MatRef::new(logits, rows, classes).unwrap();
            let softmax = loss::SoftmaxCrossEntropy { logits, labels: &[0, 1, 2, 3, 4, 5, 36] };
            loss::softmax_cross_entropy(&backend, softmax, MatMut::new(&mut delta, rows, classes).unwrap()).unwrap();
            delta
        };
        let first = delta(&logits);
        for kept in 0..rows {
            let mut logits = logits.clone();
            disturb(&mut logits, classes, kept);
            let row = kept * classes..(kept + 1) * classes;
            assert_eq!(bits(&delta(&logits)[row.clone()]), bits(&first[row]), "{isa}, row {kept}");
        }
    }
}

const ACTIVATIONS: [Activation; 4] = [Activation::Identity, Activation::Sigmoid, Activation::Tanh, Activation::Relu];

#[test]
fn activations_do_not_depend_on_the_place_or_the_neighbours_and_with_fma_not_on_the_instruction_set() {
    let mut compared = 0;
    let wild = [f32::NAN, f32::INFINITY, 0.0, -0.0, 1e-45, 89.0, f32::MIN];
    let x: Vec<f32> = numbers(131, 1).iter().map(|x| x * 20.0).chain(wild).collect();
    for activation in ACTIVATIONS {
        let alone = |isa: Isa| {
            let backend = Backend::with_isa(isa);
            let apply = |&x: &f32| {
                let mut x = [x];
                activation.apply(&backend, &mut x);
                // The bits of a NaN are nobody's promise.
                if x[0].is_nan() { CANARY } else { x[0].to_bits() }
            };
            x.iter().map(apply).collect::<Vec<_>>()
        };
        for isa in Isa::available() {
            let expected = alone(isa);
            assert!(isa.name() == "portable" || expected == alone(Isa::from_name("scalar").unwrap()), "{isa}");
            let backend = Backend::with_isa(isa);
            for offset in 0..=16 {
                for len in [1, 7, 16, 33, x.len() - offset] {
                    let mut together = x.clone();
                    activation.apply(&backend, &mut together[offset..offset + len]);
                    for (i, found) in together.into_iter().enumerate() {
                        let inside = (offset..offset + len).contains(&i);
                        let expected = if inside { expected[i] } else { x[i].to_bits() };
                        let found = if inside && found.is_nan() { CANARY } else { found.to_bits() };
                        assert!(found == expected, "{isa}, {activation:?}, number {i}, offset {offset}, {len} long");
                        compared += 1;
                    }
                }
            }
        }
    }
    assert!(compared > 10_000);
}

/// The norm is summed in a fixed order, and so are the bits of what is scaled by it; by value, each number is on its own.
#[test]
fn clipping_does_not_depend_on_the_run_or_the_place_and_with_fma_not_on_the_instruction_set() {
    let values = [numbers(4099, 1), numbers(77, 2), numbers(0, 3), numbers(5, 4)];
    let run = |isa: Isa, offset: usize| {
        let backend = Backend::with_isa(isa);
        let clip = |clip: fn(&Backend, &mut [&mut [f32]]) -> f64| {
            let mut inputs = values.each_ref().map(|values| Input::new(values, (1, values.len()), offset, 0));
            let mut tensors: Vec<_> = inputs.iter_mut().map(|input| &mut input.data[offset..]).collect();
            let norm = clip(&backend, &mut tensors);
            assert!(inputs.iter().all(|input| input.data[..offset].iter().all(|x| x.to_bits() == CANARY)));
            (norm.to_bits(), inputs.map(|input| bits(&input.data[offset..])))
        };
        [
            clip(|backend, tensors| clip::by_global_norm(backend, tensors, 1.5).unwrap()),
            clip(|backend, tensors| clip::by_value(backend, tensors, 0.25).map(|()| 0.0).unwrap()),
        ]
    };
    for isa in Isa::available() {
        let first = run(isa, 0);
        assert!(isa.name() == "portable" || first == run(Isa::from_name("scalar").unwrap(), 0), "{isa}");
        for offset in 0..=16 {
            assert!(run(isa, offset) == first, "{isa}, offset {offset}");
        }
    }
}

/// What a network says of an example is the same among others whatever they are; and alone, or with up to seven others.
#[test]
fn a_prediction_does_not_depend_on_the_other_examples() {
    let (few, batch, inputs, outputs) = (8, 23, 19, 10);
    let layers = [(33, Activation::Relu), (24, Activation::Sigmoid), (17, Activation::Tanh)]
        .into_iter()
        .chain([(outputs, Activation::Identity)])
        .map(|(units, activation)| LayerOptions { units, activation, initialization: Initialization::HeNormal });
    let layers: Vec<_> = layers.collect();
    let x = numbers(batch * inputs, 1);
    for isa in Isa::available() {
        let mut backend = Backend::with_isa(isa);
        let mut network = Network::new(inputs, &layers, &mut StdRng::seed_from_u64(7)).unwrap();
        let mut predict = |x: &[f32], rows: usize, row: usize| {
            let z = network.predict(&mut backend, MatRef::new(x, rows, inputs).unwrap()).unwrap();
            (0..outputs).map(|j| z.get(row, j).unwrap().to_bits()).collect::<Vec<_>>()
        };
        for kept in 0..batch {
            let together = predict(&x, batch, kept);
            let first = kept.min(batch - few);
            let among_few = predict(&x[first * inputs..], few, kept - first);
            assert_eq!(predict(&x[kept * inputs..], 1, 0), among_few, "{isa}, alone, example {kept}");
            let mut disturbed = x.clone();
            disturb(&mut disturbed, inputs, kept);
            assert_eq!(predict(&disturbed, batch, kept), together, "{isa}, example {kept}");
        }
    }
}

const METHODS: [Method; 7] = [
    Method::Sgd,
    Method::Momentum { momentum: Momentum::Constant(0.9) },
    Method::Nesterov { momentum: Momentum::Constant(0.9) },
    Method::Adagrad { epsilon: 1e-7 },
    Method::RmsProp { decay: 0.9, epsilon: 1e-6 },
    Method::RmsPropNesterov { decay: 0.9, epsilon: 1e-6, momentum: Momentum::Constant(0.9) },
    Method::Adam { first_decay: 0.9, second_decay: 0.999, epsilon: 1e-8 },
];

/// The parameters after ten steps, in one tensor at `offset`, or in tensors of `lengths`.
fn optimize(backend: &Backend, method: Method, offset: usize, lengths: &[usize]) -> Vec<u32> {
    let len = lengths.iter().sum();
    let mut theta = Input::new(&numbers(len, 1), (1, len), offset, 0).data;
    let mut optimizer = Optimizer::new(method, LearningRate::Constant(0.01)).unwrap();
    for t in 0..10 {
        let gradient = Input::new(&numbers(len, 2 + t), (1, len), offset + 1, 0).data;
        let (mut parameters, mut gradients) = (Vec::new(), Vec::new());
        let (mut rest, mut gradient) = (&mut theta[offset..], &gradient[offset + 1..]);
        for &length in lengths {
            let (part, behind) = rest.split_at_mut(length);
            parameters.push(part);
            rest = behind;
            gradients.push(&gradient[..length]);
            gradient = &gradient[length..];
        }
        optimizer.begin(backend, &mut parameters).unwrap().finish(&gradients).unwrap();
    }
    assert!(theta[..offset].iter().all(|x| x.to_bits() == CANARY));
    bits(&theta[offset..])
}

#[test]
fn optimizers_do_not_depend_on_the_place_or_on_how_the_parameters_are_split() {
    for isa in Isa::available() {
        let backend = Backend::with_isa(isa);
        for method in METHODS {
            let first = optimize(&backend, method, 0, &[101]);
            for offset in 0..16 {
                assert_eq!(optimize(&backend, method, offset, &[101]), first, "{isa}, {method:?}, offset {offset}");
            }
            for lengths in [&[50, 51][..], &[1, 100], &[100, 1], &[0, 16, 17, 8, 7, 53], &[1; 101]] {
                assert_eq!(optimize(&backend, method, 3, lengths), first, "{isa}, {method:?}, {lengths:?}");
            }
        }
    }
}

#[test]
fn with_fma_every_instruction_set_optimizes_alike() {
    let mut compared = 0;
    for method in METHODS {
        let scalar = optimize(&Backend::with_isa_named("scalar").unwrap(), method, 0, &[101]);
        for isa in Isa::available().filter(|isa| isa.name() != "portable") {
            assert_eq!(optimize(&Backend::with_isa(isa), method, 0, &[101]), scalar, "{isa}, {method:?}");
            compared += 1;
        }
    }
    assert!(compared >= METHODS.len());
}

/// All parameters after a few steps of training.
fn train(isa: Isa, method: Method, loss: Loss) -> Vec<u32> {
    let (batch, inputs, outputs) = (37, 19, 10);
    let (x, y) = (numbers(batch * inputs, 1), numbers(batch * outputs, 2));
    let labels: Vec<_> = (0..batch as u32).map(|i| i * 3 % outputs as u32).collect();
    let layer = |units, activation| LayerOptions { units, activation, initialization: Initialization::HeNormal };
    let layers = [layer(33, Activation::Relu), layer(24, Activation::Sigmoid), layer(outputs, Activation::Identity)];
    let mut network = Network::new(inputs, &layers, &mut StdRng::seed_from_u64(7)).unwrap();
    let mut backend = Backend::with_isa(isa);
    let mut optimizer = Optimizer::new(method, LearningRate::Constant(0.01)).unwrap();
    let target = match loss {
        Loss::SquaredError { .. } => Target::Values(MatRef::new(&y, batch, outputs).unwrap()),
        Loss::SoftmaxCrossEntropy => Target::Labels(&labels),
    };
    let x = MatRef::new(&x, batch, inputs).unwrap();
    let clip = Some(Clip::GlobalNorm(1.0));
    let mut results = Vec::new();
    for _ in 0..10 {
        let loss = network.train_step(&mut backend, &mut optimizer, Batch { x, target, loss, clip }).unwrap();
        assert!(loss.is_finite());
        results.extend([loss.to_bits() as u32, (loss.to_bits() >> 32) as u32]);
    }
    for layer in network.layers_mut() {
        let (w, b) = layer.parameters_mut();
        results.extend(w.iter().chain(b.iter()).map(|x| x.to_bits()));
    }
    results
}

#[test]
fn training_does_not_depend_on_the_run_and_with_fma_not_on_the_instruction_set() {
    let scalar = Isa::from_name("scalar").unwrap();
    let mut results = std::collections::HashSet::new();
    for method in METHODS {
        for loss in [Loss::SquaredError { c: 0.5 }, Loss::SoftmaxCrossEntropy] {
            let first = train(scalar, method, loss);
            for isa in Isa::available() {
                let run = train(isa, method, loss);
                assert!(run == train(isa, method, loss), "{isa}, {method:?}, {loss:?}: two runs differ");
                if isa.name() != "portable" {
                    assert!(run == first, "{isa}, {method:?}, {loss:?}: differs from scalar");
                }
            }
            assert!(results.insert(first), "{method:?} and {loss:?} make no difference");
        }
    }
}
