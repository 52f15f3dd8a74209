//! Checks: from measurements to outcomes, from outcomes and controls to verdicts.
//!
//! One file a kind of check; each turns its specification into a plan of questions, and one
//! method ([`verify`]) judges all of them. No paper is known here.

mod benchmark;
mod complexity;
mod coverage;
mod decision;
mod difference;
mod equivalence;
pub mod evidence;
mod improvement;
mod judge;
mod line;
mod location;
mod map;
mod number;
mod paired;
mod picture;
pub mod plan;
mod property;
pub mod question;
mod rate;
mod ratio;
mod replay;
mod shard;
mod texts;
mod times;
mod verdict;

pub use judge::{FORMAT, Options, verify};
pub use shard::{Measured, RunPlan, Shard, Unit, measure_shard, plan_run};
pub use times::{Estimate, Times, TimesError};

/// Level of each statistical test, in each direction.
pub const LEVEL: f64 = 1e-5;
