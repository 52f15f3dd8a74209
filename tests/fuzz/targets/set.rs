//! `--set key=value`, for any experiment of any leaf.
//!
//! The first line is `<paper>/<experiment>`, each other line an assignment.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| corroborate_fuzz::laws::set::hold(bytes));
