//! What a roll-out costs in generated actions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    lock::Lock,
    rollouts::{Draws, Learner, Starts},
};
use crate::{
    kernel::stream::Streams,
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Settings of counting.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// H.
    #[schemars(range(min = 1, max = 1000))]
    pub horizon: usize,
    /// Whether roll-outs are reset.
    pub reset: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { horizon: 8, reset: true }
    }
}

/// Counts the sampled actions of one roll-out from each step; they do not depend on what was drawn.
pub struct Generation(Settings);

impl Measure for Generation {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "generation";
    const SUMMARY: &'static str =
        "Actions that a roll-out samples, in the mean over the steps at which it explores.";
    const METRICS: &'static [Metric] = &[Metric::new("actions", "Sampled actions a roll-out.")
        .unit("action")
        .range(0.0, 1e3)
        .lower_is_better()];
    const FAULTS: &'static [Fault] = &[Fault::NoReset, Fault::IgnoredMixture];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        if settings.horizon == 0 {
            return Err(Failure::invalid("`horizon` must be at least 1"));
        }
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let Settings { horizon, reset } = self.0;
        let lock = Lock { horizon, actions: 3, side: 0.0 };
        let stored = [lock.store(0.6, None, &mut streams.stream("stored"))];
        let starts = Starts::Dataset { stored: &stored, reset: f64::from(u8::from(reset)) };
        let rewards = lock.rewards();
        let learner = Learner { lock, rewards: &rewards, starts, rollouts: 1, rate: 1.0, fault };
        let (policy, mut draws) = (lock.uniform(), Draws::of(streams));
        let sampled: usize = (0..horizon).map(|h| learner.roll_out(&policy, h, &mut draws).sampled).sum();
        Ok(Measurement::new().metric("actions", sampled as f64 / horizon as f64))
    }
}
