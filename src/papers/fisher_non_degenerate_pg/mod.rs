//! Stochastic Policy Gradient Methods: Improved Sample Complexity for Fisher-non-degenerate Policies
//! (Fatkhullin, Barakat, Kireeva and He, 2023, arXiv 2302.01734)
//!
//! # Setting
//!
//! A discounted decision process is to be controlled by a policy π_θ, θ ∈ ℝᵈ, with J(θ) = E Σₕ γʰ rₕ.
//! The policy is *Fisher-non-degenerate* if F(θ) = E\[∇ln π ∇ln πᵀ\] ⪰ μ_F I for all θ, the expectation
//! over the discounted occupancy. With M_g ≥ ‖∇ln π‖, and an advantage that is linear in ∇ln π up to
//! ε_bias, the objective is dominated by its gradient ([`dominance`]):
//!
//! J* − J(θ) ≤ (M_g/μ_F) ‖∇J(θ)‖ + √ε_bias/(1 − γ).
//!
//! # Estimators
//!
//! From one trajectory τ with rewards-to-go Rₕ = Σ_{k ≥ h} γᵏ r_k ([`estimators`]):
//!
//! - g(τ, θ) = Σₕ Rₕ ∇ln π(aₕ|sₕ), with expectation ∇J;
//! - B(τ, θ) v = g(τ, θ) · (Σₕ ∇ln π(aₕ|sₕ)ᵀ v) + Σₕ Rₕ ∇²ln π(aₕ|sₕ) v, with expectation ∇²J v, at
//!   the price of a few inner products: no d × d matrix is formed.
//!
//! # Methods
//!
//! Both average one-trajectory gradients in a direction d_t, and step by γ_t = c₀/(t + 2) in the
//! direction of d_t/‖d_t‖ ([`methods`], [`run`]). They differ in how the average is kept up with θ:
//!
//! ```text
//! N-PG-IGT    η_t = (2/(t + 2))^(4/5),  θ̃_t = θ_t + ((1 − η_t)/η_t) (θ_t − θ_{t−1})
//!             d_t = (1 − η_t) d_{t−1} + η_t g(τ, θ̃_t),  τ ~ p(·|θ̃_t)
//! N-HARPG     η_t = 2/(t + 2),  q ~ U[0, 1],  θ̂_t = q θ_t + (1 − q) θ_{t−1}
//!             d_t = (1 − η_t) (d_{t−1} + B(τ̂, θ̂_t)(θ_t − θ_{t−1})) + η_t g(τ, θ_t)
//! HARPG       the same, with the step c₀ √η_t d_t
//! ```
//!
//! The first evaluates the gradient ahead of θ_t, so that the average is right at θ_t where the
//! objective is quadratic ([`quadratic`]); the second adds what the gradient has changed by. Neither
//! needs importance weights, which grow exponentially with the horizon ([`weights`]).
//!
//! The reference problem is a bandit with a normal policy, F = I/σ² everywhere ([`bandit`], [`training`]);
//! the counterexample a process with a softmax policy ([`softmax`]), which degenerates in its corners
//! ([`saturation`]).

pub mod bandit;
pub mod cost;
pub mod dominance;
pub mod estimators;
mod functions;
pub mod methods;
mod properties;
pub mod quadratic;
pub mod run;
pub mod saturation;
pub mod softmax;
pub mod training;
pub mod weights;

use super::leaf::{Paper, faults};

faults! {
    /// Mistakes of the estimators and of the methods.
    pub enum Fault {
        /// The Hessian estimate lacks the outer product of gradient and scores.
        NoOuterProduct = "no-outer-product",
        /// The Hessian estimate multiplies the reward-to-go of a step only with the scores from that step on.
        CausalScoreOnly = "causal-score-only",
        /// Rewards-to-go are discounted from their own step: the factor γʰ is missing.
        DiscountFromTheStep = "discount-from-the-step",
        /// The bound of gradient dominance is taken without dividing by μ_F.
        NoFisher = "no-fisher",
        /// The gradient is evaluated at the current parameter instead of ahead of it.
        NoTransport = "no-transport",
        /// The gradient is evaluated behind the current parameter.
        WrongSignTransport = "wrong-sign-transport",
        /// Ten trajectories are averaged for each estimate.
        BatchGradient = "batch-gradient",
        /// The product with the Hessian is made by forming the d × d matrix.
        ExplicitHessian = "explicit-hessian",
        /// Old gradients are reweighted by likelihood ratios of whole trajectories.
        IsStorm = "is-storm",
        /// Likelihood ratios are taken of the first step only.
        OneStepWeight = "one-step-weight",
        /// The direction is the last gradient estimate: nothing is averaged.
        NoMomentum = "no-momentum",
        /// The average is not corrected by the Hessian.
        NoHvp = "no-hvp",
        /// The correction by the Hessian is subtracted instead of added.
        WrongSignHvp = "wrong-sign-hvp",
        /// The Hessian is always taken at the current parameter: q = 1.
        EndpointHessian = "endpoint-hessian",
        /// The last parameter has no influence on the policy, whose Fisher information is singular.
        DegeneratePolicy = "degenerate-policy",
        /// The step does not shrink.
        ConstantStep = "constant-step",
        /// The step constant is a tenth of what it should be.
        TinyStep = "tiny-step",
    }
}

/// The leaf.
#[must_use]
pub fn paper() -> Paper {
    let paper = Paper::new::<Fault>("fisher-non-degenerate-pg")
        .experiment::<training::Training>()
        .experiment::<cost::Cost>()
        .experiment::<quadratic::Transport>()
        .experiment::<saturation::Saturation>()
        .experiment::<weights::Additions>()
        .property::<properties::Unbiased>()
        .property::<properties::HessianPath>()
        .property::<properties::Dominance>()
        .property::<properties::ExactTransport>()
        .property::<properties::WeightMoment>();
    functions::all().into_iter().fold(paper, Paper::function)
}
