//! Sample Efficient Reinforcement Learning via Low-Rank Matrix Estimation (Shah, Song, Xu and Yang,
//! NeurIPS 2020, arXiv 2006.06135).
//!
//! A discounted process with states in \[0, 1\]^{d₁} and actions in \[0, 1\]^{d₂} and a generative model is
//! discretised; its optimal action values become a matrix Q* (S × A). If that has a small rank r, a few
//! of its rows and columns determine it. From V⁰ = 0, with r anchor rows I and r anchor columns J, each
//! iteration
//!
//! 1. explores Ω = (I × A) ∪ (S × J) only, r(S + A − r) pairs: draws next states, and takes
//!    Q̂(s, a) = R(s, a) + γ · mean V^{t−1}(s');
//! 2. estimates the matrix, Q̄(s, a) = Q̂(s, J) Q̂(I, J)⁻¹ Q̂(I, a) for all pairs ([`skeleton`]);
//! 3. maximises over all actions, explored or not: Vᵗ(s) = max_a Q̄(s, a).
//!
//! To first order the estimate errs by at most c times the largest error of what it reads, with a constant
//! c of the anchors alone. One iteration therefore shrinks an error if γc < 1; the sampling error may be
//! controlled entry by entry, and the number of samples grows with S + A instead of S·A.
//!
//! # Contents
//!
//! | file | holds |
//! |---|---|
//! | [`skeleton`] | anchors, the estimate, and how noise spreads |
//! | [`iteration`] | processes whose Q* is a given matrix, and exact iterations on them |
//! | [`anchoring`] | how the choice of anchors decides the constant |
//! | [`race`] | estimates of a noisy matrix from equally many samples |
//! | [`control`] | a stochastic control task, its spectrum and its solution from samples |
//! | [`counts`] | numbers of samples over the precision |

pub mod anchoring;
pub mod control;
pub mod counts;
mod functions;
pub mod iteration;
mod properties;
pub mod race;
pub mod skeleton;

use super::leaf::{Failure, Paper, faults};

faults! {
    /// Mistakes of low-rank value iteration and of the tools around it.
    pub enum Fault {
        /// One anchor row and one anchor column too few.
        RankTooSmall = "rank-too-small",
        /// The constant leaves out the noise of the block, ‖x‖₁‖y‖₁.
        NoBlockTerm = "no-block-term",
        /// Anchors are drawn at random.
        RandomAnchors = "random-anchors",
        /// The first rows and the first columns are the anchors.
        AdjacentAnchors = "adjacent-anchors",
        /// Values are maxima over explored actions only.
        ExploredOnlyMax = "explored-only-max",
        /// All pairs are explored, and nothing is estimated.
        FullExploration = "full-exploration",
        /// All pairs are explored.
        ExploreAll = "explore-all",
        /// A matrix of rank two is estimated by one of rank one.
        RankOneModel = "rank-one-model",
        /// The actions of each state are listed in an order of its own.
        ShuffledActions = "shuffled-actions-per-state",
    }
}

fn overflow() -> Failure {
    Failure::numerical("the entries of the anchors have overflowed")
}

/// The leaf of this paper.
#[must_use]
pub fn paper() -> Paper {
    functions::add_to(Paper::new::<Fault>("low-rank-q"))
        .experiment::<anchoring::Anchoring>()
        .experiment::<control::Control>()
        .experiment::<counts::SampleCounts>()
        .experiment::<iteration::Divergence>()
        .experiment::<iteration::Iteration>()
        .experiment::<race::Race>()
        .experiment::<control::Spectrum>()
        .property::<properties::Contraction>()
        .property::<properties::ExactRecovery>()
        .property::<properties::LargestVolume>()
        .property::<properties::Stability>()
}
