//! The command line: its flags, and the experiments that they describe.

use clap::builder::{PossibleValuesParser, RangedU64ValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use lanegrad::{Activation, Clip, Initialization, Isa, LearningRate, Momentum};
use lanegrad_kernels::simd::Lowering;
use lanegrad_kernels::threads::MAX_THREADS;
use lanegrad_verify::check::dense::Operation;
use lanegrad_verify::plans::LOWERINGS;
use lanegrad_verify::report::figures::Settings;
use lanegrad_verify::training::{Algorithm, Experiment, HyperParameters, Loss, name};
use lanegrad_verify::ulp::{Coverage, FUNCTIONS, Function};
use std::path::{Path, PathBuf};

/// The file to which `faults` writes its results, and from which a report reads them.
pub(crate) const FAULTS: &str = "target/lanegrad/faults.json";
const ALL: &str = "all";
/// Default γ of a schedule.
const GAMMA: f64 = 1.0;

/// Verifies lanegrad: checks every kernel against an independent reference, and trains on handwritten digits.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Without a command: check, then, if all passed, train all optimizers on the embedded digits, \
        and write the report.\n\n\
        LANEGRAD_ISA chooses the instruction set: avx512, avx2, portable or scalar.\n\n\
        Exit status: 0 passed, 1 a check failed or a fault was missed, 2 bad usage, bad data or output that cannot be written. A training run \
        that diverges is a result, told in its row."
)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check every kernel against an independent reference.
    Check(Check),
    /// Measure the functions of one variable: their errors in ULP, where they decrease, symmetry, range, special values.
    Ulp(Ulp),
    /// Plant faults in a copy of the sources, and verify that the checks notice them. Needs the sources and cargo.
    Faults(Faults),
    /// Print how products are computed: their routes, tiles, blocks, and how operands are read.
    Plan(PlanFlags),
    /// Train on handwritten digits: MNIST, or its embedded part.
    Train(Box<Train>),
    /// Compute the lecture's figures, check and train, and show all of it in one HTML page.
    Report(Report),
}

/// The flags of `ulp`.
#[derive(Args, Debug)]
pub(crate) struct Ulp {
    /// Measure only this function.
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(FUNCTIONS.map(|function| function.name)))]
    function: Option<String>,
    /// Measure only on this instruction set.
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(Isa::NAMES))]
    isa: Option<String>,
    /// Test all 2³² arguments, which takes minutes, instead of some arguments and those around all boundaries.
    #[arg(long)]
    exhaustive: bool,
}

impl Ulp {
    pub(crate) fn functions(&self) -> impl Iterator<Item = Function> {
        let wanted = |function: &Function| self.function.as_ref().is_none_or(|name| name == function.name);
        FUNCTIONS.into_iter().filter(wanted)
    }

    /// # Errors
    /// If this processor does not have the instruction set, in one sentence.
    pub(crate) fn isas(&self) -> Result<Vec<Isa>, String> {
        let wanted = |isa: &Isa| self.isa.as_ref().is_none_or(|name| name == isa.name());
        let isas: Vec<Isa> = Isa::available().filter(wanted).collect();
        match &self.isa {
            Some(name) if isas.is_empty() => Err(format!("this processor does not have {name}")),
            _ => Ok(isas),
        }
    }

    pub(crate) fn coverage(&self) -> Coverage {
        if self.exhaustive { Coverage::Exhaustive } else { Coverage::Everyday }
    }
}

/// The flags of `check`.
#[derive(Debug, Parser)]
pub(crate) struct Check {
    /// Check this instruction set only.
    #[arg(long, value_name = "NAME")]
    pub(crate) isa: Option<String>,
    /// Stop at the first check that fails.
    #[arg(long)]
    pub(crate) until_wrong: bool,
    /// Threads that share every kernel, even the smallest.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = threads())]
    pub(crate) threads: usize,
}

impl Check {
    /// The flags' defaults.
    pub(crate) fn new() -> Self {
        Self::parse_from(["check"])
    }
}

/// The flags of `faults`.
#[derive(Args, Debug)]
pub(crate) struct Faults {
    /// Write the result of each fault to this file as JSON; its fields are described in verify/src/plant.rs [default, if all are
    /// planted: target/lanegrad/faults.json, which a report then shows].
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Plant only this fault, in all its variants.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u8).range(1..=49))]
    pub(crate) fault: Option<u8>,
    /// Plant it only on this instruction set.
    #[arg(long, value_name = "NAME")]
    pub(crate) isa: Option<String>,
    /// Write the copy of the sources to this directory instead of target/faults. It is kept: guard pages, valgrind and sanitizers
    /// can watch its tests, with the fault that LANEGRAD_FAULT names. SECURITY.md has the commands.
    #[arg(long, value_name = "DIR")]
    pub(crate) copy: Option<PathBuf>,
}

