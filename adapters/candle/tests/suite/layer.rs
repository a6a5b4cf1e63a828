//! Outputs and gradients of a layer are candle's, within bounds, for every layout of every operand.

use crate::operands::{KINDS, Kind, assert_close, random, to_f64, var};
use candle_core::{DType, Error, Result, Tensor, Var};
use candle_nn::{Module, ops};
use lanegrad_candle::{Activation, Linear};
use lanegrad_verify::bound::{U, gamma};

pub(crate) const ACTIVATIONS: [Activation; 5] =
    [Activation::Identity, Activation::Sigmoid, Activation::Tanh, Activation::Softsign, Activation::Relu];

/// h by candle's own operations.
pub(crate) fn activate(activation: Activation, a: &Tensor) -> Result<Tensor> {
    match activation {
        Activation::Identity => Ok(a.clone()),
        Activation::Sigmoid => ops::sigmoid(a),
        Activation::Tanh => a.tanh(),
        Activation::Softsign => a / (a.abs()? + 1.0)?,
        Activation::Relu => a.relu(),
        _ => Err(Error::msg(format!("this test has no formula for {activation:?}"))),
    }
}

/// The net inputs by candle's own operations, which do not accept every layout.
fn net_inputs(x: &Tensor, w: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    let a = x.contiguous()?.matmul(&w.contiguous()?.t()?)?;
    match bias {
        Some(bias) => a.broadcast_add(bias),
        None => Ok(a),
    }
}

struct Case {
    sizes: [usize; 3],
    kinds: [Kind; 2],
    bias: bool,
    activation: Activation,
}

impl Case {
    fn check(&self, seed: u64) -> Result<()> {
        let Self { sizes: [batch, inputs, units], kinds: [kind_of_x, kind_of_w], bias, activation } = *self;
        let what = format!("{batch}×{inputs}→{units}, x {kind_of_x:?}, w {kind_of_w:?}, bias {bias}, {activation:?}");
        let (x_size, w_size) = ([batch, inputs], [units, inputs]);
        let x = var(&random(seed, &kind_of_x.base(x_size)));
        let w = var(&random(seed + 1, &kind_of_w.base(w_size)));
        let b = bias.then(|| var(&random(seed + 2, &[units])));
        let dz = random(seed + 3, &[batch, units]);
        let variables: Vec<&Var> = [Some(&x), Some(&w), b.as_ref()].into_iter().flatten().collect();
        let b = b.as_deref();

        let layer = Linear::new(kind_of_w.view(&w, w_size)?, b.cloned()).with_activation(activation);
        let own = layer.forward(&kind_of_x.view(&x, x_size)?)?;
        let a = net_inputs(&kind_of_x.view(&x, x_size)?, &kind_of_w.view(&w, w_size)?, b)?;
        let candle = activate(activation, &a)?;

        // The same graph with absolute values, in f64: its output is Σ|terms| of each net input, and its gradients are those of
        // each gradient.
        let [abs_x, abs_w] = [&x, &w].map(|v| var(&v.abs().and_then(|v| v.to_dtype(DType::F64)).unwrap()));
        let abs_b = b.map(|b| var(&b.abs().and_then(|b| b.to_dtype(DType::F64)).unwrap()));
        let abs = net_inputs(&kind_of_x.view(&abs_x, x_size)?, &kind_of_w.view(&abs_w, w_size)?, abs_b.as_deref())?;
        let absolute: Vec<&Var> = [Some(&abs_x), Some(&abs_w), abs_b.as_ref()].into_iter().flatten().collect();

        // No function is steeper than 1, or off by more than 4u. h' as a function of z is not steeper than 2.
        let n = inputs + 2;
        let error_of_z = ((&abs * (2.0 * gamma(n)))? + 8.0 * U)?.detach();
        assert_close(&what, [&own, &candle], n, &abs.zeros_like()?, Some(&error_of_z));
        if activation == Activation::Relu {
            let distance = to_f64(&a).into_iter().map(f64::abs).zip(to_f64(&error_of_z));
            assert!(distance.into_iter().all(|(a, error)| a > error), "{what}: a net input is too near 0 for its seed");
        }

        let gradients = |z: &Tensor| z.mul(&dz)?.sum_all()?.backward();
        let (own, candle) = (gradients(&own)?, gradients(&candle)?);
        let abs_dz = dz.abs()?.to_dtype(DType::F64)?;
        let terms = abs.mul(&abs_dz)?.sum_all()?.backward()?;
        let extra = abs.mul(&(abs_dz * (error_of_z * 2.0)?)?)?.sum_all()?.backward()?;
        // The largest number of terms of any of the sums, and the roundings of h' and of the products.
        let n = inputs * units.max(batch) + units + batch + 8;
        for (variable, absolute) in variables.into_iter().zip(absolute) {
            let [own, candle] = [&own, &candle].map(|gradients| gradients.get(variable).unwrap());
            let [terms, extra] = [&terms, &extra].map(|gradients| gradients.get(absolute).unwrap());
            let extra = (activation != Activation::Identity && activation != Activation::Relu).then_some(extra);
            assert_close(&format!("{what}, gradient of {:?}", variable.dims()), [own, candle], n, terms, extra);
        }
        Ok(())
    }
}

