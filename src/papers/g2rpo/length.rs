//! Length shaping: a bonus on thinking where a task needs it, a malus where it does not.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fault;
use crate::{
    kernel::{
        stream::Streams,
        tokens::{Policy, Rows, Step, Task, Thinking, Verifier},
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// What a task asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Thinking is rewarded.
    Reasoning,
    /// Thinking is charged for.
    Perception,
}

impl Kind {
    /// The length term of a response with ℓ thinking tokens: +η min(1, ℓ/ℓ*) for reasoning, the
    /// negative of it for perception. A truncated response gets no bonus and the full malus.
    #[must_use]
    pub fn length_term(
        self,
        thinking: usize,
        truncated: bool,
        eta: f64,
        l_star: f64,
        fault: Option<Fault>,
    ) -> f64 {
        let sign = if fault == Some(Fault::FlippedLengthSign) { -1.0 } else { 1.0 };
        let share = (thinking as f64 / l_star).min(1.0);
        sign * match self {
            Self::Reasoning if truncated => 0.0,
            Self::Reasoning => eta * share,
            Self::Perception if truncated => -eta,
            Self::Perception => -eta * share,
        }
    }
}

/// Settings of training with length shaping.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Weight η of the length term.
    #[schemars(range(min = 0.0))]
    pub eta: f64,
    /// Number ℓ* of thinking tokens from which on the term is full.
    #[schemars(range(min = 1e-6))]
    pub l_star: f64,
    /// Number m of answers.
    #[serde(rename = "m")]
    #[schemars(range(min = 2, max = 100))]
    pub answers: usize,
    /// Longest response T, in tokens.
    #[serde(rename = "T")]
    #[schemars(range(min = 1, max = 200))]
    pub horizon: usize,
    /// Fewest thinking tokens after which the answer of the reasoning task is right.
    #[schemars(range(max = 200))]
    pub reasoning_needs: usize,
    /// Most thinking tokens after which the answer of the perception task is right.
    #[schemars(range(max = 200))]
    pub perception_bears: usize,
    /// Steps of exact gradient ascent.
    #[schemars(range(min = 1, max = 100_000))]
    pub steps: usize,
    /// Learning rate.
    #[schemars(range(min = 0.0))]
    pub rate: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            eta: 0.2,
            l_star: 4.0,
            answers: 3,
            horizon: 8,
            reasoning_needs: 3,
            perception_bears: 1,
            steps: 50,
            rate: 2.0,
        }
    }
}

/// Prompts, and the kinds of their tasks.
const KINDS: [Kind; 2] = [Kind::Reasoning, Kind::Perception];

/// The experiment: two tasks trained with the length term, beside training without.
pub struct LengthShaping {
    settings: Settings,
    task: Thinking,
}

impl Measure for LengthShaping {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "length-shaping";
    const SUMMARY: &'static str =
        "Trains a reasoning and a perception task in exact expectation, with and without the length term.";
    const METRICS: &'static [Metric] = &[
        Metric::new("reasoning-success", "Success rate of the reasoning task.")
            .range(0.0, 1.0)
            .higher_is_better(),
        Metric::new("reasoning-length", "Mean length of responses to the reasoning task.").unit("token"),
        Metric::new("reasoning-success-gain", "Its success rate less that without the length term."),
        Metric::new("reasoning-length-gain", "Its mean length less that without the length term.")
            .unit("token"),
        Metric::new("perception-success", "Success rate of the perception task.")
            .range(0.0, 1.0)
            .higher_is_better(),
        Metric::new("perception-length", "Mean length of responses to the perception task.").unit("token"),
        Metric::new("perception-length-gain", "Its mean length less that without the length term.")
            .unit("token"),
    ];
    const FAULTS: &'static [Fault] = &[Fault::FlippedLengthSign];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        let Settings { horizon, answers, reasoning_needs, perception_bears, .. } = settings;
        if answers < 2 || horizon == 0 || settings.l_star <= 0.0 {
            return Err(Failure::invalid("m must be at least 2, T at least 1 and l_star positive"));
        }
        let reasoning = Verifier::within(1, horizon, reasoning_needs, horizon - 1);
        let perception = Verifier::within(2, horizon, 0, perception_bears);
        Ok(Self { settings, task: Thinking::new(answers, horizon, vec![reasoning, perception]) })
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let [shaped, plain] = [self.settings.eta, 0.0].map(|eta| self.train(eta, fault));
        let success = |policy: &Policy, prompt| self.task.success(prompt, policy).clamp(0.0, 1.0);
        let [reasoning, perception] = [0, 1].map(|x| {
            let length = self.task.expected_length(x, &shaped.policy);
            (success(&shaped.policy, x), length, length - self.task.expected_length(x, &plain.policy))
        });
        let steps: Vec<f64> = (0..=self.settings.steps).map(|t| t as f64).collect();
        Ok(Measurement::new()
            .metric("reasoning-success", reasoning.0)
            .metric("reasoning-length", reasoning.1)
            .metric("reasoning-success-gain", reasoning.0 - success(&plain.policy, 0))
            .metric("reasoning-length-gain", reasoning.2)
            .metric("perception-success", perception.0)
            .metric("perception-length", perception.1)
            .metric("perception-length-gain", perception.2)
            .series("reasoning-length", steps.clone(), shaped.lengths)
            .series("reasoning-success", steps, shaped.successes))
    }
}

