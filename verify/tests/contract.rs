//! The contract of every public function that can fail, in one table: each way of being wrong has its [`Error`] and its message,
//! and leaves every output and every state as it was, to the last bit.

use lanegrad::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::{env, fs};

/// No number that a computation would leave by chance: it tells whether a buffer was touched.
const CANARY: f32 = f32::from_bits(0x7fc0_1234);
const HALF: usize = usize::MAX / 2 + 1;
const DATA: [f32; 32] = [0.5; 32];

const METHODS: [Method; 7] = [
    Method::Sgd,
    Method::Momentum { momentum: Momentum::Constant(0.75) },
    Method::Nesterov { momentum: Momentum::Constant(0.75) },
    Method::Adagrad { epsilon: 1e-7 },
    Method::RmsProp { decay: 0.9, epsilon: 1e-6 },
    Method::RmsPropNesterov { decay: 0.9, epsilon: 1e-6, momentum: Momentum::Constant(0.75) },
    Method::Adam { first_decay: 0.9, second_decay: 0.999, epsilon: 1e-8 },
];

/// All that a call may write: outputs, and state in the middle of its life.
#[derive(Debug)]
struct World {
    backend: Backend,
    output: [f32; 24],
    bias: [f32; 8],
    parameters: [Vec<f32>; 2],
    optimizer: Optimizer,
    /// One with a last layer of tanh, one without activation; each with an optimizer that has made a step.
    networks: [(Network, Optimizer); 2],
}

fn layer(units: usize, activation: Activation) -> LayerOptions {
    LayerOptions { units, activation, initialization: Initialization::HeNormal }
}

fn view(rows: usize, cols: usize) -> MatRef<'static> {
    MatRef::new(&DATA, rows, cols).unwrap()
}

/// rows × cols out of one number: a mini-batch of any size.
fn broadcast(rows: usize, cols: usize) -> MatRef<'static> {
    MatRef::with_strides(&DATA, rows, cols, 0, 0).unwrap()
}

const TANH: usize = 0;
const IDENTITY: usize = 1;
const SQUARED: Loss = Loss::SquaredError { c: 0.5 };
const SOFTMAX: Loss = Loss::SoftmaxCrossEntropy;
const LABELS: Target<'_> = Target::Labels(&[0, 1, 2, 1]);

fn values(rows: usize, cols: usize) -> Target<'static> {
    Target::Values(view(rows, cols))
}

impl World {
    fn new(isa: Isa, method: Method) -> Self {
        let rate = LearningRate::Constant(0.125);
        let mut optimizer = Optimizer::new(method, rate).unwrap();
        let mut backend = Backend::with_isa(isa);
        let mut parameters = [vec![0.3; 37], vec![-0.7; 3]];
        let [w, b] = &mut parameters;
        optimizer.begin(&backend, &mut [w, b]).unwrap().finish(&[&[0.9; 37], &[-1.1; 3]]).unwrap();
        let networks = [(Activation::Tanh, values(4, 3), SQUARED), (Activation::Identity, LABELS, SOFTMAX)];
        let networks = networks.map(|(last, target, loss)| {
            let layers = [layer(17, Activation::Tanh), layer(3, last)];
            let mut network = Network::new(5, &layers, &mut StdRng::seed_from_u64(3)).unwrap();
            let mut optimizer = Optimizer::new(method, rate).unwrap();
            let batch = Batch { x: view(4, 5), target, loss, clip: None };
            network.train_step(&mut backend, &mut optimizer, batch).unwrap();
            (network, optimizer)
        });
        Self { backend, output: [CANARY; 24], bias: [CANARY; 8], parameters, optimizer, networks }
    }

    fn train(
        &mut self,
        network: usize,
        x: MatRef<'_>,
        target: Target<'_>,
        loss: Loss,
        clip: Option<Clip>,
    ) -> Result<(), Error> {
        let (network, optimizer) = &mut self.networks[network];
        network.train_step(&mut self.backend, optimizer, Batch { x, target, loss, clip }).map(drop)
    }

    fn begin(&mut self, lens: &[usize]) -> Result<(), Error> {
        let mut tensors: Vec<_> = lens.iter().map(|&len| vec![CANARY; len]).collect();
        let mut parameters: Vec<_> = tensors.iter_mut().map(Vec::as_mut_slice).collect();
        let result = self.optimizer.begin(&self.backend, &mut parameters).map(drop);
        assert_eq!(bits(&tensors.concat()), bits(&vec![CANARY; lens.iter().sum()]));
        result
    }

