//! The C interface of lanegrad. Its documentation is the header, `include/lanegrad.h`, which is generated from [`exports`].
//!
//! | what | where |
//! |---|---|
//! | the functions of the header | [`exports`] |
//! | pointers to views, with every check that a pointer permits: the only `unsafe` code | [`memory`] |
//! | what can go wrong, its codes, and the message of a thread | [`status`] |
#![deny(unsafe_code)]
#![expect(non_camel_case_types, reason = "types have the names of the C interface")]

#[expect(unsafe_code, reason = "`no_mangle` is unsafe; `tests/unsafe_code.rs` checks that nothing else here is")]
pub mod exports;
#[expect(unsafe_code, reason = "turns pointers into views")]
mod memory;
pub mod status;
