//! `verdicts.json`, as `diff` and `report` read it.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| corroborate_fuzz::laws::verdicts::hold(bytes));
