//! Estimates of a noisy matrix from equally many samples.

use nalgebra::DMatrix;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault, overflow,
    skeleton::{Anchors, Skeleton, distance},
};
use crate::{
    kernel::{
        math::{cos, sin},
        stream::Streams,
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Which entries are sampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// All of them.
    Full,
    /// Anchor rows and columns.
    LowRank,
}

/// Settings of the race.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Which entries are sampled.
    pub method: Method,
    /// Samples in total, spread evenly over the entries that are sampled.
    pub samples: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { method: Method::LowRank, samples: 120_000.0 }
    }
}

/// Q(u, w) = (1 + u)(1 + w) + sin(3u) cos(3w) of rank two, on 200 × 150 points of \[0, 1\]²; a sample of an
/// entry has noise N(0, 1).
pub struct Race {
    settings: Settings,
    matrix: DMatrix<f64>,
}

/// The matrix of the race.
fn surface() -> DMatrix<f64> {
    DMatrix::from_fn(200, 150, |i, j| {
        let (u, w) = (i as f64 / 199.0, j as f64 / 149.0);
        (1.0 + u) * (1.0 + w) + sin(3.0 * u) * cos(3.0 * w)
    })
}

impl Measure for Race {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "race";
    const SUMMARY: &'static str =
        "Largest error of a matrix that is estimated from a number of noisy samples.";
    const METRICS: &'static [Metric] =
        &[Metric::new("error", "Largest error of an entry.").range(0.0, f64::INFINITY).lower_is_better()];
    const FAULTS: &'static [Fault] = &[Fault::RankOneModel];
    const TREATMENTS: &'static [&'static str] = &["method", "samples"];

    fn reaches(settings: &Settings, _: Fault) -> bool {
        settings.method == Method::LowRank
    }

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        if settings.samples >= 1.0 && settings.samples.is_finite() {
            Ok(Self { settings, matrix: surface() })
        } else {
            Err(Failure::invalid("`samples` must be at least 1"))
        }
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let (rows, columns) = self.matrix.shape();
        let rank = if fault == Some(Fault::RankOneModel) { 1 } else { 2 };
        let entries = match self.settings.method {
            Method::Full => rows * columns,
            Method::LowRank => rank * (rows + columns - rank),
        };
        // The mean of n samples has noise N(0, 1/n).
        let deviation = (entries as f64 / self.settings.samples).sqrt();
        let mut stream = streams.stream("noise");
        let mut noisy = self.matrix.clone();
        let estimate = match self.settings.method {
            Method::Full => {
                noisy.iter_mut().for_each(|q| *q += deviation * stream.normal());
                noisy
            }
            Method::LowRank => {
                let anchors = Anchors::greedy(&self.matrix, rank);
                for i in 0..rows {
                    for j in 0..columns {
                        if anchors.cover(i, j) {
                            noisy[(i, j)] += deviation * stream.normal();
                        }
                    }
                }
                Skeleton::of(&noisy, &anchors).estimate().ok_or_else(overflow)?
            }
        };
        Ok(Measurement::new().metric("error", distance(&estimate, &self.matrix)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::math::mean;
    use approx::assert_relative_eq;

    #[test]
    fn a_model_of_rank_one_misses_the_known_amount() {
        let matrix = surface();
        let estimate = Skeleton::of(&matrix, &Anchors::greedy(&matrix, 1)).estimate().unwrap();
        assert_relative_eq!(distance(&estimate, &matrix), 1.3956, epsilon = 5e-5);
    }

    #[test]
    fn known_errors() {
        // Means of another implementation over twenty repeats; standard deviations are about a tenth
        // for full exploration and a quarter for anchors.
        for (method, samples, known, tolerance) in [
            (Method::Full, 30_000.0, 4.33, 0.25),
            (Method::LowRank, 30_000.0, 0.964, 0.2),
            (Method::Full, 480_000.0, 1.08, 0.06),
            (Method::LowRank, 480_000.0, 0.214, 0.05),
        ] {
            let race = Race::prepare(Settings { method, samples }, &Data::default()).unwrap();
            let errors = (0..20)
                .map(|seed| race.replicate(None, &Streams::from_seed(seed)).unwrap().get("error").unwrap());
            let measured = mean(&errors.collect::<Vec<f64>>());
            assert!((measured - known).abs() < tolerance, "{samples}: {measured}");
        }
    }
}
