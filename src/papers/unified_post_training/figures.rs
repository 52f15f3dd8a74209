//! Arithmetic of the reported table.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fault;
use crate::{
    kernel::{math::mean, stream::Streams},
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// The reported entries of hybrid post-training on Qwen2.5-Math-7B.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// AIME24, AIME25, AMC, MATH-500, Minerva, Olympiad.
    #[schemars(length(min = 2))]
    pub in_distribution: Vec<f64>,
    /// ARC-c, GPQA.
    #[schemars(length(min = 1))]
    pub out_of_distribution: Vec<f64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            in_distribution: vec![33.0, 21.9, 69.4, 89.2, 46.0, 56.9],
            out_of_distribution: vec![81.6, 42.9],
        }
    }
}

/// Averages of the entries.
pub struct Averages(Settings);

impl Measure for Averages {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "averages";
    const SUMMARY: &'static str = "Averages of the reported entries of the table.";
    const METRICS: &'static [Metric] = &[
        Metric::new("in-distribution", "Mean of the in-distribution entries.").unit("%"),
        Metric::new("out-of-distribution", "Mean of the others.").unit("%"),
    ];
    const FAULTS: &'static [Fault] = &[Fault::DroppedBenchmark];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let drop_weakest = |entries: &[f64]| {
            let mut kept = entries.to_vec();
            if fault == Some(Fault::DroppedBenchmark) && kept.len() > 1 {
                kept.sort_by(f64::total_cmp);
                kept.remove(0);
            }
            mean(&kept)
        };
        Ok(Measurement::new()
            .metric("in-distribution", drop_weakest(&self.0.in_distribution))
            .metric("out-of-distribution", drop_weakest(&self.0.out_of_distribution)))
    }
}
