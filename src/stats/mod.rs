//! Statistics without reinforcement learning: estimators, e-processes, exact tests, intervals.
//!
//! | module | what it holds |
//! |---|---|
//! | [`betting`] | e-process and confidence sequence for the mean of a bounded variable |
//! | [`normal`] | e-process and confidence sequence for the mean of a normal variable |
//! | [`ratio`] | e-process and confidence sequence for the ratio of two means |
//! | [`sign`] | e-process and confidence sequence for a median |
//! | [`slope`] | log-log slopes |
//! | [`special`] | special functions and quantiles |

pub mod betting;
pub mod normal;
pub mod ratio;
pub mod sign;
pub mod slope;
pub mod special;
