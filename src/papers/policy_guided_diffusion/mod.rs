//! Policy-Guided Diffusion (Jackson et al., arXiv 2404.06356).
//!
//! Offline data are trajectories τ = (s₀, a₀, …, s_{T−1}, a_{T−1}) of a behaviour policy π_b. An agent
//! wants trajectories of its own policy π. Rolling out a learnt one-step model under π compounds the
//! model's errors. Policy-guided diffusion (PGD) instead learns a diffusion model of whole
//! trajectories, and bends its sampling towards π. With λ ≥ 0 the target is
//!
//! ```text
//! p*(τ) ∝ p_b(τ) Πₜ π(aₜ|sₜ)^λ          the behaviour-regularised target
//!       = argmax_p  λ E_p[Σ log π] − KL(p ‖ p_b)
//! ```
//!
//! Behaviour data keep the samples plausible, the guidance makes them likely under π. The sampler
//! starts from noise of level σ₀ = 80 and follows dx/dσ = −σ ∇ log p_σ(x) down to zero in n steps
//! ([`crate::kernel::diffusion`]); its score is that of the learnt model plus
//! λᵢ ∇ₐ Σ log π(aₜ|sₜ), with a schedule λᵢ over the steps.
//!
//! The networks are replaced by laws whose scores are known exactly:
//!
//! | part | trajectories | model |
//! |---|---|---|
//! | [`System`] | linear dynamics, linear Gaussian policies | the Gaussian itself |
//! | [`FiniteProblem`] | finite states, actions and horizon | the law itself, by messages and by enumeration |
//! | [`Dataset`] | nonlinear dynamics s' = 0.8s + 0.6a + 0.5 sin 2s + noise | a kernel density estimate |
//!
//! Every formula of p* is that of the *exact* tilt. The guidance of the published sampler is the
//! gradient at the noised (or at the denoised) trajectory, which is an approximation of it; the
//! experiment on the line shows what it costs.

mod balance;
mod critic;
mod finite;
mod functions;
mod line;
mod linear_gaussian;
mod nonlinear;
mod properties;
mod sampler;
mod schedule;
mod trajectories;

pub use finite::{FiniteLaw, FiniteProblem};
pub use linear_gaussian::System;
pub use nonlinear::{Dataset, WorldModel};

use super::leaf::{Failure, Paper, faults};
use crate::kernel::gaussian::GaussianError;

faults! {
    /// Mistakes of policy-guided diffusion and of the tools around it.
    pub enum Fault {
        /// The regulariser is KL(p_b ‖ p).
        ReverseRegulariser = "reverse-regulariser",
        /// The gradient of log π is taken with respect to actions only.
        ActionOnlyGradient = "action-only-gradient",
        /// The guidance is subtracted.
        NegativeGuidance = "negative-guidance",
        /// The guidance is left out: λ = 0.
        NoGuidance = "no-guidance",
        /// The behaviour policy's factor is left out: p ∝ Π P(s'|s, a) π(a|s)^λ.
        TargetOnly = "target-only",
        /// The trajectory model mixes the dynamics with 1 % of a uniform law.
        LeakyModel = "leaky-model",
        /// The tilted law is taken to have the dynamics of the data.
        AssumeTrueKernel = "assume-true-kernel",
        /// The world model knows the dynamics.
        OracleWorldModel = "oracle-world-model",
        /// The world model's error is measured at the pairs of the dataset, not along its rollouts.
        TeacherForced = "teacher-forced",
        /// The critic's data are guided away from the target policy's offset.
        GuidanceWrongSign = "guidance-wrong-sign",
        /// Every step is Euler's.
        EulerStep = "euler-step",
        /// The exact guidance stands in for the plug-in guidance.
        ExactGuidance = "exact-guidance",
        /// The last step is guided like the others.
        NoFinalZero = "no-final-zero",
        /// Transitions are weighted one by one, not as trajectories.
        PerStepReweighting = "per-step-reweighting",
    }
}

fn broken(error: GaussianError) -> Failure {
    Failure::numerical(error.to_string())
}

/// The leaf of this paper.
#[must_use]
pub fn paper() -> Paper {
    functions::add_to(Paper::new::<Fault>("policy-guided-diffusion"))
        .experiment::<balance::Balance>()
        .experiment::<critic::Critic>()
        .experiment::<trajectories::EffectiveSampleSize>()
        .experiment::<line::Line>()
        .experiment::<balance::NoiseOptimism>()
        .experiment::<sampler::Sampler>()
        .experiment::<schedule::Schedule>()
        .experiment::<trajectories::Trajectories>()
        .property::<properties::Balance>()
        .property::<properties::DynamicsSupport>()
        .property::<properties::RegularisedTarget>()
        .property::<properties::Score>()
        .property::<properties::TiltedDynamics>()
}
