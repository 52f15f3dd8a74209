//! Laws over outcomes, with a reward on them.

use proptest::{collection::vec, prelude::*};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{STEP, lambdas, logits};
use crate::{
    kernel::math::log_sum_exp,
    papers::{
        g_opd::{
            Fault,
            optimum::extrapolate,
            teacher::{Lesson, Reference, tilted},
        },
        leaf::{Failure, Measurement, Metric, Observe},
    },
};

/// Outcomes with two laws and a reward.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Outcomes {
    /// Logits of the teacher's base.
    base: Vec<f64>,
    /// Logits of the student's initial model.
    start: Vec<f64>,
    /// r.
    rewards: Vec<f64>,
    /// β.
    beta: f64,
    /// Two values of λ.
    lambdas: [f64; 2],
}

impl Outcomes {
    fn lesson(&self) -> Result<Lesson, Failure> {
        let count = self.rewards.len();
        let all = self.base.iter().chain(&self.start).chain(&self.rewards);
        if count == 0
            || self.base.len() != count
            || self.start.len() != count
            || all.clone().any(|x| !x.is_finite())
        {
            return Err(Failure::invalid("`base`, `start` and `rewards` must be finite and equally many"));
        }
        if self.beta.is_nan() || self.beta <= 0.0 {
            return Err(Failure::invalid("`beta` must be positive"));
        }
        let law = |logits: &[f64]| {
            let log_z = log_sum_exp(logits);
            logits.iter().map(|x| x - log_z).collect()
        };
        Ok(Lesson::new(law(&self.base), law(&self.start), self.rewards.clone(), self.beta))
    }

    /// Largest reward less smallest.
    fn range(&self) -> f64 {
        let largest = self.rewards.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        largest - self.rewards.iter().copied().fold(f64::INFINITY, f64::min)
    }
}

fn outcomes() -> BoxedStrategy<Outcomes> {
    (1_usize..=8)
        .prop_flat_map(|count| {
            let rewards = prop_oneof![
                3 => vec((-8_i32..=8).prop_map(|k| f64::from(k) / 4.0), count),
                3 => vec((0_i32..=1).prop_map(f64::from), count),
                1 => Just(vec![0.5; count]),
            ];
            let beta = prop_oneof![Just(1.0), Just(0.5), Just(10.0)];
            (logits(count, true), logits(count, true), rewards, beta, [lambdas(), lambdas()])
        })
        .prop_map(|(base, start, rewards, beta, lambdas)| Outcomes { base, start, rewards, beta, lambdas })
        .boxed()
}

/// g-opd.6: beyond an RL-optimal teacher.
pub struct BeyondTeacher;

impl Observe for BeyondTeacher {
    type Instance = Outcomes;
    type Fault = Fault;
    const NAME: &'static str = "beyond-teacher";
    const SUMMARY: &'static str =
        "With an RL-optimal teacher π_λ ∝ π_base e^(λr/β), whose expected reward has slope Var(r)/β in λ.";
    const METRICS: &'static [Metric] = &[
        Metric::new("form-error", "Largest difference in ln from π_base e^(λr/β), relative.")
            .range(0.0, f64::INFINITY),
        Metric::new("slope-error", "Largest |dE/dλ − Var(r)/β|, relative.").range(0.0, f64::INFINITY),
        Metric::new("fall", "E at the smaller λ less E at the larger one."),
    ];
    const FAULTS: &'static [Fault] = &[Fault::WrongSignExtrapolation, Fault::SwapTeacherAndRef];

    fn instances() -> BoxedStrategy<Outcomes> {
        outcomes()
    }

    fn observe(outcomes: &Outcomes, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let lesson = outcomes.lesson()?;
        let earned = |lambda| lesson.reward(Reference::TeacherBase, lambda, fault);
        let [a, b] = outcomes.lambdas;
        let (mut form, mut slope) = (0.0_f64, 0.0_f64);
        let size = lesson.base.iter().map(|x| x.abs()).fold(1.0, f64::max);
        // Rounding of E over the step, and the third derivative of E over the step squared.
        let bend = (outcomes.range() / outcomes.beta).max(1.0);
        let steepest = (bend * bend * bend * outcomes.range()).max(size);
        for lambda in outcomes.lambdas {
            let optimum = extrapolate(&lesson.teacher, &lesson.base, lambda, fault);
            let exponents: Vec<f64> = lesson.rewards.iter().map(|r| lambda * r / outcomes.beta).collect();
            let known = tilted(&lesson.base, &exponents);
            let apart = optimum.logarithms.iter().zip(&known).map(|(x, y)| (x - y).abs());
            form = form.max(apart.fold(0.0, f64::max) / size);
            let derivative = (earned(lambda + STEP) - earned(lambda - STEP)) / (2.0 * STEP);
            let known = lesson.reward_variance(lambda, None) / outcomes.beta;
            slope = slope.max((derivative - known).abs() / steepest);
        }
        Ok(Measurement::new()
            .metric("form-error", form)
            .metric("slope-error", slope)
            .metric("fall", (earned(a.min(b)) - earned(a.max(b))) / size))
    }
}

/// g-opd.10 and g-opd.11: what the reference does to the implicit reward.
pub struct Correction;

impl Observe for Correction {
    type Instance = Outcomes;
    type Fault = Fault;
    const NAME: &'static str = "correction";
    const SUMMARY: &'static str = "Against the teacher's base the implicit reward is r/β + const; at λ = 1 the reference is irrelevant.";
    const METRICS: &'static [Metric] = &[
        Metric::new(
            "reward-error",
            "Largest difference of a reward from the implicit one, up to a constant, relative.",
        )
        .range(0.0, f64::INFINITY),
        Metric::new("reference-gap", "Difference in E r of the optima at λ = 1 of two references, relative.")
            .range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::CorrectionOnStudentRef, Fault::LambdaDefault];

    fn instances() -> BoxedStrategy<Outcomes> {
        outcomes()
    }

    fn observe(outcomes: &Outcomes, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let lesson = outcomes.lesson()?;
        let size = lesson.base.iter().chain(&lesson.start).map(|x| x.abs()).fold(1.0, f64::max);
        let implicit = lesson.implicit_reward(Reference::TeacherBase, fault);
        let excess: Vec<f64> =
            implicit.iter().zip(&lesson.rewards).map(|(i, r)| i - r / outcomes.beta).collect();
        let error = excess.iter().map(|e| (e - excess[0]).abs()).fold(0.0, f64::max);
        let earned = |reference| lesson.reward(reference, 1.0, fault);
        let gap = (earned(Reference::TeacherBase) - earned(Reference::StudentStart)).abs();
        Ok(Measurement::new().metric("reward-error", error / size).metric("reference-gap", gap / size))
    }
}
