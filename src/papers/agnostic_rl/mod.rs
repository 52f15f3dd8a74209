//! Agnostic Reinforcement Learning: Foundations and Algorithms (Li, 2025, arXiv 2506.01884)
//!
//! The thesis builds on Jia, Li, Rakhlin, Sekhari and Srebro (arXiv 2310.06113: spanning capacity,
//! POPLER) and Krishnamurthy, Li and Sekhari (arXiv 2504.05405: access to the environment, policy
//! emulators).
//!
//! # Setting
//!
//! Episodes of H steps h = 0 … H − 1 over S states and A actions, with total reward in \[0, 1\]; every
//! step has dynamics of its own, so that a state of a step is a state of a layer. A finite class Π of
//! deterministic policies π = (π_0 … π_{H−1}) is given, and nothing is assumed of it: the task is to
//! find π̂ with V(π̂) ≥ max over Π of V − ε. What that costs depends on three things.
//!
//! | axis | degrees |
//! |---|---|
//! | access | a generative model: s′ ~ P_h(s, a) anywhere; online: episodes; resets to states drawn from μ_h |
//! | coverage | C_cov(Π; M) = max over h of Σ_sa max over π of d_h^π(s, a), the *coverability* of a process M |
//! | representation | C(Π) = max over h of C_h(Π), the *spanning capacity* of the class |
//!
//! C_h(Π) is the largest number of pairs (s, a) of layer h that policies of Π reach, over all
//! *deterministic* processes on the same states. A trajectory is *consistent* with π if a_h = π_h(s_h)
//! at all its steps.
//!
//! # Algorithms
//!
//! | access | algorithm | module |
//! |---|---|---|
//! | generative | trajectory trees: all of Π is evaluated on a lazily drawn deterministic process | [`tree`] |
//! | online | importance sampling from uniform actions: V̂(π) = Aᴴ mean of 1{consistent} R | [`importance`] |
//! | online | petals: policies that differ from a core policy in few states (the mechanism of POPLER) | [`petals`], [`petal_process`] |
//! | resets | PSDP: π_h = argmax over Π_h of E_{μ_h} Q_h(s, π_h(s)), from the last layer to the first | [`psdp`] |
//! | resets, Block process | policy emulator: a tabular process of m sampled observations a latent | [`emulator`] |
//!
//! A tree is a deterministic process, so it asks for at most Σ_h C_h(Π) ≤ H C(Π) transitions, whatever
//! the number of policies ([`tree`]); by the same coupling C_cov(Π; M) ≤ C(Π) for every process M
//! ([`coverability`]).
//!
//! # The reference process
//!
//! Transitions P_h(t|s, a) ∝ (1 + (3h + 5s + 7a + 2t + st + at² + c) mod 6)², rewards
//! r_h(s, a) = ((2h + 3s + 5a + sa + c) mod 7)/(6H), two actions, start in state 0
//! ([`process::reference`]). The class is that of policies with at most l ones ([`class::Family`]).

pub mod capacity;
pub mod class;
pub mod coverability;
pub mod emulator;
mod experiments;
mod functions;
pub mod importance;
pub mod petal_process;
pub mod petals;
pub mod process;
mod properties;
pub mod psdp;
pub mod search;
pub mod tree;

use super::leaf::{Failure, Paper, faults};
use crate::kernel::mdp::MdpError;

faults! {
    /// Mistakes of the analysis and of the algorithms.
    pub enum Fault {
        /// Groups of policies may never meet in one state: only trees are searched.
        TreeOnly = "tree-only",
        /// Occupancies are summed over policies in place of their maximum.
        SumOverPolicies = "sum-over-policies",
        /// A tree expands every action of every node, whether or not a policy takes it.
        FullTree = "full-tree",
        /// Every policy draws its own transitions: a tree is not shared.
        ResamplePerStep = "resample-per-step",
        /// A transition drawn for one layer is used again in others.
        ReuseAcrossLayers = "reuse-across-layers",
        /// Policies are evaluated by importance sampling in place of the method that is claimed.
        ImportanceSampling = "importance-sampling",
        /// The weight Aᴴ of importance sampling is left out.
        UnweightedEpisodes = "is-without-weights",
        /// Every policy gets the value of the core policy.
        NoPetalCorrection = "no-petal-correction",
        /// Paths go on through petals, whose values are added nevertheless.
        PetalNotAbsorbing = "petal-not-absorbing",
        /// Only constant policies are searched, and one of them is rewarded.
        StructuredClass = "structured-class",
        /// PSDP resets to where the best policy of the class goes.
        PsdpWithDStar = "psdp-with-d-star",
        /// The emulator has a single observation for each latent state.
        SharedSample = "shared-sample",
    }
}

/// The leaf.
#[must_use]
pub fn paper() -> Paper {
    let paper = Paper::new::<Fault>("agnostic-rl");
    let paper = functions::all().into_iter().fold(paper, Paper::function);
    properties::register(experiments::register(paper))
}

/// A process that cannot be made of what was asked for.
fn invalid(error: &MdpError) -> Failure {
    Failure::invalid(error.to_string())
}
