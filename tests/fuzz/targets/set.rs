//! `--set key=value`, for any experiment of any leaf.
//!
//! The first line is `<paper>/<experiment>`, each other line an assignment.
#![no_main]

corroborate_fuzz::target!(set);
