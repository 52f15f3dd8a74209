//! Optimistic Feasible Search for closed-loop fair threshold decisions (arXiv 2512.22313).
//!
//! A decision maker accepts an individual with score s ∈ \[0, 1\] iff s ≥ τ. The thresholds
//! τ_1 < … < τ_K are the arms of a bandit. There are two groups, 0 advantaged and 1 disadvantaged,
//! and the state p_t is the share of group 0 in the population at round t.
//!
//! | symbol | meaning |
//! |---|---|
//! | good_g(k), bad_g(k) | P(s ≥ τ_k, y = 1 given g), P(s ≥ τ_k, y = 0 given g) |
//! | acc_g = good_g + bad_g | acceptance rate of group g |
//! | u_g = good_g − c · bad_g | utility per individual of group g; c is the cost of a wrong acceptance |
//! | R(k, p) = p u_0 + (1 − p) u_1 | reward |
//! | gap(k) = acc_0 − acc_1 | disparity |
//! | G_1 = gap − ε, G_2 = −gap − ε | demographic parity, abs(gap) ≤ ε, as two linear residuals |
//! | G_3 = s_min − (p acc_0 + (1 − p) acc_1) | service rate |
//!
//! An arm is feasible if all G_j ≤ 0 ([`environment`]). In a round, m individuals of each group
//! are seen under the arm played, and R and G are observed through them ([`applicants`]). Decisions
//! feed back into the population ([`feedback`]): p ← (1 − κ) p + κ (p̄ + η gap(k)), clipped to
//! \[0.05, 0.95\].
//!
//! Optimistic Feasible Search plays, among the arms that appear feasible under confidence bounds,
//! the one with the largest optimistic reward; if none appears feasible, the one with the smallest
//! optimistic violation ([`bandit`]). [`closed_loop`] runs it and its baselines, [`stationary`] holds
//! it to its guarantees where nothing drifts, and [`residuals`] asks what the learner may be fed.
//!
//! The paper's abstract fixes the rule, the kind of dynamics and the benchmarks. Radii, constants,
//! score models ([`score`]) and baselines are this reference's own instantiation of it.

pub mod applicants;
pub mod bandit;
pub mod closed_loop;
pub mod environment;
pub mod feedback;
mod functions;
mod properties;
pub mod residuals;
pub mod score;
pub mod settings;
pub mod sources;
pub mod stationary;

use super::leaf::{Paper, faults};

faults! {
    /// Mistakes in the bandit, its feedback or its environment.
    pub enum Fault {
        /// The population adds its target at every round instead of averaging it in: 1 − κ is forgotten.
        FeedbackNotAveraged = "feedback-not-averaged",
        /// Decisions do not feed back into the population (η = 0).
        OpenLoop = "open-loop",
        /// Arms count as feasible only if their constraints hold with confidence: the bonus has the wrong sign.
        PessimisticFeasibility = "pessimistic-feasibility",
        /// If no arm appears feasible, the largest optimistic reward is played, not the smallest violation.
        MaxRewardFallback = "max-reward-fallback",
        /// The residual of demographic parity is the absolute value of the noisy gap.
        AbsOfNoisyGap = "abs-of-noisy-gap",
        /// Constraints are judged by their means, without a confidence bonus.
        DroppedConstraintBonus = "dropped-constraint-bonus",
        /// Every arm counts as feasible.
        IgnoresConstraints = "ignores-constraints",
        /// Confidence radii are a quarter of what they have to be.
        QuarteredBonus = "bonus-scale-0.25",
        /// The unconstrained baseline is run with the feasibility filter left on.
        FilteredBaseline = "filtered-baseline",
        /// Random numbers are seeded by the clock.
        WallClockSeed = "wall-clock-seed",
    }
}

/// Number of constraint residuals: two for demographic parity, one for service.
pub const RESIDUALS: usize = 3;

/// The leaf.
#[must_use]
pub fn paper() -> Paper {
    let leaf = Paper::new::<Fault>("optimistic-feasible-search")
        .experiment::<closed_loop::Experiment>()
        .experiment::<residuals::Draws>()
        .experiment::<stationary::Experiment>()
        .property::<properties::Contraction>()
        .property::<properties::Optimism>()
        .property::<properties::Reproducible>()
        .property::<properties::Selection>()
        .property::<properties::Unbiased>();
    functions::all().into_iter().fold(leaf, Paper::function)
}
