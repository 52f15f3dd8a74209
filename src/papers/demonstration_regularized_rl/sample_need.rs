//! Plans whose regulariser is as strong as the number of demonstrations allows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    bounds::weight,
    cases::Task,
    cloning::bound,
    planning::{Outcome, reference},
};
use crate::{
    kernel::{math::mean, stream::Streams},
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Settings of the need of samples.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// N^E, trajectories of the expert.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub demonstrations: usize,
    /// ε, the accuracy that is asked for.
    #[schemars(range(min = 0.0))]
    pub accuracy: f64,
    /// n, next states drawn for every (h, s, a).
    #[schemars(range(min = 1, max = 1_000_000))]
    pub samples: usize,
    /// λ of the expert with respect to the uniform policy.
    #[schemars(range(min = 0.0))]
    pub temperature: f64,
    /// Independent repeats that a replicate averages.
    #[schemars(range(min = 1, max = 100_000))]
    pub repeats: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { demonstrations: 1600, accuracy: 0.01, samples: 100, temperature: 0.2, repeats: 10 }
    }
}

/// Plans with λ = ε/ε_KL², averaged.
pub struct SampleNeed {
    settings: Settings,
    task: Task,
}

impl Measure for SampleNeed {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "sample-need";
    const SUMMARY: &'static str =
        "Clones, then plans with λ = ε (N^E + 1)/(S H (A − 1)) in a process estimated from n samples each.";
    const METRICS: &'static [Metric] = &[
        Metric::new(
            "need",
            "n (V*_λ − V_λ of the plan)/ε: samples that bring the gap to ε, as it falls like 1/n.",
        )
        .unit("samples")
        .range(0.0, f64::INFINITY)
        .lower_is_better(),
        Metric::new("suboptimality", "V* − V of the plan.")
            .unit("reward")
            .range(-1e-9, 4.0)
            .lower_is_better(),
        Metric::new("excess", "The suboptimality minus ε_E + 2ε.").unit("reward").lower_is_better(),
    ];
    const FAULTS: &'static [Fault] = &[Fault::LambdaFixed, Fault::UniformReference];
    const TREATMENTS: &'static [&'static str] = &["demonstrations"];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        let Settings { demonstrations, accuracy, samples, temperature, repeats } = settings;
        if demonstrations == 0 || samples == 0 || repeats == 0 {
            return Err(Failure::invalid("needs a demonstration, a sample and a repeat"));
        }
        if !(accuracy > 0.0 && accuracy.is_finite()) {
            return Err(Failure::invalid("expected an accuracy above 0"));
        }
        Ok(Self { task: Task::new(0, temperature)?, settings })
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let Settings { demonstrations, accuracy, samples, repeats, .. } = self.settings;
        let lambda = weight(accuracy, bound(&self.task.process, demonstrations, None), fault);
        let (mut needs, mut suboptimalities) = (Vec::new(), Vec::new());
        for repeat in 0..repeats {
            let mut shown = streams.stream(&format!("demonstrations {repeat}"));
            let mut drawn = streams.stream(&format!("model {repeat}"));
            let reference = reference(&self.task, demonstrations, fault, &mut shown);
            let outcome = Outcome::of(&self.task, &reference, lambda, samples, &mut drawn)?;
            needs.push(samples as f64 * outcome.gap / accuracy);
            suboptimalities.push(outcome.suboptimality);
        }
        let suboptimality = mean(&suboptimalities);
        Ok(Measurement::new()
            .metric("need", mean(&needs))
            .metric("suboptimality", suboptimality)
            .metric("excess", suboptimality - self.task.deficit - 2.0 * accuracy))
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;

    use super::*;

    /// Means over 100 repeats, against means over 80 measured independently.
    #[test]
    fn known_needs() {
        let of = |demonstrations, metric, fault| {
            let settings = Settings { demonstrations, repeats: 100, ..Settings::default() };
            let measured = SampleNeed::prepare(settings, &Data::default()).unwrap();
            measured.replicate(fault, &Streams::from_seed(6)).unwrap().get(metric).unwrap()
        };
        for (demonstrations, need, suboptimality) in
            [(50, 28.4, 0.0061), (200, 14.3, 0.0154), (800, 8.6, 0.0763), (1600, 4.96, 0.1241)]
        {
            assert_relative_eq!(of(demonstrations, "need", None), need, max_relative = 0.25);
            assert_relative_eq!(
                of(demonstrations, "suboptimality", None),
                suboptimality,
                max_relative = 0.15
            );
        }
        for (demonstrations, need) in [(3200, 2.68), (6400, 1.25)] {
            assert_relative_eq!(of(demonstrations, "need", None), need, max_relative = 0.25);
        }
        let uniform = of(1600, "suboptimality", Some(Fault::UniformReference));
        assert_relative_eq!(uniform, 0.603, max_relative = 0.05);
        assert_relative_eq!(of(3200, "need", Some(Fault::LambdaFixed)), 8.7, max_relative = 0.25);
    }
}
