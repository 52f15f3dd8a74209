//! Search for the rewarding leaf, in the order of leaves.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::{Fault, search};
use crate::{
    kernel::stream::Streams,
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Settings of the tree.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// A.
    #[schemars(range(min = 1, max = 64))]
    pub actions: usize,
    /// H.
    #[schemars(range(min = 1, max = 64))]
    pub horizon: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { actions: 2, horizon: 5 }
    }
}

/// A tree with Aᴴ leaves.
pub struct Search {
    actions: usize,
    leaves: usize,
}

impl Measure for Search {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "search";
    const SUMMARY: &'static str =
        "Episodes until the rewarding leaf is found, over all places where it can be.";
    const METRICS: &'static [Metric] = &[
        Metric::new("episodes", "Mean number of episodes.").range(1.0, f64::INFINITY).unit("episodes"),
        Metric::new("error", "|episodes − (Aᴴ + 1)/2|.").range(0.0, f64::INFINITY).unit("episodes"),
    ];
    const FAULTS: &'static [Fault] = &[Fault::StructuredClass];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        let leaves = search::leaves(settings.actions, settings.horizon)?;
        Ok(Self { actions: settings.actions, leaves })
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let episodes = search::mean_episodes(&search::policies(self.actions, self.leaves, fault));
        let error = (episodes - (self.leaves + 1) as f64 / 2.0).abs();
        Ok(Measurement::new().metric("episodes", episodes).metric("error", error))
    }
}
