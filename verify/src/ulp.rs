//! Functions of one number, in units in the last place (ULP): over all 2³² arguments, or over an everyday part of them.
//!
//! A kernel is a function of a slice, in place; what it should be is a [`Function`] with its reference in f64, whose own
//! error is far below an f32's ULP. Both cores are kept busy, and the reference is computed once for all kernels:
//!
//! ```
//! use lanegrad_verify::ulp::{Coverage, Function, Symmetry, measure};
//! let sine = Function {
//!     name: "sin",
//!     exact: f64::sin,
//!     rises: false,
//!     symmetry: Symmetry::Odd,
//!     range: [-1.0, 1.0],
//!     boundaries: &[0.0, 1.0, f32::MAX],
//! };
//! let kernel = |x: &mut [f32]| x.iter_mut().for_each(|x| *x = x.sin());
//! let [found] = measure(&sine, Coverage::Everyday, [&kernel], &mut |_, _| ());
//! assert!(found.faults(&sine).is_empty(), "{:?}", found.faults(&sine));
//! ```

use crate::bound::ulp;
use crate::reference;
use core::fmt;
use core::sync::atomic::{AtomicUsize, Ordering};
use lanegrad::{Activation, Backend, Isa};
use lanegrad_kernels::elementwise::{Map, MapInPlace};
use lanegrad_kernels::math;
use lanegrad_kernels::simd::Simd;
use std::sync::mpsc;
use std::thread;

/// The largest error that a function may have, in ULP.
pub const LIMIT: f64 = 2.0;

/// Everyday: every 1,009th of all floats, and all floats of this many around each boundary.
const STRIDE: u32 = 1009;
const AROUND: u32 = 10_000;

/// The largest magnitude, as bits: a NaN.
const LAST: u32 = i32::MAX as u32;

/// Magnitudes evaluated at a time: with reference and results, what fits the first cache.
const BLOCK: u32 = 1 << 10;

/// A function as it should be.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// f in f64, for NaN and infinities too.
    pub exact: fn(f64) -> f64,
    /// Whether it rises everywhere, or at least never falls.
    pub rises: bool,
    /// What f(−x) has to do with f(x).
    pub symmetry: Symmetry,
    /// The smallest and the largest value.
    pub range: [f32; 2],
    /// Magnitudes where the method changes, the result saturates, or the argument is special.
    pub boundaries: &'static [f32],
}

/// What f(−x) has to do with f(x).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Symmetry {
    /// Nothing.
    None,
    /// `f(−x) = −f(x)`, to the last bit.
    Odd,
    /// `f(−x) + f(x) = 1`, as exactly as f is: of f(x) ≥ ½ and f(−x) < ½, an error of [`LIMIT`] ULP is that and half that
    /// in ULP of the former.
    SumIsOne,
}

/// Which arguments are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// A strided part of all floats, and ten thousand on both sides of each boundary.
    Everyday,
    /// All 2³² floats.
    Exhaustive,
}

/// Magnitudes at equal distances in their bits, to be tried with either sign.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    first: u32,
    count: u32,
    step: u32,
}

impl Coverage {
    /// All magnitudes, in runs.
    pub fn runs(self, boundaries: &[f32]) -> Vec<Run> {
        let cut = |step: u32, most: u32| {
            let all = LAST / step + 1;
            (0..all).step_by(most as usize).map(move |at| Run { first: at * step, count: most.min(all - at), step })
        };
        match self {
            Self::Exhaustive => cut(1, 1 << 20).collect(),
            Self::Everyday => cut(STRIDE, 1 << 16)
                .chain(boundaries.iter().map(|boundary| {
                    let bits = boundary.to_bits();
                    let first = bits.saturating_sub(AROUND);
                    Run { first, count: LAST.min(bits + AROUND) - first + 1, step: 1 }
                }))
                .collect(),
        }
    }
}

impl Run {
    /// The run's magnitudes.
    pub fn magnitudes(self) -> impl Iterator<Item = f32> {
        (0..self.count).map(move |i| f32::from_bits(self.first + i * self.step))
    }

    /// The run in parts. Where its magnitudes are neighbours, a part begins with the last magnitude of the one before.
    fn blocks(self) -> impl Iterator<Item = Self> {
        (0..self.count).step_by(BLOCK as usize).map(move |at| Self {
            first: self.first + at * self.step,
            count: BLOCK.min(self.count - at),
            ..self
        })
    }
}

/// The largest of something, and at which argument.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Largest {
    /// How large; 0 if there was nothing.
    pub value: f64,
    /// The argument.
    pub at: f32,
}

impl Largest {
    /// Of equals the one at the smallest magnitude is kept, whatever the order in which the threads come.
    fn update(&mut self, other: Self) {
        let order = |at: f32| at.to_bits().rotate_left(1);
        if other.value > self.value || (other.value == self.value && order(other.at) < order(self.at)) {
            *self = other;
        }
    }

