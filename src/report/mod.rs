//! From stored verdicts and evidence to pages, pictures and terminal output: a pure function.

mod example;
mod junit;
mod markdown;
mod number;
mod page;
mod performance;
mod picture;
pub mod terminal;
mod words;

pub use junit::junit;
pub use page::{Beside, pages, pages_beside, summary};
pub use performance::{Comparison, Fraction, Growth, PAGE as PERFORMANCE, Performance, Profile, performance};
