//! How fast the quantiles of a group approach N(0, 1).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    transport::{mean_square, quantiles},
};
use crate::{
    kernel::{
        math::{exp, ln, mean, normal_quantile, slope, sum},
        stream::Streams,
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// W₂ between the empirical distribution of N ascending values and N(0, 1):
/// W₂² = 1 + mean v² − 2 mean(v_i c_i), where c_i = N (φ(z_{i−1}) − φ(z_i)), z_i = Φ⁻¹(i/N), is the mean
/// of a standard normal variable between its (i − 1)-th and i-th N-quantile. 1 for no values.
#[must_use]
pub fn wasserstein_to_normal(ascending: &[f64]) -> f64 {
    let n = ascending.len();
    if n == 0 {
        return 1.0;
    }
    let density = |i: usize| {
        let z = normal_quantile(i as f64 / n as f64);
        if z.is_finite() { exp(-0.5 * z * z) / (2.0 * std::f64::consts::PI).sqrt() } else { 0.0 }
    };
    // mean(v_i c_i) = Σ v_i (φ(z_{i−1}) − φ(z_i)).
    let cross = sum(ascending.iter().enumerate().map(|(i, v)| v * (density(i) - density(i + 1))));
    (1.0 + mean_square(ascending) - 2.0 * cross).max(0.0).sqrt()
}

/// Settings of the convergence.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Smallest group; sizes double from here.
    #[schemars(range(min = 1, max = 100_000))]
    pub smallest: usize,
    /// Number of sizes.
    #[schemars(range(min = 2, max = 20))]
    pub sizes: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { smallest: 8, sizes: 8 }
    }
}

/// The experiment: distances to N(0, 1) over doubling sizes.
pub struct Convergence {
    sizes: Vec<usize>,
}

impl Measure for Convergence {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "convergence";
    const SUMMARY: &'static str =
        "Distance of a group's advantages to N(0, 1), over doubling sizes of the group.";
    const METRICS: &'static [Metric] = &[
        Metric::new("mean", "Largest absolute mean of the advantages over sizes.").range(0.0, f64::INFINITY),
        Metric::new("smallest-variance", "Variance of the advantages of the smallest group."),
        Metric::new("largest-variance", "Variance of the advantages of the largest group."),
        Metric::new("first-distance", "W₂ to N(0, 1) of the smallest group.").range(0.0, f64::INFINITY),
        Metric::new("last-distance", "W₂ to N(0, 1) of the largest group.").range(0.0, f64::INFINITY),
        Metric::new("largest-step", "Largest ratio of W₂ at a size to W₂ at half of it.")
            .range(0.0, f64::INFINITY),
        Metric::new("slope", "Least-squares slope of ln W₂ over ln N."),
    ];
    const FAULTS: &'static [Fault] = &[Fault::UniformQuantiles];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        let Settings { smallest, sizes } = settings;
        if smallest == 0 || sizes < 2 || smallest.checked_shl(sizes - 1).is_none_or(|n| n > 1 << 20) {
            return Err(Failure::invalid("there must be at least two sizes, the largest at most 2^20"));
        }
        Ok(Self { sizes: (0..sizes).map(|i| smallest << i).collect() })
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let groups: Vec<Vec<f64>> = self.sizes.iter().map(|n| quantiles(*n, fault)).collect();
        let means = groups.iter().map(|q| mean(q).abs());
        let variances: Vec<f64> = groups.iter().map(|q| mean_square(q)).collect();
        let distances: Vec<f64> = groups.iter().map(|q| wasserstein_to_normal(q)).collect();
        let last = distances.len() - 1;
        let logs = |x: &[f64]| -> Vec<f64> { x.iter().map(|x| ln(*x)).collect() };
        let sizes: Vec<f64> = self.sizes.iter().map(|n| *n as f64).collect();
        Ok(Measurement::new()
            .metric("mean", means.fold(0.0, f64::max))
            .metric("smallest-variance", variances[0])
            .metric("largest-variance", variances[last])
            .metric("first-distance", distances[0])
            .metric("last-distance", distances[last])
            .metric("largest-step", distances.windows(2).map(|w| w[1] / w[0]).fold(0.0, f64::max))
            .metric("slope", slope(&logs(&sizes), &logs(&distances)))
            .series("distance", sizes, distances))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    #[test]
    fn known_distances_and_variances() {
        for (n, variance, distance, digits) in [
            (8, 0.8511, 0.2412, 5.1e-5),
            (16, 0.9237, 0.1537, 5.1e-5),
            (64, 0.9803, 0.0646, 5.1e-5),
            (1024, 0.9987, 0.012_70, 5.1e-6),
        ] {
            let q = quantiles(n, None);
            assert_abs_diff_eq!(mean_square(&q), variance, epsilon = 5.1e-5);
            assert_abs_diff_eq!(wasserstein_to_normal(&q), distance, epsilon = digits);
        }
        let experiment = Convergence::prepare(Settings::default(), &Data::default()).unwrap();
        let measured = experiment.replicate(None, &Streams::from_seed(0)).unwrap();
        assert_abs_diff_eq!(measured.get("slope").unwrap(), -0.606, epsilon = 5.1e-4);
    }

    #[test]
    fn the_distance_of_one_value_is_known_by_hand() {
        // W₂² of a point v to N(0, 1) is 1 + v².
        assert_abs_diff_eq!(wasserstein_to_normal(&[0.0]), 1.0);
        assert_abs_diff_eq!(wasserstein_to_normal(&[2.0]), 5_f64.sqrt(), epsilon = 1e-15);
        // The best two points ±√(2/π) leave the variance 1 − 2/π within halves.
        let end = (2.0 / std::f64::consts::PI).sqrt();
        let left = (1.0 - 2.0 / std::f64::consts::PI).sqrt();
        assert_abs_diff_eq!(wasserstein_to_normal(&[-end, end]), left, epsilon = 1e-15);
    }
}
