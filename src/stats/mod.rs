//! Statistics without reinforcement learning: estimators, e-processes, exact tests, intervals.
//!
//! | module | what it holds |
//! |---|---|
//! | **valid at every look** | |
//! | [`betting`] | e-process and confidence sequence for the mean of a bounded variable |
//! | [`ratio`] | for the ratio of two such means |
//! | [`sign`] | for a median |
//! | [`normal`] | for the mean of a normal variable |
//! | **for a sample size fixed beforehand** | |
//! | [`binomial`] | Clopper–Pearson intervals, exact sign test |
//! | [`permutation`] | exact permutation tests, paired and of two samples |
//! | [`dkw`] | bands around an empirical distribution function |
//! | [`equivalence`] | two one-sided t-tests |
//! | [`simultaneous`] | coverage of several events at once |
//! | [`correlation`] | Pearson, Spearman |
//! | [`scores`] | interquartile mean, probability of improvement, performance profiles |
//! | [`bootstrap`] | stratified bootstrap intervals of these |
//! | [`slope`] | log-log slopes |
//! | **below all** | |
//! | [`sample`] | order statistics, quantiles, ranks |
//! | [`special`] | special functions, and quantiles of distributions |

pub mod betting;
pub mod binomial;
pub mod bootstrap;
pub mod correlation;
pub mod dkw;
pub mod equivalence;
pub mod normal;
pub mod permutation;
pub mod ratio;
mod rejected;
pub mod sample;
pub mod scores;
pub mod sign;
pub mod simultaneous;
pub mod slope;
pub mod special;
