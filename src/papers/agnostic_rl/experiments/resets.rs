//! PSDP with exact expectations on the example in which resets mislead it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::{
    Fault,
    psdp::{Resets, example},
};
use crate::{
    kernel::stream::Streams,
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Settings of the example.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// What the misleading policy gets where the final policy goes; at most 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub consolation: f64,
    /// What the misleading policy gets where only resets lead; at most 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub decoy: f64,
    /// Share of resets to where the final policy goes; above 0.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub share: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { consolation: 0.4, decoy: 0.9, share: 0.5 }
    }
}

/// The example; see [`example`].
pub struct MuResets(Resets);

impl Measure for MuResets {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "resets";
    const SUMMARY: &'static str = "What PSDP loses with infinitely many data from a reset distribution.";
    const METRICS: &'static [Metric] = &[
        Metric::new("value", "V(π̂).").range(0.0, 1.0).higher_is_better(),
        Metric::new("best", "max over Π of V.").range(0.0, 1.0),
        Metric::new("gap", "max over Π of V, less V(π̂).").range(0.0, 1.0).lower_is_better(),
        Metric::new("concentrability", "max of d_h^π(s)/μ_h(s).").range(1.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::PsdpWithDStar];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        let Settings { consolation, decoy, share } = settings;
        let unit = |x: f64| (0.0..=1.0).contains(&x);
        if !(unit(consolation) && unit(decoy) && unit(share)) || share == 0.0 {
            return Err(Failure::invalid("rewards must lie in [0, 1], and `share` in (0, 1]"));
        }
        Ok(Self(example(consolation, decoy, share)?))
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let (value, best) = (self.0.psdp(fault)?.value, self.0.best().1);
        Ok(Measurement::new()
            .metric("value", value)
            .metric("best", best)
            .metric("gap", best - value)
            .metric("concentrability", self.0.concentrability()?))
    }
}
