//! Records of a store: lines that are none, files that are damaged, payloads that nobody measured.
//!
//! The first two bytes choose the law and a place. The rest is the text.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| corroborate_fuzz::laws::records::hold(bytes));