    fn finish(&mut self, lens: &[usize]) -> Result<(), Error> {
        let gradients: Vec<_> = lens.iter().map(|&len| vec![1.0_f32; len]).collect();
        let gradients: Vec<_> = gradients.iter().map(Vec::as_slice).collect();
        let [w, b] = &mut self.parameters;
        self.optimizer.begin(&self.backend, &mut [w, b])?.finish(&gradients)
    }

    /// Everything, in bits. The workspace and the buffers of a network are no state: the steps that follow do not see them.
    fn snapshot(&self) -> (Vec<u32>, String) {
        let layers = self.networks.iter().flat_map(|(network, _)| network.layers());
        let numbers = layers.flat_map(|layer| layer.weights().parts().0.iter().chain(layer.bias()));
        let numbers = numbers.chain(&self.output).chain(&self.bias).chain(self.parameters.iter().flatten());
        let optimizers = (&self.optimizer, &self.networks[0].1, &self.networks[1].1);
        (numbers.map(|x| x.to_bits()).collect(), format!("{optimizers:?}"))
    }

    /// The bits after one more step of everything.
    fn later(mut self) -> (Vec<u32>, String) {
        self.train(TANH, view(4, 5), values(4, 3), SQUARED, None).unwrap();
        self.train(IDENTITY, view(4, 5), LABELS, SOFTMAX, None).unwrap();
        let [w, b] = &mut self.parameters;
        self.optimizer.begin(&self.backend, &mut [w, b]).unwrap().finish(&[&[0.5; 37], &[0.25; 3]]).unwrap();
        self.snapshot()
    }
}

fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|x| x.to_bits()).collect()
}

type Call = Box<dyn Fn(&mut World) -> Result<(), Error>>;

/// A function, a way of being wrong, what it is answered, and the call.
struct Row {
    function: &'static str,
    way: String,
    message: String,
    error: Error,
    call: Call,
}

#[derive(Default)]
struct Table(Vec<Row>);

impl Table {
    fn row(
        &mut self,
        function: &'static str,
        way: impl Into<String>,
        (error, message): (Error, impl Into<String>),
        call: impl Fn(&mut World) -> Result<(), Error> + 'static,
    ) {
        self.0.push(Row { function, way: way.into(), message: message.into(), error, call: Box::new(call) });
    }
}

// `Error` is #[non_exhaustive], its variants are not: they can be written down here.
type Answer = (Error, String);

fn shape(operation: &'static str, operand: &'static str, found: (usize, usize), expected: (usize, usize)) -> Answer {
    let message = format!("{operation}: {operand} are {}×{}, expected {}×{}", found.0, found.1, expected.0, expected.1);
    (Error::Shape { operation, operand, expected, found }, message)
}

fn length(operation: &'static str, operand: &'static str, found: usize, expected: usize) -> Answer {
    let message = format!("{operation}: {operand} has length {found}, expected {expected}");
    (Error::Length { operation, operand, expected, found }, message)
}

fn too_short(found: usize, expected: usize) -> Answer {
    let message = format!("matrix view: the slice holds {found} numbers, expected at least {expected}");
    (Error::TooShort { expected, found }, message)
}

fn overflow(shape: (usize, usize), strides: (usize, usize)) -> Answer {
    let ((rows, cols), (row, col)) = (shape, strides);
    let message = format!("matrix view: the offsets of {rows}×{cols} with strides {row} and {col} overflow");
    (Error::Overflow { shape, strides }, message)
}

fn row_stride(found: usize, expected: usize) -> Answer {
    let message = format!("matrix view: the row stride of an output is {found}, expected at least {expected}");
    (Error::RowStride { expected, found }, message)
}

fn label(row: usize, found: u32, classes: usize) -> Answer {
    let message = format!("loss: the label of row {row} is {found}, expected less than {classes}");
    (Error::Label { row, found, classes }, message)
}

fn hyper_parameter(name: &'static str, found: f64, expected: &'static str) -> Answer {
    (Error::HyperParameter { name, expected, found }, format!("{name} is {found}, expected {expected}"))
}

