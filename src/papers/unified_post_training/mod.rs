//! Towards a Unified View of Large Language Model Post-Training (Lv, Zuo, Sun and others, 2025,
//! arXiv 2509.04419)
//!
//! Supervised finetuning on demonstrations and reinforcement learning from a verifier look like two
//! trades. Here they are parts of one gradient, of the common objective
//!
//! J_μ(θ) = E_{τ ~ π_θ} r(τ) − μ KL(π_β ‖ π_θ),  μ ≥ 0,
//!
//! with π_β the policy of the demonstrator, whose gradient is E_{π_θ}\[r ∇ln π_θ\] + μ E_{π_β}\[∇ln π_θ\]
//! ([`objective`]).
//!
//! # The unified estimator
//!
//! Every algorithm averages terms of the form ([`unified`])
//!
//! 1_stable · (1/π_ref(τ)) · Â(τ) · ∇π_θ(τ),
//!
//! and they differ in four parts. With the ratio ρ = π_θ/π_old:
//!
//! | algorithm | π_ref | Â | mask 1_stable, extra factor |
//! |---|---|---|---|
//! | SFT | π_θ | 1 | |
//! | REINFORCE | π_θ | A | |
//! | PPO, GRPO, CISPO (a token at a time) | π_old | A | 0 if (A > 0 and ρ > 1 + ε_high) or (A < 0 and ρ < 1 − ε_low) |
//! | GSPO | π_θ (π_old/π_θ)^(1/\|τ\|) | A | the same of s = ρ^(1/\|τ\|) |
//! | SRFT, offline part | 1 | A | |
//! | LUFFY, offline part | 1 | A | f′(π_θ) with f(x) = x/(x + 0.1) |
//!
//! π_ref is held constant where it is π_θ. How the parts trade bias against variance is measured by
//! enumeration ([`variance`]).
//!
//! # Hybrid post-training
//!
//! For each question, sample G responses and count the K right ones. The loss is
//! α·L_RL + β·L_SFT(τ*) with a gate: α = 1\[K > γ\], β = 1\[K ≤ γ\], by default γ = 0. So a question
//! that the model cannot answer is shown a demonstration τ*, and any other is left to reinforcement
//! learning ([`gate`], [`training`]). A demonstration is used with probability (1 − p)ᴳ, which needs
//! no schedule to vanish.

pub mod figures;
mod functions;
pub mod gate;
pub mod objective;
mod properties;
pub mod sampled;
pub mod training;
pub mod unified;
pub mod variance;

use super::leaf::{Paper, faults};

faults! {
    /// Mistakes of the unified estimator and of hybrid post-training.
    pub enum Fault {
        /// Demonstrations are fitted by the reverse divergence KL(π_θ‖π_β).
        ReverseKlSft = "reverse-kl-sft",
        /// Samples of another policy are not divided by its likelihood: π_ref = 1.
        MissingDenominator = "missing-denominator",
        /// The mask stops a token whenever its ratio leaves the interval, whatever the sign of A.
        MaskBothSides = "mask-both-sides",
        /// LUFFY's factor f′(π_θ) is left out.
        LuffyWithoutShaping = "luffy-without-shaping",
        /// PPO divides by the current policy instead of the old one.
        RefThetaForOld = "ref-theta-for-old",
        /// The clip mask is taken to leave the expectation alone.
        ClaimClipUnbiased = "claim-clip-unbiased",
        /// Demonstrations are used where the model succeeds, and reinforcement where it fails.
        GateInverted = "gate-inverted",
        /// Demonstrations are used up to half of the group being right.
        GateTooHigh = "gate-too-high",
        /// The demonstration loss always has weight 1, and reinforcement too.
        ConstantSftWeight = "constant-sft-weight",
        /// The average of the table misses its weakest benchmark.
        DroppedBenchmark = "dropped-benchmark",
    }
}

/// The leaf.
#[must_use]
pub fn paper() -> Paper {
    let paper = Paper::new::<Fault>("unified-post-training")
        .experiment::<variance::Variance>()
        .experiment::<gate::Gates>()
        .experiment::<training::MeanField>()
        .experiment::<training::Comparison>()
        .experiment::<sampled::Sampled>()
        .experiment::<figures::Averages>()
        .property::<properties::ObjectiveGradient>()
        .property::<properties::MeasureChange>()
        .property::<properties::TableRows>()
        .property::<properties::TokenForm>()
        .property::<properties::GatedUpdate>();
    functions::all().into_iter().fold(paper, Paper::function)
}