#[test]
fn every_layout_is_computed_as_by_candle() {
    let mut seed = 0;
    for sizes in [[1, 1, 1], [1, 7, 3], [5, 7, 3], [9, 33, 17], [32, 70, 10]] {
        for kind_of_x in KINDS {
            for kind_of_w in KINDS {
                for (index, activation) in ACTIVATIONS.into_iter().enumerate() {
                    seed += 10;
                    Case { sizes, kinds: [kind_of_x, kind_of_w], bias: index % 2 == 0, activation }
                        .check(seed)
                        .unwrap();
                }
            }
        }
    }
}

#[test]
fn several_leading_dimensions_are_rows() -> Result<()> {
    let (base, w, b) = (var(&random(1, &[4, 3, 5, 6])), random(2, &[7, 6]), random(3, &[7]));
    type View = fn(&Tensor) -> Result<Tensor>;
    let views: [(&str, View); 6] = [
        ("contiguous", |x| Ok(x.clone())),
        ("three dimensions", |x| x.get(2)),
        ("narrowed at the front", |x| x.narrow(0, 1, 2)),
        ("narrowed in the middle", |x| x.narrow(1, 1, 2)),
        ("permuted", |x| x.permute((2, 0, 1, 3))),
        ("broadcast", |x| x.get(0)?.get(0)?.broadcast_as((3, 2, 5, 6))),
    ];
    for (what, view) in views {
        let x = view(&base)?;
        let own = Linear::new(w.clone(), Some(b.clone())).with_activation(Activation::Tanh).forward(&x)?;
        let rows = x.contiguous()?.reshape(((), 6))?;
        let candle = net_inputs(&rows, &w, Some(&b))?.tanh()?;
        assert_eq!(own.dims()[..own.rank() - 1], x.dims()[..x.rank() - 1], "{what}");
        let terms = candle.ones_like()?.affine(7.0, 0.0)?;
        assert_close(what, [&own.reshape(candle.shape())?, &candle], 16, &terms, None);
        let [own, candle] = [own, candle].map(|z| z.sum_all().and_then(|z| z.backward()).unwrap());
        let [own, candle] = [&own, &candle].map(|gradients| gradients.get(&base).unwrap());
        // 7 terms of at most 1, up to 6 times.
        assert_close(what, [own, candle], 64, &candle.ones_like()?.affine(42.0, 0.0)?, None);
    }
    Ok(())
}