fn empty(operation: &'static str, operand: &'static str) -> Answer {
    (Error::Empty { operation, operand }, format!("{operation}: there are no {operand}, expected at least one"))
}

fn loss_needs(loss: &'static str, expected: &'static str) -> Answer {
    (Error::Loss { loss, expected }, format!("{loss} needs {expected}"))
}

fn no_memory(operation: &'static str, numbers: Option<usize>) -> Answer {
    let message = match numbers {
        Some(numbers) => format!("{operation}: no memory for {numbers} numbers"),
        None => format!("{operation}: the memory needed overflows the address space"),
    };
    (Error::OutOfMemory { operation, numbers }, message)
}

/// The error holds the name's first bytes, and only the library makes one of a name: the message is what tells.
fn isa(name: &str, shown: &str) -> Answer {
    let names: Vec<_> = Isa::available().map(Isa::name).collect();
    let absent: Vec<_> = Isa::NAMES.iter().copied().filter(|name| !names.contains(name)).collect();
    let absent = match absent.is_empty() {
        true => String::new(),
        false => format!(" (not on this CPU: {})", absent.join(" ")),
    };
    let expected = names.join(", ");
    let message = format!("instruction set {shown:?} is not available here, expected one of {expected}{absent}");
    (Backend::with_isa_named(name).unwrap_err(), message)
}

const IN_RANGE: &str = "in [0, 1)";
const POSITIVE: &str = "a positive f32";
const NOT_NEGATIVE: &str = "zero or a positive f32";

/// Each kind of number that is no positive `f32`, with the way's name.
const NOT_POSITIVE: [(&str, f64); 5] = [
    ("zero", 0.0),
    ("negative", -1.5),
    ("NaN", f64::NAN),
    ("infinite", f64::INFINITY),
    ("minus infinite", f64::NEG_INFINITY),
];

fn table() -> Table {
    let mut t = Table::default();
    views(&mut t);
    backends(&mut t);
    products(&mut t);
    losses(&mut t);
    clipping(&mut t);
    optimizers(&mut t);
    networks(&mut t);
    t
}

