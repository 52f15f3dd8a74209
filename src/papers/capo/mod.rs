//! Curvature-Aware Policy Optimization (Melo, Abate and Gal, arXiv 2510.00819).
//!
//! Policy gradients are stable with small steps and fast with large ones. CAPO looks at the step
//! Δ that the optimiser proposes through two second-order models,
//!
//! ```text
//! objective     m_H(Δ) = ∇Jᵀ Δ + ½ ΔᵀHΔ      H = ∇²J
//! policy shift  m_F(Δ) = ½ ΔᵀFΔ              F = E[∇ln π ∇ln πᵀ], so that m_F ≈ KL(π_θ ‖ π_θ+Δ)
//! ```
//!
//! and drops the tokens that would shift the policy too far. What makes this cheap is to model the
//! last layer only. Logits are z = W h with features h ∈ R^d held fixed, W ∈ R^(V×d); with the score
//! s = e_v − π of a token v, ∇_W ln π = s hᵀ and ∇²_W ln π = −(diag π − ππᵀ)⊗hhᵀ, which does not depend
//! on the token. So with u = Δh, everything is a variance over the vocabulary ([`last_layer`]):
//!
//! ```text
//! ΔᵀFΔ = Var_π(u),   Δᵀ∇²ln π Δ = −Var_π(u),   d²J = E[A((sᵀu)² − Var_π(u))]
//! ```
//!
//! For one softmax row the models' errors are bounded in closed form ([`bandit`]). The masking rule
//! ([`mask`]) is a reconstruction, as the paper's exact acceptance rule was not available: thresholds
//! and the greedy order are ours.

mod bandit;
mod cost;
mod functions;
mod last_layer;
mod mask;
mod properties;
mod training;

use super::leaf::{Paper, faults};

faults! {
    /// Mistakes of curvature-aware policy optimisation.
    pub enum Fault {
        /// The objective model lacks ½ΔᵀHΔ.
        HalfCurvatureDropped = "half-curvature-dropped",
        /// The shift model takes E u² for Var u.
        FisherWithoutCentering = "fisher-without-centering",
        /// Rewards are 0 and 2 where the bounds assume the unit interval.
        UnnormalisedRewards = "unnormalised-rewards",
        /// A step is accepted when its first-order gain is positive.
        FirstOrderOnly = "first-order-only",
        /// The objective model subtracts ½ΔᵀHΔ.
        SignFlippedCurvature = "sign-flipped-curvature",
        /// Curvature is diag π instead of diag π − ππᵀ.
        MissingOuterProduct = "missing-ppT",
        /// A token's share of the predicted shift forgets its advantage.
        UnweightedSplit = "unweighted-split",
        /// The curvature matrix is formed, (Vd)² entries a token.
        ExplicitFisher = "explicit-fisher",
        /// No token is ever dropped.
        NoMask = "no-mask",
        /// The tokens that shift the policy least are dropped first.
        InvertedSelection = "inverted-selection",
        /// The threshold of the shift is 10 nats.
        InfiniteThreshold = "infinite-threshold",
        /// Tokens are dropped at random.
        RandomMask = "random-mask",
    }
}

/// The leaf of this paper.
#[must_use]
pub fn paper() -> Paper {
    functions::add_to(Paper::new::<Fault>("capo"))
        .experiment::<cost::Cost>()
        .experiment::<training::Training>()
        .property::<properties::ObjectiveModel>()
        .property::<properties::ShiftModel>()
        .property::<properties::Curvature>()
        .property::<properties::MonotonicImprovement>()
        .property::<properties::LastLayer>()
        .property::<properties::ExactSplit>()
        .property::<properties::PostCondition>()
}
