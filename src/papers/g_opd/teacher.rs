//! Teachers that are optima of KL-regularised reinforcement learning, and what lies beyond them.
//!
//! If π* ∝ π_base e^(r/β) and π_ref = π_base, then π_λ ∝ π_base e^(λr/β) is an exponential family in
//! λ, so d/dλ E_{π_λ} r = Var_{π_λ}(r)/β ≥ 0. A noisy teacher has (r + σξ)/β in its exponent. Reward
//! correction is the choice π_ref = π_base; with another reference the implicit reward
//! ln(π*/π_ref) = r/β + ln(π_base/π_ref) + const carries the difference of the two models.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    EXTRAPOLATION, Fault,
    objective::{usual_tree, wave_policy},
    optimum::{expected, extrapolate},
};
use crate::{
    kernel::{
        math::{log_sum_exp, mean, variance},
        stream::Streams,
        tokens::{Policy, Task},
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// ln of p(y) ∝ base(y) e^(exponent(y)).
#[must_use]
pub fn tilted(base: &[f64], exponents: &[f64]) -> Vec<f64> {
    let raised: Vec<f64> = base.iter().zip(exponents).map(|(b, e)| b + e).collect();
    let log_z = log_sum_exp(&raised);
    raised.iter().map(|x| x - log_z).collect()
}

/// Which model the implicit reward is measured against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reference {
    /// The teacher's model before reinforcement learning: reward correction.
    TeacherBase,
    /// The student's initial model: the default.
    StudentStart,
}

impl Reference {
    /// The reference that is used where this one was asked for.
    pub(super) fn honoured(self, fault: Option<Fault>) -> Self {
        if fault == Some(Fault::CorrectionOnStudentRef) { Self::StudentStart } else { self }
    }
}

/// A teacher with its base, a student's initial model, and the reward that the teacher was trained on.
#[derive(Clone, Debug)]
pub struct Lesson {
    /// ln π_base of the teacher.
    pub base: Vec<f64>,
    /// ln π* of the teacher.
    pub teacher: Vec<f64>,
    /// ln of the student's initial model.
    pub start: Vec<f64>,
    /// r.
    pub rewards: Vec<f64>,
}

impl Lesson {
    /// With the RL-optimal teacher at temperature β > 0.
    #[must_use]
    pub fn new(base: Vec<f64>, start: Vec<f64>, rewards: Vec<f64>, beta: f64) -> Self {
        let exponents: Vec<f64> = rewards.iter().map(|r| r / beta).collect();
        Self { teacher: tilted(&base, &exponents), base, start, rewards }
    }

    /// The usual tree: base wave(n, v, 2), student wave(n, v, 5).
    pub(super) fn usual(beta: f64) -> Self {
        let task = usual_tree();
        let law = |c| task.log_distribution(0, &wave_policy(c));
        Self::new(law(2), law(5), rewards(), beta)
    }

    /// ln π_ref.
    #[must_use]
    pub fn reference(&self, reference: Reference) -> &[f64] {
        match reference {
            Reference::TeacherBase => &self.base,
            Reference::StudentStart => &self.start,
        }
    }

    /// E r of the teacher.
    #[must_use]
    pub fn teacher_reward(&self) -> f64 {
        expected(&self.teacher, |y| self.rewards[y])
    }

    /// E r of the optimum π_λ.
    #[must_use]
    pub fn reward(&self, reference: Reference, lambda: f64, fault: Option<Fault>) -> f64 {
        let reference = self.reference(reference.honoured(fault));
        let optimum = extrapolate(&self.teacher, reference, lambda, fault);
        expected(&optimum.logarithms, |y| self.rewards[y])
    }

    /// Var r of π_λ with the teacher's base as reference.
    #[must_use]
    pub fn reward_variance(&self, lambda: f64, fault: Option<Fault>) -> f64 {
        let optimum = extrapolate(&self.teacher, &self.base, lambda, fault).logarithms;
        let centre = expected(&optimum, |y| self.rewards[y]);
        expected(&optimum, |y| (self.rewards[y] - centre) * (self.rewards[y] - centre))
    }

    /// The implicit reward ln(π*/π_ref) of each outcome.
    #[must_use]
    pub fn implicit_reward(&self, reference: Reference, fault: Option<Fault>) -> Vec<f64> {
        let reference = self.reference(reference.honoured(fault));
        self.teacher.iter().zip(reference).map(|(t, r)| t - r).collect()
    }

    /// Pearson's correlation of the implicit reward with r over the outcomes.
    #[must_use]
    pub fn correlation(&self, reference: Reference, fault: Option<Fault>) -> f64 {
        correlation(&self.implicit_reward(reference, fault), &self.rewards)
    }
}

/// Pearson's correlation; 0 if one of the two is constant.
fn correlation(x: &[f64], y: &[f64]) -> f64 {
    let (centre_x, centre_y) = (mean(x), mean(y));
    let covariance: Vec<f64> = x.iter().zip(y).map(|(a, b)| (a - centre_x) * (b - centre_y)).collect();
    let scale = (variance(x, 0) * variance(y, 0)).sqrt();
    if scale == 0.0 { 0.0 } else { (mean(&covariance) / scale).clamp(-1.0, 1.0) }
}

/// Rewards of the usual tree: 1 if the tokens add up to a multiple of three.
pub(super) fn rewards() -> Vec<f64> {
    let task = usual_tree();
    let mut rewards = Vec::with_capacity(task.responses());
    task.enumerate(0, &Policy::uniform(&task), &mut |y| rewards.push(y.reward));
    rewards
}

pub(super) fn check_beta(beta: f64) -> Result<(), Failure> {
    if (1e-3..=1e3).contains(&beta) {
        return Ok(());
    }
    Err(Failure::invalid("`beta` must be from 0.001 to 1000"))
}

/// Settings of extrapolation from an exact teacher.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExtrapolationSettings {
    /// λ.
    #[schemars(range(min = -100.0, max = 100.0))]
    pub lambda: f64,
    /// Temperature β at which the teacher was trained.
    #[schemars(range(min = 0.001, max = 1000.0))]
    pub beta: f64,
}

