//! How learning slows down with the horizon, with resets and without.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    lock::{Lock, Trajectory},
    rollouts::{Draws, Learner, Starts},
};
use crate::{
    kernel::{
        math::{ln, slope},
        stream::Streams,
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Settings of the comparison of horizons.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The shortest horizon.
    #[schemars(range(min = 1, max = 100))]
    pub shortest: usize,
    /// The longest horizon; all between are measured.
    #[schemars(range(min = 2, max = 100))]
    pub longest: usize,
    /// Iterations after which a run is given up.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub limit: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { shortest: 4, longest: 7, limit: 10_000 }
    }
}

/// The value at which a lock counts as learned.
const LEARNED: f64 = 0.9;

/// With horizons H from the shortest to the longest, iterations n(H) until the value is 0.9, in
/// otherwise default settings, and the slope of ln n(H) over H.
pub struct Horizons(Settings);

impl Horizons {
    /// n(H) with resets, and without.
    fn iterations(&self, horizon: usize, fault: Option<Fault>, streams: &Streams) -> [f64; 2] {
        let lock = Lock { horizon, actions: 3, side: 0.0 };
        let rewards = lock.rewards();
        let mut stream = streams.stream("stored");
        let stored: Vec<Trajectory> = (0..200).map(|_| lock.store(0.6, None, &mut stream)).collect();
        [Starts::Dataset { stored: &stored, reset: 1.0 }, Starts::Beginning].map(|starts| {
            let learner = Learner { lock, rewards: &rewards, starts, rollouts: 64, rate: 1.0, fault };
            let mut values = learner.values(Draws::of(streams)).take(self.0.limit);
            values.position(|v| v >= LEARNED).unwrap_or(self.0.limit) as f64
        })
    }
}

impl Measure for Horizons {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "horizons";
    const SUMMARY: &'static str = "Iterations until a lock is learned, against its horizon.";
    const METRICS: &'static [Metric] = &[
        Metric::new("growth", "Slope of the logarithm of the iterations with resets over the horizon.")
            .lower_is_better(),
        Metric::new("plain-growth", "The same without resets.").lower_is_better(),
        Metric::new(
            "gain-growth",
            "Slope of the logarithm of the iterations without over those with resets.",
        )
        .higher_is_better(),
    ];
    const FAULTS: &'static [Fault] = &[Fault::NoReset];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        if settings.shortest == 0 || settings.shortest >= settings.longest || settings.limit == 0 {
            return Err(Failure::invalid("`longest` must be greater than `shortest`, which is at least 1"));
        }
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let horizons = self.0.shortest..=self.0.longest;
        let x: Vec<f64> = horizons.clone().map(|h| h as f64).collect();
        let (with, without): (Vec<f64>, Vec<f64>) = horizons
            .map(|h| self.iterations(h, fault, streams))
            .map(|[with, without]| (with, without))
            .unzip();
        let growth = |n: &[f64]| slope(&x, &n.iter().map(|n| ln(*n)).collect::<Vec<_>>());
        let (slow, fast) = (growth(&without), growth(&with));
        Ok(Measurement::new()
            .metric("growth", fast)
            .metric("plain-growth", slow)
            .metric("gain-growth", slow - fast))
    }
}
