//! Experiments files.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| corroborate_fuzz::laws::experiments::hold(bytes));
