//! Checks: from measurements to outcomes, from outcomes and controls to verdicts.
//!
//! One file a kind of check. No paper is known here.

pub mod evidence;
