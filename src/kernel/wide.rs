//! Arithmetic on many numbers at a time, in the widest registers of the processor at hand.
//!
//! What is compiled for every processor of an architecture knows the registers of the oldest. Inner loops are compiled
//! several times by [`dispatch!`], and the processor chooses when they run. Verdicts may not
//! depend on its choice, and do not: such loops do the same operations on every number, rounded one by one, in an order
//! that is written down and not found by the compiler, which neither fuses nor reorders operations on floating-point
//! numbers. Each has a test that holds every level of this processor to the bits of plain code (`levels`).

pub(crate) use fearless_simd::{Level, Simd, SimdBase, dispatch, f64x8, prelude};

/// Numbers that kernels work on side by side where a register for each processor would make no difference.
pub(crate) const LANES: usize = 8;

/// The levels of this processor by name, from what all have to all that it has.
#[cfg(test)]
pub(crate) fn levels() -> Vec<(&'static str, Level)> {
    let best = Level::new();
    let mut levels = vec![("baseline", Level::baseline())];
    #[cfg(target_arch = "x86_64")]
    {
        levels.extend(best.as_sse4_2().map(|simd| ("SSE 4.2", simd.level())));
        levels.extend(best.as_avx2().map(|simd| ("AVX2", simd.level())));
    }
    levels.push(("best", best));
    levels
}
