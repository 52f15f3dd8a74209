//! Where the Fisher information degenerates: a softmax policy that steps into a corner.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    dominance::optimum,
    estimators::Environment,
    methods::{Algorithm, Method},
    run::{looks, watched},
    softmax::Tabular,
};
use crate::{
    kernel::{math::mean, mdp::MdpError, stream::Streams},
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Logits of action 0 against action 1 at the start.
const START: [f64; 3] = [-1.5, 1.5, -1.0];

/// Settings of the runs.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The method.
    pub algorithm: Algorithm,
    /// c₀ of normalised steps.
    #[schemars(range(min = 0.0))]
    pub normalised_constant: f64,
    /// c₀ of the others.
    #[schemars(range(min = 0.0))]
    pub constant: f64,
    /// T: steps.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub steps: usize,
    /// Runs a replicate.
    #[schemars(range(min = 1, max = 10_000))]
    pub runs: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { algorithm: Algorithm::NPgIgt, normalised_constant: 6.0, constant: 0.3, steps: 512, runs: 16 }
    }
}

/// Three states, two actions, fifteen steps: the example with squared weights and γ = 0.8.
pub struct Saturation {
    settings: Settings,
    environment: Tabular,
    /// J*.
    optimum: f64,
    /// J at the start.
    initial: f64,
}

fn broken(error: &MdpError) -> Failure {
    Failure::numerical(error.to_string())
}

impl Saturation {
    /// J(θ), over an infinite horizon.
    fn performance(&self, theta: &[f64]) -> Result<f64, Failure> {
        self.environment.process().performance(&self.environment.policy(theta)).map_err(|e| broken(&e))
    }
}

impl Measure for Saturation {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "saturation";
    const SUMMARY: &'static str =
        "Trains a softmax policy whose Fisher information degenerates in the corners.";
    const METRICS: &'static [Metric] = &[
        Metric::new("gap", "Mean over the runs of J* − J(θ) after T steps.")
            .unit("reward")
            .range(0.0, f64::INFINITY)
            .lower_is_better(),
        Metric::new("stuck", "Share of the runs that end no better than they started.")
            .range(0.0, 1.0)
            .lower_is_better(),
    ];
    const FAULTS: &'static [Fault] = &[Fault::TinyStep];
    const TREATMENTS: &'static [&'static str] = &["algorithm"];

    fn reaches(settings: &Settings, fault: Fault) -> bool {
        settings.algorithm.honours(fault)
    }

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        let environment = Tabular::example(2, 2, vec![1.0, 0.0, 0.0], 0.8, 15).map_err(|e| broken(&e))?;
        let optimum = optimum(environment.process()).map_err(|e| broken(&e))?;
        let mut state = Self { settings, environment, optimum, initial: 0.0 };
        state.initial = state.performance(&START)?;
        Ok(state)
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let Settings { algorithm, normalised_constant, constant, steps, runs } = self.settings;
        let constant = if algorithm.is_normalised() { normalised_constant } else { constant };
        let method = Method::new(algorithm, constant, fault);
        let (weights, looks) = (method.weights(steps), looks(steps));
        // One list a run, of the performance at each look.
        let streams = (0..runs).map(|index| streams.stream(&format!("run {index}"))).collect();
        let seen = |theta: &Vec<f64>| self.performance(theta);
        let performances: Vec<Vec<f64>> =
            watched(&self.environment, method, &START.to_vec(), &weights, &looks, streams, seen)
                .into_iter()
                .map(|run| run.into_iter().collect())
                .collect::<Result<_, _>>()?;
        let at = |look: usize| performances.iter().map(|run| run[look]).collect::<Vec<f64>>();
        let gaps: Vec<f64> = (0..looks.len())
            .map(|look| {
                // Only rounding can make it negative; a NaN must stay one.
                let gap = self.optimum - mean(&at(look));
                if gap < 0.0 { 0.0 } else { gap }
            })
            .collect();
        let stuck = at(looks.len() - 1).iter().filter(|reached| **reached <= self.initial).count();
        Ok(Measurement::new()
            .metric("gap", gaps[gaps.len() - 1])
            .metric("stuck", stuck as f64 / runs as f64)
            .series("gap", looks.iter().map(|t| *t as f64).collect(), gaps))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_optimum() {
        let state = Saturation::prepare(Settings::default(), &Data::default()).unwrap();
        approx::assert_relative_eq!(state.optimum, 4.06199, epsilon = 5e-6);
        approx::assert_relative_eq!(state.initial, 3.66330, epsilon = 5e-6);
    }
}
