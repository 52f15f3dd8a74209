//! How the divergence of the clone falls with the number of demonstrations, without sampling.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    cases::Task,
    cloning::{bound, bound_by_visits, expected_divergence, pseudo_count},
    invalid,
};
use crate::{
    kernel::stream::Streams,
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Settings of imitation.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// N^E, trajectories of the expert.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub demonstrations: usize,
    /// λ of the expert, who is optimal but for λ KL to the uniform policy; 0 is the optimal policy itself.
    #[schemars(range(min = 0.0))]
    pub temperature: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { demonstrations: 100, temperature: 0.2 }
    }
}

/// The expected divergence of a clone.
pub struct Imitation {
    demonstrations: usize,
    task: Task,
}

impl Measure for Imitation {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "imitation";
    const SUMMARY: &'static str = "The expected divergence from the expert to the clone, exactly.";
    const METRICS: &'static [Metric] = &[
        Metric::new("divergence", "E KL_traj(π^E‖π^BC).").unit("nats").range(0.0, f64::INFINITY),
        Metric::new("visits-excess", "The divergence minus Σ d (A − 1) E 1/(n + 1).").unit("nats"),
        Metric::new("excess", "The divergence minus S H (A − 1)/(N^E + 1).").unit("nats"),
        Metric::new("deficit", "ε_E, what the expert lacks of the optimum.").range(-1e-9, 4.0),
    ];
    const FAULTS: &'static [Fault] = &[Fault::UndividedRegulariser, Fault::HalfCountBound];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        if settings.demonstrations == 0 {
            return Err(Failure::invalid("expected at least one demonstration"));
        }
        Ok(Self { demonstrations: settings.demonstrations, task: Task::new(0, settings.temperature)? })
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let Task { process, expert, deficit, .. } = &self.task;
        let n = self.demonstrations;
        let divergence = expected_divergence(process, expert, n, pseudo_count(n, fault)).map_err(invalid)?;
        let by_visits = bound_by_visits(process, expert, n).map_err(invalid)?;
        Ok(Measurement::new()
            .metric("divergence", divergence)
            .metric("visits-excess", divergence - by_visits)
            .metric("excess", divergence - bound(process, n, fault))
            .metric("deficit", *deficit))
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;

    use super::*;
    use crate::kernel::math::{ln, slope};

    fn slope_of(fault: Option<Fault>) -> f64 {
        let sizes = [100, 200, 400, 800, 1600];
        let divergence = |demonstrations: &usize| {
            let settings = Settings { demonstrations: *demonstrations, ..Settings::default() };
            let measured = Imitation::prepare(settings, &Data::default()).unwrap();
            ln(measured.replicate(fault, &Streams::from_seed(0)).unwrap().get("divergence").unwrap())
        };
        slope(&sizes.map(|n| ln(n as f64)), &sizes.iter().map(divergence).collect::<Vec<_>>())
    }

    #[test]
    fn the_divergence_falls_like_one_over_the_demonstrations() {
        assert_relative_eq!(slope_of(None), -0.9687, epsilon = 1e-4);
        assert_relative_eq!(slope_of(Some(Fault::UndividedRegulariser)), 0.0, epsilon = 0.05);
    }
}
