//! Squeeze the Soaked Sponge: Efficient Off-policy Reinforcement Finetuning for Large Language Models
//! (`ReMix`, arXiv 2507.06892).
//!
//! On-policy finetuning throws a batch away after one update. `ReMix` squeezes it: each batch holds a
//! share p_off of data from earlier policies, several updates are made with it, and the policy is
//! held by two anchors at once.
//!
//! **Mix-PPG.** Data y ~ πᵢ from a mixture ν over behaviour policies. For a token with ratio
//! ρ = π_θ/πᵢ and advantage A the surrogate is
//!
//! ```text
//! min(ρA, clip(ρ, c − ε, c + ε)·A),    c = π_k/πᵢ,
//! ```
//!
//! where π_k is the policy at the start of the batch: the *generalised* clip, which bounds the move
//! from π_k and not from the policy that happened to sample the token. Fresh data have c = 1.
//!
//! **KL-Convex.** E r − β \[λ KL(π‖π_base) + (1 − λ) KL(π‖π_k)\] is maximised by
//! π* ∝ π_base^λ π_k^(1−λ) e^(r/β), with value β ln Σ π_base^λ π_k^(1−λ) e^(r/β) ([`anchor`]).
//!
//! **Reincarnation.** Midway, π_base is replaced by the current policy, p_off by 0 and the number of
//! updates a batch by 1.
//!
//! Where it is measured: full prefix trees for the identities ([`mixture`]), rows with a stochastic
//! verifier for training ([`training`]), responses of variable length for the effect on length
//! ([`length`]).

pub mod anchor;
mod functions;
pub mod length;
pub mod mixture;
mod properties;
pub mod training;

use super::leaf::{Paper, faults};

faults! {
    /// Mistakes of mixing old data in.
    pub enum Fault {
        /// Old data are used as if the current policy had sampled them: ρ := 1, and nothing is clipped.
        NoImportanceWeight = "no-importance-weight",
        /// The advantage is that of the behaviour policy instead of π_k.
        WrongOccupancyAdvantage = "wrong-occupancy-advantage",
        /// The clip is centred at 1 for stale tokens too.
        ClipCentreOne = "clip-centre-one",
        /// The weight of a response is the geometric mean of its token ratios.
        TokenMeanWeight = "token-mean-weight",
        /// The two anchors are averaged arithmetically.
        ArithmeticMixture = "arithmetic-mixture",
        /// λ weighs the current policy, and 1 − λ the base.
        SwappedLambda = "swapped-lambda",
        /// Reincarnation forgets to replace the base.
        KeepOldBase = "keep-old-base",
        /// The importance weight is kept where it should be dropped.
        ImportanceWeightKept = "importance-weight-kept",
        /// No old data are mixed in, and each batch is used once.
        OnPolicyDataOnly = "on-policy-data-only",
    }
}

/// The leaf.
#[must_use]
pub fn paper() -> Paper {
    let paper = Paper::new::<Fault>("remix")
        .experiment::<anchor::Anchor>()
        .experiment::<anchor::AnchorPath>()
        .experiment::<anchor::Reincarnation>()
        .experiment::<length::Length>()
        .experiment::<mixture::ClipCentres>()
        .experiment::<training::Training>()
        .property::<properties::MixtureGradient>()
        .property::<properties::SurrogateBound>()
        .property::<properties::ClipKeepsClose>()
        .property::<properties::WeightExplosion>()
        .property::<properties::AnchorOptimum>();
    functions::all().into_iter().fold(paper, Paper::function)
}
