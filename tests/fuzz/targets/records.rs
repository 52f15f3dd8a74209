//! Records of a store: lines that are none, files that are damaged, payloads that nobody measured.
//!
//! The first two bytes choose the law and a place. The rest is the text.
#![no_main]

corroborate_fuzz::target!(records);
