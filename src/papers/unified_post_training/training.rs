//! Training on one hard question with an imperfect demonstrator, without sampling: every update is
//! its expectation.
//!
//! The question needs K skills, each answered by one of V tokens, and pays only if all are right: at
//! the start with probability V^(−K). The demonstrator gives the right token of each skill with
//! probability `accuracy`, and otherwise any of the others. An update is
//!
//! θ ← θ + rate · \[E β(K) · Δ + κ ∇p\],
//!
//! with Δ the difference of the demonstrator's and the policy's token distributions in each skill,
//! and the weights of [`Gate`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    gate::{Gate, Recipe},
};
use crate::{
    kernel::{
        math::mean,
        stream::{Stream, Streams},
        tokens::{Policy, Rows, Skills, Step, Task},
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// A question, its demonstrator and how long to train.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Course {
    /// V.
    #[schemars(range(min = 2, max = 64))]
    pub vocabulary: usize,
    /// K.
    #[schemars(range(min = 1, max = 32))]
    pub skills: usize,
    /// Probability of the demonstrator's right token.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub accuracy: f64,
    /// G: responses a group.
    #[schemars(range(min = 2, max = 64))]
    pub group: usize,
    /// Learning rate.
    #[schemars(range(min = 0.0))]
    pub rate: f64,
    /// Updates.
    #[schemars(range(min = 1, max = 100_000))]
    pub steps: usize,
}

impl Default for Course {
    fn default() -> Self {
        Self { vocabulary: 6, skills: 5, accuracy: 0.8, group: 8, rate: 1.0, steps: 300 }
    }
}

/// A course, and the recipe to follow.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How demonstrations and rewards are combined.
    pub recipe: Recipe,
    /// γ of the gate, as a number of right responses.
    #[schemars(range(max = 1_000_000))]
    pub threshold: usize,
    /// Step at which the pipeline changes from demonstrations to rewards.
    #[schemars(range(max = 1_000_000))]
    pub switch: usize,
    /// The question, its demonstrator and how long to train.
    pub course: Course,
}

impl Default for Settings {
    fn default() -> Self {
        Self { recipe: Recipe::Hpt, threshold: 0, switch: 150, course: Course::default() }
    }
}

impl Settings {
    /// The recipe with its numbers.
    #[must_use]
    pub fn gate(&self) -> Gate {
        let Self { recipe, threshold, switch, .. } = *self;
        Gate { recipe, group: self.course.group, threshold, switch }
    }
}

impl Course {
    /// The question.
    #[must_use]
    pub fn task(&self) -> Skills {
        Skills::hard(self.vocabulary, self.skills)
    }

    /// The demonstrator's token distributions: one row a skill.
    #[must_use]
    pub fn demonstrator(&self, task: &Skills) -> Rows {
        let slip = (1.0 - self.accuracy) / (self.vocabulary - 1) as f64;
        Rows::from_fn(task.rows(), task.width(), |skill, token| {
            if task.is_right(Step { row: skill, token }) { self.accuracy } else { slip }
        })
    }

    /// Draws a demonstration.
    pub fn demonstration(demonstrator: &Rows, stream: &mut Stream) -> Vec<Step> {
        demonstrator
            .iter()
            .enumerate()
            .map(|(row, tokens)| Step { row, token: stream.categorical(tokens) })
            .collect()
    }
}

/// How training went.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// p at the start and after each update.
    pub success: Vec<f64>,
    /// E β(K) at the end.
    pub demonstration_weight: f64,
}

impl Outcome {
    /// p at the end.
    #[must_use]
    pub fn last(&self) -> f64 {
        self.success[self.success.len() - 1]
    }

    /// Mean of p before each update: the success rate of the responses that training samples.
    #[must_use]
    pub fn average(&self) -> f64 {
        mean(&self.success[..self.success.len() - 1])
    }

    /// Updates until p first reaches one half; one more than there are if it never does.
    #[must_use]
    pub fn steps_to_half(&self) -> usize {
        self.success.iter().position(|p| *p >= 0.5).unwrap_or(self.success.len())
    }
}