    /// The largest of `value(i)`, at `x[i]`. Most blocks hold none that is as large as one found before.
    #[inline(always)]
    fn search(&mut self, x: &[f32], value: impl Fn(usize) -> f64) {
        // Branch-free, so that it is vectorised; the position is looked for only if there is news.
        let block = (0..x.len()).map(&value).fold(0.0, |a: f64, b| if b > a { b } else { a });
        if block > 0.0 && block >= self.value {
            let i = (0..x.len()).find(|&i| value(i) == block).expect("the largest is one of them");
            self.update(Self { value: block, at: x[i] });
        }
    }
}

/// What a kernel was found to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// Arguments tried.
    pub inputs: u64,
    /// The largest error, in ULP of the exact value; infinite if NaN or ∞ was not met.
    pub error: Largest,
    /// Pairs of neighbouring floats at which the result falls, if the function rises.
    pub falls: u64,
    /// The largest fall, in floats; at the left one of the pair.
    pub fall: Largest,
    /// Magnitudes at which the symmetry does not hold to the last bit.
    pub asymmetric: u64,
    /// For [`Symmetry::SumIsOne`] the largest `|f(−x) + f(x) − 1|`, in ULP of the numbers below 1.
    pub asymmetry: Largest,
    /// The smallest and the largest result that is not NaN.
    pub range: [f32; 2],
    /// Special arguments whose results are not the correctly rounded ones: the argument, what was found, what was expected.
    pub specials: Vec<[f32; 3]>,
}

impl Measurement {
    fn new() -> Self {
        Self {
            inputs: 0,
            error: Largest::default(),
            falls: 0,
            fall: Largest::default(),
            asymmetric: 0,
            asymmetry: Largest::default(),
            range: [f32::INFINITY, f32::NEG_INFINITY],
            specials: Vec::new(),
        }
    }

    fn merge(&mut self, other: Self) {
        self.inputs += other.inputs;
        self.error.update(other.error);
        self.falls += other.falls;
        self.fall.update(other.fall);
        self.asymmetric += other.asymmetric;
        self.asymmetry.update(other.asymmetry);
        self.range = [self.range[0].min(other.range[0]), self.range[1].max(other.range[1])];
        self.specials.extend(other.specials);
    }

    /// What must not be, a sentence each: an error above [`LIMIT`], a symmetry broken, a result outside the range, a wrong
    /// special value, and nothing tried. Falls are measured, not forbidden.
    pub fn faults(&self, function: &Function) -> Vec<String> {
        let mut faults = Vec::new();
        if self.inputs == 0 {
            faults.push("nothing was tried".into());
        }
        if self.error.value > LIMIT {
            faults.push(format!("{:.3} ULP off at {}", self.error.value, Argument(self.error.at)));
        }
        if function.symmetry == Symmetry::Odd && self.asymmetric > 0 {
            faults.push(format!("not odd at {} magnitudes", self.asymmetric));
        }
        if function.symmetry == Symmetry::SumIsOne && self.asymmetry.value > 1.5 * LIMIT {
            let Largest { value, at } = self.asymmetry;
            faults.push(format!("f(−x) + f(x) is {value:.3} ULP from 1 at {}", Argument(at)));
        }
        let [low, high] = self.range;
        if low < function.range[0] || high > function.range[1] {
            let [least, most] = function.range;
            faults.push(format!("results from {low:e} to {high:e}, expected {least:e} to {most:e}"));
        }
        for [x, found, expected] in &self.specials {
            faults.push(format!("f({x:e}) is {found:e}, expected {expected:e}"));
        }
        faults
    }
}

/// An argument, with its bits.
struct Argument(f32);

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>15e} {:#010x}", self.0, self.0.to_bits())
    }
}

/// A kernel: the new value of every number of a slice. Several threads call it.
pub type Kernel<'a> = &'a (dyn Fn(&mut [f32]) + Sync);