fn views(t: &mut Table) {
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

/// The variable that names the instruction set belongs to a process: a child is this test once more, with it.
const CHILD: &str = "LANEGRAD_CONTRACT_CHILD";

fn backends(t: &mut Table) {
    // Of a long name, the first sixteen bytes, and never a part of a character.
    for (way, name, shown) in [
        ("unknown", "sse2", "sse2"),
        ("empty", "", ""),
        ("upper case", "AVX2", "AVX2"),
        ("longer than is kept", "123456789012345é7", "123456789012345"),
    ] {
        t.row("Backend::with_isa_named", way, isa(name, shown), move |_| Backend::with_isa_named(name).map(drop));
        t.row("Backend::new", way, isa(name, shown), move |_| {
            let child = Command::new(env::current_exe().unwrap())
                .args(["--exact", "every_function_and_every_way_of_being_wrong", "--nocapture"])
                .envs([("LANEGRAD_ISA", name), (CHILD, name)])
                .output()
                .unwrap();
            assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
            Backend::with_isa_named(name).map(drop)
        });
    }
}

fn products(t: &mut Table) {
    let (f, name) = ("dense::forward", "dense forward");
    for (way, w, bias, z, answer) in [
        ("weights too wide", (3, 5), 3, (2, 3), shape(name, "weights", (3, 5), (3, 4))),
        ("weights too narrow", (3, 3), 3, (2, 3), shape(name, "weights", (3, 3), (3, 4))),
        ("weights transposed", (4, 3), 3, (2, 3), shape(name, "weights", (4, 3), (4, 4))),
        ("bias too long", (3, 4), 4, (2, 3), length(name, "bias", 4, 3)),
        ("bias empty", (3, 4), 0, (2, 3), length(name, "bias", 0, 3)),
        ("outputs transposed", (3, 4), 3, (3, 2), shape(name, "outputs", (3, 2), (2, 3))),
        ("outputs too wide", (3, 4), 3, (2, 4), shape(name, "outputs", (2, 4), (2, 3))),
        ("outputs without rows", (3, 4), 3, (0, 3), shape(name, "outputs", (0, 3), (2, 3))),
    ] {
        t.row(f, way, answer, move |world| {
            let z = MatMut::new(&mut world.output, z.0, z.1)?;
            let bias = Some(&DATA[..bias]);
            let layer = dense::Forward { x: view(2, 4), w: view(w.0, w.1), bias, activation: Activation::Relu };
            dense::forward(&mut world.backend, layer, z)
        });
    }

    // No example, so that the output is empty, however many columns it has.
    t.row(f, "workspace overflows", no_memory(name, None), |world| {
        let (x, w) = (view(0, 4), broadcast(usize::MAX, 4));
        let layer = dense::Forward { x, w, bias: None, activation: Activation::Relu };
        dense::forward(&mut world.backend, layer, MatMut::new(&mut world.output, 0, usize::MAX)?)
    });

    let (f, name) = ("dense::backward", "dense backward");
    let (below, deltas) = ("outputs of the layer below", "deltas of the layer below");
    for (way, w, z, out, answer) in [
        ("weights transposed", (4, 3), (2, 3), (2, 3), shape(name, "weights", (4, 3), (3, 3))),
        ("outputs below too narrow", (3, 4), (2, 3), (2, 4), shape(name, below, (2, 3), (2, 4))),
        ("outputs below of another batch", (3, 4), (3, 4), (2, 4), shape(name, below, (3, 4), (2, 4))),
        ("deltas below too wide", (3, 4), (2, 4), (2, 5), shape(name, deltas, (2, 5), (2, 4))),
        ("deltas below of another batch", (3, 4), (2, 4), (3, 4), shape(name, deltas, (3, 4), (2, 4))),
    ] {
        t.row(f, way, answer, move |world| {
            let below = Some((Activation::Tanh, view(z.0, z.1)));
            let layer = dense::Backward { delta: view(2, 3), w: view(w.0, w.1), below };
            dense::backward(&mut world.backend, layer, MatMut::new(&mut world.output, out.0, out.1)?)
        });
    }

    t.row(f, "workspace overflows", no_memory(name, None), |world| {
        let layer = dense::Backward { delta: view(0, 3), w: broadcast(3, usize::MAX), below: None };
        dense::backward(&mut world.backend, layer, MatMut::new(&mut world.output, 0, usize::MAX)?)
    });

    let (f, name) = ("dense::gradient", "dense gradient");
    t.row(f, "workspace overflows", no_memory(name, None), |world| {
        let layer = dense::Gradient { delta: view(2, 0), x: broadcast(2, usize::MAX), accumulate: true };
        dense::gradient(&mut world.backend, layer, MatMut::new(&mut world.output, 0, usize::MAX)?, None)
    });
    for (way, x, dw, db, answer) in [
        ("inputs of another batch", (3, 4), (3, 4), 3, shape(name, "inputs", (3, 4), (2, 4))),
        ("weight gradients transposed", (2, 4), (4, 3), 3, shape(name, "weight gradients", (4, 3), (3, 4))),
        ("bias gradient too long", (2, 4), (3, 4), 4, length(name, "bias gradient", 4, 3)),
        ("bias gradient too short", (2, 4), (3, 4), 2, length(name, "bias gradient", 2, 3)),
    ] {
        for accumulate in [false, true] {
            t.row(f, way, answer.clone(), move |world| {
                let dw = MatMut::new(&mut world.output, dw.0, dw.1)?;
                let layer = dense::Gradient { delta: view(2, 3), x: view(x.0, x.1), accumulate };
                dense::gradient(&mut world.backend, layer, dw, Some(&mut world.bias[..db]))
            });
        }
    }
}

fn losses(t: &mut Table) {
    let (f, name) = ("loss::squared_error", "squared error");
    let mut row = |way, predicted: (usize, usize), y: (usize, usize), c: f32, delta: (usize, usize), answer: Answer| {
        t.row(f, way, answer, move |world| {
            let (predicted, target) = (view(predicted.0, predicted.1), view(y.0, y.1));
            let loss = loss::SquaredError { predicted, target, c, activation: Activation::Identity };
            loss::squared_error(&world.backend, loss, MatMut::new(&mut world.output, delta.0, delta.1)?).map(drop)
        });
    };
    row("no examples", (0, 3), (0, 3), 0.5, (0, 3), empty(name, "examples"));
    row("targets transposed", (2, 3), (3, 2), 0.5, (2, 3), shape(name, "targets", (3, 2), (2, 3)));
    row("deltas too wide", (2, 3), (2, 3), 0.5, (2, 4), shape(name, "deltas", (2, 4), (2, 3)));
    row("deltas of another batch", (2, 3), (2, 3), 0.5, (3, 3), shape(name, "deltas", (3, 3), (2, 3)));
    for (way, c) in NOT_POSITIVE {
        row(way, (2, 3), (2, 3), c as f32, (2, 3), hyper_parameter("the factor c", c, POSITIVE));
    }

    let (f, name) = ("loss::softmax_cross_entropy", "softmax cross-entropy");
    let mut row = |way, logits: (usize, usize), labels: &'static [u32], delta: (usize, usize), answer: Answer| {
        t.row(f, way, answer, move |world| {
            let loss = loss::SoftmaxCrossEntropy { logits: view(logits.0, logits.1), labels };
            loss::softmax_cross_entropy(&world.backend, loss, MatMut::new(&mut world.output, delta.0, delta.1)?)
                .map(drop)
        });
    };
    row("no examples", (0, 3), &[], (0, 3), empty(name, "examples"));
    row("too few labels", (2, 3), &[0], (2, 3), length(name, "list of labels", 1, 2));
    row("too many labels", (2, 3), &[0, 1, 2], (2, 3), length(name, "list of labels", 3, 2));
    row("deltas of another batch", (2, 3), &[0, 1], (3, 3), shape(name, "deltas", (3, 3), (2, 3)));
    row("label is the number of classes", (2, 3), &[2, 3], (2, 3), label(1, 3, 3));
    row("label is the largest", (2, 3), &[u32::MAX, 7], (2, 3), label(0, u32::MAX, 3));
    row("no classes", (2, 0), &[0, 0], (2, 0), label(0, 0, 0));
}

