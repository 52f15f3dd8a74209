//! Plans with a reward that is learned from comparisons of trajectories.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    cases::{SHAPE, Task, uniform, value},
    cloning::cloned,
    invalid,
};
use crate::{
    kernel::{
        math::{mean, sigmoid, sum},
        mdp::{Dynamics, Episodic, Rows, Visit},
        preference::{Comparison, bradley_terry},
        stream::{Stream, Streams},
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Index of (h, s, a) among the features: a trajectory counts its visits of each.
fn feature(h: usize, visit: &Visit) -> usize {
    let (_, states, actions) = SHAPE;
    (h * states + visit.state) * actions + visit.action
}

/// M pairs of trajectories of a policy, the preferred one of each by P(τ ≻ τ′) = σ(R(τ) − R(τ′)).
fn compared(process: &Episodic, policy: &[Rows], pairs: usize, stream: &mut Stream) -> Vec<Comparison> {
    let features = |visits: &[Visit]| -> Vec<usize> {
        visits.iter().enumerate().map(|(h, visit)| feature(h, visit)).collect()
    };
    let returned = |visits: &[Visit]| sum(visits.iter().map(|visit| visit.reward));
    (0..pairs)
        .map(|_| {
            let first = process.trajectory(policy, stream);
            let second = process.trajectory(policy, stream);
            let kept = stream.bernoulli(sigmoid(returned(&first) - returned(&second)));
            let (better, worse) = if kept { (&first, &second) } else { (&second, &first) };
            Comparison::of_counts(features(better), features(worse))
        })
        .collect()
}

/// The process with rewards r̂, the entry (h S + s) A + a of a list.
fn rewarded(process: &Episodic, rewards: &[f64]) -> Result<Episodic, Failure> {
    let (_, states, actions) = SHAPE;
    let step = |(h, step): (usize, &Dynamics)| {
        let transitions = Rows::from_fn(states * actions, states, |row, t| {
            step.transition(row / actions, row % actions)[t]
        });
        Dynamics::new(
            transitions,
            Rows::from_fn(states, actions, |s, a| rewards[(h * states + s) * actions + a]),
        )
    };
    let steps = process.steps().iter().enumerate().map(step).collect::<Result<_, _>>().map_err(invalid)?;
    Episodic::new(steps, process.start().to_vec()).map_err(invalid)
}

/// Settings of learning from preferences.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// N^E, trajectories of the expert.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub demonstrations: usize,
    /// M, compared pairs of trajectories of the clone.
    #[schemars(range(max = 1_000_000))]
    pub pairs: usize,
    /// λ, the weight of the regulariser; 0 plans without it.
    #[schemars(range(min = 0.0))]
    pub lambda: f64,
    /// Weight of ½‖r̂‖² in the estimate of the reward.
    #[schemars(range(min = 0.0))]
    pub ridge: f64,
    /// Most steps of Newton's method.
    #[schemars(range(min = 1, max = 1000))]
    pub newton: usize,
    /// λ of the expert with respect to the uniform policy.
    #[schemars(range(min = 0.0))]
    pub temperature: f64,
    /// Independent repeats that a replicate averages.
    #[schemars(range(min = 1, max = 100_000))]
    pub repeats: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            demonstrations: 100,
            pairs: 1000,
            lambda: 0.5,
            ridge: 0.1,
            newton: 25,
            temperature: 0.1,
            repeats: 6,
        }
    }
}

/// Plans with learned rewards, averaged.
pub struct Preferences {
    settings: Settings,
    task: Task,
}

impl Measure for Preferences {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "preferences";
    const SUMMARY: &'static str =
        "Clones, compares pairs of the clone's trajectories, and plans with the reward that explains them.";
    const METRICS: &'static [Metric] = &[
        Metric::new("value", "V of the plan under the true reward.")
            .unit("reward")
            .range(0.0, 4.0)
            .higher_is_better(),
        Metric::new("clone", "V of the clone.").unit("reward").range(0.0, 4.0).higher_is_better(),
        Metric::new("gain", "V of the plan minus V of the clone.")
            .unit("reward")
            .range(-4.0, 4.0)
            .higher_is_better(),
    ];
    const FAULTS: &'static [Fault] = &[Fault::NoKl, Fault::UniformReference];
    const TREATMENTS: &'static [&'static str] = &["lambda", "pairs"];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        let Settings { demonstrations, lambda, ridge, newton, temperature, repeats, .. } = settings;
        if demonstrations == 0 || repeats == 0 || newton == 0 {
            return Err(Failure::invalid("needs a demonstration, a step of Newton's method and a repeat"));
        }
        if !(lambda >= 0.0 && lambda.is_finite() && ridge > 0.0 && ridge.is_finite()) {
            return Err(Failure::invalid("expected a finite λ of at least 0, and a ridge above 0"));
        }
        Ok(Self { task: Task::new(0, temperature)?, settings })
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let Settings { demonstrations, pairs, lambda, ridge, newton, repeats, .. } = self.settings;
        let process = &self.task.process;
        let (horizon, states, actions) = SHAPE;
        let (mut values, mut clones) = (Vec::new(), Vec::new());
        for repeat in 0..repeats {
            let mut shown = streams.stream(&format!("demonstrations {repeat}"));
            let mut asked = streams.stream(&format!("comparisons {repeat}"));
            let clone = cloned(&self.task.demonstrated(demonstrations, &mut shown), 1.0);
            let comparisons = compared(process, &clone, pairs, &mut asked);
            let rewards = bradley_terry(horizon * states * actions, &comparisons, ridge, newton)
                .map_err(|e| Failure::numerical(e.to_string()))?;
            let lambda = if fault == Some(Fault::NoKl) { 0.0 } else { lambda };
            let anchor = match fault {
                Some(Fault::UniformReference) => uniform(process),
                _ => clone.clone(),
            };
            let planned = rewarded(process, &rewards)?.soft_optimum(&anchor, lambda).map_err(invalid)?;
            values.push(value(process, &planned.policy).map_err(invalid)?);
            clones.push(value(process, &clone).map_err(invalid)?);
        }
        let (planned, clone) = (mean(&values), mean(&clones));
        Ok(Measurement::new().metric("value", planned).metric("clone", clone).metric("gain", planned - clone))
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_abs_diff_eq;

    use super::*;

    /// Means over 100 repeats, against means over 60 measured independently.
    #[test]
    fn known_values() {
        let of = |pairs, lambda, fault, metric| {
            let settings = Settings { pairs, lambda, repeats: 100, ..Settings::default() };
            let measured = Preferences::prepare(settings, &Data::default()).unwrap();
            measured.replicate(fault, &Streams::from_seed(7)).unwrap().get(metric).unwrap()
        };
        assert_abs_diff_eq!(of(1000, 0.5, None, "clone"), 2.724, epsilon = 0.005);
        for (pairs, lambda, expected, tolerance) in [
            (1000, 0.5, 2.783, 0.008),
            (1000, 2.0, 2.751, 0.006),
            (1000, 0.0, 2.507, 0.12),
            (20, 2.0, 2.717, 0.015),
            (20, 0.5, 2.557, 0.07),
            (20, 0.0, 2.023, 0.15),
        ] {
            assert_abs_diff_eq!(of(pairs, lambda, None, "value"), expected, epsilon = tolerance);
        }
        let uniform = of(1000, 0.5, Some(Fault::UniformReference), "value");
        assert_abs_diff_eq!(uniform, 2.194, epsilon = 0.04);
    }
}
