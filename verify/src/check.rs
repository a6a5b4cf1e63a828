//! Link A: every kernel on every instruction set, compared with oracles that share no code with it.

mod activation;
pub mod dense;
mod detection;
mod determinism;
mod interface;
mod loss;
pub mod network;
mod order;
mod platform;
pub mod product;
mod special;
mod threads;
pub mod update;
mod workspace;

use crate::eager::Eager;
use crate::gradient_check::{self, Agreement, Disagreement};
use crate::tally::Tally;
use crate::training::name::ACTIVATIONS;
use crate::ulp::{FUNCTIONS, RELU};
use core::fmt;
use lanegrad::{Activation, Isa, Threads};
use platform::Platform;
use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// One row of the table.
type Check = (Cow<'static, str>, Box<dyn Fn(&Platform, &mut Tally)>);

/// The checks, quick ones first.
fn checks() -> Vec<Check> {
    let mut checks: Vec<Check> = Vec::new();
    let mut add =
        |kernel: &'static str, check: fn(&Platform, &mut Tally)| checks.push((kernel.into(), Box::new(check)));
    add("detection", detection::subsets);
    add("views", interface::views);
    add("small square layers", dense::square);
    add("sums of nothing", interface::nothing);
    add("gaps between rows", interface::gaps);
    add("panels in the workspace", workspace::panels);
    add("workspace used before", workspace::shrinking);
    add("network", network::steps);
    add("special values", special::maps);
    add("special derivatives", special::derivatives);
    add("special logits", special::softmax);
    add("place in memory", determinism::place);
    add("rows beside a row", determinism::neighbours);
    add("position in a slice", determinism::position);
    add("threads, a layer", threads::layer);
    add("threads, training", threads::training);
    for (name, method) in update::METHODS {
        let check = move |platform: &Platform, tally: &mut Tally| update::twin(platform, method, tally);
        checks.push((format!("update, {name}").into(), Box::new(check)));
    }
    let mut add =
        |kernel: &'static str, check: fn(&Platform, &mut Tally)| checks.push((kernel.into(), Box::new(check)));
    add("clipping", update::clipping);
    add("order of the sums", order::sums);
    add("adjoint triple", dense::adjoint);
    add("product of integers", dense::integers);
    add("product", dense::bounded);
    add("product, tight", dense::tight);
    add("product, large", dense::large);
    type OfActivation = fn(&Platform, Activation, &mut Tally);
    for (operation, check) in [("forward", dense::forward as OfActivation), ("backward", dense::backward)] {
        for &(name, activation) in ACTIVATIONS {
            let check = move |platform: &Platform, tally: &mut Tally| check(platform, activation, tally);
            checks.push((format!("{operation}, {name}").into(), Box::new(check)));
        }
    }
    let mut add =
        |kernel: &'static str, check: fn(&Platform, &mut Tally)| checks.push((kernel.into(), Box::new(check)));
    add("gradient", dense::gradient);
    add("squared error", loss::squared_error);
    add("softmax cross-entropy", loss::softmax_cross_entropy);
    add("relu", activation::relu);
    for function in FUNCTIONS.into_iter().filter(|function| function.name != RELU.name) {
        let check = move |platform: &Platform, tally: &mut Tally| activation::function(platform, &function, tally);
        checks.push((function.name.into(), Box::new(check)));
    }
    checks
}

/// The results of all checks.
#[derive(Clone, Debug)]
pub struct Report {
    /// `None` if an earlier failure ended the run.
    gradients: Option<Result<Agreement, Disagreement>>,
    isas: Vec<Isa>,
    /// Instruction sets that were expected but not checked.
    missing: Vec<String>,
    threads: usize,
    rows: Vec<(Cow<'static, str>, Vec<Tally>)>,
}

/// The extent of a check.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Check only this instruction set. Otherwise, check all that this processor has.
    pub isa: Option<Isa>,
    /// Threads that share every kernel, even the smallest. Otherwise, check on one.
    pub threads: Option<Arc<Eager>>,
    /// Stop at the first check that fails.
    pub until_wrong: bool,
}

/// Runs all checks. `progress` receives the kernel, the number of checks done, and their total.
pub fn run(scope: Scope, progress: &mut dyn FnMut(&str, usize, usize)) -> Report {
    let isas: Vec<Isa> = scope.isa.map_or_else(|| Isa::available().collect(), |isa| vec![isa]);
    let expected = if scope.isa.is_some() { vec![] } else { expected_isas() };
    let missing = expected.into_iter().filter(|name| !isas.iter().any(|isa| isa.name() == name)).collect();
    let platforms: Vec<_> = isas.iter().map(|&isa| Platform::new(isa, scope.threads.clone())).collect();
    let threads = scope.threads.map_or(1, |threads| threads.count());
    let mut report = Report { gradients: None, isas, missing, threads, rows: vec![] };
    let checks = checks();
    let mut step = {
        let total = checks.len() + 1;
        let mut done = 0;
        move |what: &str| {
            progress(what, done, total);
            done += 1;
        }
    };
    for (kernel, check) in checks {
        if scope.until_wrong && !report.faults().is_empty() {
            return report;
        }
        step(&kernel);
        let tallies = platforms.iter().map(|platform| tally(platform, &*check)).collect();
        report.rows.push((kernel, tallies));
    }
    step("gradients of the reference");
    report.gradients = Some(gradient_check::run(1));
    report
}

/// The tally of one check. A kernel that panics is wrong like any other.
fn tally(platform: &Platform, check: &dyn Fn(&Platform, &mut Tally)) -> Tally {
    let mut tally = Tally::default();
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| check(platform, &mut tally))) {
        let message = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        tally.wrong(|| format!("panicked: {}", message.unwrap_or("without a message")));
    }
    tally
}

