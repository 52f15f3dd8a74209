//! Training on a lock whose reward is known.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    lock::{Lock, Trajectory},
    rollouts::{Draws, Learner, Starts},
};
use crate::{
    kernel::{stream::Streams, tokens::Rows},
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Settings of training on a lock.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// H.
    #[schemars(range(min = 1, max = 100))]
    pub horizon: usize,
    /// A.
    #[schemars(range(min = 2, max = 100))]
    pub actions: usize,
    /// Reward of the tempting first action.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub side: f64,
    /// Probability that the data take the right action on purpose.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub quality: f64,
    /// The step at which the data never take the right action; none if it is not below H.
    #[schemars(range(max = 1000))]
    pub never: usize,
    /// Stored trajectories.
    #[schemars(range(min = 1, max = 100_000))]
    pub stored: usize,
    /// β, the share of roll-outs that are reset.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub reset: f64,
    /// Roll-outs an iteration.
    #[schemars(range(min = 1, max = 100_000))]
    pub rollouts: usize,
    /// Iterations.
    #[schemars(range(min = 1, max = 100_000))]
    pub iterations: usize,
    /// η.
    #[schemars(range(min = 0.0, max = 1000.0))]
    pub rate: f64,
    /// Value whose first time is reported.
    #[schemars(range(min = 0.0, max = 2.0))]
    pub threshold: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            horizon: 8,
            actions: 3,
            side: 0.0,
            quality: 0.6,
            never: 1000,
            stored: 200,
            reset: 1.0,
            rollouts: 64,
            iterations: 300,
            rate: 1.0,
            threshold: 0.9,
        }
    }
}

/// Training with the true reward.
pub struct Training {
    settings: Settings,
    lock: Lock,
    rewards: Rows,
}

impl Measure for Training {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "training";
    const SUMMARY: &'static str =
        "Policy optimisation on the combination lock, with roll-outs reset to stored states.";
    const METRICS: &'static [Metric] = &[
        Metric::new("value", "Value of the last policy.").range(0.0, 2.0).higher_is_better(),
        Metric::new("iterations", "Iterations until the value reaches the threshold; all plus one if never.")
            .unit("iteration")
            .range(0.0, 1e5 + 1.0)
            .lower_is_better(),
    ];
    const FAULTS: &'static [Fault] = &[Fault::NoReset, Fault::IgnoredMixture, Fault::CoveredData];
    const TREATMENTS: &'static [&'static str] = &["reset", "never", "rate"];

    fn reaches(settings: &Settings, fault: Fault) -> bool {
        match fault {
            Fault::NoReset => settings.reset > 0.0,
            Fault::IgnoredMixture => settings.reset < 1.0,
            _ => true,
        }
    }

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        if settings.horizon == 0 || settings.actions < 2 || settings.stored == 0 {
            return Err(Failure::invalid("needs a step, two actions and a stored trajectory"));
        }
        let lock = Lock { horizon: settings.horizon, actions: settings.actions, side: settings.side };
        Ok(Self { lock, rewards: lock.rewards(), settings })
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let Self { settings, lock, rewards } = self;
        let covered = settings.never >= lock.horizon || fault == Some(Fault::CoveredData);
        let never = (!covered).then_some(settings.never);
        let mut stream = streams.stream("stored");
        let stored: Vec<Trajectory> =
            (0..settings.stored).map(|_| lock.store(settings.quality, never, &mut stream)).collect();
        let starts = Starts::Dataset { stored: &stored, reset: settings.reset };
        let Settings { rollouts, rate, iterations, threshold, .. } = *settings;
        let learner = Learner { lock: *lock, rewards, starts, rollouts, rate, fault };
        let curve: Vec<f64> = learner.values(Draws::of(streams)).take(iterations + 1).collect();
        let reached = curve.iter().position(|v| *v >= threshold);
        Ok(Measurement::new()
            .metric("value", curve[iterations])
            .metric("iterations", reached.unwrap_or(iterations + 1) as f64)
            .series("value", (0..curve.len()).map(|t| t as f64).collect(), curve))
    }
}
