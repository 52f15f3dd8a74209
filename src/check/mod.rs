//! Checks: from measurements to outcomes, from outcomes and controls to verdicts.
//!
//! One file a kind of check; each turns its specification into a plan of questions, and one
//! method ([`verify`]) judges all of them. No paper is known here.

mod coverage;
mod decision;
mod difference;
pub mod evidence;
mod judge;
mod line;
mod location;
mod number;
mod picture;
mod plan;
mod property;
mod question;
mod rate;
mod replay;
mod verdict;

pub use judge::{FORMAT, Options, verify};

/// Level of each statistical test, in each direction.
pub const LEVEL: f64 = 1e-5;
