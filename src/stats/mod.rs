//! Statistics without reinforcement learning: estimators, e-processes, exact tests, intervals.
//!
//! | module | what it holds |
//! |---|---|
//! | [`betting`] | e-process and confidence sequence for the mean of a bounded variable |
//! | [`sign`] | e-process and confidence sequence for a median |

pub mod betting;
pub mod sign;