impl Faults {
    /// The file for the results. Partial results do not replace complete ones.
    pub(crate) fn json(&self) -> Option<&Path> {
        let all = self.fault.is_none() && self.isa.is_none();
        self.json.as_deref().or(all.then_some(Path::new(FAULTS)))
    }
}

/// The flags of `plan`.
#[derive(Args, Debug)]
pub(crate) struct PlanFlags {
    /// Layers: examples of the mini-batch, inputs and outputs.
    #[arg(value_name = "BATCH,IN,OUT", value_parser = layer, required_unless_present = "bodies")]
    pub(crate) layers: Vec<[usize; 3]>,
    /// Plan only this operation.
    #[arg(long, value_name = "NAME", value_parser = operation_parser())]
    operation: Option<String>,
    /// Plan only for this instruction set, which this processor need not have.
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(LOWERINGS.map(|(name, _)| name)))]
    isa: Option<String>,
    /// Threads that share the product: how it is cut for them.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = threads())]
    pub(crate) threads: usize,
    /// Count the micro-kernels that are compiled.
    #[arg(long)]
    pub(crate) bodies: bool,
}

impl PlanFlags {
    pub(crate) fn lowerings(&self) -> impl Iterator<Item = (&'static str, Lowering)> {
        LOWERINGS.into_iter().filter(|(name, _)| self.isa.as_ref().is_none_or(|wanted| wanted == name))
    }

    pub(crate) fn operations(&self) -> impl Iterator<Item = Operation> {
        let wanted = |operation: &Operation| self.operation.as_ref().is_none_or(|name| name == operation.name());
        Operation::ALL.into_iter().filter(wanted)
    }
}

fn operation_parser() -> PossibleValuesParser {
    PossibleValuesParser::new(Operation::ALL.map(Operation::name))
}

fn layer(text: &str) -> Result<[usize; 3], String> {
    let sizes: Result<Vec<usize>, _> = text.split(',').map(str::parse).collect();
    let sizes = sizes.ok().and_then(|sizes| <[usize; 3]>::try_from(sizes).ok());
    sizes
        .filter(|sizes| !sizes.contains(&0))
        .ok_or_else(|| "expected three positive numbers, as in 32,784,128".to_owned())
}

/// The flags of `report`.
#[derive(Debug, Parser)]
#[command(allow_negative_numbers = true)]
pub(crate) struct Report {
    /// Write the page to this file.
    #[arg(long, value_name = "FILE.html", default_value = "target/lanegrad/report.html")]
    pub(crate) out: PathBuf,
    /// Write every number of the page to this file as JSON; its fields are described in
    /// verify/src/report/document.rs.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Write the first plot of each figure into this directory as an SVG file.
    #[arg(long, value_name = "DIR")]
    pub(crate) pictures: Option<PathBuf>,
    /// Directory of the four IDX files of MNIST, plain or gzipped [default: the embedded digits].
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Draws the weights and shuffles the examples.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Condition number of the valley, from 1 to 10000.
    #[arg(long, value_name = "KAPPA", default_value_t = 100.0)]
    pub(crate) condition: f64,
    /// Compute less, in a few seconds: shorter runs, fewer points, and checks only on the instruction set in use.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Threads that share an operation; in the checks, every kernel, even the smallest. The results are the same on any number of them.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = threads())]
    pub(crate) threads: usize,
}

impl Report {
    /// The flags' defaults.
    pub(crate) fn new() -> Self {
        Self::parse_from(["report"])
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings { seed: self.seed, quick: self.quick, condition: self.condition }
    }
}

