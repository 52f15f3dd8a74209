//! What noise costs in d dimensions at fixed incompleteness.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::{Fault, incompleteness::Incompleteness, problem::Problem};
use crate::{
    kernel::stream::Streams,
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Settings of the tabular class.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// d: number of absorbing states, each with an indicator feature.
    #[schemars(range(min = 1, max = 64))]
    pub dimension: usize,
    /// γ.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub discount: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { dimension: 4, discount: 0.9 }
    }
}

/// d absorbing states under uniform data, with indicator features: complete, and on-policy.
pub struct Dimensions(Settings);

impl Measure for Dimensions {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "dimensions";
    const SUMMARY: &'static str = "Noise amplification of a complete class of d indicator features.";
    const METRICS: &'static [Metric] =
        &[Metric::new("amplification-per-dimension", "Σ 1/λ divided by d.").range(0.0, f64::INFINITY)];
    const FAULTS: &'static [Fault] = &[Fault::Unprojected];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let Settings { dimension, discount } = self.0;
        let identity: Vec<Vec<f64>> =
            (0..dimension).map(|i| (0..dimension).map(|j| f64::from(u8::from(i == j))).collect()).collect();
        let problem = Problem {
            features: identity.clone(),
            transitions: identity,
            weights: vec![1.0; dimension],
            parameter: vec![1.0; dimension],
            discount,
        };
        let amplification = Incompleteness::of(&problem.population()?, fault)?.noise_amplification();
        Ok(Measurement::new().metric("amplification-per-dimension", amplification / dimension as f64))
    }
}
