//! `eval`: JSON for any function or property of any leaf, under any of its faults.
//!
//! The first line is `<paper>/<name>` or `<paper>/<name> <fault>`, the rest is the input.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| corroborate_fuzz::laws::eval::hold(bytes));