fn clipping(t: &mut Table) {
    for (way, limit) in NOT_POSITIVE {
        t.row("clip::by_value", way, hyper_parameter("the clipping value", limit, POSITIVE), move |world| {
            clip::by_value(&world.backend, &mut [&mut world.output, &mut world.bias], limit as f32)
        });
        t.row("clip::by_global_norm", way, hyper_parameter("the clipping norm", limit, POSITIVE), move |world| {
            clip::by_global_norm(&world.backend, &mut [&mut world.output, &mut world.bias], limit as f32).map(drop)
        });
    }
}

fn optimizers(t: &mut Table) {
    let new = |t: &mut Table, way, answer, method| {
        t.row("Optimizer::new", way, answer, move |_| Optimizer::new(method, LearningRate::Constant(0.1)).map(drop));
    };
    let alpha = Momentum::Constant;
    for (ways, value) in [
        (["momentum 1", "decay 1"], 1.0),
        // It is 1 in f32.
        (["momentum rounded to 1", "decay rounded to 1"], 1.0 - 1e-9),
        (["momentum negative", "decay negative"], -0.5),
        (["momentum NaN", "decay NaN"], f64::NAN),
        (["momentum infinite", "decay infinite"], f64::INFINITY),
    ] {
        let [of_momentum, of_decay] = ways;
        let answer = |name| hyper_parameter(name, value, IN_RANGE);
        let momentum = alpha(value);
        new(t, of_momentum, answer("the momentum"), Method::Momentum { momentum });
        new(t, of_momentum, answer("the momentum"), Method::Nesterov { momentum });
        let method = Method::RmsPropNesterov { decay: 0.9, epsilon: 1e-6, momentum };
        new(t, of_momentum, answer("the momentum"), method);
        let rising = |from, to| Method::Momentum { momentum: Momentum::Rising { from, to, steps: 5 } };
        new(t, of_momentum, answer("the momentum at the start"), rising(value, 0.5));
        new(t, of_momentum, answer("the momentum at the end"), rising(0.5, value));
        new(t, of_decay, answer("the decay"), Method::RmsProp { decay: value, epsilon: 1e-6 });
        let method = Method::RmsPropNesterov { decay: value, epsilon: 1e-6, momentum: alpha(0.5) };
        new(t, of_decay, answer("the decay"), method);
        let adam = |first_decay, second_decay| Method::Adam { first_decay, second_decay, epsilon: 1e-6 };
        new(t, of_decay, answer("the first decay"), adam(value, 0.5));
        new(t, of_decay, answer("the second decay"), adam(0.5, value));
    }
    let falling = Momentum::Rising { from: 0.5, to: 0.25, steps: 5 };
    let answer = hyper_parameter("the momentum at the end", 0.25, "not below that at the start");
    new(t, "momentum falls", answer, Method::Momentum { momentum: falling });
    for (way, epsilon) in [
        ("epsilon negative", -1.0),
        ("epsilon NaN", f64::NAN),
        ("epsilon infinite", f64::INFINITY),
        ("epsilon above f32", 5e39),
        // It is 0 in f32.
        ("epsilon rounded to zero", 1e-46),
    ] {
        let answer = || hyper_parameter("epsilon", epsilon, NOT_NEGATIVE);
        new(t, way, answer(), Method::Adagrad { epsilon });
        new(t, way, answer(), Method::RmsProp { decay: 0.9, epsilon });
        new(t, way, answer(), Method::RmsPropNesterov { decay: 0.9, epsilon, momentum: alpha(0.5) });
        new(t, way, answer(), Method::Adam { first_decay: 0.9, second_decay: 0.9, epsilon });
    }

    let mut rate = |way, answer: fn(f64) -> Answer, value, rate| {
        t.row("Optimizer::new", way, answer(value), move |_| Optimizer::new(Method::Sgd, rate).map(drop));
        t.row("Optimizer::set_learning_rate", way, answer(value), move |world| world.optimizer.set_learning_rate(rate));
    };
    for (way, value) in [
        ("learning rate negative", -0.5),
        ("learning rate NaN", f64::NAN),
        ("learning rate infinite", f64::INFINITY),
        ("learning rate above f32", 5e39),
        ("learning rate rounded to zero", 1e-46),
    ] {
        let answer = |value| hyper_parameter("the learning rate", value, NOT_NEGATIVE);
        rate(way, answer, value, LearningRate::Constant(value));
        rate(way, answer, value, LearningRate::Inverse { initial: value, gamma: 1.0 });
        rate(way, answer, value, LearningRate::InverseSquareRoot { initial: value, gamma: 1.0 });
    }
    for (way, gamma) in
        [("gamma zero", 0.0), ("gamma negative", -1.0), ("gamma NaN", f64::NAN), ("gamma infinite", f64::INFINITY)]
    {
        let answer = |value| hyper_parameter("gamma", value, POSITIVE);
        rate(way, answer, gamma, LearningRate::Inverse { initial: 1.0, gamma });
        rate(way, answer, gamma, LearningRate::InverseSquareRoot { initial: 1.0, gamma });
    }

    let name = "optimizer step";
    for (way, lens, answer) in [
        ("a tensor missing", &[37][..], length(name, "list of parameters", 1, 2)),
        ("no tensors", &[], length(name, "list of parameters", 0, 2)),
        ("a tensor too many", &[37, 3, 1], length(name, "list of parameters", 3, 2)),
        ("first tensor shorter", &[36, 3], length(name, "a parameter tensor", 36, 37)),
        ("last tensor longer", &[37, 37], length(name, "a parameter tensor", 37, 3)),
    ] {
        t.row("Optimizer::begin", way, answer, move |world| world.begin(lens));
    }
    for (way, lens, answer) in [
        ("a gradient missing", &[37][..], length(name, "list of gradients", 1, 2)),
        ("no gradients", &[], length(name, "list of gradients", 0, 2)),
        ("a gradient too many", &[37, 3, 1], length(name, "list of gradients", 3, 2)),
        ("first gradient shorter", &[36, 3], length(name, "a gradient", 36, 37)),
        ("last gradient longer", &[37, 4], length(name, "a gradient", 4, 3)),
    ] {
        t.row("Step::finish", way, answer, move |world| world.finish(lens));
    }
}

