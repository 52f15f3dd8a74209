//! When is realizability sufficient for off-policy reinforcement learning? (Zanette, 2022,
//! arXiv 2211.05311)
//!
//! # Setting
//!
//! A target policy π in a discounted Markov decision process, 0 ≤ γ < 1, is to be evaluated from
//! transitions (x, r, x′) whose first entry is drawn from a data distribution μ over the n pairs x
//! of state and action; P (n × n) moves from pair to pair under π. With ‖f‖² = Σₓ μ(x) f(x)²:
//!
//! | symbol | meaning |
//! |---|---|
//! | T Q = r + γ P Q | Bellman operator; its fixed point is Q^π |
//! | F ∋ Q^π | function class; containing Q^π is *realizability* |
//! | E(Q) = ‖Q − TQ‖ | Bellman error |
//! | I(Q) = min over g ∈ F of ‖g − TQ‖ | local inherent Bellman error |
//! | β = max over Q ∈ F of I(Q)/E(Q) ∈ \[0, 1\] | incompleteness; 0 is *Bellman completeness* |
//! | C = max over x of d(x)/μ(x) | concentrability of the discounted occupancy d of π |
//!
//! # The estimator
//!
//! With l(g, Q) = E (g(x) − r − γ Q(x′))² over the data, the minimax estimator is
//!
//! Q̂ = argmin over Q ∈ F of L(Q),  L(Q) = max over g ∈ F of \[l(Q, Q) − l(g, Q)\].
//!
//! The inner maximum takes away the variance of the target that the naive Bellman residual l(Q, Q)
//! cannot tell from error ("double sampling"). In the population L = E² − I² ≥ (1 − β²) E².
//! For a linear class F = {Φθ}, Φ ∈ ℝⁿˣᵈ, L is zero exactly at the fixed point of temporal
//! differences, A θ = b with A = Φᵀ D (Φ − γPΦ), b = Φᵀ D r, D = diag(μ): LSTD.
//!
//! # Closed forms
//!
//! With G = Φᵀ D Φ, B = Φ − γPΦ and B_μ = Bᵀ D B, let λ₁ ≤ … ≤ λ_d ∈ \[0, 1\] be the generalised
//! eigenvalues of (Aᵀ G⁻¹ A, B_μ): the squared cosines of the principal angles between F and
//! (I − γP) F. Then L(Φθ)/E(Φθ)² ranges over \[λ₁, λ_d\], so β² = 1 − λ₁, and reward noise of variance
//! σ² in n transitions costs n · mean E(Q̂)² = σ² Σⱼ 1/λⱼ.
//!
//! Any Φ, P, μ, θ* make a realizable instance once the reward is *defined* as r = (I − γP) Φθ*.

mod estimators;
mod experiments;
mod functions;
mod incompleteness;
mod models;
mod problem;
mod properties;
mod transitions;
mod value;

use super::leaf::{Paper, faults};

faults! {
    /// Mistakes of the analysis and of the estimators.
    pub enum Fault {
        /// The inner maximum is dropped: the naive Bellman residual is minimised.
        NoInnerMax = "no-inner-max",
        /// The class is taken to be Bellman complete: β = 0 in the bound.
        CompleteAssumed = "complete-assumed",
        /// Noise is taken to be amplified by 1/(1 − γ²), as if the data were on-policy at the worst angle.
        OnPolicyFormula = "on-policy-formula",
        /// Instead of solving for the fixed point, fitted Q-iteration is run.
        FqiIterate = "fqi-iterate",
        /// The data distribution is not the stationary one.
        OffPolicyMu = "off-policy-mu",
        /// The data are taken to be on-policy although another distribution was asked for.
        OnPolicyData = "on-policy-data",
        /// The next features are added instead of subtracted: Φ + γPΦ.
        SignFlipGamma = "sign-flip-gamma",
        /// The factor 1/(1 − γ) is forgotten when Bellman errors are turned into values.
        ForgotHorizon = "forgot-horizon",
        /// The data distribution is used in place of the occupancy of the policy.
        WrongOccupancy = "wrong-occupancy",
        /// The Gram matrix is left out of the projection: Aᵀ A in place of Aᵀ G⁻¹ A.
        Unprojected = "unprojected",
        /// The data distribution is left out: every pair counts the same.
        Unweighted = "unweighted",
    }
}

/// The leaf.
#[must_use]
pub fn paper() -> Paper {
    let paper = Paper::new::<Fault>("realizability");
    let paper = functions::all().into_iter().fold(paper, Paper::function);
    properties::register(experiments::register(paper))
}
