//! Single-stream Policy Optimization (Xu and Ding, arXiv 2509.13232).
//!
//! Group-relative methods draw G responses to a prompt in order to know what reward to expect of
//! it. SPO draws one, and remembers. For each prompt x it keeps a Beta–Bernoulli *value tracker*
//! (α, β) with value v̂ = α/(α + β) and effective sample size N = α + β ([`tracker`]):
//!
//! ```text
//! start    n₀ offline responses, s of them right; N₀ = 1/(1 − ρ_min)
//!          α = N₀(s + ½)/(n₀ + 1), β = N₀(n₀ − s + ½)/(n₀ + 1)
//! step 1   draw B prompts with weight √(v̂(1 − v̂)) + ε
//!      2   one response each, reward r ∈ {0, 1}; A = r − v̂, with v̂ before it sees r
//!      3   Â = (A − mean A)/(deviation of A + 1e-8), over the whole batch
//!      4   policy update with Â
//!      5   D = how much the policy has moved on the prompt's previous response: the mean over its
//!          tokens of |ln π_new − ln π_then|, where "then" is right after it was learnt from
//!          ρ = clip(2^(−D/D_half), ρ_min, ρ_max); α ← ρα + r, β ← ρβ + (1 − r)
//! ```
//!
//! Defaults of the authors' code: n₀ = 8, ε = 0.05, D_half = 0.06, ρ_min = 0.875, ρ_max = 0.96. The
//! reference applies one on-policy step a batch, so that PPO's clip never acts ([`method`]).

mod barrier;
pub mod cost;
mod estimators;
mod functions;
mod method;
mod pool;
mod properties;
mod stationary;
mod tracker;
mod tracking;
mod training;

use super::leaf::{Paper, faults};

faults! {
    /// Mistakes of single-stream policy optimisation and of the tools around it.
    pub enum Fault {
        /// Only all-wrong groups count as degenerate; all-right ones are forgotten.
        OnlyAllWrongDegenerate = "only-all-wrong-degenerate",
        /// The baseline is the mean reward of the prompt's own responses in the batch.
        GroupRelativeBaseline = "group-relative-baseline",
        /// The tracker sees the reward before it serves as its baseline.
        PostUpdateBaseline = "post-update-baseline",
        /// The new observation is forgotten along with the old ones: α ← ρ(α + r).
        ForgetAfterUpdate = "forget-after-update",
        /// Nothing is ever forgotten: ρ = 1.
        NoForgetting = "no-forgetting",
        /// Retention is e^(−D/D_half) instead of 2^(−D/D_half).
        NaturalExponent = "natural-exponent",
        /// Retention grows with the policy's movement: ρ = clip(1.8 − 2^(−D/D_half)).
        InvertedKl = "inverted-kl",
        /// There is no baseline: A = r.
        NoBaseline = "no-baseline",
        /// One baseline for all prompts: the mean success rate.
        BatchMeanBaseline = "batch-mean-baseline",
        /// Each prompt's advantages are normalised on their own.
        PerPromptNormalisation = "per-prompt-normalisation",
        /// The floor ε of the sampling weights is dropped.
        NoExplorationFloor = "no-exploration-floor",
        /// Prompts are drawn with the inverse of their weights.
        InvertedPriority = "inverted-priority",
        /// Raw advantages go to the policy update: Â = A.
        NoAdvantageNormalisation = "no-advantage-normalisation",
        /// Every response takes the same time.
        ConstantTimes = "constant-times",
        /// A prompt's value is computed anew from all of its responses, each time.
        ReplayedHistory = "replayed-history",
        /// The other standard deviation: sample for population, and the reverse.
        OtherDeviation = "other-deviation",
        /// A group of equal rewards is divided by its standard deviation plus 1e-8 after its mean was
        /// rounded to single precision.
        RoundedMean = "rounded-mean",
        /// Masked tokens count in lengths and totals.
        MaskedTokensCounted = "masked-tokens-counted",
        /// The product of ratio and advantage is clipped, not the ratio.
        ClipAfterMultiplying = "clip-after-multiplying",
        /// Tokens are averaged over responses first, position by position.
        MeanOverWrongAxis = "mean-over-wrong-axis",
        /// The penalty's slope has the sign of its value's slope in ln π_ref.
        WrongPenaltySign = "wrong-penalty-sign",
    }
}

/// The leaf of this paper.
#[must_use]
pub fn paper() -> Paper {
    functions::add_to(Paper::new::<Fault>("single-stream-po"))
        .experiment::<barrier::Barrier>()
        .experiment::<cost::Cost>()
        .experiment::<estimators::Estimators>()
        .experiment::<pool::PoolVariance>()
        .experiment::<stationary::Stationary>()
        .experiment::<tracking::Tracking>()
        .experiment::<training::Training>()
        .property::<properties::DegenerateGroups>()
        .property::<properties::Signal>()
        .property::<properties::Unbiased>()
        .property::<properties::MovingAverage>()
        .property::<properties::Memory>()
        .property::<properties::HalfLife>()
        .property::<properties::EqualRollouts>()
        .property::<properties::GlobalNormalisation>()
        .property::<properties::Exploration>()
}
