//! Revisiting design choices in offline model-based reinforcement learning (Lu, Ball, Parker-Holder,
//! Osborne and Roberts, ICLR 2022, arXiv 2110.04135)
//!
//! # Setting
//!
//! A process M = (S, A, r ∈ \[0, 1\], T, μ, γ) is known through data only. A model M̂ shares everything with it
//! but has transitions T̂. J_M(π) is the performance of a policy π, V^π_M its value in the true process, and
//!
//! | symbol | meaning |
//! |---|---|
//! | TV(s, a) = ½ Σ_t \|T̂(t∣s, a) − T(t∣s, a)\| | error of the model |
//! | d^π(s, a) = Σₙ γⁿ Pr_{M̂,π}(sₙ = s, aₙ = a) | occupancy *in the model*, summing to 1/(1 − γ) |
//! | u(s, a) | uncertainty heuristic of an ensemble of N models |
//! | r − λu on T̂ | the pessimistic process, in which a policy is planned over h steps |
//!
//! # Theory
//!
//! Telescoping: J_{M̂}(π) − J_M(π) = γ Σ d^π (E_T̂ V^π_M − E_T V^π_M). Since V lies between 0 and 1/(1 − γ), the
//! bracket is at most TV/(1 − γ). With λ* = γ/(1 − γ) and u = TV, the performance J̃ in the pessimistic process
//! is at most J_M for *every* policy, and its maximiser π̂ satisfies J_M(π̂) ≥ J_M(π) − 2 λ* Σ d^π TV for every π.
//! Source: MOPO (Yu et al., NeurIPS 2020), restated for rewards in \[0, 1\].
//!
//! # Practice
//!
//! TV is unknown, so u is what an ensemble says of itself: the heuristics of [`penalty::Heuristic`]. With λ,
//! the horizon h and N it makes a configuration ([`planning::Configuration`]), and the paper chooses
//! configurations by Bayesian optimisation ([`search`]) instead of by hand.

mod best_lambda;
mod chain;
mod data_size;
mod ensemble_size;
mod functions;
mod horizon;
mod moments;
mod noise;
mod pair;
mod penalty;
mod pessimism;
mod planning;
mod random_pairs;
mod regression;
mod search;
mod tabular;
mod tight;

use super::leaf::{Failure, Paper, faults};
use crate::kernel::{ensemble::EnsembleError, gp::GpError, mdp::MdpError};

faults! {
    /// Mistakes of the theory, of the heuristics and of the search.
    pub enum Fault {
        /// The model's error is averaged over the occupancy in the true process instead of that in the model.
        TrueOccupancy = "true-occupancy",
        /// The penalty is left out: plain optimism about the model.
        NoPenalty = "no-penalty",
        /// Half the weight that the theory asks for.
        HalfPenalty = "half-penalty",
        /// The weight is 1 instead of γ/(1 − γ): an error is taken to cost one step's reward.
        NoHorizonFactor = "no-horizon-factor",
        /// The L1 distance is used as total variation: twice its size.
        L1InsteadOfTv = "l1-instead-of-tv",
        /// The penalty is added to the reward instead of subtracted.
        WrongSignPenalty = "wrong-sign-penalty",
        /// The true total variation, which nobody knows, is used as the heuristic.
        TvOracle = "tv-oracle",
        /// The mean of the members' deviations is squared, instead of the mean of their squares taken.
        AverageStd = "average-std",
        /// Two members are drawn, however many there are.
        SubsampledEnsemble = "subsampled-ensemble",
        /// The spread of the members' means is taken to be half their range.
        HalfRange = "half-range",
        /// The spread of the members' means has divisor N − 1: a sample variance, not that of the mixture.
        SampleVariance = "sample-variance",
        /// The divergence is that of the others from the member, not of the member from the others.
        ReversedKl = "reversed-kl",
        /// The error bound of one step is used for all horizons.
        OneStepBound = "one-step-bound",
        /// All members are fitted to the same data with the same features.
        SharedBootstrap = "shared-bootstrap",
        /// The ensemble's deviation leaves out what the members themselves predict as noise.
        DropAleatoricTerm = "drop-aleatoric-term",
        /// Members are fitted to the data as they are, without resampling.
        NoResampling = "no-resampling",
        /// A member reports the error of its mean, σ/√n, as the noise that it sees.
        StandardError = "standard-error",
        /// The acquisition function is constant, so the first configuration not yet tried is taken.
        BoIgnoresScores = "bo-ignores-scores",
        /// Only what is usual is searched: λ ≤ 1 and h ≤ 5.
        ClampedSearchSpace = "clamped-search-space",
        /// Five members, however many were asked for.
        NFixed = "n-fixed",
        /// Max aleatoric, whichever heuristic was asked for.
        OneHeuristic = "one-heuristic",
        /// The variance of the noise is left out of the covariance of the observations.
        ForgotNoise = "forgot-noise",
        /// The variance is used where expected improvement needs the standard deviation.
        VarianceForDeviation = "variance-for-deviation",
    }
}

/// The leaf.
#[must_use]
pub fn paper() -> Paper {
    let paper = Paper::new::<Fault>("offline-mbrl-design")
        .property::<pessimism::Telescoping>()
        .property::<pessimism::Pessimism>()
        .property::<pessimism::Guarantee>()
        .property::<moments::TotalVariance>()
        .property::<moments::Nested>()
        .property::<horizon::HorizonBound>()
        .experiment::<random_pairs::RandomPairs>()
        .experiment::<tight::Tight>()
        .experiment::<tight::RiskyOrSafe>()
        .experiment::<tight::Unanimous>()
        .experiment::<horizon::Horizon>()
        .experiment::<ensemble_size::EnsembleSize>()
        .experiment::<data_size::DataSize>()
        .experiment::<regression::OutOfDistribution>()
        .experiment::<noise::NoisyPoints>()
        .experiment::<best_lambda::BestLambda>()
        .experiment::<search::Search>();
    functions::all().into_iter().fold(paper, Paper::function)
}

/// A process that the leaf itself made, or an instance, that could not be solved.
fn unsolved(error: MdpError) -> Failure {
    match error {
        MdpError::Singular => Failure::numerical(error.to_string()),
        other => Failure::invalid(other.to_string()),
    }
}

/// An ensemble that is none.
fn no_ensemble(error: EnsembleError) -> Failure {
    Failure::invalid(error.to_string())
}

/// A Gaussian process without a posterior.
fn no_posterior(error: GpError) -> Failure {
    Failure::invalid(error.to_string())
}