fn networks(t: &mut Table) {
    const MANY: usize = usize::MAX / 16;
    let two = layer(2, Activation::Relu);
    let none = layer(0, Activation::Relu);
    for (way, inputs, layers, answer) in [
        ("no layers", 3, vec![], empty("network", "layers")),
        ("no inputs", 0, vec![two], empty("network", "inputs")),
        ("no units", 3, vec![two, none], empty("network", "units")),
        ("weights overflow", usize::MAX, vec![two], no_memory("network", None)),
        ("too many weights", MANY, vec![two], no_memory("network", Some(2 * MANY))),
    ] {
        t.row("Network::new", way, answer, move |_| {
            Network::new(inputs, &layers, &mut StdRng::seed_from_u64(0)).map(drop)
        });
    }

    for (way, rows, cols, answer) in [
        ("inputs too wide", 2, 6, shape("predict", "inputs", (2, 6), (2, 5))),
        ("inputs without columns", 2, 0, shape("predict", "inputs", (2, 0), (2, 5))),
        ("outputs overflow", usize::MAX, 5, no_memory("predict", None)),
        ("too many outputs", usize::MAX / 64, 5, no_memory("predict", Some(usize::MAX / 64 * 17))),
    ] {
        t.row("Network::predict", way, answer, move |world| {
            world.networks[TANH].0.predict(&mut world.backend, broadcast(rows, cols)).map(drop)
        });
    }

    let f = "Network::train_step";
    let mut row = |way: &str, network, x: MatRef<'static>, target: Target<'static>, loss, clip, answer: Answer| {
        t.row(f, way, answer, move |world| world.train(network, x, target, loss, clip));
    };
    let (good, squared, softmax) = (view(4, 5), "squared error", "softmax cross-entropy");
    let inputs = shape("train step", "inputs", (4, 6), (4, 5));
    row("inputs too wide", TANH, view(4, 6), values(4, 3), SQUARED, None, inputs);
    row("no examples", TANH, view(0, 5), values(0, 3), SQUARED, None, empty(squared, "examples"));
    let huge = broadcast(usize::MAX, 5);
    let target = Target::Values(broadcast(usize::MAX, 3));
    row("outputs overflow", TANH, huge, target, SQUARED, None, no_memory("train step", None));
    let huge = broadcast(usize::MAX / 64, 5);
    let answer = no_memory("train step", Some(usize::MAX / 64 * 17));
    let target = Target::Values(broadcast(usize::MAX / 64, 3));
    row("too many outputs", TANH, huge, target, SQUARED, None, answer);
    let targets = shape(squared, "targets", (3, 4), (4, 3));
    row("targets transposed", TANH, good, values(3, 4), SQUARED, None, targets);
    row("squared error of labels", TANH, good, LABELS, SQUARED, None, loss_needs(squared, "values as its target"));
    let answer = loss_needs(softmax, "labels as its target");
    row("softmax of values", IDENTITY, good, values(4, 3), SOFTMAX, None, answer);
    let answer = loss_needs(softmax, "a last layer without activation (identity)");
    row("softmax of an activation", TANH, good, LABELS, SOFTMAX, None, answer);
    let answer = length(softmax, "list of labels", 2, 4);
    row("too few labels", IDENTITY, good, Target::Labels(&[0, 1]), SOFTMAX, None, answer);
    let labels = Target::Labels(&[0, 1, 3, 9]);
    row("label is the number of classes", IDENTITY, good, labels, SOFTMAX, None, label(2, 3, 3));
    for (way, limit) in NOT_POSITIVE {
        let of = |what: &'static str| hyper_parameter(what, limit, POSITIVE);
        let c = limit as f32;
        for (what, loss, clip) in [
            ("the factor c", Loss::SquaredError { c }, None),
            ("the clipping value", SQUARED, Some(Clip::Value(c))),
            ("the clipping norm", SQUARED, Some(Clip::GlobalNorm(c))),
        ] {
            row(&format!("{what} {way}"), TANH, good, values(4, 3), loss, clip, of(what));
        }
    }
    let answer = length("optimizer step", "list of parameters", 4, 2);
    t.row(f, "optimizer of other parameters", answer, |world| {
        let batch = Batch { x: view(4, 5), target: values(4, 3), loss: SQUARED, clip: None };
        let World { backend, optimizer, networks, .. } = world;
        networks[TANH].0.train_step(backend, optimizer, batch).map(drop)
    });
}