/// A policy, and how the reasoning task went on the way to it.
struct Trained {
    policy: Policy,
    lengths: Vec<f64>,
    successes: Vec<f64>,
}

impl LengthShaping {
    /// Exact gradient ascent on each task's reward plus its length term, from the uniform policy.
    fn train(&self, eta: f64, fault: Option<Fault>) -> Trained {
        let mut policy = Policy::uniform(&self.task);
        let mut gradient = Rows::zeros(self.task.rows(), self.task.width());
        let mut lengths = vec![self.task.expected_length(0, &policy)];
        let mut successes = vec![self.task.success(0, &policy)];
        for _ in 0..self.settings.steps {
            gradient.clear();
            for (prompt, kind) in KINDS.into_iter().enumerate() {
                self.add_gradient(prompt, kind, eta, &policy, fault, &mut gradient);
            }
            policy.ascend(self.settings.rate, &gradient);
            lengths.push(self.task.expected_length(0, &policy));
            successes.push(self.task.success(0, &policy));
        }
        Trained { policy, lengths, successes }
    }

    /// Adds Σ_y π(y) (r(y) + length term) ∇ ln π(y).
    fn add_gradient(
        &self,
        prompt: usize,
        kind: Kind,
        eta: f64,
        policy: &Policy,
        fault: Option<Fault>,
        gradient: &mut Rows,
    ) {
        self.task.enumerate(prompt, policy, &mut |y| {
            let thinking = y.steps.iter().filter(|step: &&Step| step.token == 0).count();
            let truncated = Thinking::is_truncated(y.steps);
            let shaped = y.reward + kind.length_term(thinking, truncated, eta, self.settings.l_star, fault);
            for step in y.steps {
                policy.add_score(*step, y.probability * shaped, gradient);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    fn measure(settings: Settings, fault: Option<Fault>) -> Measurement {
        LengthShaping::prepare(settings, &Data::default())
            .unwrap()
            .replicate(fault, &Streams::from_seed(0))
            .unwrap()
    }

    #[test]
    fn known_training() {
        let shaped = measure(Settings::default(), None);
        let plain = measure(Settings { eta: 0.0, ..Settings::default() }, None);
        let is = |measured: &Measurement, metric, known, digits| {
            assert_abs_diff_eq!(measured.get(metric).unwrap(), known, epsilon = digits);
        };
        is(&shaped, "reasoning-success", 0.9070, 5.1e-5);
        is(&shaped, "reasoning-length", 3.89, 5.1e-3);
        is(&plain, "reasoning-success", 0.3202, 5.1e-5);
        is(&plain, "reasoning-length", 2.85, 5.1e-3);
        is(&shaped, "perception-success", 0.9922, 5.1e-5);
        is(&shaped, "perception-length", 1.005, 5.1e-4);
        is(&plain, "perception-success", 0.9920, 5.1e-5);
        is(&plain, "perception-length", 1.006, 5.1e-4);
        let flipped = measure(Settings::default(), Some(Fault::FlippedLengthSign));
        is(&flipped, "reasoning-success", 0.0049, 5.1e-5);
        let long = |eta| measure(Settings { eta, steps: 400, ..Settings::default() }, None);
        is(&long(0.2), "reasoning-success", 0.9961, 5.1e-5);
        is(&long(0.0), "reasoning-success", 0.9956, 5.1e-5);
    }

    #[test]
    fn the_length_term_saturates_and_spares_no_truncated_response() {
        let term = |kind: Kind, thinking, truncated| kind.length_term(thinking, truncated, 0.2, 4.0, None);
        assert_eq!(term(Kind::Reasoning, 2, false), 0.1);
        assert_eq!(term(Kind::Reasoning, 9, false), 0.2);
        assert_eq!(term(Kind::Reasoning, 8, true), 0.0);
        assert_eq!(term(Kind::Perception, 2, false), -0.1);
        assert_eq!(term(Kind::Perception, 8, true), -0.2);
    }
}
