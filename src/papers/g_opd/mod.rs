//! Learning beyond Teacher: Generalized On-Policy Distillation with Reward Extrapolation
//! (Yang, Liu, Xie, Yang, Yang and Lin, 2026, arXiv 2602.12125).
//!
//! On-policy distillation (OPD) lets the student π_θ answer and pulls it towards the teacher π* on
//! its own answers, by minimising KL(π_θ‖π*). Read as reinforcement learning it has a dense reward
//! ln(π*/π_ref), a penalty KL(π_θ‖π_ref), and a weight 1 between the two, for any reference π_ref.
//!
//! # The objective
//!
//! G-OPD makes the weight λ of the reward free ([`objective`]):
//!
//! ```text
//! J_λ(θ) = E_{y∼π_θ}[λ ln(π*(y)/π_ref(y))] − KL(π_θ‖π_ref)
//!        = ln Z_λ − KL(π_θ‖π_λ),    π_λ = π_ref^(1−λ) π*^λ / Z_λ,
//! ```
//!
//! so that its maximiser π_λ lies on the geometric line through reference and teacher
//! ([`optimum`]): between them for 0 < λ < 1, and beyond the teacher for λ > 1 (ExOPD, by default
//! λ = 1.25). If the teacher is itself the optimum of KL-regularised reinforcement learning from the
//! reference, π* ∝ π_ref e^(r/β), then π_λ ∝ π_ref e^(λr/β) earns more than its teacher as soon as
//! λ > 1 ([`teacher`]). *Reward correction* takes the teacher's own initial model for π_ref, with
//! which ln(π*/π_ref) = r/β + const.
//!
//! # The algorithm
//!
//! The published code samples one response a prompt from the student, and gives each token the
//! advantage ([`token`])
//!
//! ```text
//! aₜ = −[(ln π_old − ln π_ref) − λ (ln π* − ln π_ref)](yₜ | y_<t)
//! ```
//!
//! in PPO's clipped surrogate, averaged over all tokens, with token-wise importance weights
//! truncated at 5 for the sampler that differs from π_old. Later tokens do not count in aₜ: this
//! update is not ∇J_λ, and its fixed point is the *token-wise* geometric mean
//! π(v|h) ∝ π_ref(v|h)^(1−λ) π*(v|h)^λ, which is π* at λ = 1 but differs from π_λ elsewhere.
//!
//! # Where it is measured
//!
//! Full trees of responses for the identities, and to train with the token update ([`sampled`]); linear
//! softmax policies over several prompts, where one student must serve two domains with a teacher
//! each ([`merging`]), or sees less than its teacher does ([`strong_to_weak`]).

pub mod correction;
mod cost;
mod functions;
pub mod linear;
pub mod merging;
pub mod objective;
pub mod optimum;
mod properties;
pub mod sampled;
pub mod strong_to_weak;
pub mod teacher;
pub mod token;

use super::leaf::{Paper, faults};

faults! {
    /// Mistakes of distilling beyond the teacher.
    pub enum Fault {
        /// Teacher and reference change places.
        SwapTeacherAndRef = "swap-teacher-and-ref",
        /// λ = 1 is used whatever is asked.
        LambdaIgnored = "lambda-ignored",
        /// λ = 1.25 is used whatever is asked.
        LambdaDefault = "lambda-default",
        /// λ and 1 − λ change places.
        WrongSignExtrapolation = "wrong-sign-extrapolation",
        /// 2 − λ is used for λ: it interpolates where it should extrapolate.
        Interpolate = "interpolate",
        /// The penalty is the divergence from the uniform policy instead of the reference.
        RefMissingInKl = "ref-missing-in-kl",
        /// All prefixes have the same weight, however often the student reaches them.
        UniformStateWeights = "uniform-state-weights",
        /// The gradient of the sequence objective credits a token with its own reward only.
        MyopicCredit = "myopic-credit",
        /// The token-wise geometric mean is taken for the optimum over sequences.
        TokenRuleIsSequenceOptimum = "token-rule-is-sequence-optimum",
        /// The advantage has the opposite sign: the student is driven away from the teacher.
        FlippedSign = "flipped-sign",
        /// The token update credits a token with the advantages of later tokens too.
        RewardToGo = "reward-to-go",
        /// Advantages are centred and divided by their deviation over the batch, as in GRPO.
        WhitenedAdvantages = "whitened-advantages",
        /// The advantage contains the current policy, and moves with it, instead of the old one.
        CurrentPolicyInAdvantage = "current-policy-in-advantage",
        /// A token is stopped whenever its ratio leaves the interval, whatever the sign of the advantage.
        ClipBothSides = "clip-both-sides",
        /// Tokens are averaged within each response first, and then over responses.
        SequenceMeanLoss = "sequence-mean-loss",
        /// The importance weights of the sampler are not truncated.
        ImportanceUntruncated = "importance-untruncated",
        /// The importance weight of a token is that of its whole response.
        SequenceImportance = "sequence-importance",
        /// Every prompt is routed to the teacher of the first domain.
        SingleTeacherRouting = "single-teacher-routing",
        /// What the student gained over its own start is reported as its lead over the teachers.
        LeadOverStart = "lead-over-start",
        /// Reward correction is left out: the reference stays the student's initial model.
        CorrectionOnStudentRef = "correction-on-student-ref",
        /// Reward correction the wrong way round: the teacher is the reference, and its base the teacher.
        WrongBase = "wrong-base",
        /// The student's initial model is counted where the teacher's base has to be evaluated.
        ReuseStudentInit = "reuse-student-init",
    }
}

/// The default of ExOPD.
pub const EXTRAPOLATION: f64 = 1.25;

/// The λ that is used where `lambda` was asked for.
fn effective(lambda: f64, fault: Option<Fault>) -> f64 {
    match fault {
        Some(Fault::LambdaIgnored) => 1.0,
        Some(Fault::LambdaDefault) => EXTRAPOLATION,
        Some(Fault::WrongSignExtrapolation) => 1.0 - lambda,
        Some(Fault::Interpolate) => 2.0 - lambda,
        _ => lambda,
    }
}

/// (teacher, reference), or the other way round under a fault.
fn roles<T>(teacher: T, reference: T, fault: Option<Fault>) -> (T, T) {
    match fault {
        Some(Fault::SwapTeacherAndRef | Fault::WrongBase) => (reference, teacher),
        _ => (teacher, reference),
    }
}

/// The leaf.
#[must_use]
pub fn paper() -> Paper {
    let paper = Paper::new::<Fault>("g-opd")
        .experiment::<correction::CorrectionGain>()
        .experiment::<correction::RewardCorrection>()
        .experiment::<cost::Cost>()
        .experiment::<merging::Merging>()
        .experiment::<objective::References>()
        .experiment::<optimum::TokenRule>()
        .experiment::<sampled::Sampled>()
        .experiment::<strong_to_weak::StrongToWeak>()
        .experiment::<teacher::Extrapolation>()
        .experiment::<teacher::NoisyTeacher>()
        .property::<properties::OpdIsRl>()
        .property::<properties::Density>()
        .property::<properties::Optimum>()
        .property::<properties::Gradient>()
        .property::<properties::TokenFixedPoint>()
        .property::<properties::BeyondTeacher>()
        .property::<properties::Correction>()
        .property::<properties::TokenUpdate>()
        .property::<properties::TokenSurrogate>()
        .property::<properties::RolloutCorrection>();
    functions::all().into_iter().fold(paper, Paper::function)
}
