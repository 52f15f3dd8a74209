//! Regression on little data, judged where there are none: does an ensemble know where it is wrong?

use nalgebra::{DMatrix, DVector};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, no_ensemble, penalty::Heuristic};
use crate::{
    kernel::{
        ensemble::Ensemble,
        math::{cos, exp, ln, mean, pow, sin},
        rank::spearman,
        stream::{Stream, Streams},
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Points of the data, and of the grid on which the ensemble is judged.
const POINTS: usize = 60;
const GRID: usize = 200;
/// Random features of a member, and the standard deviation of their frequencies.
const FEATURES: usize = 30;
const FREQUENCY: f64 = 3.0;
/// Standard deviation of the observation noise.
const NOISE: f64 = 0.02;
/// Ridges of the mean and of the logarithmic variance.
const MEAN_RIDGE: f64 = 1e-2;
const VARIANCE_RIDGE: f64 = 1.0;
/// Logarithmic variances are kept inside.
const LOG_VARIANCE: (f64, f64) = (-10.0, 3.0);

/// The function to learn: f(x) = sin 3x + ½ cos 7x.
fn truth(x: f64) -> f64 {
    sin(3.0 * x) + 0.5 * cos(7.0 * x)
}

/// Data on \[−1, 1\], few near the middle: x = sign(v)|v|^0.7 for uniform v, y = f(x) + 0.02ε.
fn draw(stream: &mut Stream) -> Vec<(f64, f64)> {
    (0..POINTS)
        .map(|_| {
            let v = stream.uniform_in(-1.0, 1.0);
            let x = pow(v.abs(), 0.7).copysign(v);
            (x, truth(x) + NOISE * stream.normal())
        })
        .collect()
}

/// A probabilistic model that is linear in random features √(2/D) cos(wx + b): a mean, and a logarithmic
/// variance fitted to the residuals.
struct Member {
    features: Vec<(f64, f64)>,
    mean: DVector<f64>,
    log_variance: DVector<f64>,
    /// The mean of the logarithms of the squared residuals, about which the second head is fitted.
    centre: f64,
}

impl Member {
    /// Draws features w ~ 3 N(0, 1), b ~ U\[0, 2π) and fits both heads by ridge regression.
    fn fit(data: &[(f64, f64)], stream: &mut Stream) -> Result<Self, Failure> {
        let features: Vec<(f64, f64)> = (0..FEATURES)
            .map(|_| (FREQUENCY * stream.normal(), stream.uniform_in(0.0, 2.0 * std::f64::consts::PI)))
            .collect();
        let rows: Vec<DVector<f64>> = data.iter().map(|(x, _)| values(&features, *x)).collect();
        let design = DMatrix::from_fn(data.len(), FEATURES, |i, k| rows[i][k]);
        let gram = design.transpose() * &design;
        let ridge = |strength: f64, targets: &DVector<f64>| {
            let system = &gram + DMatrix::from_diagonal_element(FEATURES, FEATURES, strength);
            let root = system.cholesky().ok_or_else(|| Failure::numerical("the ridge system is singular"))?;
            Ok::<_, Failure>(root.solve(&(design.transpose() * targets)))
        };
        let targets = DVector::from_iterator(data.len(), data.iter().map(|(_, y)| *y));
        let mean_head = ridge(MEAN_RIDGE, &targets)?;
        let residuals = targets - &design * &mean_head;
        let logs: Vec<f64> = residuals.iter().map(|r| ln(r * r + 1e-6)).collect();
        let centre = mean(&logs);
        let log_variance = ridge(VARIANCE_RIDGE, &DVector::from_vec(logs).add_scalar(-centre))?;
        Ok(Self { features, mean: mean_head, log_variance, centre })
    }

    /// (μ(x), σ(x)).
    fn predict(&self, x: f64) -> (f64, f64) {
        let phi = values(&self.features, x);
        let (low, high) = LOG_VARIANCE;
        let log_variance = (self.log_variance.dot(&phi) + self.centre).clamp(low, high);
        (self.mean.dot(&phi), exp(log_variance).sqrt())
    }
}

/// √(2/D) cos(wx + b) of all features (D).
fn values(features: &[(f64, f64)], x: f64) -> DVector<f64> {
    let scale = (2.0 / FEATURES as f64).sqrt();
    DVector::from_iterator(FEATURES, features.iter().map(|(w, b)| scale * cos(w * x + b)))
}

/// Settings of the regression.
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
        Self { heuristic: Heuristic::EnsembleStd, members: 7, repeats: 2 }
    }
}

