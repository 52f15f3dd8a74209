//! Evaluation by petals against importance sampling at equal episodes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    super::{
        Fault, importance,
        petals::{Budget, evaluate},
        process::Problem,
    },
    hold,
};
use crate::{
    kernel::{mdp::argmax, stream::Streams},
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// How policies are evaluated online.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// By their petals.
    Petals,
    /// From as many episodes with uniform actions.
    ImportanceSampling,
}

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
    /// n₀, episodes of the core policy.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub core_episodes: usize,
    /// n₁, episodes of each other policy whose petal is reached.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub petal_episodes: usize,
    /// The least share of core episodes at which a petal counts as reached.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub threshold: f64,
    /// Evaluations a replicate.
    #[schemars(range(min = 1, max = 100_000))]
    pub repeats: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            method: Method::Petals,
            horizon: 8,
            states: 8,
            shift: 0,
            core_episodes: 400,
            petal_episodes: 20,
            threshold: 0.02,
            repeats: 5,
        }
    }
}

/// Policies with at most one 1 on the reference process: each has one petal.
pub struct Petals {
    settings: Settings,
    problem: Problem,
}

impl Measure for Petals {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "petals";
    const SUMMARY: &'static str =
        "Errors of a class that is evaluated online, by petals or importance sampling.";
    const METRICS: &'static [Metric] = &[
        Metric::new("error", "max over π of |V̂(π) − V(π)|; mean over evaluations.")
            .range(0.0, f64::INFINITY)
            .lower_is_better(),
        Metric::new("suboptimality", "max V less the value of the policy with the largest estimate; mean.")
            .range(0.0, 1.0)
            .lower_is_better(),
        Metric::new("episodes", "Episodes of the petals; mean over evaluations.")
            .range(0.0, f64::INFINITY)
            .unit("episodes"),
    ];
    const FAULTS: &'static [Fault] = &[Fault::NoPetalCorrection, Fault::ImportanceSampling];
    const TREATMENTS: &'static [&'static str] = &["method"];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        hold("core_episodes", settings.core_episodes, 1)?;
        hold("petal_episodes", settings.petal_episodes, 1)?;
        hold("repeats", settings.repeats, 1)?;
        let problem = Problem::reference(settings.horizon, settings.states, settings.shift, 1)?;
        Ok(Self { settings, problem })
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let Settings { core_episodes, petal_episodes, threshold, repeats, .. } = self.settings;
        let Problem { process, class, .. } = &self.problem;
        let budget = Budget { core: core_episodes, petal: petal_episodes, threshold };
        let by_importance =
            self.settings.method == Method::ImportanceSampling || fault == Some(Fault::ImportanceSampling);
        let (mut petals, mut uniform) = (streams.stream("petals"), streams.stream("episodes"));
        let (mut error, mut suboptimality, mut episodes) = (0.0, 0.0, 0.0);
        for _ in 0..repeats {
            let evaluation = evaluate(process, class, budget, fault, &mut petals)?;
            let estimates = if by_importance {
                let played = importance::play(process, evaluation.episodes, &mut uniform);
                importance::estimates(class, &played, fault)
            } else {
                evaluation.estimates
            };
            let share = 1.0 / repeats as f64;
            error += share * self.problem.sup_error(&estimates);
            suboptimality += share * self.problem.suboptimality(argmax(&estimates));
            episodes += share * evaluation.episodes as f64;
        }
        Ok(Measurement::new()
            .metric("error", error)
            .metric("suboptimality", suboptimality.clamp(0.0, 1.0))
            .metric("episodes", episodes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::math::mean;

    #[test]
    fn known_errors_at_equal_episodes() {
        let measured = |method, fault, metric| {
            let petals =
                Petals::prepare(Settings { method, ..Settings::default() }, &Data::default()).unwrap();
            let values = (0..40)
                .map(|seed| petals.replicate(fault, &Streams::from_seed(seed)).unwrap().get(metric).unwrap());
            mean(&values.collect::<Vec<f64>>())
        };
        let episodes = measured(Method::Petals, None, "episodes");
        // From the binomial laws of how often petals are hit: 1487.9, with a standard error of 0.8 here.
        assert!((episodes - 1487.9).abs() < 4.0, "{episodes}");
        let error = measured(Method::Petals, None, "error");
        assert!((error - 0.026).abs() < 0.005, "{error}");
        let error = measured(Method::ImportanceSampling, None, "error");
        assert!((error - 0.382).abs() < 0.08, "{error}");
        let error = measured(Method::Petals, Some(Fault::NoPetalCorrection), "error");
        assert!((error - 0.130).abs() < 0.01, "{error}");
    }
}
