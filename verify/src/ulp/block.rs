//! A kernel's results for some arguments, with the reference, and the results for their neighbours and the negated arguments.

use super::coverage::LAST;
use super::{Function, Kernel, Largest, Measurement, Run, Symmetry};
use crate::bound::ulp;

/// Some magnitudes with both signs, positive first, and their reference.
pub(super) struct Block<'a> {
    function: &'a Function,
    run: Run,
    x: [Vec<f32>; 2],
    exact: [Vec<f64>; 2],
}

/// The error of a result, in ULP.
#[inline(always)]
fn error(found: f32, exact: f64) -> f64 {
    /// The value from which rounding to f32 results in ∞.
    const OVERFLOW: f64 = 340_282_356_779_733_661_637_539_395_458_142_568_448.0;
    let found = f64::from(found);
    let exact = if exact.abs() >= OVERFLOW { f64::INFINITY.copysign(exact) } else { exact };
    let error = (found - exact).abs() / ulp(exact);
    let error = if error.is_nan() { f64::INFINITY } else { error };
    if found == exact || (found.is_nan() && exact.is_nan()) { 0.0 } else { error }
}

impl<'a> Block<'a> {
    pub(super) fn new(function: &'a Function, run: Run) -> Self {
        // The neighbour after the last one is only compared with it.
        let neighbour = u32::from(run.step == 1 && run.first + run.count <= LAST);
        let positive: Vec<f32> = Run { count: run.count + neighbour, ..run }.magnitudes().collect();
        let negative = positive.iter().map(|x| -x).collect();
        let x = [positive, negative];
        let exact = x.each_ref().map(|x| x.iter().map(|&x| (function.exact)(x.into())).collect());
        Self { function, run, x, exact }
    }

    pub(super) fn measure(&self, kernels: &[Kernel<'_>], found: &mut [Measurement]) {
        for (kernel, found) in kernels.iter().zip(found) {
            let mut y = self.x.clone();
            y.iter_mut().for_each(|y| kernel(y));
            self.compare(&y, found);
        }
    }

    fn compare(&self, y: &[Vec<f32>; 2], found: &mut Measurement) {
        let Self { function, run, x, exact } = self;
        found.inputs += 2 * u64::from(run.count);
        for ((x, exact), y) in x.iter().zip(exact).zip(y) {
            let (exact, y) = (&exact[..x.len()], &y[..x.len()]);
            found.error.search(x, |i| error(y[i], exact[i]));
            let [low, high] = &mut found.range;
            for &y in y {
                *low = if y < *low { y } else { *low };
                *high = if y > *high { y } else { *high };
            }
        }
        if function.rises && run.step == 1 {
            self.falls(y, found);
        }
        let [positive, negative] = [&y[0][..x[0].len()], &y[1][..x[0].len()]];
        match function.symmetry {
            Symmetry::None => {}
            Symmetry::Odd => {
                let differ = |i: usize| {
                    let (p, n) = (positive[i], -negative[i]);
                    p.to_bits() != n.to_bits() && !(p.is_nan() && n.is_nan())
                };
                found.asymmetric += (0..run.count as usize).map(|i| u64::from(differ(i))).sum::<u64>();
            }
            Symmetry::SumIsOne => {
                let from_one = |i: usize| (f64::from(positive[i]) + f64::from(negative[i]) - 1.0).abs() / ulp(0.75);
                found.asymmetric += (0..run.count as usize).map(|i| u64::from(from_one(i) > 0.0)).sum::<u64>();
                found.asymmetry.search(&x[0], from_one);
            }
        }
    }

    /// Counts where the result decreases from one float to the next larger one.
    fn falls(&self, y: &[Vec<f32>; 2], found: &mut Measurement) {
        /// The number of floats between 0 and y, negative below 0.
        fn order(y: f32) -> i64 {
            let magnitude = i64::from(y.to_bits() & LAST);
            if y.is_sign_negative() { -magnitude } else { magnitude }
        }
        let mut fall = |left: f32, y: f32, next: f32| {
            found.falls += 1;
            found.fall.update(Largest { value: (order(y) - order(next)) as f64, at: left });
        };
        let [x, minus_x] = &self.x;
        let [positive, negative] = y;
        if self.run.first == 0 && positive[0] < negative[0] {
            fall(minus_x[0], negative[0], positive[0]);
        }
        let pairs = |y: &[f32], falls: fn(f32, f32) -> bool| y.windows(2).any(|pair| falls(pair[0], pair[1]));
        if pairs(positive, |y, next| next < y) {
            for i in (1..x.len()).filter(|&i| positive[i] < positive[i - 1]) {
                fall(x[i - 1], positive[i - 1], positive[i]);
            }
        }
        if pairs(negative, |next, y| next < y) {
            for i in (1..x.len()).filter(|&i| negative[i - 1] < negative[i]) {
                fall(minus_x[i], negative[i], negative[i - 1]);
            }
        }
    }
}