#[test]
fn a_vector_is_a_batch_without_its_dimension() -> Result<()> {
    let (x, w) = (random(1, &[6]), random(2, &[7, 6]));
    let layer = Linear::new(w, None);
    let (vector, row) = (layer.forward(&x)?, layer.forward(&x.unsqueeze(0)?)?);
    assert_eq!(vector.dims(), [7]);
    assert_eq!(vector.to_vec1::<f32>()?, row.to_vec2::<f32>()?[0]);
    Ok(())
}

#[test]
fn sizes_of_zero() -> Result<()> {
    for [batch, inputs, units] in [[0, 3, 2], [3, 0, 2], [3, 2, 0], [0, 0, 0]] {
        let (x, w, b) =
            (var(&random(1, &[batch, inputs])), var(&random(2, &[units, inputs])), var(&random(3, &[units])));
        let layer = Linear::new(w.as_tensor().clone(), Some(b.as_tensor().clone()));
        let z = layer.forward(&x)?;
        assert_eq!(z.dims(), [batch, units]);
        for row in z.to_vec2::<f32>()? {
            assert_eq!(row, b.to_vec1::<f32>()?);
        }
        let gradients = z.sum_all()?.backward()?;
        for (variable, sum) in [(&x, 0.0), (&w, 0.0), (&b, (batch * units) as f32)] {
            let gradient = gradients.get(variable).unwrap();
            assert_eq!(gradient.dims(), variable.dims());
            assert_eq!(gradient.sum_all()?.to_scalar::<f32>()?, sum, "{batch} {inputs} {units}");
        }
    }
    Ok(())
}

/// candle's own `Linear` gives each operand a gradient if one of them needs it. Here only those get one that a variable leads to.
#[test]
fn only_what_a_variable_leads_to_gets_a_gradient() -> Result<()> {
    let (x, w, b) = (random(1, &[4, 3]), random(2, &[2, 3]), random(3, &[2]));
    for wanted in 1..8 {
        let operand = |bit: usize, tensor: &Tensor| {
            if wanted >> bit & 1 == 1 { var(tensor).into_inner() } else { tensor.clone() }
        };
        let operands = [operand(0, &x), operand(1, &w), operand(2, &b)];
        let layer = Linear::new(operands[1].clone(), Some(operands[2].clone())).with_activation(Activation::Sigmoid);
        let gradients = layer.forward(&operands[0])?.sum_all()?.backward()?;
        let found = operands.each_ref().map(|operand| gradients.get(operand).is_some());
        assert_eq!(found, [0, 1, 2].map(|bit| wanted >> bit & 1 == 1));
    }
    Ok(())
}

/// A tensor may be the input and the weights at once.
#[test]
fn operands_may_be_one_tensor() -> Result<()> {
    let x = var(&random(1, &[5, 5]));
    let own = Linear::new(x.as_tensor().clone(), None).forward(&x)?;
    let candle = net_inputs(&x, &x, None)?;
    let [own, candle] = [own, candle].map(|z| z.sum_all().and_then(|z| z.backward()).unwrap());
    let [own, candle] = [&own, &candle].map(|gradients| gradients.get(&x).unwrap());
    assert_close("x·xᵀ", [own, candle], 12, &candle.ones_like()?.affine(10.0, 0.0)?, None);
    Ok(())
}

/// The gradient of the output may have any layout too, if a node of the graph made it so.
#[test]
fn a_bias_with_gaps() -> Result<()> {
    let (x, w, base) = (random(1, &[4, 3]), random(2, &[2, 3]), var(&random(3, &[2, 5])));
    let bias = base.narrow(1, 3, 1)?.squeeze(1)?;
    let own = Linear::new(w.clone(), Some(bias.clone())).forward(&x)?;
    let candle = net_inputs(&x, &w, Some(&bias))?;
    assert_close("bias", [&own, &candle], 5, &candle.ones_like()?.affine(4.0, 0.0)?, None);
    let gradient = own.sum_all()?.backward()?.get(&base).unwrap().to_vec2::<f32>()?;
    assert_eq!(gradient, [[0.0, 0.0, 0.0, 4.0, 0.0]; 2]);
    Ok(())
}
