//! The worst of all problems of one state and two arms, without sampling.
//!
//! The arms pay D apart, and each is estimated from n rewards of variance 1, so that the estimated difference is
//! D + x with x ~ N(0, 2/n). With a uniform reference, logits z = D/λ and ẑ = (D + x)/λ, and π̂ = σ(ẑ):
//!
//! ```text
//! without a regulariser   gap(D) = D Φ(−D √(n/2)),                    sup gap = 0.24038…/√n
//! with one                gap(D) = E[π̂ x − λ (softplus ẑ − softplus z)],   sup gap ≈ 1/(4 λ n)
//! ```

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fault;
use crate::{
    kernel::{
        math::{normal_cdf, sigmoid, softplus, sum},
        quadrature::gauss_hermite,
        stream::Streams,
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Nodes of the quadrature over x.
const NODES: usize = 40;
/// Differences D that are tried.
const GRID: usize = 1000;

/// Settings of the two arms.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// n, rewards seen of each arm.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub samples: usize,
    /// λ; 0 takes the arm with the better estimate.
    #[schemars(range(min = 0.0))]
    pub lambda: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { samples: 100, lambda: 1.0 }
    }
}

/// The worst gap over all differences of two arms.
pub struct TwoArms {
    settings: Settings,
    nodes: Vec<(f64, f64)>,
}

impl TwoArms {
    /// E of the gap at a difference D.
    fn gap(&self, difference: f64, lambda: f64) -> f64 {
        let deviation = (2.0 / self.settings.samples as f64).sqrt();
        if lambda == 0.0 {
            return difference * normal_cdf(-difference / deviation);
        }
        let at = |x: f64| {
            let (z, estimated) = (difference / lambda, (difference + x) / lambda);
            sigmoid(estimated) * x - lambda * (softplus(estimated) - softplus(z))
        };
        sum(self.nodes.iter().map(|(node, weight)| weight * at(deviation * node)))
    }
}

impl Measure for TwoArms {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "two-arms";
    const SUMMARY: &'static str =
        "The worst expected gap of all two-armed problems with n rewards of each arm.";
    const METRICS: &'static [Metric] = &[
        Metric::new("gap", "The largest expected gap over all differences.")
            .unit("reward")
            .range(0.0, f64::INFINITY)
            .lower_is_better(),
        Metric::new("constant", "The gap times √n.").unit("reward").range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::Unregularised, Fault::FixedGap];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        if settings.samples == 0 || !(settings.lambda >= 0.0 && settings.lambda.is_finite()) {
            return Err(Failure::invalid("expected at least one sample, and a finite λ of at least 0"));
        }
        Ok(Self { settings, nodes: gauss_hermite(NODES) })
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let n = self.settings.samples as f64;
        let lambda = if fault == Some(Fault::Unregularised) { 0.0 } else { self.settings.lambda };
        // Beyond, either the arms are told apart or the regulariser lets the difference decide.
        let widest = 3.0 * (2.0 / n).sqrt() + 4.0 * lambda;
        let gap = if fault == Some(Fault::FixedGap) {
            self.gap(1.0, lambda)
        } else {
            let differences = (0..=GRID).map(|i| widest * i as f64 / GRID as f64);
            differences.map(|difference| self.gap(difference, lambda)).fold(0.0, f64::max)
        };
        Ok(Measurement::new().metric("gap", gap).metric("constant", gap * n.sqrt()))
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;

    use super::*;

    fn measured(samples: usize, lambda: f64, metric: &str) -> f64 {
        let arms = TwoArms::prepare(Settings { samples, lambda }, &Data::default()).unwrap();
        arms.replicate(None, &Streams::from_seed(0)).unwrap().get(metric).unwrap()
    }

    #[test]
    fn the_constant_without_a_regulariser() {
        for samples in [10, 100, 640, 100_000] {
            assert_relative_eq!(measured(samples, 0.0, "constant"), 0.240_38, epsilon = 1e-5);
        }
    }

    #[test]
    fn the_gap_with_one_is_quadratic_in_the_error() {
        // At D = 0 the curvature of λ softplus is 1/(4λ), and E x² = 2/n.
        for lambda in [0.5, 1.0, 3.0] {
            let samples = 100_000;
            assert_relative_eq!(
                measured(samples, lambda, "gap"),
                0.25 / lambda / samples as f64,
                max_relative = 1e-3
            );
        }
    }
}
