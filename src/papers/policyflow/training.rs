//! Training on the bandit with four goals.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    bandit::{Goals, Hits},
    policies::{Batch, FlowPolicy, GaussianPolicy, Policy, Schedule},
    surrogate::Surrogate,
};
use crate::{
    kernel::{
        math::{mean, variance},
        stream::Streams,
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Who learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Learner {
    /// A flow policy, by `PolicyFlow`.
    Flow,
    /// A Gaussian policy, by PPO.
    Gaussian,
}

/// Settings of training.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Who learns.
    pub learner: Learner,
    /// Weight w_b of the Brownian regulariser.
    #[schemars(range(min = 0.0))]
    pub brownian: f64,
    /// Weight w_g of the entropy of the Gaussian noise.
    #[schemars(range(min = 0.0))]
    pub noise_entropy: f64,
    /// Clip range ε.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub epsilon: f64,
    /// Smallest σ; the largest is 1.
    #[schemars(range(min = 0.001, max = 1.0))]
    pub floor: f64,
    /// Rounds of collecting and updating.
    #[schemars(range(min = 1, max = 100_000))]
    pub iterations: usize,
    /// Actions a round.
    #[schemars(range(min = 2, max = 100_000))]
    pub batch: usize,
    /// Passes over the actions of a round.
    #[schemars(range(min = 1, max = 1000))]
    pub epochs: usize,
    /// Steps K of the midpoint rule.
    #[schemars(range(min = 1, max = 1000))]
    pub steps: usize,
    /// Actions on which the trained policy is measured.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub samples: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            learner: Learner::Flow,
            brownian: 1.0,
            noise_entropy: 0.0,
            epsilon: 0.2,
            floor: 0.2,
            iterations: 200,
            batch: 256,
            epochs: 4,
            steps: 10,
            samples: 4000,
        }
    }
}

impl Settings {
    fn schedule(&self) -> Schedule {
        Schedule { epochs: self.epochs, steps: self.steps, floor: self.floor }
    }

    fn surrogate(&self) -> Surrogate {
        Surrogate {
            epsilon: self.epsilon,
            entropy_weight: self.noise_entropy,
            brownian_weight: self.brownian,
        }
    }

    fn check(&self) -> Result<(), Failure> {
        self.surrogate().check()?;
        if !(0.001..=1.0).contains(&self.floor) {
            return Err(Failure::invalid("needs 0.001 ≤ floor ≤ 1"));
        }
        let Self { iterations, epochs, steps, samples, batch, .. } = *self;
        if iterations == 0 || epochs == 0 || steps == 0 || samples == 0 || batch < 2 {
            return Err(Failure::invalid(
                "needs an iteration, an epoch, a step, a sample and a batch of two",
            ));
        }
        Ok(())
    }
}

/// A training run on the bandit.
pub struct Bandit(Settings);

impl Bandit {
    fn policy(&self, fault: Option<Fault>, streams: &Streams) -> Box<dyn Policy> {
        match self.0.learner {
            Learner::Flow => Box::new(FlowPolicy::new(self.0.schedule(), fault)),
            Learner::Gaussian => {
                let mean = 0.1 * streams.stream("start").normal();
                Box::new(GaussianPolicy::new(mean, self.0.schedule()))
            }
        }
    }
}

/// Rewards less their mean, in units of their standard deviation.
fn standardised(rewards: &[f64]) -> Vec<f64> {
    let (centre, deviation) = (mean(rewards), variance(rewards, 0).sqrt());
    // Rewards that are all equal teach nothing.
    rewards.iter().map(|r| (r - centre) / (deviation + 1e-8)).collect()
}

impl Measure for Bandit {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "bandit";
    const SUMMARY: &'static str = "Trains a flow policy, or a Gaussian one, on a bandit with four goals.";
    const METRICS: &'static [Metric] = &[
        Metric::new("goals", "Goals hit by more than 5 % of the trained policy's actions.")
            .unit("goals")
            .range(0.0, 4.0)
            .higher_is_better(),
        Metric::new("entropy", "Entropy of the distribution of hits over goals.")
            .unit("nats")
            .range(0.0, 1.386_294_361_119_891)
            .higher_is_better(),
        Metric::new("reward", "Mean reward of the trained policy.").range(0.0, 1.0).higher_is_better(),
        Metric::new("deviation", "σ of the trained policy.").range(0.001 - 1e-12, 1.0),
    ];
    const FAULTS: &'static [Fault] =
        &[Fault::DegenerateToGaussian, Fault::SignFlip, Fault::NoRegulariser, Fault::NoResync];
    const TREATMENTS: &'static [&'static str] = &["learner", "brownian"];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        settings.check()?;
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let settings = &self.0;
        let mut surrogate = settings.surrogate();
        if fault == Some(Fault::NoRegulariser) {
            surrogate.brownian_weight = 0.0;
        }
        let goals = Goals::default();
        let mut policy = self.policy(fault, streams);
        let [mut sources, mut noise, mut times] =
            ["sources", "noise", "times"].map(|label| streams.stream(label));
        let mut collect = |policy: &dyn Policy, size: usize| {
            let scale = if fault == Some(Fault::DegenerateToGaussian) { 0.0 } else { 1.0 };
            let sources: Vec<f64> = (0..size).map(|_| scale * sources.normal()).collect();
            let ends = policy.ends(&sources);
            let noise: Vec<f64> = (0..size).map(|_| policy.deviation() * noise.normal()).collect();
            let actions: Vec<f64> = ends.iter().zip(&noise).map(|(end, n)| end + n).collect();
            let rewards: Vec<f64> = actions.iter().map(|a| goals.reward(*a)).collect();
            let batch = Batch { sources, ends, noise, advantages: standardised(&rewards) };
            (batch, Hits::of(&actions), mean(&rewards))
        };

        let mut entropy = Vec::with_capacity(settings.iterations);
        for _ in 0..settings.iterations {
            let (batch, hits, _) = collect(policy.as_ref(), settings.batch);
            entropy.push(hits.entropy());
            policy.update(&batch, surrogate, &mut times);
        }
        let (_, hits, reward) = collect(policy.as_ref(), settings.samples);
        let iterations = (0..settings.iterations).map(|i| i as f64).collect();
        Ok(Measurement::new()
            .metric("goals", hits.goals() as f64)
            .metric("entropy", hits.entropy())
            .metric("reward", reward)
            .metric("deviation", policy.deviation())
            .series("entropy", iterations, entropy))
    }
}
