//! The library's functions on each instruction set, in tables.

use super::measurement::Argument;
use super::{Coverage, Function, Kernel, Largest, Measurement, Symmetry, measure_all};
use core::fmt;
use lanegrad::{Backend, Isa};

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
        let kernels: Vec<_> = isas.iter().map(|&isa| function.kernel(Backend::with_isa(isa))).collect();
        let kernels: Vec<Kernel<'_>> = kernels.iter().map(|kernel| kernel as Kernel<'_>).collect();
        let found = measure_all(&function, coverage, &kernels, progress);
        self.rows.extend(isas.iter().zip(found).map(|(&isa, found)| (function, isa, found)));
    }

    /// The measurements.
    pub fn rows(&self) -> &[(Function, Isa, Measurement)] {
        &self.rows
    }

    /// Whether there are no faults, and anything was measured at all.
    pub fn passed(&self) -> bool {
        !self.rows.is_empty() && self.rows.iter().all(|(function, _, found)| found.faults(function).is_empty())
    }
}

/// The tables, at most 80 columns wide, followed by the faults.
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
