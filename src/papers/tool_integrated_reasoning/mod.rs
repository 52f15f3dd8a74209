//! Understanding Tool-Integrated Reasoning (Lin and Xu, arXiv 2508.19201).
//!
//! Why does a language model that can call a program solve more than one that can only write? The
//! paper's answer has three parts, and a method.
//!
//! **Support.** Reinforcement learning with verifiable rewards reweighs what a policy can already say:
//! an answer of probability 0 keeps probability 0 ([`support`]). A tool adds answers. The policy may
//! emit a CALL, the environment appends an observation o that nobody sampled (it has factor 1 in the
//! likelihood, and no gradient: [`trajectory`]), and the policy goes on. With a call probability p_c,
//!
//! ```text
//! p(a) = (1 − p_c) q(a) + p_c Π_t [c if a_t = h_t else (1 − c)/(V − 1)]
//! ```
//!
//! where q is the text policy, h ∈ {0 … V − 1}^m what the tool reveals, and c the probability of
//! copying a token of it correctly ([`oracle`]).
//!
//! **Feasible support.** Written out step by step, an algorithm on an instance of size n costs tokens in
//! proportion to its running time; as a program it costs hardly more than the digits of n ([`cost`]).
//!
//! **pass@k.** The probability 1 − (1 − p)^k that one of k answers is right shows both ([`pass`]).
//!
//! **ASPO** asks for earlier calls without touching the reward. For a group of responses with
//! correctness rᵢ, length Lᵢ and position pᵢ of the first call:
//!
//! ```text
//! Aᵢ = (rᵢ − mean r)/std r                    GRPO; 0 for all if std r = 0
//! S  = {i : rᵢ = 1 and i made a call}
//! dᵢ = δ (pᵢ − mean_S p)/mean_S L             i ∈ S
//! Âᵢ = Aᵢ + clip(dᵢ, −k Aᵢ, k Aᵢ)             i ∈ S; Âᵢ = Aᵢ elsewhere
//! ```
//!
//! δ < 0 asks for early calls, and k ∈ \[0, 1) keeps correctness first. The alternative that it is held
//! against adds dᵢ to the reward, before normalisation ([`shaping`], [`training`]).

pub mod cost;
mod functions;
pub mod oracle;
pub mod pass;
mod properties;
pub mod shaping;
pub mod support;
pub mod training;
pub mod trajectory;

use super::leaf::{Paper, faults};

faults! {
    /// Mistakes about tools, supports and shaped advantages.
    pub enum Fault {
        /// One response in a hundred is drawn uniformly from all responses instead of from the policy.
        ExplorationFloor = "exploration-floor",
        /// The observation is scored as if the policy had drawn it, m tokens of probability 1/V.
        ScoreObservationTokens = "score-observation-tokens",
        /// The support with tools is taken at the ε of the text policy instead of (1 − p_c) ε.
        SameEpsilon = "same-epsilon",
        /// What the tool reveals has nothing to do with the hidden value: c = 1/V.
        NoisyTool = "noisy-tool",
        /// The text policy has seen the hidden value: its tokens have one more in the logit.
        PeekAtOracle = "peek-at-oracle",
        /// The tool writes out every iteration: 6 + 2n tokens.
        ToolCostLinear = "tool-cost-linear",
        /// The innermost loop is written out for one iteration only.
        InnermostLoopOnce = "innermost-loop-once",
        /// pass@k by plugging c/n into 1 − (1 − p)^k.
        PlugInPassAtK = "plug-in-passk",
        /// With tools the model forgets its text route: what text solves one time in ten or more is lost.
        ToolDropsTextRoute = "tool-drops-text-route",
        /// pass@k of the pooled answers of all prompts, instead of the mean over prompts.
        PooledPrompts = "pooled-prompts",
        /// The mean log-probability divides by the tokens of observations too.
        ObservationsInLength = "observations-in-length",
        /// Centre and scale of the bonus come from all responses with a call, right or wrong.
        MeansOverAllCalls = "means-over-all-calls",
        /// A response without a call counts as one that calls at position 0.
        MissingCallAtZero = "missing-call-at-zero",
        /// Rewards are normalised by their sample deviation, divisor G − 1.
        SampleDeviation = "sample-deviation",
        /// The bonus is not clipped.
        NoClip = "no-clip",
        /// The bonus is clipped to ±k instead of ±k Aᵢ.
        ClipToConstant = "clip-to-constant",
        /// The bonus is added to the reward and normalised with it.
        NoCorrectnessGate = "no-correctness-gate",
        /// A group of equal rewards is divided by its deviation all the same.
        NormaliseWithoutZeroGuard = "normalise-without-zero-guard",
        /// δ has the other sign, so that late calls are asked for.
        SignOfDelta = "sign-of-delta",
        /// k = 0: the bonus is clipped to nothing.
        KZero = "k-zero",
    }
}

/// The leaf of this paper.
#[must_use]
pub fn paper() -> Paper {
    let paper = Paper::new::<Fault>("tool-integrated-reasoning")
        .experiment::<cost::Budget>()
        .experiment::<cost::Cost>()
        .experiment::<oracle::Supports>()
        .experiment::<pass::PassCurves>()
        .experiment::<support::Reweighing>()
        .experiment::<training::Training>()
        .property::<properties::answers::Likelihood>()
        .property::<properties::answers::SupportKept>()
        .property::<properties::answers::SupportGrows>()
        .property::<properties::answers::Strictness>()
        .property::<properties::answers::Uninformed>()
        .property::<properties::counts::Budgets>()
        .property::<properties::counts::UnbiasedPassAtK>()
        .property::<properties::counts::Dominance>()
        .property::<properties::groups::CorrectnessFirst>()
        .property::<properties::groups::CentredBonus>()
        .property::<properties::groups::AllCorrect>();
    functions::add_to(paper)
}
