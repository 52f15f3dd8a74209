//! `verdicts.json`, as `diff` and `report` read it.
#![no_main]

corroborate_fuzz::target!(verdicts);
