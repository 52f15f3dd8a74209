//! A finite grid around the value function: realizable, and yet not identified.

use nalgebra::DVector;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::{Fault, models::Model};
use crate::{
    kernel::stream::Streams,
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Settings of the grid.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// γ.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub discount: f64,
    /// Distance between neighbours of the grid θ = 1 + step · k.
    #[schemars(range(min = 1e-9))]
    pub step: f64,
    /// Largest |k|.
    #[schemars(range(max = 1000))]
    pub reach: i32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { discount: 0.85, step: 0.2, reach: 12 }
    }
}

/// The class {θ = 1 + step · k : |k| ≤ reach} on two states with all data in the second.
pub struct FiniteGrid(Settings);

impl Measure for FiniteGrid {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "finite-grid";
    const SUMMARY: &'static str = "Counts the functions of a grid that the population loss takes for Q^π.";
    const METRICS: &'static [Metric] = &[
        Metric::new("zeros", "Functions with the smallest population loss.").range(0.0, f64::INFINITY),
        Metric::new("predicted", "Number of k with (1 − γ)|k| < ½.").range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::NoInnerMax];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let Settings { discount, step, reach } = self.0;
        let population = Model::Tvr.problem(vec![0.0, 1.0], discount).population()?;
        let joint = population.joint();
        let class: Vec<DVector<f64>> =
            (-reach..=reach).map(|k| (1.0 + step * f64::from(k)) * population.truth()).collect();
        let losses: Vec<f64> = class.iter().map(|q| joint.minimax_loss(&class, q, discount, fault)).collect();
        // The nearest grid point to TQ is Q itself where TQ is less than half a step away; then the
        // maximum is attained at g = Q, and the loss is exactly 0.
        let least = losses.iter().copied().fold(f64::INFINITY, f64::min);
        let zeros = losses.iter().filter(|loss| **loss == least).count();
        let predicted = (-reach..=reach).filter(|k| (1.0 - discount) * f64::from(k.abs()) < 0.5).count();
        Ok(Measurement::new().metric("zeros", zeros as f64).metric("predicted", predicted as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seven_functions_look_like_the_truth() {
        let grid = FiniteGrid::prepare(Settings::default(), &Data::default()).unwrap();
        let zeros = |fault| grid.replicate(fault, &Streams::from_seed(0)).unwrap().get("zeros");
        assert_eq!(zeros(None), Some(7.0));
        assert_eq!(zeros(Some(Fault::NoInnerMax)), Some(1.0));
    }
}
