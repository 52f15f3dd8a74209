//! Theory verification and reproducibility reports for reinforcement-learning papers.

pub mod check;
pub mod claim;
pub mod cli;
pub mod conform;
pub mod kernel;
pub mod papers;
pub mod report;
pub mod run;
pub mod stats;
pub mod store;
