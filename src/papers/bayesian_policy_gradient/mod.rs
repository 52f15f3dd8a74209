//! Bayesian policy gradient and actor-critic algorithms (Ghavamzadeh, Engel and Valko, arXiv 2604.27563).
//!
//! A policy μ(a|x; θ), θ ∈ ℝⁿ, makes paths ξ with returns R(ξ) = Σ γᵗ r_t and scores
//! u(ξ) = Σ ∇ln μ(a_t|x_t; θ), from which the dynamics cancel. The gradient of the expected return is the
//! integral E[R u], and estimating it is quadrature. Monte Carlo takes the mean of R u over M paths. Bayesian
//! policy gradient puts a Gaussian-process prior on a part of the integrand and conditions it on the M paths
//! ([`estimators`]):
//!
//! ```text
//!           prior on   kernel k(ξᵢ, ξⱼ)      E[∇η]                   Cov[∇η]
//! Model 1   R u        (1 + uᵢᵀG⁻¹uⱼ)²      U diag(y) (K + sI)⁻¹ z   (1 + n − zᵀ(K + sI)⁻¹z) I
//! Model 2   R          c + uᵢᵀG⁻¹uⱼ         U (K + sI)⁻¹ y           G − U (K + sI)⁻¹ Uᵀ
//! ```
//!
//! with U = \[u(ξ₁) … u(ξ_M)\] (n × M), returns y (M) seen with noise of variance s, the Fisher matrix
//! G = E\[u uᵀ\] and zᵢ = 1 + uᵢᵀG⁻¹uᵢ. The kernels are chosen so that their integrals have these closed forms. A
//! constant c ≥ 0 leaves the integrals of Model 2 alone because E u = 0; it is a baseline that is learnt.
//!
//! Bayesian actor-critic ([`actor_critic`]) uses the Markov property: the prior is on the action values Q, with
//! kernel k_x(x, x′) + u(x, a)ᵀG⁻¹u(x′, a′) of scores of single steps, rewards are seen through Gaussian-process
//! temporal differences, and the gradient Σ ν(x) μ(a|x) u(x, a) Q(x, a) has covariance u(z_t) with Q(z_t)
//! whatever the state kernel k_x. There G is weighted by discounted visits ν: another matrix than that of paths.
//!
//! No code of the authors was found. Their environments are replaced by ones whose gradient and Fisher matrix are
//! known exactly ([`bandit`], [`regulator`], [`terminating`]), so that errors are measured and not estimated.

mod actor_critic;
mod bandit;
mod calibration;
mod cost;
mod episodes;
mod estimators;
mod functions;
mod learning;
mod path_properties;
mod regulator;
mod step_properties;
mod terminating;

use nalgebra::DMatrix;

use super::leaf::{Failure, Paper, faults};
use crate::kernel::{gp::GpError, mdp::MdpError};

faults! {
    /// Mistakes of Bayesian policy gradients.
    pub enum Fault {
        /// The Fisher matrix is estimated from the very paths that it weighs, without a constant in the kernel.
        FisherFromSameBatch = "fisher-from-same-batch",
        /// The kernel forgets the Fisher matrix: uᵀu′ for uᵀG⁻¹u′.
        IdentityMetric = "identity-metric",
        /// z lacks its 1.
        ZMissingConstant = "z-missing-constant",
        /// The primal form adds noise to the scores as if they were white: sI for sG.
        ForgetNoiseMetric = "forget-noise-metric",
        /// The natural gradient is computed from a system of the size of the batch.
        DualOnly = "dual-only",
        /// The true Fisher matrix takes the place of the empirical one.
        ExactFisher = "exact-fisher",
        /// The model believes in a tenth of the noise.
        NoiseTooSmall = "noise-too-small",
        /// Every path joins the dictionary.
        NoAld = "no-ald",
        /// The kernel of the returns has no constant.
        NoBaselineConstant = "no-baseline-constant",
        /// The Fisher matrix of single steps counts visits without discount.
        UnweightedFisher = "unweighted-fisher",
        /// Temporal differences are taken with γ = 1.
        GptdGammaOne = "gptd-gamma-one",
        /// The noise of rewards is taken for independent.
        IidNoise = "iid-noise",
        /// The kernel of the action values has no part for the state.
        NoStateKernel = "no-state-kernel",
    }
}

/// The leaf of this paper.
#[must_use]
pub fn paper() -> Paper {
    functions::add_to(Paper::new::<Fault>("bayesian-policy-gradient"))
        .experiment::<bandit::Bandit>()
        .experiment::<calibration::Calibration>()
        .experiment::<cost::Cost>()
        .experiment::<episodes::Episodes>()
        .experiment::<learning::Gradient>()
        .experiment::<learning::Learning>()
        .property::<path_properties::ExactGradient>()
        .property::<path_properties::ClosedForms>()
        .property::<path_properties::PrimalForm>()
        .property::<path_properties::SameBatchShrinkage>()
        .property::<path_properties::GradientCovariance>()
        .property::<path_properties::Reparameterisation>()
        .property::<path_properties::Sparsification>()
        .property::<step_properties::ActorCriticIntegrals>()
        .property::<step_properties::ReturnsToGo>()
}

fn no_posterior(error: GpError) -> Failure {
    match error {
        GpError::NotPositiveDefinite => Failure::numerical(error.to_string()),
        _ => Failure::invalid(error.to_string()),
    }
}

fn no_process(error: &MdpError) -> Failure {
    match error {
        MdpError::Singular => Failure::numerical(error.to_string()),
        _ => Failure::invalid(error.to_string()),
    }
}

/// A⁻¹ B of a symmetric positive definite A.
fn solved(a: &DMatrix<f64>, b: &DMatrix<f64>) -> Result<DMatrix<f64>, Failure> {
    let root = a.clone().cholesky().ok_or_else(|| Failure::numerical("a matrix is not positive definite"))?;
    Ok(root.solve(b))
}
