//! Which instruction sets are detected on processors that lack some of this one's features.

use super::platform::Platform;
use crate::tally::Tally;
use lanegrad::Isa;

/// The features that each instruction set needs, listed independently of the library.
const NEEDS: [(&str, &[&str]); 4] = [
    ("avx512", &["avx512f", "avx512bw", "avx512dq", "avx512vl"]),
    ("avx2", &["avx2", "fma"]),
    ("portable", &[]),
    ("scalar", &[]),
];
const FEATURES: [&str; 6] = ["avx512f", "avx512bw", "avx512dq", "avx512vl", "avx2", "fma"];

/// On a processor with any subset of [`FEATURES`], the instruction set is detected if and only if all features it needs are present,
/// and no better one in the list is skipped.
pub(super) fn subsets(platform: &Platform, tally: &mut Tally) {
    for subset in 0..1_u32 << FEATURES.len() {
        let has =
            |feature: &str| FEATURES.iter().position(|&name| name == feature).is_some_and(|at| subset >> at & 1 == 1);
        let complete =
            |name: &str| NEEDS.iter().any(|(known, needs)| *known == name && needs.iter().all(|&need| has(need)));
        let found: Vec<&str> = Isa::available_with(&has).map(Isa::name).collect();
        let there: Vec<&str> = FEATURES.into_iter().filter(|&feature| has(feature)).collect();
        // AVX-512 without AVX2 or FMA has never been built, so the library may require them or not.
        let real = platform.isa().name() != "avx512" || has("avx2") && has("fma");
        tally.holds(!real || found.contains(&platform.isa().name()) == complete(platform.isa().name()), || {
            format!("with {there:?}, {found:?} are found")
        });
        let best = Isa::available().map(Isa::name).find(|name| found.contains(name));
        tally.holds(found.first().copied() == best, || format!("with {there:?}, {:?} comes first", found.first()));
    }
}
