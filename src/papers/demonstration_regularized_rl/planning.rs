//! Plans in estimated processes, with the weight of the regulariser given.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    bounds::regularised_gap,
    cases::{Task, uniform},
    cloning::cloned,
    invalid,
};
use crate::{
    kernel::{
        math::mean,
        mdp::{Dynamics, Episodic, Rows},
        stream::{Stream, Streams},
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// How often each next state follows in `samples` draws of every (h, s, a): one table (S A × S) a step, pairs
/// in row s A + a.
pub fn sampled(process: &Episodic, samples: usize, stream: &mut Stream) -> Vec<Rows> {
    let table = |step: &Dynamics| {
        let (states, actions) = (step.states(), step.actions());
        let mut counts = Rows::zeros(states * actions, states);
        for row in 0..states * actions {
            for _ in 0..samples {
                counts[row][step.draw(row / actions, row % actions, stream)] += 1.0;
            }
        }
        counts
    };
    process.steps().iter().map(table).collect()
}

/// The process with P̂_h(t|s, a) the shares of next states among n > 0 samples each, and its own rewards.
///
/// # Errors
/// [`Failure::Invalid`] if the counts do not fit the process.
pub fn estimated(process: &Episodic, counts: &[Rows], samples: usize) -> Result<Episodic, Failure> {
    let step = |(step, counts): (&Dynamics, &Rows)| {
        let shares = Rows::from_fn(counts.count(), counts.width(), |row, t| counts[row][t] / samples as f64);
        Dynamics::new(shares, step.rewards().clone())
    };
    let steps = process.steps().iter().zip(counts).map(step).collect::<Result<_, _>>().map_err(invalid)?;
    Episodic::new(steps, process.start().to_vec()).map_err(invalid)
}

/// What a plan in an estimated process turns out to be.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// V*_λ − V_λ^π̂.
    pub gap: f64,
    /// V* − V^π̂.
    pub suboptimality: f64,
    /// |V̂*_λ − V*_λ|.
    pub value_error: f64,
}

impl Outcome {
    /// Plans with n next states of every (h, s, a), a reference and λ.
    ///
    /// # Errors
    /// [`Failure::Invalid`] for a reference that is no policy of the process, and a λ below 0.
    pub fn of(
        task: &Task,
        reference: &[Rows],
        lambda: f64,
        samples: usize,
        stream: &mut Stream,
    ) -> Result<Self, Failure> {
        let process = &task.process;
        let model = estimated(process, &sampled(process, samples, stream), samples)?;
        let planned = model.soft_optimum(reference, lambda).map_err(invalid)?;
        let optimum = process.soft_optimum(reference, lambda).map_err(invalid)?;
        let promised = process.performance(&planned.evaluations);
        Ok(Self {
            gap: regularised_gap(process, &optimum, &planned.policy, reference, lambda)?,
            suboptimality: task.suboptimality(&planned.policy)?,
            value_error: (promised - process.performance(&optimum.evaluations)).abs(),
        })
    }
}

/// The clone of fresh demonstrations, or the uniform policy if there are none or a fault says so.
pub fn reference(task: &Task, count: usize, fault: Option<Fault>, stream: &mut Stream) -> Vec<Rows> {
    if fault == Some(Fault::UniformReference) {
        return uniform(&task.process);
    }
    cloned(&task.demonstrated(count, stream), 1.0)
}

/// Settings of planning.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// N^E, trajectories of the expert; with none the reference is uniform.
    #[schemars(range(max = 1_000_000))]
    pub demonstrations: usize,
    /// n, next states drawn for every (h, s, a).
    #[schemars(range(min = 1, max = 1_000_000))]
    pub samples: usize,
    /// λ, the weight of the regulariser; 0 plans without it.
    #[schemars(range(min = 0.0))]
    pub lambda: f64,
    /// λ of the expert with respect to the uniform policy.
    #[schemars(range(min = 0.0))]
    pub temperature: f64,
    /// Independent repeats that a replicate averages.
    #[schemars(range(min = 1, max = 100_000))]
    pub repeats: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { demonstrations: 200, samples: 100, lambda: 0.2, temperature: 0.2, repeats: 20 }
    }
}

