//! Measuring: seeds, samples of replicates, cases of properties, the executor, and its memory.
//!
//! This room knows experiments and properties, but neither claims' statements nor verdicts. What
//! is measured depends only on the request and the root seed, never on threads or order.

mod executor;
mod memory;
mod property;
mod results;
mod seed;
mod work;

pub use executor::{Executor, Progress, Step, WORK_THREAD, panic_message};
pub use memory::{Memory, fingerprints, shelf};
pub use property::{Cases, CasesRecord, Violation, slack};
pub use results::{Request, Results, Sample};
pub use seed::{canonical_json, digest};
pub use work::Running;