/// The flags of `train`.
#[derive(Debug, Parser)]
#[command(allow_negative_numbers = true)]
pub(crate) struct Train {
    /// Optimizer to train with, or all of them; a hyper-parameter then applies to those that have it.
    #[arg(long, value_name = "NAME", default_value = ALL, value_parser = optimizer_parser())]
    optimizer: String,
    /// Directory of the four IDX files of MNIST, plain or gzipped [default: the embedded digits].
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Write options, learning curves and results to this file as JSON; its fields are described in
    /// verify/src/document.rs.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Draw training accuracy against examples seen into this file.
    #[arg(long, value_name = "FILE.svg", default_value = "target/lanegrad/training.svg")]
    pub(crate) plot: PathBuf,
    /// Threads that share an operation. The results are the same on any number of them.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = threads())]
    pub(crate) threads: usize,
    #[command(flatten)]
    network: NetworkFlags,
    #[command(flatten)]
    steps: StepFlags,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Network")]
struct NetworkFlags {
    /// Units of each layer, from the pixels to the classes.
    #[arg(
        long,
        value_name = "UNITS,…",
        value_delimiter = ',',
        default_value = "784,128,10",
        allow_hyphen_values = true
    )]
    layers: Vec<usize>,
    /// Activation function of the hidden layers.
    #[arg(long, value_name = "NAME", default_value = "relu", value_parser = named(name::ACTIVATIONS))]
    activation: Activation,
    /// Activation function of the last layer [default: identity for cross-entropy, which includes softmax; else sigmoid].
    #[arg(long, value_name = "NAME", value_parser = named(name::ACTIVATIONS))]
    output: Option<Activation>,
    /// Loss: softmax and cross-entropy, or squared error c/m · Σ ‖y − ŷ‖² with one-hot y.
    #[arg(
        long, value_name = "NAME", default_value = name::CROSS_ENTROPY,
        value_parser = PossibleValuesParser::new([name::CROSS_ENTROPY, name::SQUARED_ERROR])
    )]
    loss: String,
    /// Factor c > 0 of the squared error [default: 0.5].
    #[arg(long)]
    c: Option<f32>,
    /// How weights are drawn [default: he-uniform for a layer with ReLU, else glorot-uniform].
    #[arg(long, value_name = "NAME", value_parser = named(name::INITIALIZATIONS))]
    init: Option<Initialization>,
    /// Draws the weights and shuffles the examples.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Steps")]
struct StepFlags {
    /// How often each example is seen.
    #[arg(long, value_name = "COUNT", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    epochs: u32,
    /// The maximum number of examples in a mini-batch; an epoch is split into equal ones.
    #[arg(long, value_name = "COUNT", default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..))]
    batch: u32,
    /// Step size η, or η₀ of a schedule [default: the optimizer's].
    #[arg(long, value_name = "ETA")]
    learning_rate: Option<f64>,
    /// Step size at step t: constant, inverse-sqrt:γ for η₀/√(γt), or inverse:γ for η₀/(γt); without :γ, γ is 1.
    #[arg(long, value_name = "NAME[:GAMMA]", default_value = name::CONSTANT, value_parser = schedule)]
    schedule: Schedule,
    /// Momentum α, in [0, 1) [default: 0.9].
    #[arg(long, value_name = "ALPHA", conflicts_with = "momentum_ramp")]
    momentum: Option<f64>,
    /// Momentum that rises linearly over the first STEPS steps, and then stays constant.
    #[arg(long, value_name = "FROM,TO,STEPS", value_parser = ramp, allow_hyphen_values = true)]
    momentum_ramp: Option<Momentum>,
    /// Decay rate ρ of RMSprop [default: 0.9], or ρ₁,ρ₂ of Adam [default: 0.9,0.999].
    #[arg(long, value_name = "RHO[,RHO2]", value_delimiter = ',', allow_hyphen_values = true)]
    decay: Vec<f64>,
    /// Stabiliser δ, inside the root for RMSprop [default: 1e-7 for Adagrad, else 1e-8].
    #[arg(long, value_name = "DELTA")]
    epsilon: Option<f64>,
    /// Scale the gradients down to this norm, taken over all layers.
    #[arg(long, value_name = "LIMIT", conflicts_with = "clip_value")]
    clip_norm: Option<f32>,
    /// Clamp each element of the gradients to ± this limit.
    #[arg(long, value_name = "LIMIT")]
    clip_value: Option<f32>,
}

/// The course of the step size; the learning rate is η₀.
#[derive(Clone, Copy, Debug)]
enum Schedule {
    Constant,
    InverseSquareRoot { gamma: f64 },
    Inverse { gamma: f64 },
}

impl Train {
    /// The flags' defaults.
    pub(crate) fn new() -> Self {
        Self::parse_from(["train"])
    }

    /// The experiments to run, one per optimizer.
    ///
    /// # Errors
    /// If a flag does not apply, in one sentence.
    pub(crate) fn experiments(&self) -> Result<Vec<(Algorithm, Experiment)>, String> {
        let wanted = |algorithm: &Algorithm| self.optimizer == ALL || self.optimizer == algorithm.name();
        let algorithms = Algorithm::ALL.into_iter().filter(wanted);
        algorithms.map(|algorithm| Ok((algorithm, self.experiment(algorithm)?))).collect()
    }

    fn experiment(&self, algorithm: Algorithm) -> Result<Experiment, String> {
        let mut experiment = Experiment::new(algorithm);
        self.network.apply(&mut experiment)?;
        let useless = self.steps.apply(&mut experiment)?;
        match useless.first() {
            Some(flag) if self.optimizer != ALL => Err(format!("{flag} does not apply to {}", algorithm.name())),
            _ => Ok(experiment),
        }
    }
}

