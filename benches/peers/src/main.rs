//! lanegrad measured beside other people's libraries, alternately and in one run.
//!
//! ```text
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- product
//! ```
//! A subcommand is an idea and a module: [`product`], [`update`], [`math`], [`step`], [`limits`]. All of them let [`rounds`] run ours and each peer in turn,
//! and hand [`report`] a cell for each case: everyone's figure, the machine's limit, and ours ÷ the best peer's.

mod blas;
mod command_line;
mod environment;
mod foreign;
#[path = "../../layer/mod.rs"]
mod layer;
mod library;
mod limits;
#[path = "../../limits/mod.rs"]
mod machine;
mod math;
#[path = "../../net/mod.rs"]
mod net;
mod onednn;
mod peer;
mod plot;
mod product;
mod pytorch;
mod report;
mod rounds;
mod second_pass;
mod step;
mod update;

use clap::Parser;
use command_line::{Arguments, Command};
use lanegrad_verify::output::Output;
use std::process::ExitCode;

/// What went wrong, in a sentence.
type Error = Box<dyn std::error::Error>;

/// Elements of tensors: in L1 or L2, L2 or L3, L3, and beyond, on most machines.
const SIZES: [(&str, usize); 4] = [("4 Ki", 4 << 10), ("64 Ki", 64 << 10), ("1 Mi", 1 << 20), ("16 Mi", 16 << 20)];

/// Ordinary numbers, none of them zero.
fn numbers(len: usize) -> Vec<f32> {
    (0..len).map(|i| (i * 7 % 13) as f32 / 13.0 - 0.49).collect()
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode, Error> {
    let Arguments { command, options } = arguments;
    options.check()?;
    if let Some(code) = environment::enter(options.threads)? {
        return Ok(code);
    }
    let [json, plot] = Output::at([options.json.as_deref(), options.plot.as_deref()])?;
    let backend = lanegrad::Backend::builder().threads(options.threads).build()?;
    let report = match command {
        Command::Product(product) => product::measure(backend, options, product)?,
        Command::Update(python) => update::measure(&backend, options, python)?,
        Command::Math(python) => math::measure(&backend, options, python)?,
        Command::Step(python) => step::measure(options, python)?,
        Command::Limits => limits::measure(&backend, options),
    };
    report.finish(json, plot)?;
    Ok(ExitCode::SUCCESS)
}
