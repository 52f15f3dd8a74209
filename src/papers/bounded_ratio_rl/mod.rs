//! Bounded Ratio Reinforcement Learning (arXiv 2604.18578).
//!
//! Data come from π₀; a new policy π is described by its ratios ρ(s, a) = π(a|s)/π₀(a|s). With
//! Q₀, V₀ and A₀ = Q₀ − V₀ those of π₀, the paper maximises E\[ρ A₀\] subject to c_l ≤ ρ ≤ c_h and
//! Σ_a π(a|s) = 1, where 0 ≤ c_l ≤ 1 ≤ c_h. It decouples over states: with p = π₀(·|s), q = Q₀(s, ·)
//!
//! ```text
//! max Σ p ρ q   subject to   Σ p ρ = 1,  c_l ≤ ρ ≤ c_h.
//! ```
//!
//! **Optimum** ([`optimum`]): ρ* = c_h above a threshold μ(s), c_l below, and in between on the atom at the
//! threshold. With w = (1 − c_l)/(c_h − c_l), μ is the upper w-quantile of q under p: the *median* in the
//! symmetric case c = 1 ± ε, where ρ* = 1 + ε sign(Ã) with the median advantage Ã = Q₀ − μ. An entropy
//! term of weight λ turns the step into a sigmoid.
//!
//! **Improvement** ([`improvement`]): η(π*) = η(π₀) + ε B with B = E_{s~d_π*, a~π₀}|Ã|/(1 − γ) ≥ 0, d being
//! the normalised discounted occupancy; and for any π a lower bound in terms of the loss that BPO
//! minimises, l_BPO(ρ) = |A₀|·|ρ − ρ*|.
//!
//! **PPO** is the same loss with another target and one side missing ([`losses`]); with c_l = 0 the
//! optimum is an elite set, and its projection the cross-entropy method ([`elites`]); for groups of
//! scores the median decides the target (GBPO, [`group`]). [`inner_loop`] and [`tokens`] optimise.

pub mod elites;
mod functions;
pub mod group;
pub mod improvement;
pub mod inner_loop;
pub mod losses;
pub mod median;
pub mod optimum;
pub mod temperature;
pub mod tokens;

use super::leaf::{Paper, faults};

faults! {
    /// Mistakes of bounding ratios.
    pub enum Fault {
        /// The threshold is the mean of q under p, and the ratios are renormalised afterwards.
        MeanThreshold = "mean-threshold",
        /// The atom at the threshold gets the lower bound instead of its share.
        NoAtomShare = "no-atom-share",
        /// The regularised threshold is the mean of q instead of the root that normalises.
        UnnormalisedMu = "unnormalised-mu",
        /// The improvement is averaged over the occupancy of the old policy.
        OldVisitation = "old-visitation",
        /// The sign of the median advantage is flipped.
        WrongSign = "wrong-sign",
        /// The lower bound forgets the shift of the occupancy, δ := 0.
        DropDelta = "drop-delta",
        /// The loss in the lower bound is weighted by a tenth of |A|.
        UnweightedLoss = "unweighted-loss",
        /// PPO takes the larger of the clipped and the unclipped term.
        OptimisticClip = "optimistic-clip",
        /// PPO's loss is flat on both sides of the band.
        TwoSidedFlat = "two-sided-flat",
        /// Elites are weighted by a sigmoid of temperature 1.
        SoftElites = "soft-elites",
        /// The lower bound of the ratio is one half where it should be 0.
        CLowHalf = "c-low-half",
        /// The loss pulls on one side of its target only, as PPO's does.
        OneSidedSlope = "one-sided-slope",
        /// The median head minimises the squared error.
        MseHead = "mse-head",
        /// The target of a group is decided by its mean.
        MeanForMedian = "mean-for-median",
        /// The median of an even group is the larger of the two in the middle.
        UpperMedian = "upper-median",
        /// The group loss is GRPO's.
        GrpoHinge = "grpo-hinge",
    }
}

/// The leaf.
#[must_use]
pub fn paper() -> Paper {
    let paper = Paper::new::<Fault>("bounded-ratio-rl")
        .experiment::<inner_loop::FixedInstance>()
        .experiment::<inner_loop::InnerLoop>()
        .experiment::<temperature::TemperaturePath>()
        .experiment::<tokens::TokenMovement>()
        .property::<elites::EliteProjection>()
        .property::<group::GroupTargets>()
        .property::<improvement::ImprovementIdentity>()
        .property::<improvement::LowerBound>()
        .property::<losses::PpoHingeForm>()
        .property::<median::MedianHead>()
        .property::<optimum::AnalyticOptimum>()
        .property::<optimum::RegularisedOptimum>();
    functions::all().into_iter().fold(paper, Paper::function)
}
