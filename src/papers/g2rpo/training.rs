//! Training on rewards with heavy tails: one prompt, a few arms, additive noise.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    equity::Family,
    transport::{Advantages, Scheme},
};
use crate::{
    kernel::{
        stream::Streams,
        tokens::{Policy, Rows, Step, wave},
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// The arm that is made the best.
const BEST: usize = 2;

/// Settings of training.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How rewards become advantages.
    pub scheme: Scheme,
    /// Distribution of the noise.
    pub noise: Family,
    /// Factor of the noise.
    #[schemars(range(min = 0.0, max = 1_000_000.0))]
    pub sigma: f64,
    /// Number of arms V; arm 2 is the best.
    #[serde(rename = "V")]
    #[schemars(range(min = 3, max = 1_000))]
    pub arms: usize,
    /// Amplitude of the mean rewards of the other arms.
    pub amplitude: f64,
    /// How much the best arm is better than any other would be.
    #[schemars(range(min = 0.0))]
    pub lead: f64,
    /// Size N of the group.
    #[serde(rename = "N")]
    #[schemars(range(min = 2, max = 10_000))]
    pub group: usize,
    /// Steps of training.
    #[schemars(range(min = 1, max = 100_000))]
    pub steps: usize,
    /// Learning rate.
    #[schemars(range(min = 0.0))]
    pub rate: f64,
    /// Independent runs that a replicate averages.
    #[schemars(range(min = 1, max = 10_000))]
    pub runs: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            scheme: Scheme::Gaussian,
            noise: Family::Cauchy,
            sigma: 0.3,
            arms: 6,
            amplitude: 0.5,
            lead: 0.5,
            group: 16,
            steps: 100,
            rate: 0.5,
            runs: 5,
        }
    }
}

/// The experiment: some runs of training, averaged.
pub struct HeavyTails {
    settings: Settings,
    /// Mean reward of each arm: μ_v = amplitude · wave(v, 0, 2), and μ_2 the largest of these plus the lead.
    means: Vec<f64>,
}

impl Measure for HeavyTails {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "heavy-tails";
    const SUMMARY: &'static str = "Trains a softmax over a few arms on rewards with additive noise.";
    const METRICS: &'static [Metric] = &[
        Metric::new(
            "best-arm",
            "Probability of the best arm, averaged over the policies after each step and over runs.",
        )
        .range(0.0, 1.0)
        .higher_is_better(),
        Metric::new("last", "Probability of the best arm after the last step, averaged over runs.")
            .range(0.0, 1.0)
            .higher_is_better(),
    ];
    const FAULTS: &'static [Fault] = &[Fault::LinearZscore, Fault::MeanCentred];
    const TREATMENTS: &'static [&'static str] = &["scheme"];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        let Settings { arms, group, steps, runs, .. } = settings;
        if arms <= BEST || group < 2 || steps == 0 || runs == 0 {
            return Err(Failure::invalid("V must be at least 3, N at least 2, steps and runs at least 1"));
        }
        let mut means: Vec<f64> = (0..arms).map(|v| settings.amplitude * wave(v, 0, 2)).collect();
        means[BEST] = means.iter().copied().fold(f64::NEG_INFINITY, f64::max) + settings.lead;
        Ok(Self { settings, means })
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let Settings { steps, runs, .. } = self.settings;
        let mut mean = vec![0.0; steps];
        for run in 0..runs {
            for (total, share) in mean.iter_mut().zip(self.train(run, fault, streams)) {
                *total += share / runs as f64;
            }
        }
        Ok(Measurement::new()
            .metric("best-arm", (mean.iter().sum::<f64>() / steps as f64).min(1.0))
            .metric("last", mean[steps - 1].min(1.0))
            .series("best-arm", (1..=steps).map(|t| t as f64).collect(), mean))
    }
}

impl HeavyTails {
    /// π(best arm) after each step of a run.
    fn train(&self, run: usize, fault: Option<Fault>, streams: &Streams) -> Vec<f64> {
        let Settings { scheme, noise, sigma, arms, group, steps, rate, .. } = self.settings;
        let mut actions = streams.stream(&format!("actions {run}"));
        let mut noises = streams.stream(&format!("noise {run}"));
        let advantages = Advantages::new(scheme, group, fault);
        let mut policy = Policy::new(Rows::zeros(1, arms));
        let mut gradient = Rows::zeros(1, arms);
        (0..steps)
            .map(|_| {
                let drawn: Vec<usize> = (0..group).map(|_| policy.draw(0, &mut actions)).collect();
                let rewards: Vec<f64> =
                    drawn.iter().map(|v| self.means[*v] + sigma * noise.draw(&mut noises)).collect();
                gradient.clear();
                for (token, advantage) in drawn.iter().zip(advantages.of(&rewards)) {
                    let step = Step { row: 0, token: *token };
                    policy.add_score(step, advantage / group as f64, &mut gradient);
                }
                policy.ascend(rate, &gradient);
                policy.row(0)[BEST]
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_noise_every_scheme_finds_the_best_arm() {
        for scheme in [Scheme::Gaussian, Scheme::Grpo, Scheme::MeanCentred, Scheme::RankZscore] {
            let settings = Settings { scheme, sigma: 0.0, ..Settings::default() };
            let experiment = HeavyTails::prepare(settings, &Data::default()).unwrap();
            let measured = experiment.replicate(None, &Streams::from_seed(3)).unwrap();
            assert!(measured.get("last").unwrap() > 0.9, "{scheme:?}");
        }
    }
}
