//! What the fuzz targets use: the laws and the changes of values, which they share with `tests/mutations.rs`.

use corroborate::kernel::splitmix::SplitMix64;

#[path = "../../harmless.rs"]
pub mod harmless;
#[path = "../laws/mod.rs"]
pub mod laws;
#[path = "../near.rs"]
pub mod near;

/// A fuzz target that holds these laws.
#[macro_export]
macro_rules! target {
    ($laws:ident) => {
        libfuzzer_sys::fuzz_target!(|bytes: &[u8]| corroborate_fuzz::laws::$laws::hold(bytes));
        libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, most: usize, seed: u32| {
            corroborate_fuzz::mutate(data, size, most, seed)
        });
    };
}

/// Changes an input of `size` bytes in its place, within `most` bytes; returns its new size. Every other
/// time the engine does it, byte by byte.
pub fn mutate(data: &mut [u8], size: usize, most: usize, seed: u32) -> usize {
    let mut random = SplitMix64::new(seed.into());
    if random.bits().is_multiple_of(2)
        && let Some(near) = near::values(&data[..size], &mut random)
        && near.len() <= most
    {
        data[..near.len()].copy_from_slice(&near);
        return near.len();
    }
    libfuzzer_sys::fuzzer_mutate(data, size, most)
}
