//! The caches that block sizes and thresholds are derived from, in elements of `f32`.
//!
//! They are constants of the code: the sizes of a Zen 3 or a recent server core. No size is read from the machine, so no bit of a
//! result and no allocation depends on it.

/// A cache line, 64 bytes.
pub const LINE: usize = 16;
/// The first level's data cache, 32 KiB: eight ways of 64 lines.
pub const L1: usize = 8 * 1024;
/// Elements between two lines of the same set of L1, 4 KiB: rows this far apart share the eight ways of one set.
pub const L1_SET: usize = L1 / 8;
/// The second level, 512 KiB.
pub const L2: usize = 128 * 1024;
/// One core's share of the third level: at least 8 MiB.
pub const L3: usize = 2 * 1024 * 1024;
