//! What a search of the k-d tree costs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, tree::Tree};
use crate::{
    kernel::stream::Streams,
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Settings of the count.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Points n.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub points: usize,
    /// Dimension d.
    #[schemars(range(min = 1, max = 64))]
    pub dimension: usize,
    /// Searches.
    #[schemars(range(min = 1, max = 100_000))]
    pub queries: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { points: 1000, dimension: 3, queries: 20 }
    }
}

/// Mean number of nodes that a search visits, with points and queries uniform on the unit cube.
pub struct Visits(Settings);

impl Measure for Visits {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "visits";
    const SUMMARY: &'static str = "Counts the nodes that a search of the k-d tree visits.";
    const METRICS: &'static [Metric] = &[Metric::new("visits", "Nodes visited, averaged over searches.")
        .unit("nodes")
        .range(1.0, f64::INFINITY)
        .lower_is_better()];
    const FAULTS: &'static [Fault] = &[Fault::NoBacktracking, Fault::NoPruning];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        let Settings { points, dimension, queries } = settings;
        if points == 0 || dimension == 0 || queries == 0 {
            return Err(Failure::invalid("needs a point, a dimension and a query"));
        }
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let Settings { points, dimension, queries } = self.0;
        let drawn = |label: &str, count: usize| -> Vec<Vec<f64>> {
            let mut stream = streams.stream(label);
            (0..count).map(|_| (0..dimension).map(|_| stream.uniform()).collect()).collect()
        };
        let cloud = drawn("points", points);
        let tree = Tree::new(&cloud);
        let visits: u64 =
            drawn("queries", queries).iter().map(|query| tree.nearest(query, fault).visits).sum();
        Ok(Measurement::new().metric("visits", visits as f64 / queries as f64))
    }
}
