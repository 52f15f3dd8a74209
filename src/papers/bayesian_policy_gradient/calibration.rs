//! Whether the gradient's covariance means what it says.

use nalgebra::{DMatrix, DVector};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    estimators::{Model, Paths},
};
use crate::{
    kernel::{gaussian::Gaussian, math::mean, stream::Streams},
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// The 95 % quantile of χ² with three degrees of freedom.
const QUANTILE: f64 = 7.8147;

/// Settings of calibration.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Paths M that the gradient is inferred from.
    #[schemars(range(min = 1, max = 100))]
    pub paths: usize,
    /// s, variance of the noise of returns, as they are drawn and as it is assumed.
    #[schemars(range(min = 0.0))]
    pub noise: f64,
    /// Draws of a replicate.
    #[schemars(range(min = 1, max = 10_000))]
    pub draws: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { paths: 8, noise: 0.5, draws: 400 }
    }
}

/// Draws from the prior of Model 2: returns R(ξ) = u(ξ)ᵀw with w ~ N(0, G⁻¹), whose gradient is G w, at paths
/// with scores u ~ N(0, G), seen with noise; and asks where the truth lies in the posterior.
pub struct Calibration {
    settings: Settings,
    /// G (3 × 3).
    fisher: DMatrix<f64>,
    scores: Gaussian,
    weights: Gaussian,
}

impl Measure for Calibration {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "calibration";
    const SUMMARY: &'static str = "Where gradients drawn from the prior lie in their posterior.";
    const METRICS: &'static [Metric] = &[
        Metric::new("coverage", "Share of gradients within the posterior's 95 % ellipsoid.").range(0.0, 1.0),
        Metric::new("distance", "Mean squared Mahalanobis distance of gradients from the posterior mean.")
            .range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::NoiseTooSmall];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        if !(settings.noise > 0.0 && settings.noise.is_finite()) {
            return Err(Failure::invalid("`noise` must be positive"));
        }
        if !(1..=100).contains(&settings.paths) || settings.draws == 0 {
            return Err(Failure::invalid("needs 1 to 100 paths and a draw"));
        }
        let fisher = DMatrix::from_row_slice(3, 3, &[2.0, 0.3, 0.0, 0.3, 1.0, 0.2, 0.0, 0.2, 0.5]);
        let law = |covariance: DMatrix<f64>| {
            Gaussian::new(DVector::zeros(3), covariance).map_err(|e| Failure::numerical(e.to_string()))
        };
        let inverse = super::solved(&fisher, &DMatrix::identity(3, 3))?;
        Ok(Self { scores: law(fisher.clone())?, weights: law(inverse)?, settings, fisher })
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let Settings { paths, noise, draws } = self.settings;
        let mut stream = streams.stream("draws");
        let distances: Result<Vec<f64>, Failure> = (0..draws)
            .map(|_| {
                let weights = self.weights.sample(&mut stream);
                let scores: Vec<DVector<f64>> = (0..paths).map(|_| self.scores.sample(&mut stream)).collect();
                let noisy = |u: &DVector<f64>| u.dot(&weights) + noise.sqrt() * stream.normal();
                let returns = DVector::from_vec(scores.iter().map(noisy).collect());
                let paths = Paths { scores: DMatrix::from_columns(&scores), returns };
                let model = Model::Two { constant: 0.0 };
                let belief = model.posterior(&paths, &self.fisher, noise, fault)?;
                let error = DMatrix::from_columns(&[&self.fisher * weights - belief.mean]);
                Ok(error.dot(&super::solved(&belief.covariance, &error)?))
            })
            .collect();
        let distances = distances?;
        let inside = distances.iter().filter(|d| **d < QUANTILE).count();
        Ok(Measurement::new()
            .metric("coverage", inside as f64 / draws as f64)
            .metric("distance", mean(&distances)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn known_coverage() {
        let settings = Settings { draws: 4000, ..Settings::default() };
        let calibration = Calibration::prepare(settings, &Data::default()).unwrap();
        let of = |fault, metric| {
            calibration.replicate(fault, &Streams::from_seed(1)).unwrap().get(metric).unwrap()
        };
        assert_relative_eq!(of(None, "coverage"), 0.95, epsilon = 0.014);
        assert_relative_eq!(of(None, "distance"), 3.0, epsilon = 0.16);
        assert_relative_eq!(of(Some(Fault::NoiseTooSmall), "coverage"), 0.149, epsilon = 0.025);
    }
}
