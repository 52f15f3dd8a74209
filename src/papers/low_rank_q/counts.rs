//! Numbers of samples over the precision.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, race::Method};
use crate::{
    kernel::{math::powi, stream::Streams},
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Settings of the count.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Which entries are sampled.
    pub method: Method,
    /// 1/ε, a whole number.
    #[schemars(range(min = 1, max = 1000))]
    pub inverse_precision: u32,
    /// d₁, dimension of the states.
    #[schemars(range(min = 1, max = 4))]
    pub state_dimension: u32,
    /// d₂, dimension of the actions.
    #[schemars(range(min = 1, max = 4))]
    pub action_dimension: u32,
    /// r.
    #[schemars(range(min = 1, max = 100))]
    pub rank: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            method: Method::LowRank,
            inverse_precision: 10,
            state_dimension: 1,
            action_dimension: 1,
            rank: 2,
        }
    }
}

/// Samples of one iteration at precision ε: nets of ε^{−d₁} states and ε^{−d₂} actions, and ε^{−2} samples
/// of every explored pair.
pub struct SampleCounts(Settings);

impl Measure for SampleCounts {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "sample-counts";
    const SUMMARY: &'static str = "Counts the samples that one iteration takes at a precision.";
    const METRICS: &'static [Metric] = &[Metric::new("samples", "Samples of one iteration.")
        .unit("samples")
        .range(1.0, f64::INFINITY)
        .lower_is_better()];
    const FAULTS: &'static [Fault] = &[Fault::ExploreAll];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        let Settings { inverse_precision, state_dimension, action_dimension, rank, .. } = settings;
        let fits = (1..=1000).contains(&inverse_precision)
            && (1..=4).contains(&state_dimension)
            && (1..=4).contains(&action_dimension);
        if !fits || !(1..=100).contains(&rank) {
            return Err(Failure::invalid(
                "needs 1 ≤ `inverse_precision` ≤ 1000, dimensions from 1 to 4 and 1 ≤ `rank` ≤ 100",
            ));
        }
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let Settings { method, inverse_precision, state_dimension, action_dimension, rank } = self.0;
        let inverse = f64::from(inverse_precision);
        let (states, actions) = (powi(inverse, state_dimension), powi(inverse, action_dimension));
        let rank = f64::from(rank).min(states).min(actions);
        let pairs = match method {
            Method::LowRank if fault != Some(Fault::ExploreAll) => rank * (states + actions - rank),
            _ => states * actions,
        };
        Ok(Measurement::new().metric("samples", pairs * inverse * inverse))
    }
}
