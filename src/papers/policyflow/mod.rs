//! PolicyFlow (Yang, Liu and Chen, arXiv 2602.01156).
//!
//! A policy may draw its action from a flow, so that it can have many modes. Noise z ~ N(0, I) is
//! carried by a learnt velocity field, and a little Gaussian noise is added at the end:
//!
//! ```text
//! dφ_t/dt = v(t, φ_t),  φ₀ = z,  a = φ₁(z) + n,  n ~ N(0, σ²)        t = 0 noise, t = 1 action
//! ```
//!
//! The likelihood of an action is then an integral over z, or takes the divergence of v along the whole
//! path. PolicyFlow does without. A hat marks the policy that collected the data. Given z, the new
//! policy displaces the end of the flow by D(z) = φ₁(z) − φ̂₁(z), and the pair (z, n) has the ratio
//!
//! ```text
//! ρ = N(n; δ, σ²) / N(n; 0, σ̂²)        δ = D(z)                                     ([`ratio`])
//! ```
//!
//! which is an unbiased weight for every function of the action. D(z) still takes the new flow; it is
//! approximated at one point of the straight line from the noise to the end that was stored,
//!
//! ```text
//! δ = v(t, x_t) − v̂(t, x_t)             x_t = (1 − t) z + t φ̂₁(z),  t uniform       ([`displacement`])
//! ```
//!
//! and the policy ascends a clipped surrogate with two regularisers ([`surrogate`]):
//!
//! ```text
//! L = mean min(ρA, clip(ρ, 1 − ε, 1 + ε) A) + w_g Σᵢ ½ ln 2πe σᵢ² − w_b mean |η|²
//! η = (1 − t) v(t, x_t) − (x_t − t v̂(t, x_t))
//! ```
//!
//! The Brownian regulariser −w_b |η|² is to keep the flow from collapsing on one mode. On the rectified
//! path the score of p_t is (t v̂ − x)/(1 − t), so η = 0 means that v is the negative score; and under
//! such a velocity a law spreads as heat does, ∂p/∂t = Δp ([`crate::kernel::flow`]).
//!
//! What is exact is held against closed forms and quadrature ([`properties`]); the algorithm as a
//! whole, with a velocity field linear in radial features, against Gaussian PPO on a bandit with four
//! goals ([`training`]).

mod bandit;
mod cost;
mod displacement;
mod features;
mod functions;
mod gradient;
mod policies;
mod properties;
mod ratio;
mod spreading;
mod surrogate;
mod training;

use super::leaf::{Failure, Paper, faults};
use crate::kernel::gaussian::GaussianError;

faults! {
    /// Mistakes of `PolicyFlow` and of the tools around it.
    pub enum Fault {
        /// Time is read as in other flow codes, with the action at t = 0.
        TimeFlipped = "time-flipped",
        /// The Brownian residual adds the score: η = (1 − t) v + (x − t v̂).
        SignFlip = "sign-flip",
        /// The law is carried by its score instead of by the negative score.
        PositiveScore = "positive-score",
        /// The reference flow is never renewed: v̂ = 0.
        NoResync = "no-resync",
        /// The denominator of the ratio has the new deviation σ where data were collected with σ̂.
        OldSigmaBoth = "old-sigma-both",
        /// The normalising constants of the two normal densities are dropped.
        NoLogSigma = "no-log-sigma",
        /// Points of the path join a sample's noise with another sample's end.
        WrongEndpoint = "wrong-endpoint",
        /// The output layer is not initialised at zero: the reference flow is 0.8x.
        LinearReference = "linear-reference",
        /// The reference velocity is the one stored when the rollout began, v̂(0, z).
        StaleReference = "stale-reference",
        /// Every epoch solves the new flow for the exact displacement.
        ResolveOde = "resolve-ode-each-epoch",
        /// The flow starts from z = 0: what is left is a Gaussian policy.
        DegenerateToGaussian = "degenerate-to-gaussian",
        /// The Brownian regulariser is left out: w_b = 0.
        NoRegulariser = "no-regulariser",
        /// The squared residual is averaged over coordinates instead of summed.
        MeanResidual = "mean-residual",
    }
}

fn broken(error: GaussianError) -> Failure {
    Failure::numerical(error.to_string())
}

/// The leaf of this paper.
#[must_use]
pub fn paper() -> Paper {
    functions::add_to(Paper::new::<Fault>("policyflow"))
        .experiment::<training::Bandit>()
        .experiment::<cost::Cost>()
        .experiment::<displacement::Displacement>()
        .experiment::<gradient::InitialGradient>()
        .experiment::<spreading::Spreading>()
        .property::<properties::BrownianResidual>()
        .property::<properties::EntropyRate>()
        .property::<properties::JointRatio>()
        .property::<properties::ScoreVelocity>()
        .property::<properties::SynchronisedResidual>()
        .property::<properties::UnitMean>()
}