impl Default for ExtrapolationSettings {
    fn default() -> Self {
        Self { lambda: EXTRAPOLATION, beta: 1.0 }
    }
}

/// What the optimum earns.
pub struct Extrapolation {
    lambda: f64,
    beta: f64,
    lesson: Lesson,
}

/// Step of the numeric derivative in λ.
const STEP: f64 = 1e-5;

impl Measure for Extrapolation {
    type Settings = ExtrapolationSettings;
    type Fault = Fault;
    const NAME: &'static str = "extrapolation";
    const SUMMARY: &'static str =
        "Expected reward of the optimum on the usual tree, with the RL-optimal teacher of its reference.";
    const METRICS: &'static [Metric] = &[
        Metric::new("reward", "Expected reward E of the optimum.").range(0.0, 1.0).higher_is_better(),
        Metric::new("lead", "E less the expected reward of the teacher.").range(-1.0, 1.0).higher_is_better(),
        Metric::new("slope", "dE/dλ, by central differences."),
        Metric::new("slope-error", "|dE/dλ − Var(r)/β|.").range(0.0, f64::INFINITY),
        Metric::new("log-z", "ln Z, the value of J at the optimum.").unit("nat"),
    ];
    const FAULTS: &'static [Fault] = &[Fault::WrongSignExtrapolation, Fault::LambdaIgnored];
    const STOCHASTIC: bool = false;

    fn prepare(settings: ExtrapolationSettings, _: &Data) -> Result<Self, Failure> {
        let ExtrapolationSettings { lambda, beta } = settings;
        check_beta(beta)?;
        Ok(Self { lambda, beta, lesson: Lesson::usual(beta) })
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let at = |lambda| self.lesson.reward(Reference::TeacherBase, lambda, fault);
        let (reward, slope) =
            (at(self.lambda), (at(self.lambda + STEP) - at(self.lambda - STEP)) / (2.0 * STEP));
        let variance = self.lesson.reward_variance(self.lambda, fault);
        let log_z = extrapolate(&self.lesson.teacher, &self.lesson.base, self.lambda, fault).log_z;
        Ok(Measurement::new()
            .metric("reward", reward.clamp(0.0, 1.0))
            .metric("lead", (reward - self.lesson.teacher_reward()).clamp(-1.0, 1.0))
            .metric("slope", slope)
            .metric("slope-error", (slope - variance / self.beta).abs())
            .metric("log-z", log_z))
    }
}

/// Settings of extrapolation from a noisy teacher.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NoisySettings {
    /// λ.
    #[schemars(range(min = -100.0, max = 100.0))]
    pub lambda: f64,
    /// Temperature β at which the teacher was trained.
    #[schemars(range(min = 0.001, max = 1000.0))]
    pub beta: f64,
    /// Deviation σ of the noise in the teacher's reward.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub noise: f64,
    /// Teachers of a replicate.
    #[schemars(range(min = 1, max = 100_000))]
    pub teachers: usize,
}