/// Measures kernels that should all be the same function. `progress` is told how much of how much is done.
pub fn measure<const N: usize>(
    function: &Function,
    coverage: Coverage,
    kernels: [Kernel<'_>; N],
    progress: &mut dyn FnMut(usize, usize),
) -> [Measurement; N] {
    let found = measure_all(function, coverage, &kernels, progress);
    found.try_into().expect("as many measurements as kernels")
}

/// [`measure`], for any number of kernels.
pub fn measure_all(
    function: &Function,
    coverage: Coverage,
    kernels: &[Kernel<'_>],
    progress: &mut dyn FnMut(usize, usize),
) -> Vec<Measurement> {
    let runs = coverage.runs(function.boundaries);
    let next = AtomicUsize::new(0);
    let (done, news) = mpsc::channel();
    let mut total: Vec<_> = kernels.iter().map(|kernel| specials(function, *kernel)).collect();
    thread::scope(|scope| {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let work = || {
            let done = done.clone();
            let (runs, next) = (&runs, &next);
            scope.spawn(move || {
                let mut found = vec![Measurement::new(); kernels.len()];
                while let Some(run) = runs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    for block in run.blocks() {
                        Block::new(function, block).measure(kernels, &mut found);
                    }
                    // Nobody listening is no reason to stop.
                    let _ = done.send(());
                }
                found
            })
        };
        let workers: Vec<_> = (0..threads).map(|_| work()).collect();
        drop(done);
        for (behind, ()) in news.iter().enumerate() {
            progress(behind + 1, runs.len());
        }
        for worker in workers {
            let found = worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            total.iter_mut().zip(found).for_each(|(total, found)| total.merge(found));
        }
    });
    total
}

/// NaN, infinities, zeros, and the ends of the subnormals and normals, one at a time: the nearest floats, zeros with their
/// signs.
fn specials(function: &Function, kernel: Kernel<'_>) -> Measurement {
    let mut found = Measurement::new();
    let largest_subnormal = f32::MIN_POSITIVE.next_down();
    for x in [f32::NAN, f32::INFINITY, 0.0, f32::from_bits(1), largest_subnormal, f32::MIN_POSITIVE, f32::MAX] {
        for x in [x, -x] {
            let mut y = [x];
            kernel(&mut y);
            let expected = (function.exact)(x.into()) as f32;
            if y[0].to_bits() != expected.to_bits() && !(y[0].is_nan() && expected.is_nan()) {
                found.specials.push([x, y[0], expected]);
            }
        }
    }
    found
}

/// Some magnitudes with both signs, positive first, and the reference for them.
struct Block<'a> {
    function: &'a Function,
    run: Run,
    x: [Vec<f32>; 2],
    exact: [Vec<f64>; 2],
}

/// The error of a result, in ULP.
#[inline(always)]
fn error(found: f32, exact: f64) -> f64 {
    /// Where rounding to f32 gives ∞.
    const OVERFLOW: f64 = 340_282_356_779_733_661_637_539_395_458_142_568_448.0;
    let found = f64::from(found);
    let exact = if exact.abs() >= OVERFLOW { f64::INFINITY.copysign(exact) } else { exact };
    let error = (found - exact).abs() / ulp(exact);
    let error = if error.is_nan() { f64::INFINITY } else { error };
    if found == exact || (found.is_nan() && exact.is_nan()) { 0.0 } else { error }
}

impl<'a> Block<'a> {
    fn new(function: &'a Function, run: Run) -> Self {
        // The neighbour behind the last is there to be compared with it.
        let neighbour = u32::from(run.step == 1 && run.first + run.count <= LAST);
        let positive: Vec<f32> = Run { count: run.count + neighbour, ..run }.magnitudes().collect();
        let negative = positive.iter().map(|x| -x).collect();
        let x = [positive, negative];
        let exact = x.each_ref().map(|x| x.iter().map(|&x| (function.exact)(x.into())).collect());
        Self { function, run, x, exact }
    }

