//! Experiments files.
#![no_main]

corroborate_fuzz::target!(experiments);
