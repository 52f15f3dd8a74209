//! Measuring: seeds, samples of replicates, cases of properties, and the executor.
//!
//! This room knows experiments and properties, but neither claims' statements nor verdicts. What
//! is measured depends only on the request and the root seed, never on threads or order.

mod executor;
mod property;
mod results;
mod seed;

pub use executor::{Executor, Progress, Step, WORK_THREAD};
pub use property::{Cases, CasesRecord, Violation, slack};
pub use results::{Request, Results, Sample};
pub use seed::{canonical_json, digest};
