//! An instruction set that is silently skipped would make every other test pass on nothing.

use lanegrad::{Backend, Isa};
use lanegrad_verify::check;

/// What `Isa::available` should list: what `LANEGRAD_EXPECT_ISAS` lists, else what the processor's flags say.
fn expected() -> Vec<String> {
    let listed = check::listed_isas();
    if !listed.is_empty() {
        return listed;
    }
    // The operating system's word, where there is one; detection itself is what is tested.
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let flags = cpuinfo.lines().find(|line| line.starts_with("flags")).unwrap_or_default();
    let has = |names: &[&str]| names.iter().all(|name| flags.split_whitespace().any(|flag| flag == *name));
    let needed = |name| match name {
        "avx512" => has(&["avx512f", "avx512bw", "avx512dq", "avx512vl"]),
        "avx2" => has(&["avx2", "fma"]),
        _ => true,
    };
    Isa::NAMES.iter().filter(|name| needed(name)).map(|name| (*name).to_owned()).collect()
}

#[test]
fn every_instruction_set_of_this_processor_is_available() {
    for name in Isa::NAMES {
        let state = if Isa::from_name(name).is_some() { "tested" } else { "not on this CPU" };
        println!("{name}: {state}");
    }
    let found: Vec<_> = Isa::available().map(|isa| isa.name().to_owned()).collect();
    if cfg!(target_os = "linux") || !check::listed_isas().is_empty() {
        assert_eq!(found, expected());
    }
    assert!(found.iter().any(|name| name == "portable") && found.iter().any(|name| name == "scalar"));
}

#[test]
fn the_best_comes_first_and_names_lead_back() {
    assert_eq!(Isa::available().next(), Some(Isa::detect()));
    for isa in Isa::available() {
        assert_eq!(Backend::with_isa_named(isa.name()).map(|backend| backend.isa()), Ok(isa));
    }
}
