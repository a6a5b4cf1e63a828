//! The three products of a layer, bare and fused with what belongs to the layer.
//!
//! Beside the fused ones, a peer's product is followed by [`second_pass`]: the peer's kernel, and our vector code for the
//! rest, on as many threads. candle has its own form of everything, and no buffers of its caller's: its results are allocated, as it does.

use crate::command_line::{self, Form, Options};
use crate::environment;
use crate::layer::{Operands, Operation, Product, SHAPES, Shape};
use crate::machine::{self, Pass};
use crate::peer::Peer;
use crate::report::{Cell, Report};
use crate::rounds::Contestant;
use crate::{Error, second_pass};
use candle_core::{DType, Device, Tensor};
use lanegrad::{Backend, Isa};
use std::time::Duration;

/// Measures all cells that were asked for.
pub(crate) fn measure(
    mut backend: Backend,
    options: &Options,
    product: &command_line::Product,
) -> Result<Report, Error> {
    let peers = Peer::all(options.threads, product)?;
    let second_pass = second_pass::Runner::new(backend.isa(), options.threads)?;
    let mut report = Report::new(&backend, options);
    for peer in &peers {
        report.describe(peer.name(), peer.description());
    }
    report.describe(
        "candle",
        format!("{}, by way of gemm; allocates each result", environment::crate_version("candle-core")),
    );
    report.print_header();
    println!("fused: forward with bias and ReLU, delta with ReLU', gradient with bias gradient");

    let shapes = if product.shape.is_empty() { &SHAPES[..] } else { &product.shape };
    for operation in Operation::ALL {
        if !product.operation.is_empty() && !product.operation.iter().any(|&name| operation == name.into()) {
            continue;
        }
        for fused in [false, true] {
            if product.form.is_some_and(|form| fused != (form == Form::Fused)) {
                continue;
            }
            let group = format!("{} {}", operation.name(), if fused { "fused" } else { "bare" });
            for &shape in shapes {
                let cell =
                    measure_cell(&mut backend, options, (&peers, &second_pass), Case { shape, operation, fused })?;
                report.add(&group, cell);
            }
            report.print_group(&group);
        }
    }
    Ok(report)
}

#[derive(Clone, Copy)]
struct Case {
    shape: Shape,
    operation: Operation,
    fused: bool,
}

fn measure_cell(
    backend: &mut Backend,
    options: &Options,
    (peers, second_pass): (&[Peer], &second_pass::Runner),
    case: Case,
) -> Result<Cell, Error> {
    let Case { shape, operation, fused } = case;
    let rounds = options.rounds();
    let mut operands = Operands::new(shape);
    operands.run(backend, operation, fused)?;

    let mut contestants = Vec::new();
    for peer in peers {
        let mut ways = Vec::new();
        for way in peer.ways(&mut operands, operation, fused) {
            let run = move |operands: &mut Operands| {
                (way.run)(operands);
                if fused && !way.is_fused {
                    second_pass.run(operands, operation);
                }
            };
            if !agrees(&run, &mut operands, backend, case)? {
                return Err(format!("{}: what it computes is not the product", peer.name()).into());
            }
            ways.push(Contestant::new(peer.name(), run));
        }
        contestants.extend(rounds.fastest(&mut operands, ways));
    }
    let mut candle = Candle::new(&operands)?;
    candle.run(operation, fused)?;
    contestants.push(Contestant::new("candle", move |_| candle.run(operation, fused).expect("the shapes fit")));

    let limit = limit(shape, operation, backend.threads());
    let ours = Contestant::new("ours", |operands: &mut Operands| {
        operands.run(backend, operation, fused).expect("the shapes fit");
    });
    let times = rounds.run(&mut operands, ours, &mut contestants);
    Ok(Cell::of_rates(shape.name(), "GFLOP/s", shape.flops() as f64 / 1e9, limit, times))
}

/// GFLOP/s that the machine can do at most: its multiply-adds, or for one example the time to read or write the matrix.
fn limit(shape: Shape, operation: Operation, threads: usize) -> f64 {
    // The best there is, whichever ours was told to use.
    let isa = Isa::detect();
    let time = Duration::from_millis(5);
    let peak = machine::peak(isa, threads, time);
    if shape.batch > 1 {
        return peak / 1e9;
    }
    let pass = if operation == Operation::Gradient { Pass::Write } else { Pass::Read };
    let bandwidth = pass.bandwidth(isa, threads, shape.bytes(), time);
    peak.min(shape.flops() as f64 / shape.bytes() as f64 * bandwidth) / 1e9
}

/// A library may have other integers than its interface promises, or another interface: what it computes is looked at first.
fn agrees(
    run: &impl Fn(&mut Operands),
    operands: &mut Operands,
    backend: &mut Backend,
    Case { operation, fused, .. }: Case,
) -> Result<bool, Error> {
    operands.run(backend, operation, fused)?;
    let mut c = operands.product(operation).c;
    let ours = c.as_ref().as_slice().expect("C has no gaps").to_vec();
    (0..c.rows()).for_each(|i| c.row_mut(i).expect("C has no gaps").fill(f32::NAN));
    run(operands);
    let Product { a, c, .. } = operands.product(operation);
    // Operands are at most 1/2 in size. Two orders of a sum of n terms differ by less than 2·n·u·Σ|a||b|.
    let terms = a.cols() as f32 + 1.0;
    let bound = f32::EPSILON * terms * terms / 4.0;
    let theirs = c.as_ref().as_slice().expect("C has no gaps");
    Ok(ours.iter().zip(theirs).all(|(ours, theirs)| (ours - theirs).abs() <= bound))
}

/// The operands as candle's tensors.
struct Candle {
    x: Tensor,
    w: Tensor,
    b: Tensor,
    delta: Tensor,
}

impl Candle {
    fn new(operands: &Operands) -> Result<Self, candle_core::Error> {
        let Shape { batch, inputs, outputs } = operands.shape;
        let tensor = |numbers: &[f32], rows, columns| Tensor::from_slice(numbers, (rows, columns), &Device::Cpu);
        Ok(Self {
            x: tensor(&operands.x, batch, inputs)?,
            w: tensor(&operands.w, outputs, inputs)?,
            b: tensor(&operands.b, 1, outputs)?,
            delta: tensor(&operands.delta, batch, outputs)?,
        })
    }

    fn run(&mut self, operation: Operation, fused: bool) -> Result<(), candle_core::Error> {
        let Self { x, w, b, delta } = self;
        let result = match operation {
            Operation::Forward if fused => x.matmul(&w.t()?)?.broadcast_add(b)?.relu()?,
            Operation::Forward => x.matmul(&w.t()?)?,
            Operation::Delta if fused => (delta.matmul(w)? * x.gt(0.0)?.to_dtype(DType::F32)?)?,
            Operation::Delta => delta.matmul(w)?,
            Operation::Gradient => delta.t()?.matmul(x)?,
        };
        std::hint::black_box(result);
        if operation == Operation::Gradient && fused {
            std::hint::black_box(delta.sum(0)?);
        }
        Ok(())
    }
}