impl Default for NoisySettings {
    fn default() -> Self {
        Self { lambda: EXTRAPOLATION, beta: 1.0, noise: 0.5, teachers: 500 }
    }
}

/// What the optimum earns beyond teachers whose reward was noisy.
pub struct NoisyTeacher {
    settings: NoisySettings,
    base: Vec<f64>,
    rewards: Vec<f64>,
}

impl Measure for NoisyTeacher {
    type Settings = NoisySettings;
    type Fault = Fault;
    const NAME: &'static str = "noisy-teacher";
    const SUMMARY: &'static str =
        "Expected reward of the optimum over that of teachers with noise in their reward, on the usual tree.";
    const METRICS: &'static [Metric] = &[
        Metric::new("gain", "Mean gain in expected reward over the teacher.")
            .range(-1.0, 1.0)
            .higher_is_better(),
        Metric::new("negative-share", "Share of the teachers over which there is no gain but a loss.")
            .range(0.0, 1.0)
            .lower_is_better(),
        Metric::new("reward", "Mean expected reward.").range(0.0, 1.0).higher_is_better(),
    ];
    const FAULTS: &'static [Fault] = &[Fault::Interpolate, Fault::LambdaIgnored];
    const TREATMENTS: &'static [&'static str] = &["lambda"];

    fn prepare(settings: NoisySettings, _: &Data) -> Result<Self, Failure> {
        check_beta(settings.beta)?;
        if settings.teachers == 0 || !(0.0..=100.0).contains(&settings.noise) {
            return Err(Failure::invalid("needs one or more `teachers`, and `noise` from 0 to 100"));
        }
        Ok(Self { base: usual_tree().log_distribution(0, &wave_policy(2)), rewards: rewards(), settings })
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let NoisySettings { lambda, beta, noise, teachers } = self.settings;
        let mut stream = streams.stream("noise");
        let earned = |law: &[f64]| expected(law, |y| self.rewards[y]);
        let (mut gains, mut earnings) = (Vec::with_capacity(teachers), Vec::with_capacity(teachers));
        for _ in 0..teachers {
            let exponents: Vec<f64> =
                self.rewards.iter().map(|r| (r + noise * stream.normal()) / beta).collect();
            let teacher = tilted(&self.base, &exponents);
            let reward = earned(&extrapolate(&teacher, &self.base, lambda, fault).logarithms);
            gains.push(reward - earned(&teacher));
            earnings.push(reward);
        }
        let negative = gains.iter().filter(|gain| **gain < 0.0).count();
        Ok(Measurement::new()
            .metric("gain", mean(&gains).clamp(-1.0, 1.0))
            .metric("negative-share", negative as f64 / teachers as f64)
            .metric("reward", mean(&earnings).clamp(0.0, 1.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn known_rewards_beyond_the_teacher() {
        let lesson = Lesson::usual(1.0);
        for (lambda, known) in
            [(0.0, 0.4940), (0.5, 0.6168), (1.0, 0.7263), (1.25, 0.7731), (1.5, 0.8139), (2.0, 0.8782)]
        {
            assert_relative_eq!(lesson.reward(Reference::TeacherBase, lambda, None), known, epsilon = 5e-5);
        }
        assert_relative_eq!(lesson.reward_variance(1.0, None), 0.198_799, epsilon = 5e-7);
    }

    #[test]
    fn known_correlations_and_rewards_of_both_references() {
        let lesson = Lesson::usual(1.0);
        assert_relative_eq!(lesson.correlation(Reference::TeacherBase, None), 1.0, epsilon = 1e-12);
        assert_relative_eq!(lesson.correlation(Reference::StudentStart, None), 0.392, epsilon = 5e-4);
        for (reference, extrapolated) in [(Reference::TeacherBase, 0.7731), (Reference::StudentStart, 0.8548)]
        {
            assert_relative_eq!(lesson.reward(reference, 1.0, None), 0.726_275_876_4, epsilon = 1e-10);
            assert_relative_eq!(lesson.reward(reference, 1.25, None), extrapolated, epsilon = 5e-5);
        }
        assert_eq!(correlation(&[1.0, 1.0], &[0.0, 1.0]), 0.0);
    }
}