/// Trains in expectation.
#[must_use]
pub fn mean_field(settings: &Settings, fault: Option<Fault>) -> Outcome {
    let (course, gate) = (&settings.course, settings.gate());
    let task = course.task();
    let demonstrator = course.demonstrator(&task);
    let mut policy = Policy::uniform(&task);
    let mut gradient = Rows::zeros(task.rows(), task.width());
    let mut success = vec![task.success(0, &policy)];
    for step in 0..course.steps {
        let p = task.success(0, &policy);
        gradient.clear();
        task.add_gradient(0, &policy, gate.reward_scale(step, p, fault), &mut gradient);
        let weight = gate.demonstration_weight(step, p, fault);
        for skill in 0..task.rows() {
            for token in 0..task.width() {
                gradient[skill][token] += weight * (demonstrator[skill][token] - policy.row(skill)[token]);
            }
        }
        policy.ascend(course.rate, &gradient);
        success.push(task.success(0, &policy));
    }
    let end = success[success.len() - 1];
    Outcome { demonstration_weight: gate.demonstration_weight(course.steps, end, fault), success }
}

const FAULTS: &[Fault] = &[Fault::GateInverted, Fault::GateTooHigh, Fault::ConstantSftWeight];

/// One recipe, in expectation.
pub struct MeanField(Settings);

impl Measure for MeanField {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "mean-field";
    const SUMMARY: &'static str =
        "Trains one recipe in expectation on a hard question with an imperfect demonstrator.";
    const METRICS: &'static [Metric] = &[
        Metric::new("final", "Success rate at the end.").range(0.0, 1.0).higher_is_better(),
        Metric::new("mean", "Mean success rate over the updates.").range(0.0, 1.0).higher_is_better(),
        Metric::new(
            "steps-to-half",
            "Updates until the success rate is one half; one more than there are if never.",
        )
        .unit("updates")
        .range(0.0, f64::INFINITY)
        .lower_is_better(),
        Metric::new("demonstration-weight", "Expected weight of the demonstration loss at the end.")
            .range(0.0, 1.0),
        Metric::new("last-change", "Change of the success rate in the last update.").range(-1.0, 1.0),
    ];
    const FAULTS: &'static [Fault] = FAULTS;
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let outcome = mean_field(&self.0, fault);
        let steps = (0..outcome.success.len()).map(|step| step as f64).collect();
        let before = outcome.success[outcome.success.len() - 2];
        Ok(Measurement::new()
            .metric("final", outcome.last())
            .metric("mean", outcome.average())
            .metric("steps-to-half", outcome.steps_to_half() as f64)
            .metric("demonstration-weight", outcome.demonstration_weight.min(1.0))
            .metric("last-change", outcome.last() - before)
            .series("success", steps, outcome.success))
    }
}

/// Settings of the comparison.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ComparisonSettings {
    /// Steps at which the pipelines change; the first is the one in `lead-over-first-pipeline`.
    #[schemars(length(min = 1, max = 100), inner(range(max = 1_000_000)))]
    pub switches: Vec<usize>,
    /// The question, its demonstrator and how long to train.
    pub course: Course,
}

impl Default for ComparisonSettings {
    fn default() -> Self {
        Self { switches: vec![150, 10, 30, 60], course: Course::default() }
    }
}

/// All recipes on the same course, in expectation.
pub struct Comparison(ComparisonSettings);

