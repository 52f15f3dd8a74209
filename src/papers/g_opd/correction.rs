//! Reward correction: the teacher's own base as reference.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    EXTRAPOLATION, Fault,
    objective::usual_tree,
    teacher::{Lesson, Reference, check_beta, rewards},
};
use crate::{
    kernel::{
        math::mean,
        stream::{Stream, Streams},
        tokens::Policy,
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Logarithms of the law of responses with independent N(0, 1) logits.
fn random_law(stream: &mut Stream) -> Vec<f64> {
    let task = usual_tree();
    let policy = Policy::from_fn(&task, |_, _| stream.normal());
    task.log_distribution(0, &policy)
}

/// Settings of reward correction on the usual tree.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CorrectionSettings {
    /// λ.
    #[schemars(range(min = -100.0, max = 100.0))]
    pub lambda: f64,
    /// Temperature β at which the teacher was trained.
    #[schemars(range(min = 0.001, max = 1000.0))]
    pub beta: f64,
}

impl Default for CorrectionSettings {
    fn default() -> Self {
        Self { lambda: EXTRAPOLATION, beta: 1.0 }
    }
}

/// The implicit reward, and what the optimum earns, with and without reward correction.
pub struct RewardCorrection {
    lambda: f64,
    lesson: Lesson,
}

impl Measure for RewardCorrection {
    type Settings = CorrectionSettings;
    type Fault = Fault;
    const NAME: &'static str = "reward-correction";
    const SUMMARY: &'static str =
        "Implicit reward and optimum with and without reward correction, on the usual tree.";
    const METRICS: &'static [Metric] = &[
        Metric::new("corrected-correlation", "Correlation of implicit and true reward, corrected.")
            .range(-1.0, 1.0)
            .higher_is_better(),
        Metric::new("default-correlation", "The same with the student's initial model as reference.")
            .range(-1.0, 1.0)
            .higher_is_better(),
        Metric::new("corrected-reward", "Expected reward of the optimum, corrected.")
            .range(0.0, 1.0)
            .higher_is_better(),
        Metric::new("default-reward", "The same with the student's initial model as reference.")
            .range(0.0, 1.0)
            .higher_is_better(),
        Metric::new("reference-gap", "Absolute difference of the two expected rewards.").range(0.0, 1.0),
    ];
    const FAULTS: &'static [Fault] =
        &[Fault::CorrectionOnStudentRef, Fault::LambdaDefault, Fault::LambdaIgnored];
    const STOCHASTIC: bool = false;

    fn prepare(settings: CorrectionSettings, _: &Data) -> Result<Self, Failure> {
        check_beta(settings.beta)?;
        Ok(Self { lambda: settings.lambda, lesson: Lesson::usual(settings.beta) })
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let lesson = &self.lesson;
        let reward = |reference| lesson.reward(reference, self.lambda, fault).clamp(0.0, 1.0);
        let (corrected, default) = (reward(Reference::TeacherBase), reward(Reference::StudentStart));
        Ok(Measurement::new()
            .metric("corrected-correlation", lesson.correlation(Reference::TeacherBase, fault))
            .metric("default-correlation", lesson.correlation(Reference::StudentStart, fault))
            .metric("corrected-reward", corrected)
            .metric("default-reward", default)
            .metric("reference-gap", (corrected - default).abs()))
    }
}

/// Settings of reward correction on random models.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GainSettings {
    /// λ.
    #[schemars(range(min = -100.0, max = 100.0))]
    pub lambda: f64,
    /// Temperature β at which the teacher was trained.
    #[schemars(range(min = 0.001, max = 1000.0))]
    pub beta: f64,
    /// Pairs of a teacher's base and a student of a replicate.
    #[schemars(range(min = 1, max = 100_000))]
    pub pairs: usize,
}

impl Default for GainSettings {
    fn default() -> Self {
        Self { lambda: EXTRAPOLATION, beta: 1.0, pairs: 300 }
    }
}

/// What reward correction gains on trees with random teachers and students.
pub struct CorrectionGain {
    settings: GainSettings,
    rewards: Vec<f64>,
}

impl Measure for CorrectionGain {
    type Settings = GainSettings;
    type Fault = Fault;
    const NAME: &'static str = "correction-gain";
    const SUMMARY: &'static str =
        "Gain of the optimum over its teacher with and without reward correction, for random models.";
    const METRICS: &'static [Metric] = &[
        Metric::new("corrected-gain", "Mean gain in expected reward over the teacher, corrected.")
            .range(-1.0, 1.0)
            .higher_is_better(),
        Metric::new("default-gain", "The same with the student's initial model as reference.")
            .range(-1.0, 1.0)
            .higher_is_better(),
        Metric::new("advantage", "Corrected gain less default gain.").range(-2.0, 2.0).higher_is_better(),
        Metric::new("smallest-corrected-gain", "Over the pairs of a replicate.").range(-1.0, 1.0),
        Metric::new("default-negative-share", "Share of pairs whose default gain is negative.")
            .range(0.0, 1.0),
        Metric::new("default-correlation", "Mean correlation of implicit and true reward by default.")
            .range(-1.0, 1.0),
    ];
    const FAULTS: &'static [Fault] = &[Fault::WrongBase, Fault::CorrectionOnStudentRef];
    const TREATMENTS: &'static [&'static str] = &["lambda"];

    fn prepare(settings: GainSettings, _: &Data) -> Result<Self, Failure> {
        check_beta(settings.beta)?;
        if settings.pairs == 0 {
            return Err(Failure::invalid("needs one or more `pairs`"));
        }
        Ok(Self { settings, rewards: rewards() })
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let GainSettings { lambda, beta, pairs } = self.settings;
        let (mut bases, mut students) = (streams.stream("teachers"), streams.stream("students"));
        let (mut corrected, mut default, mut correlations) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..pairs {
            let lesson =
                Lesson::new(random_law(&mut bases), random_law(&mut students), self.rewards.clone(), beta);
            let gain = |reference| lesson.reward(reference, lambda, fault) - lesson.teacher_reward();
            corrected.push(gain(Reference::TeacherBase));
            // The other arm is right also when the correction is not.
            let uncorrected = lesson.reward(Reference::StudentStart, lambda, None);
            default.push(uncorrected - lesson.teacher_reward());
            correlations.push(lesson.correlation(Reference::StudentStart, None));
        }
        let negative = default.iter().filter(|gain| **gain < 0.0).count();
        let (gain, default_gain) = (mean(&corrected), mean(&default));
        Ok(Measurement::new()
            .metric("corrected-gain", gain)
            .metric("default-gain", default_gain)
            .metric("advantage", gain - default_gain)
            .metric("smallest-corrected-gain", corrected.iter().copied().fold(1.0, f64::min))
            .metric("default-negative-share", negative as f64 / pairs as f64)
            .metric("default-correlation", mean(&correlations)))
    }
}
