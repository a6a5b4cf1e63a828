//! The register that says how the processor rounds, and whether it flushes subnormals.

/// MXCSR without its lowest six bits, which note what has happened: masks, rounding, flush to zero, denormals are zeros.
#[cfg(target_arch = "x86_64")]
pub(crate) fn controls() -> u32 {
    let mut register = 0_u32;
    // SAFETY: the instruction writes the register's 32 bits to where the pointer points, and nothing else.
    unsafe { core::arch::asm!("stmxcsr [{}]", in(reg) &mut register, options(nostack, preserves_flags)) };
    register & !0x3f
}
