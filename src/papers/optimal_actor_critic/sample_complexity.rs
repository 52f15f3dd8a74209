//! The number of episodes after which the actor's bound falls below a precision.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, actor::Schedule};
use crate::{
    kernel::stream::Streams,
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Settings of the count.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// H.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub horizon: u32,
    /// A.
    #[schemars(range(min = 2, max = 1_000_000))]
    pub actions: u32,
    /// d, the complexity of the critic's class.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub dimension: u32,
    /// 1/ε, a whole number.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub inverse_precision: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { horizon: 10, actions: 4, dimension: 3, inverse_precision: 10 }
    }
}

/// With K = dH segments, logarithms left out, the actors of H steps have a regret of at most H times
/// [`Schedule::bound`]; the smallest T at which that is εT.
pub struct SampleComplexity(Settings);

impl Measure for SampleComplexity {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "sample-complexity";
    const SUMMARY: &'static str =
        "Counts the episodes after which the bound on the actor's regret allows ε an episode.";
    const METRICS: &'static [Metric] = &[Metric::new("episodes", "The number of episodes.")
        .unit("episodes")
        .range(0.0, f64::INFINITY)
        .lower_is_better()];
    const FAULTS: &'static [Fault] = &[Fault::EtaNotScaledByK];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        let Settings { horizon, actions, dimension, inverse_precision } = settings;
        let fits = |n: u32, least: u32| (least..=1_000_000).contains(&n);
        if fits(horizon, 1) && fits(actions, 2) && fits(dimension, 1) && fits(inverse_precision, 1) {
            Ok(Self(settings))
        } else {
            Err(Failure::invalid("needs whole numbers from 1 to 1000000, and at least two actions"))
        }
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let horizon = f64::from(self.0.horizon);
        let segments = f64::from(self.0.dimension) * horizon;
        // At its learning rate the bound is c√T, and Hc√T = εT.
        let one = Schedule { segments, episodes: 1.0, horizon, actions: f64::from(self.0.actions) };
        let root = horizon * one.bound(one.eta(fault)) * f64::from(self.0.inverse_precision);
        Ok(Measurement::new().metric("episodes", root * root))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::math::ln;
    use approx::assert_relative_eq;

    #[test]
    fn half_of_d_h5_ln_a_over_epsilon_squared() {
        let count = SampleComplexity::prepare(Settings::default(), &Data::default()).unwrap();
        let measured = count.replicate(None, &Streams::from_seed(0)).unwrap();
        let known = 0.5 * 3.0 * 1e5 * ln(4.0) * 100.0;
        assert_relative_eq!(measured.get("episodes").unwrap(), known, max_relative = 1e-13);
    }
}
