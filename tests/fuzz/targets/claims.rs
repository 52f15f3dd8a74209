//! Claims files.
#![no_main]

corroborate_fuzz::target!(claims);
