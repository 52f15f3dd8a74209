//! Verdicts on a terminal.

mod explain;
mod pen;
mod table;

pub use explain::explain;
pub use table::table;

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Only what is not as expected.
    Failures,
    /// One line a claim.
    Table,
    /// The evidence of every claim.
    Evidence,
}
