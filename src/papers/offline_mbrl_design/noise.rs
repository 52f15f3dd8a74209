//! Points with noise of many sizes: which heuristic follows the error, and which the noise?

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, no_ensemble, penalty::Heuristic};
use crate::{
    kernel::{
        ensemble::Ensemble,
        math::{exp, ln, mean, variance},
        rank::spearman,
        stream::{Stream, Streams},
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Points of a dataset.
const POINTS: usize = 200;
/// Range of the noise σ of a point, and of its number of observations n; both log-uniform.
const SIGMA: (f64, f64) = (0.05, 0.5);
const SEEN: (f64, f64) = (3.0, 100.0);
/// Added to deviations, of which a bootstrap sample may have none.
const LEAST_DEVIATION: f64 = 1e-3;

/// Log-uniform on \[low, high).
fn log_uniform((low, high): (f64, f64), stream: &mut Stream) -> f64 {
    exp(stream.uniform_in(ln(low), ln(high)))
}

/// Predictions of N members for a number that was observed repeatedly: mean and standard deviation
/// (divisor n, plus 0.001) of a bootstrap sample each.
///
/// # Errors
/// [`Failure::Invalid`] for no members.
pub fn bootstrapped(
    observations: &[f64],
    members: usize,
    stream: &mut Stream,
    fault: Option<Fault>,
) -> Result<Ensemble, Failure> {
    let mut predictions = Vec::with_capacity(members);
    for _ in 0..members {
        let resampled = stream.resampled(observations);
        let sample = if fault == Some(Fault::NoResampling) { observations } else { &resampled };
        let deviation = variance(sample, 0).sqrt();
        let noise = match fault {
            Some(Fault::StandardError) => deviation / (sample.len() as f64).sqrt(),
            _ => deviation,
        };
        predictions.push((mean(sample), noise + LEAST_DEVIATION));
    }
    Ensemble::of_numbers(&predictions).map_err(no_ensemble)
}

/// Settings of the noisy points.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// u: a heuristic of Gaussian predictions.
    pub heuristic: Heuristic,
    /// N.
    #[schemars(range(min = 2, max = 50))]
    pub members: usize,
    /// Datasets of a replicate, over which correlations are averaged.
    #[schemars(range(min = 1, max = 100))]
    pub repeats: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { heuristic: Heuristic::EnsembleStd, members: 7, repeats: 8 }
    }
}

/// Two hundred points with a true mean of 0, observed a few times each.
pub struct NoisyPoints(Settings);

impl Measure for NoisyPoints {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "noisy-points";
    const SUMMARY: &'static str =
        "Rank correlation of u with the true error |μ̄| over points with noise and data of many sizes.";
    const METRICS: &'static [Metric] = &[
        Metric::new("correlation", "Spearman's correlation of u with the error; 0 if u is constant.")
            .range(-1.0, 1.0)
            .higher_is_better(),
        Metric::new("shortfall", "That of max pairwise less that of u.").range(-2.0, 2.0),
    ];
    const FAULTS: &'static [Fault] = &[Fault::DropAleatoricTerm];
    const TREATMENTS: &'static [&'static str] = &["heuristic"];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        settings.heuristic.ranks_gaussians(settings.members, settings.repeats)?;
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let Settings { heuristic, members, repeats } = self.0;
        let (mut correlations, mut shortfalls) = (Vec::new(), Vec::new());
        let mut stream = streams.stream("points");
        for _ in 0..repeats {
            let mut measured: [Vec<f64>; 3] = Default::default();
            for _ in 0..POINTS {
                let sigma = log_uniform(SIGMA, &mut stream);
                let seen = log_uniform(SEEN, &mut stream) as usize;
                let observations: Vec<f64> = (0..seen).map(|_| sigma * stream.normal()).collect();
                let ensemble = bootstrapped(&observations, members, &mut stream, fault)?;
                measured[0].push(heuristic.of(&ensemble, fault)?);
                measured[1].push(Heuristic::MaxPairwise.of(&ensemble, fault)?);
                measured[2].push(ensemble.mean()[0].abs());
            }
            let [of_heuristic, of_pairwise, errors] = &measured;
            let correlation = spearman(of_heuristic, errors).unwrap_or(0.0);
            correlations.push(correlation);
            shortfalls.push(spearman(of_pairwise, errors).unwrap_or(0.0) - correlation);
        }
        Ok(Measurement::new()
            .metric("correlation", mean(&correlations))
            .metric("shortfall", mean(&shortfalls)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn correlations_of_the_heuristics() {
        // Means over ten datasets, with their known standard deviations; five standard errors.
        for (heuristic, expected, deviation) in [
            (Heuristic::MaxAleatoric, 0.427, 0.064),
            (Heuristic::EnsembleStd, 0.414, 0.066),
            (Heuristic::LeaveOneOutKl, 0.346, 0.072),
            (Heuristic::MaxPairwise, 0.569, 0.030),
            (Heuristic::EpistemicStd, 0.570, 0.031),
        ] {
            let of = NoisyPoints(Settings { heuristic, members: 7, repeats: 10 });
            let found = of.replicate(None, &Streams::from_seed(4)).unwrap().get("correlation").unwrap();
            assert_relative_eq!(found, expected, epsilon = 5.0 * deviation * (2.0 / 10.0_f64).sqrt());
        }
    }
}
