//! Losses and their gradients are candle's, within bounds.

use crate::operands::{KINDS, assert_close, random, var};
use candle_core::{Device, Result, Tensor};
use lanegrad_candle::loss;

#[test]
fn cross_entropy_of_every_layout() -> Result<()> {
    for size @ [batch, classes] in [[1, 2], [5, 3], [32, 10], [7, 100]] {
        let labels: Vec<u32> = (0..batch as u32).map(|row| row * 7 % classes as u32).collect();
        // Every second element of a longer tensor.
        let apart: Vec<u32> = labels.iter().flat_map(|&label| [label, 999]).collect();
        let apart = Tensor::from_vec(apart, (batch, 2), &Device::Cpu)?.narrow(1, 0, 1)?.squeeze(1)?;
        let labels = Tensor::from_vec(labels, batch, &Device::Cpu)?;
        for kind in KINDS {
            let base = var(&random(7, &kind.base(size)));
            let logits = kind.view(&base, size)?;
            // Logits are in [−1, 1]. So a loss is at most ln(n e²), and each of its (n + 16) roundings changes it by u of at most 8.
            let n = classes + batch + 16;
            for factor in [1.0, -2.5] {
                let candle = (candle_nn::loss::cross_entropy(&logits.contiguous()?, &labels)? * factor)?;
                for labels in [
                    &labels,
                    &apart,
                    &labels.to_dtype(candle_core::DType::I64)?,
                    &labels.to_dtype(candle_core::DType::U8)?,
                ] {
                    let own = (loss::cross_entropy(&logits, labels)? * factor)?;
                    assert_close("loss", [&own, &candle], n, &own.ones_like()?.affine(8.0 * 2.5, 0.0)?, None);
                    let [own, candle] = [&own, &candle].map(|loss| loss.backward().unwrap());
                    let [own, candle] = [&own, &candle].map(|gradients| gradients.get(&base).unwrap());
                    // Each element of a gradient is a sum of at most batch × classes terms of at most 2·2.5/batch.
                    let terms = own.ones_like()?.affine(5.0 * classes as f64, 0.0)?;
                    assert_close("gradient", [own, candle], n, &terms, None);
                }
            }
        }
    }
    Ok(())
}

#[test]
fn mse_of_every_layout() -> Result<()> {
    for size in [[1, 1], [5, 3], [32, 10]] {
        for of_predicted in KINDS {
            for of_target in KINDS {
                let (base, target) =
                    (var(&random(1, &of_predicted.base(size))), var(&random(2, &of_target.base(size))));
                let (y, t) = (of_predicted.view(&base, size)?, of_target.view(&target, size)?);
                let (own, candle) = (loss::mse(&y, &t)?, candle_nn::loss::mse(&y, &t)?);
                let n = size[0] * size[1] + 8;
                assert_close("loss", [&own, &candle], n, &own.ones_like()?.affine(4.0, 0.0)?, None);
                let [own, candle] = [own, candle].map(|loss| loss.backward().unwrap());
                for base in [&base, &target] {
                    let [own, candle] = [&own, &candle].map(|gradients| gradients.get(base).unwrap());
                    assert_close("gradient", [own, candle], n, &own.ones_like()?.affine(4.0, 0.0)?, None);
                }
            }
        }
    }
    Ok(())
}

#[test]
fn mse_of_any_rank() -> Result<()> {
    for dims in [&[][..], &[4], &[2, 3, 4], &[2, 3, 4, 5]] {
        let (y, t) = (var(&random(1, dims)), random(2, dims));
        let mut views = vec![(y.as_tensor().clone(), t.clone())];
        if dims.len() > 2 {
            views.push((y.transpose(0, 1)?, t.transpose(0, 1)?));
        }
        for (y_view, t) in views {
            let (own, candle) = (loss::mse(&y_view, &t)?, candle_nn::loss::mse(&y_view, &t)?);
            assert_eq!(own.rank(), 0);
            assert_close("loss", [&own, &candle], 128, &own.ones_like()?.affine(4.0, 0.0)?, None);
            let [own, candle] = [own, candle].map(|loss| loss.backward().unwrap());
            let [own, candle] = [&own, &candle].map(|gradients| gradients.get(&y).unwrap());
            assert_close("gradient", [own, candle], 8, &own.ones_like()?.affine(4.0, 0.0)?, None);
        }
    }
    Ok(())
}