/// The instruction sets that must be checked: [those listed](listed_isas), or otherwise those that the processor reports and the build
/// has a lowering for.
pub fn expected_isas() -> Vec<String> {
    let listed = listed_isas();
    if listed.is_empty() {
        return Isa::NAMES.iter().filter(|name| processor_has(name)).map(|&name| name.to_owned()).collect();
    }
    listed
}

/// The names that the environment variable `LANEGRAD_EXPECT_ISAS` lists, separated by commas; none if it is unset or empty.
pub fn listed_isas() -> Vec<String> {
    let list = std::env::var_os("LANEGRAD_EXPECT_ISAS").unwrap_or_default();
    let list = list.to_string_lossy();
    list.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

/// Whether the processor reports the features of an instruction set. This is independent of the library's own detection.
fn processor_has(name: &str) -> bool {
    #[cfg(target_arch = "x86_64")]
    match name {
        "avx512" => {
            use std::is_x86_feature_detected as has;
            return has!("avx512f") && has!("avx512bw") && has!("avx512dq") && has!("avx512vl");
        }
        "avx2" => return std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma"),
        _ => {}
    }
    matches!(name, "portable" | "scalar")
}

impl Report {
    /// Whether all results agreed on every expected instruction set.
    pub fn passed(&self) -> bool {
        matches!(self.gradients, Some(Ok(_)))
            && self.missing.is_empty()
            && !self.rows.is_empty()
            && self.rows.iter().all(|(_, tallies)| !tallies.is_empty() && tallies.iter().all(Tally::passed))
    }

    /// The rows of the table: a kernel, and its tally on each of [`isas`](Self::isas).
    pub fn rows(&self) -> impl Iterator<Item = (&str, &[Tally])> {
        self.rows.iter().map(|(kernel, tallies)| (&**kernel, &**tallies))
    }

    /// The instruction sets that were checked.
    pub fn isas(&self) -> &[Isa] {
        &self.isas
    }

    /// The number of threads that shared every kernel.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// The comparison of the reference's derivatives, if it was made.
    pub fn gradients(&self) -> Option<&Result<Agreement, Disagreement>> {
        self.gradients.as_ref()
    }

    /// The failures, one sentence each.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for name in &self.missing {
            faults.push(format!("{name} was expected but not checked"));
        }
        for (kernel, tallies) in &self.rows {
            for (isa, tally) in self.isas.iter().zip(tallies) {
                if let Some(fault) = tally.fault() {
                    faults.push(format!("{kernel} on {isa}: {fault}"));
                }
            }
        }
        if let Some(Err(wrong)) = &self.gradients {
            faults.push(format!("gradients of the reference: {wrong}"));
        }
        faults
    }
}

/// The table, at most 80 columns wide, followed by the failures.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Ok(Agreement { duals, largest_dual_ratio, differences, largest_difference_ratio })) = self.gradients
        {
            writeln!(f, "The reference's gradients, largest error as a fraction of its bound:")?;
            writeln!(f, "  {duals} derivatives against duals        {largest_dual_ratio:.4}")?;
            writeln!(f, "  {differences} derivatives against differences  {largest_difference_ratio:.4}")?;
        }
        writeln!(f, "\nKernels, largest error as a fraction of its bound (exact: no bit differs):")?;
        write!(f, "  {:<26}", "")?;
        for name in Isa::NAMES {
            write!(f, "{name:>11}")?;
        }
        writeln!(f)?;
        for (kernel, tallies) in &self.rows {
            write!(f, "  {kernel:<26}")?;
            for name in Isa::NAMES {
                match self.isas.iter().position(|isa| isa.name() == *name).map(|at| &tallies[at]) {
                    None => write!(f, "{:>11}", "-")?,
                    Some(tally) if !tally.passed() => write!(f, "{:>11}", "WRONG")?,
                    Some(tally) if tally.largest_ratio() == 0.0 => write!(f, "{:>11}", "exact")?,
                    Some(tally) => write!(f, "{:>11.3}", tally.largest_ratio())?,
                }
            }
            writeln!(f)?;
        }
        let compared: u64 = self.rows.iter().flat_map(|(_, tallies)| tallies).map(Tally::compared).sum();
        let threads = match self.threads {
            1 => String::new(),
            threads => format!(", on {threads} threads"),
        };
        writeln!(f, "  {compared} numbers compared{threads}")?;
        for name in Isa::NAMES.iter().filter(|name| Isa::from_name(name).is_none()) {
            writeln!(f, "  {name}: not on this CPU")?;
        }
        self.faults().iter().try_for_each(|fault| writeln!(f, "WRONG: {fault}"))
    }
}
