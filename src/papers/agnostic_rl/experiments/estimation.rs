//! Trajectory trees against importance sampling at equal transitions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    super::{Fault, process::Problem},
    evaluation::{Method, Quality, Sources, evaluate},
    hold,
};
use crate::{
    kernel::{
        math::{ln, mean},
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
    /// H.
    #[schemars(range(min = 1, max = 20))]
    pub horizon: usize,
    /// States of each layer.
    #[schemars(range(min = 1, max = 64))]
    pub states: usize,
    /// c, the shift of the reference process.
    #[schemars(range(max = 64))]
    pub shift: usize,
    /// l: the class is that of policies with at most l ones.
    #[schemars(range(max = 64))]
    pub ones: usize,
    /// m: trees, whose transitions are the budget of either method.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub trees: usize,
    /// n: evaluations a replicate.
    #[schemars(range(min = 1, max = 100_000))]
    pub repeats: usize,
    /// δ of the bound.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub delta: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            method: Method::TrajectoryTree,
            horizon: 8,
            states: 8,
            shift: 0,
            ones: 1,
            trees: 40,
            repeats: 10,
            delta: 0.1,
        }
    }
}

/// A class on the reference process.
pub struct Estimation {
    settings: Settings,
    problem: Problem,
}

impl Measure for Estimation {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "estimation";
    const SUMMARY: &'static str =
        "Errors of a class that is evaluated by either method from equal transitions.";
    const METRICS: &'static [Metric] = &[
        Metric::new("error", "max over π of |V̂(π) − V(π)|; mean over evaluations.")
            .range(0.0, f64::INFINITY)
            .lower_is_better(),
        Metric::new("suboptimality", "max V less the value of the policy with the largest estimate; mean.")
            .range(0.0, 1.0)
            .lower_is_better(),
        Metric::new("covered", "1 if all errors are at most √(ln(2n|Π|/δ)/(2m)), else 0.").range(0.0, 1.0),
        Metric::new("transitions", "Transitions of the trees; mean over evaluations.")
            .range(0.0, f64::INFINITY)
            .unit("transitions"),
    ];
    const FAULTS: &'static [Fault] = &[Fault::ImportanceSampling, Fault::UnweightedEpisodes];
    const TREATMENTS: &'static [&'static str] = &["method"];

    fn reaches(settings: &Settings, fault: Fault) -> bool {
        settings.method.honours(fault)
    }

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        let Settings { horizon, states, shift, ones, trees, repeats, delta, .. } = settings;
        hold("trees", trees, 1)?;
        hold("repeats", repeats, 1)?;
        if !(delta > 0.0 && delta <= 1.0) {
            return Err(Failure::invalid("`delta` must be above 0 and at most 1"));
        }
        let problem = Problem::reference(horizon, states, shift, ones)?;
        Ok(Self { settings, problem })
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let Settings { method, trees, repeats, delta, .. } = self.settings;
        let mut sources = Sources::of(streams);
        let runs: Vec<Quality> =
            (0..repeats).map(|_| evaluate(&self.problem, method, trees, fault, &mut sources)).collect();
        let average = |of: fn(&Quality) -> f64| mean(&runs.iter().map(of).collect::<Vec<f64>>());
        let events = 2.0 * (repeats * self.problem.values.len()) as f64 / delta;
        let bound = (ln(events) / (2.0 * trees as f64)).sqrt();
        let covered = runs.iter().all(|run| run.error <= bound);
        Ok(Measurement::new()
            .metric("error", average(|run| run.error))
            .metric("suboptimality", average(|run| run.suboptimality).clamp(0.0, 1.0))
            .metric("covered", f64::from(u8::from(covered)))
            .metric("transitions", average(|run| run.transitions as f64)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Means over replicates of a metric.
    fn measured(method: Method, trees: usize, metric: &str) -> f64 {
        let settings = Settings { method, trees, ..Settings::default() };
        let estimation = Estimation::prepare(settings, &Data::default()).unwrap();
        let values = (0..6)
            .map(|seed| estimation.replicate(None, &Streams::from_seed(seed)).unwrap().get(metric).unwrap());
        mean(&values.collect::<Vec<f64>>())
    }

    #[test]
    fn known_errors_at_equal_transitions() {
        // Means of another implementation over thirty repeats.
        for (trees, transitions, tree, importance) in
            [(10, 303.0, 0.0584, 2.53), (40, 1212.0, 0.0296, 1.075), (160, 4848.0, 0.0143, 0.542)]
        {
            let close = |x: f64, known: f64, tolerance: f64| (x / known - 1.0).abs() < tolerance;
            let found = measured(Method::TrajectoryTree, trees, "transitions");
            assert!(close(found, transitions, 0.01), "{trees}: {found}");
            let found = measured(Method::TrajectoryTree, trees, "error");
            assert!(close(found, tree, 0.12), "{trees}: {found}");
            let found = measured(Method::ImportanceSampling, trees, "error");
            assert!(close(found, importance, 0.2), "{trees}: {found}");
            assert!(measured(Method::TrajectoryTree, trees, "suboptimality") < 0.001);
            assert!(measured(Method::ImportanceSampling, trees, "suboptimality") > 0.05);
        }
    }
}
