//! Actor-critics can achieve optimal sample efficiency (Tan, Fan and Wei, ICML 2025, arXiv 2505.03710).
//!
//! # Setting
//!
//! An episodic process of H steps h = 0 … H − 1 with S states, A actions and a fixed start. An algorithm
//! plays a policy π_t in every episode t = 1 … T; its regret is Reg(T) = Σ_t (V* − V^{π_t}), computed from
//! exact values and not from sampled returns.
//!
//! # NORA: no-regret, optimistic, rarely switching
//!
//! ```text
//! critic   f_h(s, a) = clip(r̂_h(s, a) + P̂_h V_{h+1}(s, a) + b_h(s, a), 0, B),   V_h(s) = max_a f_h(s, a)
//! each episode:
//!   actor    π_h(a|s) ← π_h(a|s) exp(η f_h(s, a)) / normaliser
//!   play π, add the trajectory to the data
//!   switch   if some N_h(s, a) ≥ 2 max(N_h at the last switch, ½):
//!              recompute the critic, reset π to uniform
//! ```
//!
//! N_h(s, a) counts visits, r̂ and P̂ are their means (zero where there is none), and the bonus is
//! b = c_b √(ln(2T)/N), or B where N = 0. This is the tabular form of the paper's algorithm, whose critic is
//! the largest member of a confidence set of functions with small Bellman error, and which switches when
//! the error of the critic on the data has grown. Its critic is a target of Q*: it maximises over actions,
//! whatever the actor plays. With c_b = 0 the critic is that of plain least squares, without optimism.
//! *Hybrid* learning starts from the counts of N_off trajectories of a behaviour policy.
//!
//! # Contents
//!
//! | file | holds |
//! |---|---|
//! | [`critic`] | the critic, by backward induction with a bonus |
//! | [`actor`] | multiplicative weights, their regret against a fixed critic, and the learning rate |
//! | [`switching`] | the switch test, and how often it can fire |
//! | [`nora`] | the algorithm |
//! | [`difference`] | the extended value-difference identity |
//! | [`lock`] | the process on which it is measured, and offline data of it |
//! | [`online`] | the experiment |
//! | [`sample_complexity`] | the number of episodes that the theory asks for |

pub mod actor;
pub mod critic;
pub mod difference;
mod functions;
pub mod lock;
pub mod nora;
pub mod online;
mod properties;
pub mod sample_complexity;
pub mod switching;

use super::leaf::{Failure, Paper, faults};
use crate::kernel::mdp::MdpError;

faults! {
    /// Mistakes of the algorithm and of its analysis.
    pub enum Fault {
        /// The bonus is left out: the critic is not optimistic.
        NoOptimism = "no-optimism",
        /// The critic is recomputed, and the policy reset, after every episode.
        SwitchEveryEpisode = "switch-every-episode",
        /// One more visit is enough for a switch; counts need not double.
        NoDoubling = "no-doubling",
        /// The policy is never reset.
        NeverReset = "never-reset",
        /// The critic values next states under the uniform policy instead of the best action.
        OnPolicyTarget = "on-policy-target",
        /// The identity backs up the maximum of the critic instead of its mean under the policy.
        MaxBackup = "max-backup",
        /// The actor forgets all earlier updates.
        NoAccumulate = "no-accumulate",
        /// A segment is played from the uniform policy on; the critic acts one episode late.
        StaleFirstPolicy = "stale-first-policy",
        /// The learning rate is that of one segment, however many there are.
        EtaNotScaledByK = "eta-not-scaled-by-k",
        /// The offline data are not loaded.
        IgnoreOffline = "ignore-offline",
        /// All offline trajectories begin with the tempting action.
        UncoveredOffline = "uncovered-offline",
    }
}

fn broken(error: &MdpError) -> Failure {
    Failure::invalid(error.to_string())
}

/// The leaf of this paper.
#[must_use]
pub fn paper() -> Paper {
    functions::add_to(Paper::new::<Fault>("optimal-actor-critic"))
        .experiment::<online::Online>()
        .experiment::<sample_complexity::SampleComplexity>()
        .property::<properties::ActorClosedForm>()
        .property::<properties::DifferenceIdentity>()
        .property::<properties::LearningRateOptimum>()
        .property::<properties::Optimism>()
        .property::<properties::SegmentBound>()
        .property::<properties::Switches>()
}
