//! Learning curves of single-stream and group-relative methods at equal rollouts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    method::{Baseline, Options, Sampling, SingleStream},
    pool::Pool,
    tracker::Forgetting,
};
use crate::{
    kernel::{
        stream::Streams,
        tokens::{Curve, Estimator, Grouped, Task, train},
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Who learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// Single-stream policy optimisation.
    SingleStream,
    /// Group-relative policy optimisation.
    Grpo,
    /// Groups with leave-one-out baselines.
    Rloo,
}

/// Settings of training.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Who learns.
    pub algorithm: Algorithm,
    /// The prompts.
    pub pool: Pool,
    /// Steps of training.
    #[schemars(range(min = 0, max = 100_000))]
    pub steps: usize,
    /// Rollouts a step.
    #[schemars(range(min = 1, max = 4096))]
    pub rollouts: usize,
    /// Responses a prompt, for groups; must divide `rollouts`.
    #[schemars(range(min = 1, max = 512))]
    pub group: usize,
    /// Learning rate.
    #[schemars(range(min = 0.0))]
    pub rate: f64,
    /// How single streams draw prompts.
    pub sampling: Sampling,
    /// Floor of the sampling weights.
    #[schemars(range(min = 0.0))]
    pub epsilon: f64,
    /// What single streams subtract from a reward.
    pub baseline: Baseline,
    /// Whether single streams normalise advantages over the batch.
    pub normalised: bool,
    /// How trackers forget.
    pub forgetting: Forgetting,
    /// Offline responses a prompt from which trackers start. They are not counted in the rollouts.
    #[schemars(range(min = 0, max = 4096))]
    pub offline: usize,
    /// Independent runs that a replicate averages.
    #[schemars(range(min = 1, max = 1000))]
    pub runs: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::SingleStream,
            pool: Pool::Ladder,
            steps: 60,
            rollouts: 48,
            group: 8,
            rate: 1.0,
            sampling: Sampling::Prioritised,
            epsilon: 0.05,
            baseline: Baseline::Tracker,
            normalised: true,
            forgetting: Forgetting::default(),
            offline: 8,
            runs: 1,
        }
    }
}

/// A training run, or the mean of some.
pub struct Training(Settings);

impl Training {
    /// The curve of a run, and the share of exact zeros among its raw advantages.
    fn run(&self, fault: Option<Fault>, streams: &Streams, run: usize) -> (Curve, f64) {
        let settings = &self.0;
        let (task, mut policy) = settings.pool.build();
        let mut stream = streams.stream(&format!("run {run}"));
        let estimator = match settings.algorithm {
            Algorithm::SingleStream => {
                let options = Options {
                    batch: settings.rollouts,
                    rate: settings.rate,
                    sampling: settings.sampling,
                    epsilon: settings.epsilon,
                    baseline: settings.baseline,
                    normalised: settings.normalised,
                    forgetting: settings.forgetting,
                    offline: settings.offline,
                };
                let mut offline = streams.stream(&format!("offline {run}"));
                let mut method = SingleStream::new(&task, &policy, options, fault, &mut offline);
                let curve = train(&task, &mut policy, &mut method, settings.steps, &mut stream);
                return (curve, method.silent as f64 / method.samples.max(1) as f64);
            }
            Algorithm::Grpo => Estimator::GRPO,
            Algorithm::Rloo => Estimator::Rloo,
        };
        let prompts = settings.rollouts / settings.group;
        let mut method = Grouped::new(&task, estimator, prompts, settings.group, settings.rate);
        let curve = train(&task, &mut policy, &mut method, settings.steps, &mut stream);
        let silent = curve.degenerate_share();
        (curve, silent)
    }
}

