//! Dichotomy of Control: separating what you can control from what you cannot (Yang, Schuurmans,
//! Abbeel and Nachum, ICLR 2023, arXiv 2210.13435).
//!
//! # Setting
//!
//! A process of H steps starts in s₀ = 0; rₜ ~ R(·|sₜ, aₜ) and sₜ₊₁ ~ T(·|sₜ, aₜ) are independent of each
//! other given (sₜ, aₜ). The learner sees trajectories τ = (s₀, a₀, r₀, …, s_{H−1}, a_{H−1}, r_{H−1}) of a
//! behaviour policy π_D, which may depend on the history hₜ = (s₀, a₀, r₀, …, sₜ), with returns
//! G(τ) = Σ rₜ. A policy is conditioned on the future by a latent z with law q(z|τ):
//!
//! | symbol | meaning |
//! |---|---|
//! | Pr(τ, z) = Pr(τ) q(z\|τ) | joint law of trajectory and latent ([`Joint`]) |
//! | π_z(a\|h) = Pr(a \| h, z) | the policy conditioned on z; uniform where Pr(h, z) = 0 |
//! | V(z) = E\[G \| z\] | what conditioning on z promises |
//! | V_M(π_z) | what acting with π_z obtains in the process |
//! | Iₜ = I((rₜ, sₜ₊₁); z \| hₜ, aₜ) | what z knows of chance |
//!
//! z is *consistent* if V(z) = V_M(π_z). Conditioning on the return, z = G(τ) (return-conditioned
//! supervised learning; the decision transformer, DT), promises z and does not keep it: among the
//! trajectories with a high return are those that were lucky. Dichotomy of control (DoC) asks of q
//! that Iₜ = 0 for all t, so that z speaks of what the actor controls and not of what chance decides,
//! and then acts with π_{z*}, z* = argmax V(z).
//!
//! # What can be said exactly
//!
//! - Eᵤ KL(Pr(·|z) ‖ Pr(·|π_z)) = Σₜ Iₜ over z ~ Pr(z), by the chain rule; hence Iₜ = 0 makes every
//!   z consistent, and E|V(z) − V_M(π_z)| ≤ (G_max − G_min) √(½ Σₜ Iₜ) by Pinsker and Jensen.
//! - Iₜ = 0 for all t if and only if Pr(τ|z) = Π π_z(aₜ|hₜ) R T: q is the posterior of a decomposition
//!   of the behaviour into a mixture of policies. So the constrained likelihood is fitted by
//!   expectation maximisation for a mixture of policies, [`fit()`] (DoC-EM), which replaces the networks
//!   and the contrastive penalty of the published method.
//!
//! Latents of small processes are judged by enumeration of all trajectories ([`Tree`]); DoC-EM and
//! return conditioning from counts ([`Dataset`]) are compared on a slippery grid.

mod arena;
mod consistency;
mod decisions;
mod em;
mod episodes;
mod functions;
mod grid;
mod joint;
mod problem;
mod processes;
mod properties;
mod slip;
mod tree;
mod xor;

pub use consistency::{Conditioned, Consistency};
pub use em::{Fit, Mixture, fit};
pub use episodes::{Dataset, Episode, Pair};
pub use joint::{Joint, Latent};
pub use problem::{Component, Outcome, Problem, Process};
pub use tree::{Step, Trajectory, Tree};

use super::leaf::{Paper, faults};

faults! {
    /// Mistakes of future-conditioned policies and of their analysis.
    pub enum Fault {
        /// The latent is the return: chance is not separated from control.
        ReturnAsLatent = "return-as-latent",
        /// The latent is any law of the trajectory: nothing constrains what it knows of chance.
        DropMiConstraint = "drop-mi-constraint",
        /// Rewards and transitions are replaced by their likeliest outcome.
        DeterministicRewards = "deterministic-rewards",
        /// The posterior of the action given the return is multiplied once more by the behaviour policy.
        ReweightByBehaviour = "reweight-by-behaviour",
        /// The latent of smallest value is chosen.
        ArgminLatent = "argmin-latent",
        /// The value of a latent is the largest return of its trajectories, not their mean.
        MaxReturnValue = "max-return-value",
        /// Information about the latent is not conditioned on history and action.
        MarginalMi = "marginal-mi",
        /// The square root in Pinsker's inequality is forgotten.
        MissingSquareRoot = "missing-square-root",
        /// The policy conditioned on the return looks at the state only, not at the history.
        MarkovReturnPolicy = "markov-return-policy",
        /// A latent is accepted if it knows nothing of the reward and nothing of the next state, each by itself.
        JointMiTestOff = "joint-mi-test-off",
        /// Trajectories are clustered by their return.
        NoMi = "no-mi",
        /// Policies are evaluated where no move slips.
        SlipIgnored = "slip-ignored",
        /// The counts of the M step are normalised over latents before they are normalised over actions.
        NormaliseOverLatents = "normalise-over-latents",
    }
}

/// The leaf.
#[must_use]
pub fn paper() -> Paper {
    functions::add_to(Paper::new::<Fault>("dichotomy-of-control"))
        .experiment::<decisions::Bandit>()
        .experiment::<slip::Grid>()
        .experiment::<slip::Likelihood>()
        .experiment::<decisions::Lottery>()
        .experiment::<processes::Processes>()
        .experiment::<slip::Sweep>()
        .experiment::<xor::Xor>()
        .property::<properties::Ascent>()
        .property::<properties::BanditValues>()
        .property::<properties::ChainIdentity>()
        .property::<properties::Consistent>()
        .property::<properties::DeterministicReturn>()
        .property::<properties::Improvement>()
        .property::<properties::InconsistencyBound>()
        .property::<properties::LotteryValues>()
}