impl Measure for Comparison {
    type Settings = ComparisonSettings;
    type Fault = Fault;
    const NAME: &'static str = "comparison";
    const SUMMARY: &'static str = "By how much the gate leads the fixed recipes, in expectation.";
    const METRICS: &'static [Metric] = &[
        Metric::new("lead-over-sft", "Final success of the gate less that of demonstrations only.")
            .range(-1.0, 1.0),
        Metric::new("lead-over-grpo", "The same over rewards only.").range(-1.0, 1.0),
        Metric::new("lead-over-mix", "The same over both losses always.").range(-1.0, 1.0),
        Metric::new("lead-over-first-pipeline", "The same over the first pipeline.").range(-1.0, 1.0),
        Metric::new("mean-lead-over-first-pipeline", "The same of the mean over updates.").range(-1.0, 1.0),
        Metric::new("mean-lead-over-best-pipeline", "The same over the best of the pipelines.")
            .range(-1.0, 1.0),
    ];
    const FAULTS: &'static [Fault] = FAULTS;
    const STOCHASTIC: bool = false;

    fn prepare(settings: ComparisonSettings, _: &Data) -> Result<Self, Failure> {
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let outcome = |recipe, switch| {
            let settings = Settings { recipe, threshold: 0, switch, course: self.0.course.clone() };
            mean_field(&settings, fault)
        };
        let gated = outcome(Recipe::Hpt, 0);
        let lead = |recipe| gated.last() - outcome(recipe, 0).last();
        let pipelines: Vec<Outcome> =
            self.0.switches.iter().map(|switch| outcome(Recipe::SftThenGrpo, *switch)).collect();
        let best = pipelines.iter().map(Outcome::average).fold(f64::NEG_INFINITY, f64::max);
        let first = pipelines.first().ok_or_else(|| Failure::invalid("`switches` must not be empty"))?;
        Ok(Measurement::new()
            .metric("lead-over-sft", lead(Recipe::Sft))
            .metric("lead-over-grpo", lead(Recipe::Grpo))
            .metric("lead-over-mix", lead(Recipe::Mix))
            .metric("lead-over-first-pipeline", gated.last() - first.last())
            .metric("mean-lead-over-first-pipeline", gated.average() - first.average())
            .metric("mean-lead-over-best-pipeline", gated.average() - best))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    fn run(recipe: Recipe, switch: usize, accuracy: f64, fault: Option<Fault>) -> Outcome {
        let course = Course { accuracy, ..Course::default() };
        mean_field(&Settings { recipe, threshold: 0, switch, course }, fault)
    }

    #[test]
    fn known_courses_of_training() {
        for (recipe, last, average) in [
            (Recipe::Sft, 0.3277, 0.3195),
            (Recipe::Grpo, 0.0002, 0.0002),
            (Recipe::SftThenGrpo, 0.9882, 0.6196),
            (Recipe::Mix, 0.6158, 0.5973),
            (Recipe::Hpt, 0.9942, 0.9315),
        ] {
            let outcome = run(recipe, 150, 0.8, None);
            assert_relative_eq!(outcome.last(), last, epsilon = 5e-5);
            assert_relative_eq!(outcome.average(), average, epsilon = 5e-5);
        }
        assert_eq!(run(Recipe::Hpt, 0, 0.8, None).steps_to_half(), 14);
        assert_eq!(run(Recipe::SftThenGrpo, 150, 0.8, None).steps_to_half(), 154);
        assert!(run(Recipe::Hpt, 0, 0.8, None).demonstration_weight < 1e-17);
    }

    #[test]
    fn known_courses_of_mistaken_gates() {
        let faulty = |fault| run(Recipe::Hpt, 0, 0.8, Some(fault));
        assert_relative_eq!(faulty(Fault::GateInverted).last(), 0.0012, epsilon = 5e-5);
        assert_relative_eq!(faulty(Fault::GateTooHigh).last(), 0.3717, epsilon = 5e-5);
        assert_relative_eq!(faulty(Fault::GateTooHigh).average(), 0.3598, epsilon = 5e-5);
        assert_relative_eq!(faulty(Fault::ConstantSftWeight).last(), 0.6158, epsilon = 5e-5);
    }

    #[test]
    fn known_pipelines() {
        for (switch, average) in [(10, 0.9274), (30, 0.8851), (60, 0.8186), (150, 0.6196)] {
            let outcome = run(Recipe::SftThenGrpo, switch, 0.8, None);
            assert_relative_eq!(outcome.average(), average, epsilon = 5e-5);
        }
        assert_relative_eq!(run(Recipe::SftThenGrpo, 10, 0.9, None).average(), 0.9373, epsilon = 5e-5);
        assert_relative_eq!(run(Recipe::Hpt, 0, 0.9, None).average(), 0.9367, epsilon = 5e-5);
    }
}