/// An ensemble of random-feature models beyond its data.
pub struct OutOfDistribution(Settings);

impl Measure for OutOfDistribution {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "out-of-distribution";
    const SUMMARY: &'static str =
        "Rank correlation of u(x) with the true error |μ̄(x) − f(x)| on a grid twice as wide as the data.";
    const METRICS: &'static [Metric] = &[
        Metric::new("correlation", "Spearman's correlation of u with the error; 0 if u is constant.")
            .range(-1.0, 1.0)
            .higher_is_better(),
        Metric::new("edge", "The same less that of max aleatoric.").range(-2.0, 2.0),
    ];
    const FAULTS: &'static [Fault] = &[Fault::SharedBootstrap];
    const TREATMENTS: &'static [&'static str] = &["heuristic"];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        settings.heuristic.ranks_gaussians(settings.members, settings.repeats)?;
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let Settings { heuristic, members, repeats } = self.0;
        let grid: Vec<f64> = (0..GRID).map(|i| -2.0 + 4.0 * i as f64 / (GRID - 1) as f64).collect();
        let (mut correlations, mut edges) = (Vec::new(), Vec::new());
        let (mut uncertainty, mut error) = (vec![0.0; GRID], vec![0.0; GRID]);
        for k in 0..repeats {
            let data = draw(&mut streams.stream(&format!("data {k}")));
            let mut fits = streams.stream(&format!("members {k}"));
            let fitted = (0..members)
                .map(|_| {
                    if fault == Some(Fault::SharedBootstrap) {
                        fits = streams.stream(&format!("members {k}"));
                    }
                    let sample = fits.resampled(&data);
                    Member::fit(&sample, &mut fits)
                })
                .collect::<Result<Vec<Member>, Failure>>()?;
            let mut measured: [Vec<f64>; 3] = Default::default();
            for x in &grid {
                let predictions: Vec<(f64, f64)> = fitted.iter().map(|member| member.predict(*x)).collect();
                let ensemble = Ensemble::of_numbers(&predictions).map_err(no_ensemble)?;
                measured[0].push(heuristic.of(&ensemble, fault)?);
                measured[1].push(Heuristic::MaxAleatoric.of(&ensemble, fault)?);
                measured[2].push((ensemble.mean()[0] - truth(*x)).abs());
            }
            let [of_heuristic, of_aleatoric, errors] = &measured;
            let correlation = spearman(of_heuristic, errors).unwrap_or(0.0);
            correlations.push(correlation);
            edges.push(correlation - spearman(of_aleatoric, errors).unwrap_or(0.0));
            for i in 0..GRID {
                uncertainty[i] += of_heuristic[i] / repeats as f64;
                error[i] += errors[i] / repeats as f64;
            }
        }
        Ok(Measurement::new()
            .metric("correlation", mean(&correlations))
            .metric("edge", mean(&edges))
            .series("uncertainty", grid.clone(), uncertainty)
            .series("error", grid, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn the_mean_head_fits_the_data() {
        let mut stream = Streams::from_seed(1).stream("data");
        let data = draw(&mut stream);
        let member = Member::fit(&data, &mut stream).unwrap();
        let squares: Vec<f64> = data
            .iter()
            .map(|(x, y)| {
                let gap = member.predict(*x).0 - y;
                gap * gap
            })
            .collect();
        assert!(mean(&squares).sqrt() < 0.3, "{}", mean(&squares).sqrt());
        assert!(data.iter().all(|(x, _)| x.abs() <= 1.0));
    }

    #[test]
    fn correlations_of_the_heuristics() {
        // Means over thirty datasets, with their known standard deviations; five standard errors.
        for (heuristic, expected, deviation) in [
            (Heuristic::MaxAleatoric, 0.046, 0.218),
            (Heuristic::MaxPairwise, 0.837, 0.038),
            (Heuristic::EnsembleStd, 0.837, 0.036),
            (Heuristic::EpistemicStd, 0.844, 0.038),
            (Heuristic::LeaveOneOutKl, 0.767, 0.134),
        ] {
            let of = OutOfDistribution(Settings { heuristic, members: 7, repeats: 30 });
            let found = of.replicate(None, &Streams::from_seed(5)).unwrap().get("correlation").unwrap();
            let slack = 5.0 * deviation * (2.0 / 30.0_f64).sqrt();
            assert_relative_eq!(found, expected, epsilon = slack);
        }
    }
}
