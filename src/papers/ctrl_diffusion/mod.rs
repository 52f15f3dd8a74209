//! Adding Conditional Control to Diffusion Models with Reinforcement Learning (CTRL; Zhao, Uehara,
//! Scalia, Kung, Biancalani, Levine and Hajiramezanali, arXiv 2406.12120).
//!
//! A pre-trained diffusion model samples p_pre(x|c) by a denoising chain: x_T ~ ν, then
//! x_{t−1} ~ Kₜ(·|xₜ, c) for t = T … 1. Offline triples (x, c, y) show a new control y. The goal is to
//! sample, for a strength γ ≥ 0,
//!
//! ```text
//! p_γ(x|c, y) ∝ p_pre(x|c) p(y|x, c)^γ.
//! ```
//!
//! CTRL fits one classifier p̂(y|x, c) of noiseless data, calls the chain an episode, and fine-tunes
//! its kernels P, started at K, to maximise
//!
//! ```text
//! J(P) = E_P[γ ln p̂(y|x₀, c)] − Σₜ E_P[KL(Pₜ(·|xₜ) ‖ Kₜ(·|xₜ))].
//! ```
//!
//! # The soft-optimal chain
//!
//! ```text
//! v₀(x) = γ ln p(y|x)
//! vₜ(x) = ln Σ_{x'} Kₜ(x'|x) exp v_{t−1}(x')
//! P*ₜ(x'|x) = Kₜ(x'|x) exp(v_{t−1}(x') − vₜ(x))
//! ```
//!
//! For γ = 1, exp vₜ(x) = p(y | xₜ = x): the classifier of the noise level t, which classifier guidance
//! would have to learn. Given x_T, the chain P* samples x₀ exactly in proportion to
//! p_pre(x₀|x_T) p(y|x₀)^γ. The marginal of x₀ is p_γ if x_T, too, is drawn from ν exp v_T
//! ([`Initial::Tilted`]), or if ν is a single state; with ν untouched ([`Initial::Kept`]) it is p_γ up to
//! a bias that vanishes as the chain forgets x_T. Every claim says which of the two it is about.
//!
//! # Contents
//!
//! | file | holds |
//! |---|---|
//! | `chain` | finite chains, their soft-optimal control, J and divergences of paths |
//! | `gaussian_chain`, `gaussian_moments` | the same for Gaussian data, in closed form; plug-in guidance; the divergence of one step |
//! | `training` | gradient ascent on J |
//! | `classifiers` | how many classifiers CTRL and classifier guidance fit |
//! | `tables`, `sample_efficiency` | CTRL, a joint classifier and classifier-free guidance from n triples |
//! | `random_chains` | deterministic measurements on numbered random chains |
//! | `properties`, `gaussian_properties` | what holds on every instance |
//! | `functions` | what can be called |

mod chain;
mod classifiers;
mod functions;
mod gaussian_chain;
mod gaussian_moments;
mod gaussian_properties;
mod properties;
mod random_chains;
mod sample_efficiency;
mod tables;
mod training;

pub use chain::{Chain, Controlled, Initial, Sampler};
pub use gaussian_chain::GaussianChain;

use super::leaf::{Paper, faults};

faults! {
    /// Mistakes of conditional control and of the tools around it.
    pub enum Fault {
        /// The reward enters twice, as if the weight of the divergence were one half.
        DoubleTemperature = "double-temperature",
        /// Only the last denoising step is controlled.
        LastStepOnly = "last-step-only",
        /// The divergence from the pre-trained chain costs nothing: every step goes where v is largest.
        NoKl = "no-kl",
        /// The reward is −γ ln p(y|x).
        NegativeRewardSign = "negative-reward-sign",
        /// The value of a noisy state is γ ln p(y|E[x₀|xₜ]), the classifier at the expected sample.
        PlugInClassifier = "plug-in-classifier",
        /// The cost is the divergence from the controlled to the pre-trained chain the wrong way round, KL(K ‖ P).
        ReverseKl = "reverse-kl",
        /// A new classifier is fitted for every denoising step.
        PerStepRefit = "per-step-refit",
        /// Noisy states are shown to the classifier of noiseless ones.
        NoiselessClassifier = "noiseless-classifier",
        /// The chain is taken to be exact although x_T is drawn from the untilted ν.
        ExactClaimUntilted = "exact-claim-untilted",
        /// The bound on the effect of a classifier's error leaves γ out.
        DropGamma = "drop-gamma",
        /// The pre-trained model is taken to be uniform.
        IgnorePrior = "ignore-prior",
        /// Labels depend on the context given the sample, and nobody notices.
        ViolatedIndependence = "violated-independence",
        /// The divergence of a step is averaged over coordinates, not summed.
        MeanReduction = "mean-reduction",
        /// The gradient passes the reward on and drops the divergence.
        DetachedKl = "detached-kl",
    }
}

/// The leaf of this paper.
#[must_use]
pub fn paper() -> Paper {
    functions::add_to(Paper::new::<Fault>("ctrl-diffusion"))
        .experiment::<random_chains::ClassifierError>()
        .experiment::<classifiers::Classifiers>()
        .experiment::<gaussian_moments::GaussianMoments>()
        .experiment::<random_chains::RandomChains>()
        .experiment::<sample_efficiency::SampleEfficiency>()
        .experiment::<random_chains::Strengths>()
        .experiment::<training::Training>()
        .property::<properties::ClassifierTilt>()
        .property::<properties::ExactConditional>()
        .property::<gaussian_properties::GaussianClassifiers>()
        .property::<gaussian_properties::GaussianConditional>()
        .property::<properties::GuidanceStrength>()
        .property::<properties::PairsSuffice>()
        .property::<properties::SoftOptimality>()
        .property::<properties::StartBias>()
        .property::<properties::StepClassifiers>()
        .property::<gaussian_properties::StepDivergence>()
}
