//! `eval`: JSON for any function or property of any leaf, under any of its faults.
//!
//! The first line is `<paper>/<name>` or `<paper>/<name> <fault>`, the rest is the input.
#![no_main]

corroborate_fuzz::target!(eval);