impl Measure for Training {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "training";
    const SUMMARY: &'static str = "Trains on a pool of prompts and follows the exact mean success rate J.";
    const METRICS: &'static [Metric] = &[
        Metric::new("area", "Mean of J after each step.").range(0.0, 1.0).higher_is_better(),
        Metric::new("final", "J at the end.").range(0.0, 1.0).higher_is_better(),
        Metric::new("zero-advantages", "Share of responses whose raw advantage is exactly 0.")
            .range(0.0, 1.0)
            .lower_is_better(),
    ];
    const FAULTS: &'static [Fault] = &[
        Fault::GroupRelativeBaseline,
        Fault::NoBaseline,
        Fault::InvertedPriority,
        Fault::NoAdvantageNormalisation,
    ];
    const TREATMENTS: &'static [&'static str] = &["algorithm", "sampling", "baseline", "normalised"];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        if let Some(complaint) = settings.forgetting.complaint() {
            return Err(Failure::invalid(complaint));
        }
        if settings.group == 0 || settings.rollouts == 0 || !settings.rollouts.is_multiple_of(settings.group)
        {
            return Err(Failure::invalid("`group` must divide `rollouts`"));
        }
        if settings.rollouts / settings.group > settings.pool.build().0.prompts() {
            return Err(Failure::invalid("more groups a step than prompts in the pool"));
        }
        if settings.runs == 0 || !(settings.rate.is_finite() && settings.epsilon >= 0.0) {
            return Err(Failure::invalid("needs a run, a finite rate and epsilon ≥ 0"));
        }
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let runs = self.0.runs as f64;
        let (mut area, mut last, mut silent) = (0.0, 0.0, 0.0);
        let mut success = vec![0.0; self.0.steps + 1];
        let mut rollouts = Vec::new();
        for run in 0..self.0.runs {
            let (curve, zeros) = self.run(fault, streams, run);
            area += curve.area() / runs;
            last += curve.last() / runs;
            silent += zeros / runs;
            success.iter_mut().zip(&curve.success).for_each(|(mean, j)| *mean += j / runs);
            rollouts = curve.rollouts;
        }
        // Means of numbers in [0, 1] may leave it by rounding.
        let share = |x: f64| x.clamp(0.0, 1.0);
        Ok(Measurement::new()
            .metric("area", share(area))
            .metric("final", share(last))
            .metric("zero-advantages", share(silent))
            .series("success", rollouts.iter().map(|n| *n as f64).collect(), success))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    /// Mean over 40 runs of a metric, against means over 20 runs measured independently.
    fn area(settings: &Settings, fault: Option<Fault>) -> f64 {
        let settings = Settings { runs: 40, ..settings.clone() };
        let training = Training::prepare(settings, &Data::default()).unwrap();
        training.replicate(fault, &Streams::from_seed(11)).unwrap().get("area").unwrap()
    }

    #[test]
    fn known_areas_on_the_ladder() {
        let spo = Settings::default();
        let grpo = Settings { algorithm: Algorithm::Grpo, ..Settings::default() };
        let no_baseline = Settings { baseline: Baseline::None, ..Settings::default() };
        assert_relative_eq!(area(&spo, None), 0.6200, epsilon = 0.012);
        assert_relative_eq!(area(&grpo, None), 0.5233, epsilon = 0.012);
        assert_relative_eq!(area(&no_baseline, None), 0.6093, epsilon = 0.012);
        assert_relative_eq!(area(&spo, Some(Fault::NoAdvantageNormalisation)), 0.2818, epsilon = 0.012);
    }

    #[test]
    fn known_areas_on_the_mastered_pool() {
        let spo = Settings { pool: Pool::Mastered, ..Settings::default() };
        let uniform = Settings { sampling: Sampling::Uniform, ..spo.clone() };
        let grpo = Settings { algorithm: Algorithm::Grpo, ..spo.clone() };
        assert_relative_eq!(area(&spo, None), 0.9310, epsilon = 0.005);
        assert_relative_eq!(area(&uniform, None), 0.9180, epsilon = 0.005);
        assert_relative_eq!(area(&grpo, None), 0.900, epsilon = 0.005);
        assert_relative_eq!(area(&spo, Some(Fault::InvertedPriority)), 0.9074, epsilon = 0.005);
    }
}