/// Equal, but that NaN is NaN.
fn equal(a: Error, b: Error) -> bool {
    a == b || format!("{a:?}") == format!("{b:?}")
}

#[test]
fn every_function_and_every_way_of_being_wrong() {
    if let Some(name) = env::var_os(CHILD) {
        assert_eq!(Backend::new().unwrap_err(), Backend::with_isa_named(&name.to_string_lossy()).unwrap_err());
        return;
    }
    let Table(rows) = table();
    let mut ways: BTreeMap<_, BTreeSet<&String>> = BTreeMap::new();
    let mut calls = 0;
    for isa in Isa::available() {
        for method in METHODS {
            let untouched = World::new(isa, method).later();
            for Row { function, way, error, message, call } in &rows {
                // A process each: once is enough.
                if *function == "Backend::new" && ways.get(function).is_some_and(|ways| ways.contains(way)) {
                    continue;
                }
                let what = format!("{function}, {way}, on {isa} with {method:?}");
                let mut world = World::new(isa, method);
                let before = world.snapshot();
                let found = call(&mut world).expect_err(&what);
                assert!(equal(found, *error), "{what}: {found:?}, expected {error:?}");
                assert_eq!(found.to_string(), *message, "{what}");
                assert_eq!(world.snapshot(), before, "{what}: it wrote");
                // What the snapshot does not show, later steps do.
                assert_eq!(world.later(), untouched, "{what}: later steps differ");
                ways.entry(function).or_default().insert(way);
                calls += 1;
            }
        }
    }
    for (function, ways) in &ways {
        println!(
            "{function:<30} {:>3} ways: {}",
            ways.len(),
            ways.iter().map(|way| way.as_str()).collect::<Vec<_>>().join(", ")
        );
    }
    let (functions, pairs) = (ways.len(), ways.values().map(BTreeSet::len).sum::<usize>());
    println!("{functions} functions × their ways of being wrong = {pairs}; {} rows, {calls} calls", rows.len());
    assert_eq!(ways.keys().map(|name| name.to_string()).collect::<BTreeSet<_>>(), public_fallible_functions());
}