    fn measure(&self, kernels: &[Kernel<'_>], found: &mut [Measurement]) {
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

    /// Counts where the result falls from one float to the next larger one.
    fn falls(&self, y: &[Vec<f32>; 2], found: &mut Measurement) {
        /// Floats between 0 and y, negative below 0.
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

/// Where the library's functions change their method or saturate, and special magnitudes.
const BOUNDARIES: &[f32] = &[
    0.0,
    1e-45,
    f32::MIN_POSITIVE,
    1e-8,
    0.346_573_6,
    0.625,
    1.0,
    8.5,
    9.01,
    17.33,
    44.0,
    88.72,
    89.0,
    103.97,
    104.0,
    f32::MAX,
];

/// The library's functions of one number.
pub const FUNCTIONS: [Function; 4] = [EXP, SIGMOID, TANH, RELU];

/// `eˣ`, on which the others rest; it is not an activation function of the API.
pub const EXP: Function = Function {
    name: "exp",
    exact: f64::exp,
    rises: true,
    symmetry: Symmetry::None,
    range: [0.0, f32::INFINITY],
    boundaries: BOUNDARIES,
};

/// `1/(1 + e⁻ˣ)`
pub const SIGMOID: Function = Function {
    name: "sigmoid",
    exact: |x| reference::Activation::Sigmoid.value(x),
    rises: true,
    symmetry: Symmetry::SumIsOne,
    range: [0.0, 1.0],
    boundaries: BOUNDARIES,
};

/// `tanh x`
pub const TANH: Function = Function {
    name: "tanh",
    exact: |x| reference::Activation::Tanh.value(x),
    rises: true,
    symmetry: Symmetry::Odd,
    range: [-1.0, 1.0],
    boundaries: BOUNDARIES,
};

/// `x > 0 ? x : 0`; −0 stays −0.
pub const RELU: Function = Function {
    name: "relu",
    exact: |x| if x < 0.0 { 0.0 } else { x },
    rises: true,
    symmetry: Symmetry::None,
    range: [0.0, f32::INFINITY],
    boundaries: BOUNDARIES,
};

/// `eˣ` as a map.
#[derive(Clone, Copy)]
struct Exp;

impl Map for Exp {
    #[inline(always)]
    fn apply<S: Simd>(self, simd: S, x: S::V) -> S::V {
        math::exp(simd, x)
    }
}

impl Function {
    /// The library's kernel of that name on an instruction set.
    ///
    /// # Panics
    /// When the library has none.
    pub fn kernel(&self, isa: Isa) -> impl Fn(&mut [f32]) + Sync + use<> {
        let activation = match self.name {
            "exp" => None,
            "sigmoid" => Some(Activation::Sigmoid),
            "tanh" => Some(Activation::Tanh),
            "relu" => Some(Activation::Relu),
            name => panic!("the library has no {name}"),
        };
        let backend = Backend::with_isa(isa);
        move |x| match activation {
            None => isa.run(MapInPlace { map: Exp, x }),
            Some(activation) => activation.apply(&backend, x),
        }
    }
}

/// The library's functions, measured.
#[derive(Clone, Debug, Default)]
pub struct Report {
    rows: Vec<(Function, Isa, Measurement)>,
}

impl Report {
    /// Measures a function of the library on each of the instruction sets.
    pub fn add(
        &mut self,
        function: Function,
        isas: &[Isa],
        coverage: Coverage,
        progress: &mut dyn FnMut(usize, usize),
    ) {
        let kernels: Vec<_> = isas.iter().map(|&isa| function.kernel(isa)).collect();
        let kernels: Vec<Kernel<'_>> = kernels.iter().map(|kernel| kernel as Kernel<'_>).collect();
        let found = measure_all(&function, coverage, &kernels, progress);
        self.rows.extend(isas.iter().zip(found).map(|(&isa, found)| (function, isa, found)));
    }

    /// The measurements.
    pub fn rows(&self) -> &[(Function, Isa, Measurement)] {
        &self.rows
    }

    /// Whether there is nothing that must not be, and anything was measured at all.
    pub fn passed(&self) -> bool {
        !self.rows.is_empty() && self.rows.iter().all(|(function, _, found)| found.faults(function).is_empty())
    }
}

/// The tables, at most 80 columns wide, and what is wrong below them.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inputs = self.rows.iter().map(|(.., found)| found.inputs).max().unwrap_or(0);
        writeln!(f, "{inputs} arguments each. Largest error in ULP, and where; neighbours at which the")?;
        writeln!(f, "result falls although the function rises, and by how many floats at most;")?;
        writeln!(f, "symmetry: odd to the last bit, or |f(−x) + f(x) − 1| in ULP:")?;
        writeln!(f, "{:20}{:>6} {:>26}{:>11}{:>4}{:>10}", "", "error", "at", "falls", "by", "symmetry")?;
        for (function, isa, found) in &self.rows {
            let Measurement { error, falls, fall, .. } = found;
            write!(f, "  {:<8} {:<9}{:>6.4} {}", function.name, isa.name(), error.value, Argument(error.at))?;
            match function.rises {
                true => write!(f, "{falls:>11}{:>4}", fall.value)?,
                false => write!(f, "{:>11}{:>4}", "-", "-")?,
            }
            match function.symmetry {
                Symmetry::None => writeln!(f, "{:>10}", "-")?,
                Symmetry::Odd if found.asymmetric == 0 => writeln!(f, "{:>10}", "odd")?,
                Symmetry::Odd => writeln!(f, "{:>10}", "NOT ODD")?,
                Symmetry::SumIsOne => writeln!(f, "{:>10.4}", found.asymmetry.value)?,
            }
        }
        let falling: Vec<_> = self.rows.iter().filter(|(.., found)| found.falls > 0).collect();
        if !falling.is_empty() {
            writeln!(f, "Largest falls:")?;
        }
        for (function, isa, found) in falling {
            let Largest { value, at } = found.fall;
            writeln!(f, "  {:<8} {:<9}by {value} right of {}", function.name, isa.name(), Argument(at))?;
        }
        for (function, isa, found) in &self.rows {
            for fault in found.faults(function) {
                writeln!(f, "WRONG: {} on {isa}: {fault}", function.name)?;
            }
        }
        Ok(())
    }
}
