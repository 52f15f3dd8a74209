//! Dataset Reset Policy Optimization for RLHF (Chang, Zhan, Oertell, Brantley, Misra, Lee and Sun,
//! 2024, arXiv 2404.08495).
//!
//! # Setting
//!
//! A process of H steps with A actions, whose reward is seen only through preferences between
//! trajectories. There is a set of stored trajectories, with the law ρ_h of their states at step h, and
//! the learner can be *reset* to any stored state: a language model can be put into the middle of
//! any stored answer.
//!
//! # Algorithm
//!
//! 1. Fit a reward r̂ to preferences under P(τ₁ ≻ τ₂) = σ(R(τ₁) − R(τ₂)) ([`preferences`]).
//! 2. Repeat, t = 1 … T ([`rollouts`]): for each roll-out draw a step h; with probability β start in the
//!    state that a stored trajectory has at h, else roll in with π_t from the beginning; sample a uniform
//!    action, go on with π_t, and regress the return on (h, s, a) to Q̂_t; then make the mirror step
//!    π_{t+1}(·|s) ∝ π_t(·|s) e^(ηQ̂_t(s,·)).
//!
//! β = 0 is the ordinary loop, and β = 1 the default of the published code.
//!
//! For language models the state of an answer of n tokens at step k is its prefix of k tokens. The code
//! draws k uniformly from {1 … n − 1} and masks the tokens of the prefix out of the loss ([`prefix`]).
//!
//! # Guarantee
//!
//! With C_h(π) = max_s d_h^π(s)/ρ_h(s), how well the data cover a comparator π, the loop does as well as
//! every covered comparator, up to a regret that is bounded in [`mirror`]; no other policy need be covered.
//!
//! # Where it is measured
//!
//! On a combination lock ([`lock`]): one of A actions keeps the state good, and only the end pays, so that
//! the uniform policy is paid with probability A^(−H), while stored trajectories go deep into the lock.

mod functions;
pub mod generation;
pub mod horizons;
pub mod lock;
pub mod mirror;
pub mod preferences;
pub mod prefix;
mod properties;
pub mod rollouts;
pub mod training;

use super::leaf::{Paper, faults};

faults! {
    /// Mistakes of resetting to data.
    pub enum Fault {
        /// No roll-out is reset, whatever β.
        NoReset = "no-reset",
        /// The mixture is ignored: every roll-out is reset, whatever β.
        IgnoredMixture = "ignored-mixture",
        /// The length of a reset may be 0: it is uniform on {0 … n − 1}.
        LengthFromZero = "length-from-zero",
        /// The tokens of the prefix count in the loss.
        NoRollinMask = "no-rollin-mask",
        /// The mirror step goes down instead of up.
        SignFlip = "sign-flip",
        /// Coverage looks only at states that the data have, where errors are small.
        WrongMeasure = "wrong-measure",
        /// The data contain the right action at every step after all.
        CoveredData = "covered-data",
        /// Each preference is turned around with probability one half.
        RandomLabels = "random-labels",
        /// The learned reward is zero.
        NoReward = "no-reward",
        /// The mirror step with a penalty forgets the reference.
        DropReference = "drop-reference",
    }
}

/// The leaf.
#[must_use]
pub fn paper() -> Paper {
    let paper = Paper::new::<Fault>("dr-po")
        .experiment::<generation::Generation>()
        .experiment::<horizons::Horizons>()
        .experiment::<preferences::Preferences>()
        .experiment::<prefix::ResetLaw>()
        .experiment::<training::Training>();
    functions::all().into_iter().fold(properties::register(paper), Paper::function)
}
