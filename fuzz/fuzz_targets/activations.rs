//! Activations of any bits: within 2 ULP of f64, the same wherever the number stands, fused or not, and with FMA the same on
//! every instruction set.
#![no_main]

use lanegrad::{Activation, Backend, Isa, MatMut, MatRef, dense};
use lanegrad_fuzz::same;
use lanegrad_verify::bound::ulp;
use lanegrad_verify::check::dense::reference;
use lanegrad_verify::training::name::ACTIVATIONS;
use lanegrad_verify::{shapes::Edges, ulp::LIMIT};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let x: Vec<f32> = data.as_chunks().0.iter().map(|&bytes| f32::from_bits(u32::from_le_bytes(bytes))).collect();
    for &(_, h) in ACTIVATIONS {
        let exact = reference(h);
        let limit = if matches!(h, Activation::Identity | Activation::Relu) { 0.0 } else { LIMIT };
        let mut with_fma: Option<Vec<f32>> = None;
        for isa in Isa::available() {
            let mut backend = Backend::with_isa(isa);
            let mut z = x.clone();
            h.apply(&backend, &mut z);
            for (&x, &z) in x.iter().zip(&z) {
                let exact = match x {
                    // ReLU takes NaN for a number that is not above 0 in the reference.
                    x if x.is_nan() => f64::NAN,
                    x => exact.value(f64::from(x)),
                };
                let close = f64::from(z) == exact || (f64::from(z) - exact).abs() <= limit * ulp(exact);
                assert!(close || (z.is_nan() && exact.is_nan()), "{isa}, {h:?} of {x:e} is {z:e}, expected {exact:e}");
            }

            // In another place, at another distance from the end.
            let at = x.len() / 3;
            let mut part = x[at..].to_vec();
            h.apply(&backend, &mut part);
            assert!(part.iter().zip(&z[at..]).all(|(&a, &b)| same(a, b)), "{isa}, {h:?}: {part:?}, {:?}", &z[at..]);

            // The epilogue of a product of nothing: h(0 + b), where −0 becomes 0.
            let (mut fused, mut chain) = (vec![0.0; x.len()], x.iter().map(|x| 0.0 + x).collect::<Vec<_>>());
            let nothing = |rows| MatRef::new(&[], rows, 0).expect("there is nothing to view");
            let layer = dense::Forward { x: nothing(1), w: nothing(x.len()), bias: Some(&x), activation: h };
            let output = MatMut::new(&mut fused, 1, x.len()).expect("the view fits");
            dense::forward(&mut backend, layer, output).expect("the shapes fit");
            h.apply(&backend, &mut chain);
            assert!(fused.iter().zip(&chain).all(|(&a, &b)| same(a, b)), "{isa}, {h:?}: {fused:?}, {chain:?}");

            if Edges::of(isa).fused {
                let equal = |other: &Vec<f32>| other.iter().zip(&z).all(|(&a, &b)| same(a, b));
                assert!(with_fma.as_ref().is_none_or(equal), "{isa}, {h:?}: {z:?}, others: {with_fma:?}");
                with_fma = Some(z);
            }
        }
    }
});
