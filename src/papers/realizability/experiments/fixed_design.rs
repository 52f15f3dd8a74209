//! Reward noise in a fixed design: the exact finite-sample error of LSTD.

use nalgebra::{DVector, Dyn, LU};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::{
    Fault, estimators::Moments, incompleteness::Incompleteness, models::Model, problem::Population,
};
use crate::{
    kernel::{math::sum, stream::Streams},
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Settings of the design.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The process.
    pub model: Model,
    /// How often each state is observed; n is the sum.
    #[schemars(inner(range(max = 10_000_000)))]
    pub visits: Vec<u32>,
    /// γ.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub discount: f64,
    /// Standard deviation σ of the reward noise, which is normal.
    #[schemars(range(min = 1e-9))]
    pub noise: f64,
    /// Estimates a replicate.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub repeats: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { model: Model::Tvr, visits: vec![30, 270], discount: 0.9, noise: 1.0, repeats: 2000 }
    }
}

/// Estimates with exact expected next features, so that rewards are the only noise.
pub struct FixedDesign {
    settings: Settings,
    population: Population,
    solved: Incompleteness,
    /// A, factored.
    cross: LU<f64, Dyn, Dyn>,
}

impl Measure for FixedDesign {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "fixed-design";
    const SUMMARY: &'static str =
        "Mean squared Bellman error of LSTD under reward noise, against σ² Σ 1/λ / n.";
    const METRICS: &'static [Metric] = &[
        Metric::new("scaled-error", "n · mean E(Q̂)² / σ².").range(0.0, f64::INFINITY).lower_is_better(),
        Metric::new("ratio", "The same divided by its prediction.").range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::OnPolicyFormula];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        let weights = settings.visits.iter().map(|v| f64::from(*v)).collect();
        let population = settings.model.problem(weights, settings.discount).population()?;
        let solved = Incompleteness::of(&population, None)?;
        let features = population.class().features();
        let cross = Moments::of(features, &population.joint(), settings.discount).cross.lu();
        Ok(Self { settings, population, solved, cross })
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let mut stream = streams.stream("reward noise");
        let Settings { visits, noise, repeats, .. } = &self.settings;
        let (population, features) = (&self.population, self.population.class().features());
        let mut errors = Vec::new();
        for _ in 0..*repeats {
            // Only the mean reward of a state enters, and the mean of m normal numbers is normal.
            let observed = DVector::from_fn(visits.len(), |x, _| match visits[x] {
                0 => 0.0,
                m => population.rewards()[x] + noise * stream.normal() / f64::from(m).sqrt(),
            });
            let response = features.transpose() * population.distribution().component_mul(&observed);
            let theta = self.cross.solve(&response).ok_or_else(|| Failure::numerical("A is singular"))?;
            let error = population.bellman_error(&population.class().function(&theta));
            errors.push(error * error);
        }
        let n: u32 = visits.iter().sum();
        let mean = sum(errors) / f64::from(*repeats);
        let scaled = f64::from(n) * mean / (noise * noise);
        let predicted = self.solved.predicted_amplification(population, fault);
        Ok(Measurement::new().metric("scaled-error", scaled).metric("ratio", scaled / predicted))
    }
}
