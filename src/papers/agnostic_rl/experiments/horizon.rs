//! How errors grow with the horizon.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    super::{Fault, process::Problem},
    evaluation::{Method, Sources, evaluate},
    hold,
};
use crate::{
    kernel::{
        math::{ln, slope},
        stream::Streams,
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Settings of the evaluation.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How policies are evaluated.
    pub method: Method,
    /// Horizons H, at least two, ascending.
    #[schemars(length(max = 20), inner(range(max = 20)))]
    pub horizons: Vec<usize>,
    /// States of each layer.
    #[schemars(range(min = 1, max = 64))]
    pub states: usize,
    /// c, the shift of the reference process.
    #[schemars(range(max = 64))]
    pub shift: usize,
    /// m: trees, whose transitions are the budget of either method.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub trees: usize,
    /// Evaluations a replicate.
    #[schemars(range(min = 1, max = 100_000))]
    pub repeats: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            method: Method::TrajectoryTree,
            horizons: vec![2, 4, 6, 8, 10],
            states: 8,
            shift: 0,
            trees: 30,
            repeats: 10,
        }
    }
}

/// The reference process at several horizons, each with its class of policies with at most one 1.
pub struct Horizon {
    settings: Settings,
    problems: Vec<Problem>,
}

impl Measure for Horizon {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "horizon";
    const SUMMARY: &'static str = "Growth of the error with the horizon at the transitions of so many trees.";
    const METRICS: &'static [Metric] = &[
        Metric::new("growth", "Slope of ln(error) over H: the growth of the error by a step.").unit("1/step"),
        Metric::new("longest", "Error at the longest horizon.").range(0.0, f64::INFINITY).lower_is_better(),
    ];
    const FAULTS: &'static [Fault] = &[Fault::ImportanceSampling, Fault::UnweightedEpisodes];
    const TREATMENTS: &'static [&'static str] = &["method"];

    fn reaches(settings: &Settings, fault: Fault) -> bool {
        settings.method.honours(fault)
    }

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        hold("trees", settings.trees, 1)?;
        hold("repeats", settings.repeats, 1)?;
        if settings.horizons.len() < 2 || settings.horizons.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(Failure::invalid("`horizons` must be two or more, ascending"));
        }
        let problem = |h: &usize| Problem::reference(*h, settings.states, settings.shift, 1);
        let problems = settings.horizons.iter().map(problem).collect::<Result<_, _>>()?;
        Ok(Self { settings, problems })
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let Settings { method, trees, repeats, .. } = self.settings;
        let mut sources = Sources::of(streams);
        let errors: Vec<f64> = self
            .problems
            .iter()
            .map(|problem| {
                let error = |_| evaluate(problem, method, trees, fault, &mut sources).error;
                (0..repeats).map(error).sum::<f64>() / repeats as f64
            })
            .collect();
        if errors.iter().any(|error| *error <= 0.0) {
            return Err(Failure::numerical("an error is zero, and has no logarithm"));
        }
        let horizons: Vec<f64> = self.settings.horizons.iter().map(|h| *h as f64).collect();
        let logarithms: Vec<f64> = errors.iter().copied().map(ln).collect();
        Ok(Measurement::new()
            .metric("growth", slope(&horizons, &logarithms))
            .metric("longest", errors.last().copied().unwrap_or(0.0))
            .series("error-by-horizon", horizons, errors))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::math::mean;

    /// Mean errors by horizon over replicates.
    fn errors(method: Method) -> Vec<f64> {
        let horizon = Horizon::prepare(Settings { method, ..Settings::default() }, &Data::default()).unwrap();
        let runs: Vec<Vec<f64>> = (0..6)
            .map(|seed| horizon.replicate(None, &Streams::from_seed(seed)).unwrap().series[0].y.clone())
            .collect();
        (0..5).map(|i| mean(&runs.iter().map(|run| run[i]).collect::<Vec<f64>>())).collect()
    }

    #[test]
    fn known_errors_by_horizon() {
        // Means of another implementation, over 400 repeats for trees and thirty for importance sampling; a
        // single error varies by half of its mean.
        let close = |method, known: [f64; 5], tolerance: f64| {
            for (found, known) in errors(method).into_iter().zip(known) {
                assert!((found / known - 1.0).abs() < tolerance, "{method:?}: {found}, not {known}");
            }
        };
        close(Method::TrajectoryTree, [0.0382, 0.0417, 0.0360, 0.0341, 0.0293], 0.2);
        close(Method::ImportanceSampling, [0.169, 0.284, 0.538, 1.06, 3.62], 0.45);
    }
}
