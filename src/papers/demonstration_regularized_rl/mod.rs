//! Demonstration-Regularized RL (Tiapkin, Belomestny, Calandriello, Moulines, Munos, Naumov, Perrault,
//! Valko and Ménard, ICLR 2024, arXiv 2310.17303).
//!
//! # Setting
//!
//! An episodic process of H steps, S states and A actions, with rewards r_h(s, a) ∈ \[0, 1\]. An expert
//! π^E, whose value is within ε_E of the optimum V*, shows N^E trajectories (states and actions, no
//! rewards). The learner clones the expert, and then maximises the reward *regularised by its clone*:
//!
//! ```text
//! KL_traj(π‖ρ) = E_π Σ_h KL(π_h(·|s_h)‖ρ_h(·|s_h))         = KL of the laws of the trajectories
//! V_λ^π        = V^π − λ KL_traj(π‖π^BC)
//! ```
//!
//! # Algorithm
//!
//! ```text
//! 1. clone:    π^BC_h(a|s) = (N_h(s, a) + 1)/(N_h(s) + A)
//! 2. weigh:    λ = ε/ε_KL²                                  with KL_traj(π^E‖π^BC) ≤ ε_KL²
//! 3. plan, in an estimate of the process, for h = H … 1:
//!              Q_h = r_h + P̂_h V_{h+1}
//!              V_h(s) = λ ln Σ_a π^BC_h(a|s) exp(Q_h(s, a)/λ)
//!              π_h(a|s) ∝ π^BC_h(a|s) exp(Q_h(s, a)/λ)
//! ```
//!
//! Where rewards are not seen but only comparisons of trajectories, P(τ ≻ τ′) = σ(R(τ) − R(τ′)), step 3 plans with
//! a reward that is estimated from M pairs drawn from π^BC ([`crate::kernel::preference`]). Nothing else
//! guards against errors of that reward.
//!
//! # What can be said exactly
//!
//! - A clone of N^E trajectories has E KL_traj(π^E‖π^BC) ≤ S H (A − 1)/(N^E + 1), whoever the expert is: for one
//!   state seen n times the expectation is at most ln(1 + (A − 1)/(n + 1)) ≤ (A − 1)/(n + 1), and
//!   E 1/(n + 1) ≤ 1/(d (N^E + 1)) for n ~ Bin(N^E, d). The expectation itself is a sum over binomial laws
//!   ([`cloning::expected_divergence`]).
//! - With π*_λ the maximiser of V_λ, V*_λ − V_λ^π = λ KL_traj(π‖π*_λ) for every π. So a policy whose V_λ is within ε of
//!   the best has V* − V^π ≤ ε_E + λ KL_traj(π^E‖π^BC) + ε, which the choice of λ makes ε_E + 2ε.
//! - An error δ = Q̂ − Q of the action values costs, in one state, at most span(δ)²/(8λ): the square of the error,
//!   where planning without a regulariser pays the error itself. This is the *fast rate*: with n samples
//!   a pair the regularised gap falls like 1/n, and λ ∝ N^E then saves samples like 1/N^E.
//!
//! # What the reference leaves out
//!
//! The paper explores online, with an optimistic, regularised value iteration whose number of episodes is bounded up
//! to constants. Here n next states are drawn for every (h, s, a), so that planning and demonstrations
//! are seen apart from exploration. The process is [`cases::process`], a closed formula in integers.
//!
//! | file | holds |
//! |---|---|
//! | `bounds` | the weight of the regulariser, gaps, and what bounds them |
//! | `cases` | the process, its experts, and what is known of both |
//! | `cloning` | the clone, its exact expected divergence, and bounds |
//! | `imitation` | divergence against the number of demonstrations |
//! | `planning` | plans in estimated processes, with λ given |
//! | `sample_need` | plans with λ from the number of demonstrations |
//! | `two_arms` | the worst of all two-armed problems |
//! | `preferences` | plans with a reward learned from comparisons |
//! | `linear` | the same plan by regression on features |
//! | `properties` | what holds for every process and policy |
//! | `functions` | what can be called |

mod bounds;
mod cases;
mod cloning;
mod functions;
mod imitation;
mod linear;
mod planning;
mod preferences;
mod properties;
mod sample_need;
mod two_arms;

use super::leaf::{Failure, Paper, faults};

faults! {
    /// Mistakes of demonstration-regularised learning.
    pub enum Fault {
        /// The clone is N_h(s, a)/N_h(s): actions that were not shown are never taken.
        UnsmoothedMle = "unsmoothed-mle",
        /// The loss of the clone is averaged over the demonstrations and its regulariser is not, so that each action counts N^E times before it is shown.
        UndividedRegulariser = "undivided-regulariser",
        /// The bound on the divergence of the clone is a quarter of what it should be.
        HalfCountBound = "half-count-bound",
        /// The divergence is taken from the optimum to the policy.
        ReverseKl = "reverse-kl",
        /// The expert is taken to be optimal.
        ExpertValueIgnored = "expert-value-ignored",
        /// The bound on the cost of an error multiplies by λ where it should divide.
        LinearBoundClaimed = "linear-bound-claimed",
        /// Plans are not regularised: the better estimate wins.
        Unregularised = "unregularised",
        /// The arms lie one apart, whatever the number of samples.
        FixedGap = "fixed-gap",
        /// The error of the estimated value is taken for the gap of the policy.
        ValueError = "value-error",
        /// λ does not follow the number of demonstrations.
        LambdaFixed = "lambda-fixed",
        /// The reference is the uniform policy in place of the clone.
        UniformReference = "uniform-reference",
        /// Plans with the learned reward are not regularised.
        NoKl = "no-kl",
        /// The error of the reward is counted where the expert goes, and not where the policy goes.
        RewardErrorOneSided = "reward-error-one-sided",
        /// The regression keeps a ridge of one.
        RidgeKept = "ridge-kept",
    }
}

/// The leaf of this paper.
#[must_use]
pub fn paper() -> Paper {
    functions::add_to(Paper::new::<Fault>("demonstration-regularized-rl"))
        .experiment::<imitation::Imitation>()
        .experiment::<planning::Planning>()
        .experiment::<preferences::Preferences>()
        .experiment::<sample_need::SampleNeed>()
        .experiment::<two_arms::TwoArms>()
        .property::<properties::Guarantee>()
        .property::<properties::ExpectedLoss>()
        .property::<properties::SoftOptimality>()
        .property::<properties::Reduction>()
        .property::<properties::PlugInError>()
        .property::<properties::RewardError>()
        .property::<properties::OneHot>()
}

/// What is wrong with an input, as a failure of the leaf.
fn invalid(error: impl std::fmt::Display) -> Failure {
    Failure::invalid(error.to_string())
}
