//! The stationary law of a tracker under constant retention.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    tracker::{Forgetting, Tracker},
};
use crate::{
    kernel::stream::Streams,
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Settings of the stationary tracker.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Constant retention ρ.
    #[schemars(range(min = 0.0, max = 0.999))]
    pub retention: f64,
    /// Success rate p, strictly between 0 and 1.
    #[schemars(range(min = 0.001, max = 0.999))]
    pub p: f64,
    /// Observations before measuring starts.
    #[schemars(range(max = 1_000_000))]
    pub burn_in: usize,
    /// Observations measured, one chain.
    #[schemars(range(min = 1, max = 100_000_000))]
    pub steps: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { retention: 0.875, p: 0.3, burn_in: 500, steps: 200_000 }
    }
}

/// A long run of a tracker: its squared error around p against p(1 − p)(1 − ρ)/(1 + ρ). The average
/// is over time, which for a stationary chain estimates the same as an average over chains.
pub struct Stationary(Settings);

impl Measure for Stationary {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "stationary";
    const SUMMARY: &'static str = "Mean squared error of a tracker's value around a constant success rate.";
    const METRICS: &'static [Metric] = &[
        Metric::new("error", "Mean over time of (v̂ − p)².").range(0.0, 1.0).lower_is_better(),
        Metric::new("relative", "The same over p(1 − p)(1 − ρ)/(1 + ρ).").range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::NoForgetting];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        let Settings { retention, p, steps, .. } = settings;
        if !(0.0..1.0).contains(&retention) || p <= 0.0 || p >= 1.0 || steps == 0 {
            return Err(Failure::invalid("needs 0 ≤ retention < 1, 0 < p < 1 and at least one step"));
        }
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let Settings { retention, p, burn_in, steps } = self.0;
        // A rule that never leaves its floor.
        let rule = Forgetting { least: retention, most: retention, ..Forgetting::default() };
        let memory = rule.initial_memory();
        let mut tracker = Tracker { alpha: memory * p, beta: memory * (1.0 - p) };
        let mut stream = streams.stream("rewards");
        let mut total = 0.0;
        for t in 0..burn_in + steps {
            let reward = f64::from(u8::from(stream.bernoulli(p)));
            tracker = tracker.updated(rule.retention(0.0, fault), reward, None);
            if t >= burn_in {
                total += (tracker.value() - p) * (tracker.value() - p);
            }
        }
        let error = total / steps as f64;
        let predicted = p * (1.0 - p) * (1.0 - retention) / (1.0 + retention);
        Ok(Measurement::new().metric("error", error).metric("relative", error / predicted))
    }
}
