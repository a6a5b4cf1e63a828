//! How far the moving averages of g and g² are from their formulas in f64, for decays up to 1 − 2⁻²⁰.

use crate::len;
use lanegrad::Isa;
use lanegrad_kernels::isa::Kernel;
use lanegrad_kernels::simd::Simd;
use lanegrad_kernels::update::MovingAverage;
use lanegrad_verify::bound::U;
use lanegrad_verify::tally::Tally;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// One step of both averages, for `s.len()` parameters.
struct Averages<'a> {
    average: MovingAverage,
    gradient: &'a [f32],
    s: &'a mut [f32],
    r: &'a mut [f32],
}

impl Kernel for Averages<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { average, gradient, s, r } = self;
        for ((g, s), r) in gradient.chunks(S::LANES).zip(s.chunks_mut(S::LANES)).zip(r.chunks_mut(S::LANES)) {
            let g = simd.load_partial(g);
            simd.store_partial(average.of(simd, g, simd.load_partial(s)), s);
            simd.store_partial(average.of_squares(simd, g, simd.load_partial(r)), r);
        }
    }
}

/// `|r̂ − r| ≤ (2/(1−ρ) + 4) u R`, with R the largest term so far; and the same of s. (With FMA 2 in place of 4.) Gradients are equal,
/// random, rare, and smaller from half of the steps on.
#[test]
fn an_average_is_within_two_roundings_for_each_step_that_it_remembers() {
    for isa in Isa::available() {
        let mut largest = 0.0_f64;
        for decay in [0.0, 0.3, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 1.0 - 1.0 / f64::from(1 << 20)] {
            let mut tally = Tally::default();
            let len = len(isa).min(19);
            let steps = ((4.0 / (1.0 - decay)) as usize).max(500);
            let mut rng = StdRng::seed_from_u64(21);
            let [mut s, mut r] = [(); 2].map(|()| vec![0.0_f32; len]);
            let [mut exact_s, mut exact_r, mut largest_term] = [(); 3].map(|()| vec![0.0_f64; len]);
            let scales: Vec<f32> = (0..len).map(|_| rng.random_range(-10.0_f32..10.0).exp2()).collect();
            let average = MovingAverage::new(decay);
            for t in 0..steps {
                let gradient: Vec<f32> = (0..len)
                    .map(|i| match i % 4 {
                        0 => scales[i],
                        1 => scales[i] * (rng.random::<f32>() - 0.3),
                        2 => {
                            if t % 64 == 0 {
                                scales[i]
                            } else {
                                0.0
                            }
                        }
                        _ => {
                            if t < steps / 2 {
                                scales[i]
                            } else {
                                scales[i] / 64.0
                            }
                        }
                    })
                    .collect();
                isa.run(Averages { average, gradient: &gradient, s: &mut s, r: &mut r });
                for (i, &g) in gradient.iter().enumerate() {
                    let g = f64::from(g);
                    exact_s[i] = decay * exact_s[i] + (1.0 - decay) * g;
                    exact_r[i] = decay * exact_r[i] + (1.0 - decay) * g * g;
                    largest_term[i] = g.abs().max(largest_term[i]);
                    if t % 61 == 0 || t + 1 == steps {
                        let bound = (2.0 / (1.0 - decay) + 4.0) * U * largest_term[i];
                        let place = || format!("{isa}, decay {decay}, step {t}, parameter {i}");
                        tally.within(s[i].into(), exact_s[i], bound, place);
                        tally.within(r[i].into(), exact_r[i], bound * largest_term[i], place);
                    }
                }
            }
            assert!(tally.passed(), "{tally:?}");
            largest = largest.max(tally.largest_ratio());
        }
        println!("{:>8}: averages at most {largest:.3} of their bound", isa.name());
    }
}
