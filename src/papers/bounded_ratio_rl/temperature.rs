//! The regularised optimum tends to the analytic one as the temperature falls.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    optimum::{Bounds, optimum, primal, regularised},
};
use crate::{
    kernel::{math::dot, stream::Streams},
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Settings: one state and a path of temperatures.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// π₀(·|s), summing to 1.
    #[schemars(length(min = 1), inner(range(min = 0.0, max = 1.0)))]
    pub p: Vec<f64>,
    /// Q₀(s, ·).
    pub q: Vec<f64>,
    /// Bounds of the ratio.
    pub bounds: Bounds,
    /// Temperatures λ, descending.
    #[schemars(length(min = 2), inner(range(min = 1e-6)))]
    pub lambdas: Vec<f64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            p: vec![0.1, 0.25, 0.3, 0.2, 0.15],
            q: vec![1.0, -0.5, 0.2, 0.7, -2.0],
            bounds: Bounds { low: 0.7, high: 1.4 },
            lambdas: vec![1.0, 0.5, 0.2, 0.1, 0.05, 0.02],
        }
    }
}

/// Linear value lost to the temperature, along the path.
pub struct TemperaturePath(Settings);

impl TemperaturePath {
    fn gaps(&self, fault: Option<Fault>) -> Vec<f64> {
        let Settings { p, q, bounds, lambdas } = &self.0;
        let best = primal(p, q, &optimum(p, q, *bounds, None).ratios, *bounds, 0.0);
        let value =
            |lambda: &f64| primal(p, q, &regularised(p, q, *bounds, *lambda, fault).ratios, *bounds, 0.0);
        lambdas.iter().map(|lambda| best - value(lambda)).collect()
    }
}

impl Measure for TemperaturePath {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "temperature-path";
    const SUMMARY: &'static str =
        "Linear value that the regularised optimum gives away, as the temperature falls.";
    const METRICS: &'static [Metric] = &[
        Metric::new("largest-rise", "Largest rise of the gap from one temperature to the next lower one."),
        Metric::new("smallest-gap", "Smallest gap on the path."),
        Metric::new("last-gap", "Gap at the lowest temperature."),
        Metric::new("normalisation-error", "Largest |Σ p ρ − 1| on the path.").range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::UnnormalisedMu];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        if settings.p.len() != settings.q.len() || (settings.p.iter().sum::<f64>() - 1.0).abs() > 1e-9 {
            return Err(Failure::invalid(
                "expected as many values `q` as probabilities `p`, and these to sum to 1",
            ));
        }
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let gaps = self.gaps(fault);
        let Settings { p, q, bounds, lambdas } = &self.0;
        let off = |lambda: &f64| (dot(p, &regularised(p, q, *bounds, *lambda, fault).ratios) - 1.0).abs();
        Ok(Measurement::new()
            .metric("largest-rise", gaps.windows(2).map(|g| g[1] - g[0]).fold(f64::NEG_INFINITY, f64::max))
            .metric("smallest-gap", gaps.iter().copied().fold(f64::INFINITY, f64::min))
            .metric("last-gap", gaps.last().copied().unwrap_or(0.0))
            .metric("normalisation-error", lambdas.iter().map(off).fold(0.0, f64::max))
            .series("gap", lambdas.clone(), gaps))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn known_gaps() {
        let known = [0.106, 0.0553, 0.0103, 7.2e-4, 4.3e-6, 1.3e-12];
        for (gap, known) in TemperaturePath(Settings::default()).gaps(None).iter().zip(known) {
            assert_relative_eq!(*gap, known, max_relative = 0.05);
        }
    }
}
