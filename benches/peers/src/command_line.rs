//! The command line.

use crate::Error;
use crate::blas::Source;
use crate::environment;
use crate::layer::{Operation, Shape};
use crate::rounds::Rounds;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

/// Measures lanegrad and its peers alternately, in one run.
#[derive(Debug, Parser)]
#[command(name = "peers", version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) options: Options,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The three products of a layer, bare and fused with what belongs to the layer
    Product(Product),
    /// Optimizers, a step on one tensor
    Update(Python),
    /// Functions of one number, on one tensor
    Math(Python),
    /// A step of training
    Step(Python),
    /// The peak of multiply-adds, and the bandwidth of passes over memory
    Limits,
}

/// What all subcommands take.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Threads of ours and of every peer that can have more than one
    #[arg(long, global = true, default_value_t = 1, value_name = "N")]
    pub(crate) threads: usize,
    /// Rounds in which ours and each peer are run in turn
    #[arg(long, global = true, default_value_t = 20, value_name = "N")]
    pub(crate) rounds: usize,
    /// The least time of each in a round, in milliseconds
    #[arg(long, global = true, default_value_t = 5.0, value_name = "MS")]
    pub(crate) round_ms: f64,
    /// Five rounds of a millisecond: to look, not to quote
    #[arg(long, global = true)]
    pub(crate) quick: bool,
    /// Writes all figures to a JSON file
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Draws ours ÷ the best peer's to an SVG file
    #[arg(long, global = true, value_name = "FILE.svg")]
    pub(crate) plot: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Product {
    /// Only this layer; repeatable
    #[arg(long, value_name = "M,IN,OUT", value_parser = parse_shape)]
    pub(crate) shape: Vec<Shape>,
    /// Only this product; repeatable
    #[arg(long, value_enum)]
    pub(crate) operation: Vec<OperationName>,
    /// Only bare products, or only those with bias, ReLU and h' in them
    #[arg(long, value_enum)]
    pub(crate) form: Option<Form>,
    /// A library with cblas_sgemm and cblas_sgemv, their names perhaps behind a prefix such as scipy_; repeatable
    #[arg(long, value_name = "NAME=FILE[:PREFIX]")]
    pub(crate) blas: Vec<Source>,
    /// oneDNN's library; repeatable
    #[arg(long, value_name = "FILE")]
    pub(crate) onednn: Vec<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Python {
    /// The Python that has PyTorch [default: python3, without PyTorch if it has none]
    #[arg(long, value_name = "PYTHON")]
    pub(crate) python: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OperationName {
    Forward,
    Delta,
    Gradient,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    Bare,
    Fused,
}

impl Options {
    /// What the parser does not check.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if !(1..=64).contains(&self.threads) {
            return Err("--threads must be from 1 to 64".into());
        }
        if !(1..=100_000).contains(&self.rounds) {
            return Err("--rounds must be from 1 to 100000".into());
        }
        if !(self.round_ms > 0.0 && self.round_ms <= 60_000.0) {
            return Err("--round-ms must be above 0 and at most 60000".into());
        }
        Ok(())
    }

    pub(crate) fn rounds(&self) -> Rounds {
        let (count, ms) = if self.quick { (5, 1.0) } else { (self.rounds, self.round_ms) };
        let pause = if self.threads > 1 { environment::PAUSE } else { Duration::ZERO };
        Rounds { count, time: Duration::from_secs_f64(ms / 1e3), pause }
    }
}

impl From<OperationName> for Operation {
    fn from(name: OperationName) -> Self {
        match name {
            OperationName::Forward => Self::Forward,
            OperationName::Delta => Self::Delta,
            OperationName::Gradient => Self::Gradient,
        }
    }
}

/// Sizes up to 2¹⁶: a peer's 32-bit integers hold all that is computed from them.
fn parse_shape(text: &str) -> Result<Shape, String> {
    let sizes: Result<Vec<usize>, _> = text.split(',').map(str::parse).collect();
    match sizes.as_deref() {
        Ok(&[batch, inputs, outputs]) => {
            let shape = Shape::new(batch, inputs, outputs);
            let fits = [batch, inputs, outputs].iter().all(|size| (1..=65_536).contains(size));
            if !fits || shape.bytes() > 4 << 30 {
                return Err("sizes are from 1 to 65536, and 4 GiB hold the matrices".to_owned());
            }
            Ok(shape)
        }
        _ => Err("expected three sizes: batch,inputs,outputs".to_owned()),
    }
}
