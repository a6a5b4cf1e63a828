//! What the machine can do at most, at each size of the working set: of memory, and of multiply-adds.

use crate::command_line::Options;
use crate::machine::{self, Pass};
use crate::report::{Cell, Report};
use lanegrad::Backend;

/// Bytes of all arrays of a pass together: in L1, L2, L3 and beyond, on most machines.
const WORKING_SETS: [(&str, usize); 9] = [
    ("16 KiB", 16 << 10),
    ("64 KiB", 64 << 10),
    ("256 KiB", 256 << 10),
    ("1 MiB", 1 << 20),
    ("4 MiB", 4 << 20),
    ("16 MiB", 16 << 20),
    ("64 MiB", 64 << 20),
    ("256 MiB", 256 << 20),
    ("1 GiB", 1 << 30),
];

const PASSES: [Pass; 4] = [Pass::Read, Pass::Write, Pass::Copy, Pass::Update { states: 2 }];

/// Measures the peak of multiply-adds, and each pass at each size: the best of many, since a limit is what can be reached.
pub(crate) fn measure(backend: &Backend, options: &Options) -> Report {
    let (isa, threads) = (backend.isa(), backend.threads());
    let rounds = options.rounds();
    let time = rounds.time * u32::try_from(rounds.count).unwrap_or(u32::MAX);
    let mut report = Report::new(backend, options);
    report.print_header();
    let peak = "multiply-adds in registers";
    report.add(peak, Cell::of_limits(isa.name(), "GFLOP/s", &[("peak", machine::peak(isa, threads, time) / 1e9)]));
    report.print_group(peak);
    let bandwidth = "bandwidth, bytes read and written together";
    for (name, bytes) in WORKING_SETS {
        let passes = PASSES.map(|pass| (pass.name(), pass.bandwidth(isa, threads, bytes, time) / 1e9));
        report.add(bandwidth, Cell::of_limits(name, "GB/s", &passes));
    }
    report.print_group(bandwidth);
    report
}
