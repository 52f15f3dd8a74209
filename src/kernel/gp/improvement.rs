//! Where to look next.

use super::Prediction;
use crate::kernel::math::{exp, normal_cdf};

/// Expected improvement E max(f − b, 0) of a value f ~ N(m, σ²) over a bar b:
/// σ (u Φ(u) + φ(u)) with u = (m − b)/σ, and max(m − b, 0) for σ = 0. Source: Jones, Schonlau and Welch,
/// Journal of Global Optimization 13 (1998), equation 15.
///
/// Bayesian optimisation takes b a little above the best value seen, so that it explores.
///
/// ```
/// use corroborate::kernel::gp::{Prediction, expected_improvement};
/// // A value that is as likely above the bar as below improves by σ/√(2π).
/// let at_the_bar = expected_improvement(Prediction { mean: 1.0, variance: 4.0 }, 1.0);
/// assert!((at_the_bar - 2.0 / (2.0 * std::f64::consts::PI).sqrt()).abs() < 1e-15);
/// ```
#[must_use]
pub fn expected_improvement(prediction: Prediction, bar: f64) -> f64 {
    let gain = prediction.mean - bar;
    let deviation = prediction.variance.sqrt();
    if deviation == 0.0 {
        return gain.max(0.0);
    }
    let u = gain / deviation;
    let density = exp(-0.5 * u * u) / (2.0 * std::f64::consts::PI).sqrt();
    // Far below the bar the two terms cancel to a rounding error that may be negative.
    (deviation * (u * normal_cdf(u) + density)).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::math::mean;
    use crate::kernel::stream::Streams;
    use approx::assert_relative_eq;

    #[test]
    fn it_is_the_mean_of_improvements() {
        let mut stream = Streams::from_seed(1).stream("improvement");
        let draws: Vec<f64> = (0..40_000).map(|_| stream.normal()).collect();
        for (m, variance, bar) in [(0.0, 1.0, 0.5), (1.0, 0.25, 0.2), (-1.0, 2.0, 1.0)] {
            let sampled: Vec<f64> =
                draws.iter().map(|z| (m + f64::sqrt(variance) * z - bar).max(0.0)).collect();
            let expected = expected_improvement(Prediction { mean: m, variance }, bar);
            assert_relative_eq!(mean(&sampled), expected, epsilon = 0.01);
        }
    }

    #[test]
    fn a_certain_value_improves_by_what_it_is_above() {
        assert_eq!(expected_improvement(Prediction { mean: 2.0, variance: 0.0 }, 0.5), 1.5);
        assert_eq!(expected_improvement(Prediction { mean: 0.0, variance: 0.0 }, 0.5), 0.0);
        assert_eq!(expected_improvement(Prediction { mean: -1e9, variance: 1.0 }, 0.0), 0.0);
    }
}
