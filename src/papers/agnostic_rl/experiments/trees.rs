//! Trajectory trees on the reference process: what they ask for, and whether they are unbiased.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    super::{Fault, process::Problem, tree::Forest},
    hold,
};
use crate::{
    kernel::stream::Streams,
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Differences below this are rounding, where the returns do not vary.
const ROUNDING: f64 = 1e-12;

/// Settings of the trees.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// H.
    #[schemars(range(min = 1, max = 20))]
    pub horizon: usize,
    /// States of each layer.
    #[schemars(range(min = 1, max = 64))]
    pub states: usize,
    /// c, the shift of the reference process.
    #[schemars(range(max = 64))]
    pub shift: usize,
    /// l: the class is that of policies with at most l ones.
    #[schemars(range(max = 64))]
    pub ones: usize,
    /// m, trees a replicate.
    #[schemars(range(min = 2, max = 1_000_000))]
    pub trees: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { horizon: 8, states: 8, shift: 0, ones: 1, trees: 400 }
    }
}

/// A class on the reference process.
pub struct Trees {
    problem: Problem,
    trees: usize,
}

impl Measure for Trees {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "trees";
    const SUMMARY: &'static str = "Queries and estimates of trajectory trees on the reference process.";
    const METRICS: &'static [Metric] = &[
        Metric::new("queries", "Transitions that a tree asks for; mean over trees.")
            .range(0.0, f64::INFINITY)
            .unit("transitions"),
        Metric::new("most-queries", "Transitions that a tree asks for; the most over trees.")
            .range(0.0, f64::INFINITY)
            .unit("transitions"),
        Metric::new("largest-z", "Largest |V̂(π) − V(π)| of the class in standard errors of V̂(π).")
            .range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::FullTree, Fault::ResamplePerStep, Fault::ReuseAcrossLayers];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        let Settings { horizon, states, shift, ones, trees } = settings;
        hold("trees", trees, 2)?;
        Ok(Self { problem: Problem::reference(horizon, states, shift, ones)?, trees })
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let Problem { process, class, values } = &self.problem;
        let forest = Forest::draw(process, class, self.trees, fault, &mut streams.stream("trees"));
        let z = forest.estimates().into_iter().zip(values).zip(forest.standard_errors()).map(
            |((x, v), error)| {
                let off = (x - v).abs();
                if off < ROUNDING { 0.0 } else { off / error.max(ROUNDING) }
            },
        );
        Ok(Measurement::new()
            .metric("queries", forest.queries.iter().sum::<usize>() as f64 / self.trees as f64)
            .metric("most-queries", forest.queries.iter().copied().max().unwrap_or(0) as f64)
            .metric("largest-z", z.fold(0.0, f64::max)))
    }
}