/// Plans, averaged.
pub struct Planning {
    settings: Settings,
    task: Task,
}

impl Measure for Planning {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "planning";
    const SUMMARY: &'static str =
        "Clones, then plans with λ in a process estimated from n samples of every (h, s, a).";
    const METRICS: &'static [Metric] = &[
        Metric::new("gap", "V*_λ − V_λ of the plan.")
            .unit("reward")
            .range(0.0, f64::INFINITY)
            .lower_is_better(),
        Metric::new("suboptimality", "V* − V of the plan.")
            .unit("reward")
            .range(-1e-9, 4.0)
            .lower_is_better(),
    ];
    const FAULTS: &'static [Fault] = &[Fault::UniformReference, Fault::ValueError];
    const TREATMENTS: &'static [&'static str] = &["demonstrations", "samples", "lambda"];

    fn reaches(settings: &Settings, fault: Fault) -> bool {
        // Without demonstrations the reference is uniform anyway.
        fault != Fault::UniformReference || settings.demonstrations > 0
    }

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        let Settings { samples, lambda, repeats, temperature, .. } = settings;
        if samples == 0 || repeats == 0 || !(lambda >= 0.0 && lambda.is_finite()) {
            return Err(Failure::invalid("needs a sample, a repeat, and a finite λ of at least 0"));
        }
        Ok(Self { task: Task::new(0, temperature)?, settings })
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let Settings { demonstrations, samples, lambda, repeats, .. } = self.settings;
        let (mut gaps, mut suboptimalities) = (Vec::new(), Vec::new());
        for repeat in 0..repeats {
            let mut shown = streams.stream(&format!("demonstrations {repeat}"));
            let mut drawn = streams.stream(&format!("model {repeat}"));
            let reference = reference(&self.task, demonstrations, fault, &mut shown);
            let outcome = Outcome::of(&self.task, &reference, lambda, samples, &mut drawn)?;
            gaps.push(if fault == Some(Fault::ValueError) { outcome.value_error } else { outcome.gap });
            suboptimalities.push(outcome.suboptimality);
        }
        Ok(Measurement::new().metric("gap", mean(&gaps)).metric("suboptimality", mean(&suboptimalities)))
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_abs_diff_eq;

    use super::*;

    fn measured(settings: Settings, fault: Option<Fault>, metric: &str) -> f64 {
        let planning = Planning::prepare(settings, &Data::default()).unwrap();
        planning.replicate(fault, &Streams::from_seed(4)).unwrap().get(metric).unwrap()
    }

    #[test]
    fn many_samples_leave_the_bias_of_the_reference() {
        // Planning with the uniform reference at the temperature of the expert finds the expert.
        let settings = Settings { demonstrations: 0, samples: 20_000, repeats: 1, ..Settings::default() };
        assert_abs_diff_eq!(measured(settings, None, "suboptimality"), 0.220_241_1, epsilon = 5e-3);
    }

    /// Means over 400 repeats, against means over 400 and more measured independently.
    #[test]
    fn known_suboptimality() {
        let of = |demonstrations, samples, lambda, fault| {
            let settings = Settings { demonstrations, samples, lambda, repeats: 400, ..Settings::default() };
            measured(settings, fault, "suboptimality")
        };
        assert_abs_diff_eq!(of(0, 1, 0.0, None), 0.1515, epsilon = 0.03);
        assert_abs_diff_eq!(of(20, 1, 0.2, None), 0.153, epsilon = 0.015);
        assert_abs_diff_eq!(of(200, 1, 0.2, None), 0.1107, epsilon = 0.012);
        assert_abs_diff_eq!(of(200, 1, 0.2, Some(Fault::UniformReference)), 0.316, epsilon = 0.02);
        assert_abs_diff_eq!(of(0, 10, 0.0, None), 0.020, epsilon = 0.005);
        assert_abs_diff_eq!(of(2000, 10, 0.2, None), 0.064, epsilon = 0.003);
    }
}