/// The table in the documentation of `Error`: which function answers with which variant.
#[test]
fn the_documentation_lists_them() {
    let Table(rows) = table();
    let mut tested = BTreeSet::new();
    for Row { function, error, .. } in &rows {
        let debug = format!("{error:?}");
        tested.insert((debug.split(' ').next().unwrap().to_owned(), function.to_string()));
    }
    // No slice is so long that its state overflows, and what memory there is cannot be known.
    tested.insert(("OutOfMemory".to_owned(), "Optimizer::begin".to_owned()));

    let source = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../src/error.rs")).unwrap();
    let mut listed = BTreeSet::new();
    for line in source.lines().filter(|line| line.starts_with("/// | ") && line.contains("::")) {
        let cells: Vec<_> = line.split(" | ").collect();
        let name = |cell: &str| cell.trim_matches(['`', ' ', '|']).to_owned();
        listed.extend(cells[3].split(", ").map(|function| (name(cells[2]), name(function))));
    }
    assert_eq!(listed, tested);
    println!("{} pairs of a function and a variant", listed.len());
}

/// Every `pub fn` of the library that returns a `Result`, as the sources have it: none can be left out of the table.
fn public_fallible_functions() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for file in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../src")).unwrap() {
        let path = file.unwrap().path();
        let module = path.file_stem().unwrap().to_string_lossy().into_owned();
        let mut owner = module.clone();
        let source = fs::read_to_string(&path).unwrap();
        let mut lines = source.lines();
        while let Some(line) = lines.next() {
            if line == "}" {
                owner.clone_from(&module);
            } else if let Some(rest) = line.strip_prefix("impl") {
                // The type, or what behind `for` implements a trait.
                let rest = rest.rsplit(" for ").next().unwrap_or(rest);
                let rest =
                    if rest.starts_with('<') { rest.split_once("> ").map_or(rest, |(_, rest)| rest) } else { rest };
                owner = rest.trim().split(['<', ' ', '{']).next().unwrap_or_default().to_owned();
            }
            if let Some(rest) = line.trim_start().strip_prefix("pub fn ") {
                let mut signature = line.to_owned();
                while !signature.contains('{') {
                    signature += lines.next().unwrap();
                }
                if signature.contains("-> Result<") {
                    let name = rest.split(['(', '<']).next().unwrap();
                    names.insert(format!("{owner}::{name}"));
                }
            }
        }
    }
    names
}
