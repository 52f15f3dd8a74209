//! Tracking a policy that drifts and rests.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    tracker::{Forgetting, Tracker},
};
use crate::{
    kernel::{
        math::{sigmoid, softplus},
        stream::{Stream, Streams},
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// What decides how much a tracker keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// The policy's movement.
    Adaptive,
    /// A constant.
    Fixed,
}

/// Settings of the tracking problem.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// What decides how much a tracker keeps.
    pub rule: Rule,
    /// The constant of a fixed rule.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub retention: f64,
    /// The adaptive rule.
    pub forgetting: Forgetting,
    /// Independent runs whose errors a replicate averages.
    #[schemars(range(min = 1, max = 1000))]
    pub runs: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { rule: Rule::Adaptive, retention: 0.96, forgetting: Forgetting::default(), runs: 4 }
    }
}

/// One Bernoulli prompt whose logit rests and drifts; one observation a step.
pub struct Tracking {
    settings: Settings,
    schedule: Vec<f64>,
}

/// The logit θ(t): plateaus of 150 steps at −1.5, 1.5, −1.5, 1.5, joined by 25 equally spaced steps.
fn schedule() -> Vec<f64> {
    const PLATEAU: usize = 150;
    const RAMP: usize = 25;
    let mut logits = Vec::new();
    let mut level = -1.5;
    for segment in 0..4 {
        logits.extend(std::iter::repeat_n(level, PLATEAU));
        if segment < 3 {
            logits.extend((1..=RAMP).map(|i| level - 2.0 * level * i as f64 / (RAMP + 1) as f64));
            level = -level;
        }
    }
    logits
}

/// ln P(r) for r ∈ {0, 1} under logit θ.
fn log_probability(reward: f64, logit: f64) -> f64 {
    -softplus(if reward == 1.0 { -logit } else { logit })
}

impl Tracking {
    /// v̂ at each step, before it sees the reward of that step: what serves as the baseline.
    fn run(&self, fault: Option<Fault>, stream: &mut Stream) -> Vec<f64> {
        let start = sigmoid(self.schedule[0]);
        let memory = self.settings.forgetting.initial_memory();
        let mut tracker = Tracker { alpha: memory * start, beta: memory * (1.0 - start) };
        let mut previous: Option<(f64, f64)> = None;
        self.schedule
            .iter()
            .map(|logit| {
                let movement = previous.map_or(0.0, |(reward, then)| {
                    (log_probability(reward, *logit) - log_probability(reward, then)).abs()
                });
                let retention = match self.settings.rule {
                    Rule::Adaptive => self.settings.forgetting.retention(movement, fault),
                    Rule::Fixed => self.settings.retention,
                };
                let value = tracker.value();
                let reward = f64::from(u8::from(stream.bernoulli(sigmoid(*logit))));
                tracker = tracker.updated(retention, reward, None);
                previous = Some((reward, *logit));
                value
            })
            .collect()
    }
}

impl Measure for Tracking {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "tracking";
    const SUMMARY: &'static str = "Follows the success rate of a policy that drifts and rests.";
    const METRICS: &'static [Metric] =
        &[Metric::new("error", "Mean over time and runs of (v̂ − p)², with v̂ before it sees the reward.")
            .range(0.0, 1.0)
            .lower_is_better()];
    const FAULTS: &'static [Fault] = &[Fault::InvertedKl];
    const TREATMENTS: &'static [&'static str] = &["rule", "retention"];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        if let Some(complaint) = settings.forgetting.complaint() {
            return Err(Failure::invalid(complaint));
        }
        if !(0.0..=1.0).contains(&settings.retention) || settings.runs == 0 {
            return Err(Failure::invalid("needs 0 ≤ retention ≤ 1 and at least one run"));
        }
        Ok(Self { settings, schedule: schedule() })
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let mut stream = streams.stream("rewards");
        let truth: Vec<f64> = self.schedule.iter().map(|logit| sigmoid(*logit)).collect();
        let mut total = 0.0;
        let mut last = Vec::new();
        for _ in 0..self.settings.runs {
            last = self.run(fault, &mut stream);
            total += last.iter().zip(&truth).map(|(v, p)| (v - p) * (v - p)).sum::<f64>();
        }
        let steps: Vec<f64> = (0..truth.len()).map(|t| t as f64).collect();
        Ok(Measurement::new()
            .metric("error", total / (truth.len() * self.settings.runs) as f64)
            .series("value", steps.clone(), last)
            .series("truth", steps, truth))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn known_schedule() {
        let logits = schedule();
        assert_eq!(logits.len(), 675);
        for (t, known) in
            [(149, -1.5), (150, -1.384_615_384_6), (174, 1.384_615_384_6), (175, 1.5), (674, 1.5)]
        {
            assert_relative_eq!(logits[t], known, epsilon = 1e-10);
        }
    }

    #[test]
    fn log_probabilities_are_those_of_a_coin() {
        assert_relative_eq!(
            crate::kernel::math::exp(log_probability(1.0, 0.7)),
            sigmoid(0.7),
            epsilon = 1e-15
        );
        assert_relative_eq!(
            crate::kernel::math::exp(log_probability(0.0, 0.7)),
            sigmoid(-0.7),
            epsilon = 1e-15
        );
    }

    /// Mean errors over 400 runs, against those measured independently over 100 runs, with four
    /// standard errors of the latter.
    #[test]
    fn known_errors() {
        let error = |settings: Settings, fault| {
            let settings = Settings { runs: 400, ..settings };
            let tracking = Tracking::prepare(settings, &Data::default()).unwrap();
            tracking.replicate(fault, &Streams::from_seed(1)).unwrap().get("error").unwrap()
        };
        let fixed = |retention| Settings { rule: Rule::Fixed, retention, ..Settings::default() };
        assert_relative_eq!(error(Settings::default(), None), 0.009_82, epsilon = 0.0012);
        assert_relative_eq!(error(fixed(0.96), None), 0.020_52, epsilon = 0.0012);
        assert_relative_eq!(error(fixed(0.93), None), 0.014_06, epsilon = 0.0012);
        assert_relative_eq!(error(fixed(0.875), None), 0.014_01, epsilon = 0.0012);
        assert_relative_eq!(error(Settings::default(), Some(Fault::InvertedKl)), 0.018_46, epsilon = 0.0012);
    }
}
