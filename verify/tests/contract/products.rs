//! Forward, backward, weight gradient.

use crate::table::{Table, length, no_memory, shape};
use crate::world::{DATA, broadcast, view};
use lanegrad::*;

pub(crate) fn rows(t: &mut Table) {
    // A row so long that its copy would not fit the address space.
    let long = broadcast(1, usize::MAX);
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

    t.row(f, "workspace overflows", no_memory(name, None), move |world| {
        let layer = dense::Forward { x: long, w: long, bias: None, activation: Activation::Relu };
        dense::forward(&mut world.backend, layer, MatMut::new(&mut world.output, 1, 1)?)
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

    t.row(f, "workspace overflows", no_memory(name, None), move |world| {
        let layer = dense::Backward { delta: long, w: broadcast(usize::MAX, 2), below: None };
        dense::backward(&mut world.backend, layer, MatMut::new(&mut world.output, 1, 2)?)
    });

    let (f, name) = ("dense::gradient", "dense gradient");
    t.row(f, "workspace overflows", no_memory(name, None), move |world| {
        let layer = dense::Gradient { delta: long.t(), x: broadcast(usize::MAX, 2), accumulate: true };
        dense::gradient(&mut world.backend, layer, MatMut::new(&mut world.output, 1, 2)?, None)
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
    t.row(f, "bias gradient too long, without dw", length(name, "bias gradient", 4, 3), |world| {
        let layer = dense::Gradient { delta: view(2, 3), x: view(2, 4), accumulate: false };
        dense::gradient(&mut world.backend, layer, None, Some(&mut world.bias[..4]))
    });

    let (f, name) = ("dense::activation_backward", "activation backward");
    for (way, z, out, answer) in [
        ("outputs transposed", (3, 2), (2, 3), shape(name, "outputs", (3, 2), (2, 3))),
        ("outputs of another batch", (3, 3), (2, 3), shape(name, "outputs", (3, 3), (2, 3))),
        ("deltas too wide", (2, 3), (2, 4), shape(name, "deltas", (2, 4), (2, 3))),
        ("deltas of another batch", (2, 3), (3, 3), shape(name, "deltas", (3, 3), (2, 3))),
    ] {
        t.row(f, way, answer, move |world| {
            let operands =
                dense::ActivationBackward { gradient: view(2, 3), z: view(z.0, z.1), activation: Activation::Sigmoid };
            dense::activation_backward(&world.backend, operands, MatMut::new(&mut world.output, out.0, out.1)?)
        });
    }
}
