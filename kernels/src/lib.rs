//! The vector kernels of lanegrad: every loop over floats, written once, generic over the vocabulary [`simd::Simd`].
//!
//! A kernel is a struct with its operands that implements [`isa::Kernel`]; [`isa::Isa::run`] runs it. Kernels trust their caller with
//! the sizes: a wrong size panics, but no memory outside the slices is accessed. The crate `lanegrad` checks the sizes; other crates
//! should use it instead.
//!
//! Reading order: [`simd`], [`isa`], [`gemm`] with [`epilogue`], [`math`], [`loss`], [`reduce`], [`update`], [`threads`].

#![expect(clippy::needless_range_loop, reason = "indexed vectors stay in registers")]

pub mod cache;
pub mod elementwise;
pub mod epilogue;
pub mod gemm;
pub mod isa;
pub mod loss;
pub mod math;
pub mod reduce;
pub mod simd;
pub mod threads;
pub mod update;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