impl NetworkFlags {
    fn apply(&self, experiment: &mut Experiment) -> Result<(), String> {
        experiment.layers.clone_from(&self.layers);
        experiment.hidden = self.activation;
        experiment.initialization = self.init;
        experiment.seed = self.seed;
        let default_output;
        (experiment.loss, default_output) = match self.c {
            c if self.loss == name::SQUARED_ERROR => (Loss::SquaredError { c: c.unwrap_or(0.5) }, Activation::Sigmoid),
            Some(_) => return Err(format!("--c does not apply to --loss {}", self.loss)),
            None => (Loss::SoftmaxCrossEntropy, Activation::Identity),
        };
        experiment.output = self.output.unwrap_or(default_output);
        Ok(())
    }
}

impl StepFlags {
    /// Returns the flags that do not apply to the experiment's optimizer.
    fn apply(&self, experiment: &mut Experiment) -> Result<Vec<&'static str>, String> {
        experiment.epochs = self.epochs;
        experiment.batch = self.batch as usize;
        let initial = self.learning_rate.unwrap_or(experiment.learning_rate.at(1));
        experiment.learning_rate = match self.schedule {
            Schedule::Constant => LearningRate::Constant(initial),
            Schedule::InverseSquareRoot { gamma } => LearningRate::InverseSquareRoot { initial, gamma },
            Schedule::Inverse { gamma } => LearningRate::Inverse { initial, gamma },
        };
        experiment.clip = self.clip_norm.map(Clip::GlobalNorm).or(self.clip_value.map(Clip::Value));

        let HyperParameters { momentum, decays, epsilon } = HyperParameters::of(&mut experiment.method);
        let mut useless = Vec::new();
        let momentum_flag = if self.momentum.is_some() { "--momentum" } else { "--momentum-ramp" };
        let wanted = self.momentum.map(Momentum::Constant).or(self.momentum_ramp);
        set(momentum, wanted, momentum_flag, &mut useless);
        set(epsilon, self.epsilon, "--epsilon", &mut useless);
        match self.decay.len() {
            0 => {}
            1 | 2 if self.decay.len() == decays.len() => {
                for (decay, &wanted) in decays.into_iter().zip(&self.decay) {
                    *decay = wanted;
                }
            }
            1 => useless.push("--decay with one rate"),
            2 => useless.push("--decay with two rates"),
            count => return Err(format!("--decay has {count} rates, expected ρ, or ρ₁,ρ₂ for Adam")),
        }
        Ok(useless)
    }
}

/// Sets a hyper-parameter to the value of a flag, or records that there is no such hyper-parameter.
fn set<T>(place: Option<&mut T>, wanted: Option<T>, flag: &'static str, useless: &mut Vec<&'static str>) {
    match (place, wanted) {
        (Some(place), Some(wanted)) => *place = wanted,
        (None, Some(_)) => useless.push(flag),
        (_, None) => {}
    }
}

/// As many as a backend takes.
fn threads() -> impl TypedValueParser<Value = usize> {
    RangedU64ValueParser::<usize>::new().range(1..=MAX_THREADS as u64)
}

fn optimizer_parser() -> PossibleValuesParser {
    PossibleValuesParser::new([ALL].into_iter().chain(Algorithm::ALL.map(Algorithm::name)))
}

/// Parses the names of a table.
fn named<T: Copy + Send + Sync + 'static>(table: &'static [(&'static str, T)]) -> impl TypedValueParser<Value = T> {
    let value_of = |found: String| table.iter().find(|(name, _)| *name == found).map(|(_, value)| *value);
    PossibleValuesParser::new(table.iter().map(|(name, _)| *name))
        .try_map(move |found| value_of(found).ok_or("it is not in the table"))
}

fn schedule(text: &str) -> Result<Schedule, String> {
    let (name, gamma) = text.split_once(':').map_or((text, None), |(name, gamma)| (name, Some(gamma)));
    let number = |gamma: &str| gamma.parse().map_err(|_| format!("gamma is '{gamma}', expected a number"));
    match name {
        name::CONSTANT if gamma.is_none() => Ok(Schedule::Constant),
        name::INVERSE_SQRT => Ok(Schedule::InverseSquareRoot { gamma: gamma.map_or(Ok(GAMMA), number)? }),
        name::INVERSE => Ok(Schedule::Inverse { gamma: gamma.map_or(Ok(GAMMA), number)? }),
        _ => Err("expected constant, inverse-sqrt[:GAMMA] or inverse[:GAMMA]".into()),
    }
}

fn ramp(text: &str) -> Result<Momentum, String> {
    let expected = || "expected FROM,TO,STEPS, as in 0.5,0.9,1000".to_owned();
    let [from, to, steps] = *text.split(',').collect::<Vec<_>>() else { return Err(expected()) };
    let number = |text: &str| text.parse().map_err(|_| expected());
    Ok(Momentum::Rising { from: number(from)?, to: number(to)?, steps: steps.parse().map_err(|_| expected())? })
}
