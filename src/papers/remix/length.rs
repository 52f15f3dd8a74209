//! How stale data change the length of responses, in exact expectation.
//!
//! One prompt whose right answer is right at any length: at each of at most T steps the policy
//! thinks on (token 0) or gives one of two answers. A truncated response is worth what the current
//! policy's other responses are worth on average, so that truncation adds no pressure of its own. Each step of training ascends the
//! clipped surrogate of data from π_t and, with weight `mix`, of data from an older policy, all 21
//! responses enumerated. With the clip centred at π_t/πᵢ nothing is clipped at the start of a batch,
//! and there is one update a batch, so the gradient is Σ_y P_i(y) w(y) A(y) Σₜ ρₜ ∇ ln π(yₜ).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fault;
use crate::{
    kernel::{
        math::exp,
        stream::Streams,
        tokens::{Policy, Rows, Step, Task, Thinking, Verifier},
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// How the tokens of a response are averaged in expectation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Weighting {
    /// 1/|y|: every response counts the same.
    SequenceMean,
    /// 1/E|y|: every token counts the same.
    TokenMean,
}

/// Settings of training in expectation.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Share of the data that is stale.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub mix: f64,
    /// Age of the stale data, in steps; younger runs use the first policy.
    #[schemars(range(min = 1, max = 10_000))]
    pub age: usize,
    /// Steps of training.
    #[schemars(range(min = 1, max = 10_000))]
    pub steps: usize,
    /// Learning rate.
    #[schemars(range(min = 0.0))]
    pub rate: f64,
    /// Longest response T, in tokens.
    #[schemars(range(min = 1, max = 1_000))]
    pub horizon: usize,
    /// First logit of thinking on; the answers have 0.
    pub thinking: f64,
    /// How tokens are averaged.
    pub weighting: Weighting,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mix: 0.5,
            age: 10,
            steps: 10,
            rate: 2.0,
            horizon: 10,
            thinking: 1.5,
            weighting: Weighting::SequenceMean,
        }
    }
}

/// Training with stale data, beside training without.
pub struct Length {
    settings: Settings,
    task: Thinking,
}

impl Measure for Length {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "length";
    const SUMMARY: &'static str =
        "Mean length of responses when part of the data is stale, in exact expectation.";
    const METRICS: &'static [Metric] = &[
        Metric::new("length", "Mean length of responses after the last step.")
            .unit("token")
            .range(1.0, 1000.0),
        Metric::new("length-change", "Mean length less that of on-policy training after as many steps.")
            .unit("token"),
        Metric::new("success", "Success rate of responses that are not truncated.")
            .range(0.0, 1.0)
            .higher_is_better(),
    ];
    const FAULTS: &'static [Fault] = &[Fault::NoImportanceWeight];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        let anywhere = Verifier::within(1, settings.horizon, 0, settings.horizon);
        let task = Thinking::new(2, settings.horizon, vec![anywhere]);
        Ok(Self { settings, task })
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let (policy, lengths) = self.train(self.settings.mix, fault);
        let (_, on_policy) = self.train(0.0, None);
        let steps = (0..lengths.len()).map(|t| t as f64).collect();
        Ok(Measurement::new()
            .metric("length", lengths[self.settings.steps])
            .metric("length-change", lengths[self.settings.steps] - on_policy[self.settings.steps])
            .metric("success", self.success(&policy))
            .series("length", steps, lengths))
    }
}

impl Length {
    /// The policy after training, and the mean length before and after each step.
    fn train(&self, mix: f64, fault: Option<Fault>) -> (Policy, Vec<f64>) {
        let Settings { age, steps, rate, thinking, .. } = self.settings;
        let mut policy = Policy::from_fn(&self.task, |_, v| if v == 0 { thinking } else { 0.0 });
        let mut history = vec![policy.clone()];
        let mut lengths = vec![self.task.expected_length(0, &policy)];
        let mut gradient = Rows::zeros(self.task.rows(), self.task.width());
        for t in 0..steps {
            gradient.clear();
            let stale = &history[t.saturating_sub(age)];
            for (share, behaviour) in [(mix, stale), (1.0 - mix, &history[t])] {
                self.add_gradient(&policy, behaviour, share, fault, &mut gradient);
            }
            policy.ascend(rate, &gradient);
            lengths.push(self.task.expected_length(0, &policy));
            history.push(policy.clone());
        }
        (policy, lengths)
    }

    /// Success rate of the responses that are not truncated: with truncation worth the mean of the
    /// others, also the mean reward.
    fn success(&self, policy: &Policy) -> f64 {
        self.task.success(0, policy) / (1.0 - self.task.truncation(0, policy))
    }

    /// Adds `share` times the gradient of the surrogate of data from `behaviour`.
    fn add_gradient(
        &self,
        policy: &Policy,
        behaviour: &Policy,
        share: f64,
        fault: Option<Fault>,
        gradient: &mut Rows,
    ) {
        let truncated = self.success(policy);
        let mean = self.task.success(0, behaviour) + self.task.truncation(0, behaviour) * truncated;
        let expected = self.task.expected_length(0, behaviour);
        let ratio = |step: Step| match fault {
            Some(Fault::NoImportanceWeight) => 1.0,
            _ => exp(policy.log_probability(step) - behaviour.log_probability(step)),
        };
        self.task.enumerate(0, behaviour, &mut |y| {
            let reward = if Thinking::is_truncated(y.steps) { truncated } else { y.reward };
            let weighting = match self.settings.weighting {
                Weighting::SequenceMean => 1.0 / y.steps.len() as f64,
                Weighting::TokenMean => 1.0 / expected,
            };
            let weight = share * y.probability * weighting * (reward - mean);
            for step in y.steps {
                policy.add_score(*step, weight * ratio(*step), gradient);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    fn after_ten_steps(mix: f64, weighting: Weighting, fault: Option<Fault>) -> (f64, f64) {
        let length =
            Length::prepare(Settings { mix, weighting, ..Settings::default() }, &Data::default()).unwrap();
        let measured = length.replicate(fault, &Streams::from_seed(0)).unwrap();
        (measured.get("success").unwrap(), measured.get("length").unwrap())
    }

    #[test]
    fn known_success_and_length() {
        use Weighting::{SequenceMean, TokenMean};
        for (mix, weighting, success, length) in [
            (0.0, SequenceMean, 0.853_842_080_7, 1.856_816_220_0),
            (0.5, SequenceMean, 0.894_639_919_9, 1.565_073_457_7),
            (1.0, SequenceMean, 0.924_504_760_3, 1.364_139_025_3),
            (0.0, TokenMean, 0.650_923_618_9, 2.918_137_782_8),
            (0.5, TokenMean, 0.653_941_543_6, 2.869_518_997_0),
            (1.0, TokenMean, 0.656_711_523_4, 2.821_506_244_8),
        ] {
            let (j, l) = after_ten_steps(mix, weighting, None);
            assert_relative_eq!(j, success, epsilon = 1e-8);
            assert_relative_eq!(l, length, epsilon = 1e-8);
        }
    }

    #[test]
    fn without_weights_responses_grow_longer() {
        let (_, length) = after_ten_steps(1.0, Weighting::SequenceMean, Some(Fault::NoImportanceWeight));
        assert_relative_eq!(length, 2.455, epsilon = 5e-4);
    }
}
