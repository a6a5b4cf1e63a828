//! The same bits run after run, for any alignment, any values in the other rows of the batch and, with FMA, on every
//! instruction set; and nothing is read or written that is not named.

mod instruction_set;
mod memory;
mod neighbours;
mod operand;

use lanegrad::*;
use lanegrad_verify::check::update::methods;
use operand::{CANARY, Input, Output};
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

const METHODS: [Method; 8] = methods(Momentum::Constant(0.9));

fn numbers(len: usize, seed: u64) -> Vec<f32> {
    let mut rng = StdRng::seed_from_u64(seed);
    (0..len).map(|_| rng.random_range(-1.0..1.0)).collect()
}

fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|x| x.to_bits()).collect()
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

/// The parameters after ten steps, in one tensor at `offset`, or in tensors of `lengths`.
fn optimize(backend: &Backend, method: Method, offset: usize, lengths: &[usize]) -> Vec<u32> {
    let len = lengths.iter().sum();
    let mut theta = Input::new(&numbers(len, 1), (1, len), offset, 0).data;
    let mut optimizer = Optimizer::new(Rule::new(method, LearningRate::Constant(0.01)).unwrap());
    for t in 0..10 {
        let gradient = Input::new(&numbers(len, 2 + t), (1, len), offset + 1, 0).data;
        let (mut parameters, mut gradients) = (Vec::new(), Vec::new());
        let (mut rest, mut gradient) = (&mut theta[offset..], &gradient[offset + 1..]);
        for &length in lengths {
            let (part, behind) = rest.split_at_mut(length);
            parameters.push(Parameter::new(parameters.len() as u64, part));
            rest = behind;
            gradients.push(&gradient[..length]);
            gradient = &gradient[length..];
        }
        optimizer.begin(backend, &mut parameters).unwrap().finish(&gradients).unwrap();
    }
    assert!(theta[..offset].iter().all(|x| x.to_bits() == CANARY));
    bits(&theta[offset..])
}
