//! The strength of guidance over the steps of the sampler, as in the authors' code.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fault;
use crate::{
    kernel::{
        math::{cos, sin, sum},
        stream::Streams,
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// λᵢ = c ((1 − i/n) + b sin(π(i + 1)/n)) for i = 0 … n − 2, and λ_{n−1} = 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// n.
    #[schemars(range(min = 2, max = 100_000))]
    pub steps: usize,
    /// c.
    pub coefficient: f64,
    /// b, weight of the bump.
    pub bump: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { steps: 128, coefficient: 1.0, bump: 0.3 }
    }
}

impl Settings {
    /// Refuses what makes no schedule.
    ///
    /// # Errors
    /// [`Failure::Invalid`].
    pub fn check(&self) -> Result<(), Failure> {
        if self.steps >= 2 && self.coefficient.is_finite() && self.bump.is_finite() {
            Ok(())
        } else {
            Err(Failure::invalid("needs two steps, and finite numbers"))
        }
    }

    /// The schedule, n numbers.
    #[must_use]
    pub fn strengths(&self, fault: Option<Fault>) -> Vec<f64> {
        let n = self.steps as f64;
        let mut strengths: Vec<f64> = (0..self.steps)
            .map(|i| {
                let wave = sin(std::f64::consts::PI * (i as f64 + 1.0) / n);
                self.coefficient * ((1.0 - i as f64 / n) + self.bump * wave)
            })
            .collect();
        if fault != Some(Fault::NoFinalZero)
            && let Some(last) = strengths.last_mut()
        {
            *last = 0.0;
        }
        strengths
    }
}

/// The schedule held against closed forms of its sum and of its first value.
pub struct Schedule(Settings);

impl Measure for Schedule {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "schedule";
    const SUMMARY: &'static str = "Strength of guidance over the steps of the sampler.";
    const METRICS: &'static [Metric] = &[
        Metric::new("first", "λ₀."),
        Metric::new("peak", "The step i of the largest λᵢ.").range(0.0, f64::INFINITY),
        Metric::new("last", "λ_{n−1}."),
        Metric::new("sum", "Σ λᵢ."),
        Metric::new("sum-error", "|Σ λᵢ − c ((n + 1)/2 − 1/n + b cot(π/2n))|.").range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::NoFinalZero];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        settings.check()?;
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let strengths = self.0.strengths(fault);
        let n = self.0.steps as f64;
        let half_angle = std::f64::consts::FRAC_PI_2 / n;
        let cotangent = cos(half_angle) / sin(half_angle);
        let closed = self.0.coefficient * (0.5 * n + 0.5 - 1.0 / n + self.0.bump * cotangent);
        let total = sum(strengths.iter().copied());
        let peak = (0..self.0.steps).fold(0, |best, i| if strengths[i] > strengths[best] { i } else { best });
        Ok(Measurement::new()
            .metric("first", strengths[0])
            .metric("peak", peak as f64)
            .metric("last", strengths[self.0.steps - 1])
            .metric("sum", total)
            .metric("sum-error", (total - closed).abs())
            .series("strength", (0..self.0.steps).map(|i| i as f64 / n).collect(), strengths))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn known_schedules() {
        for (steps, first, total) in [(128, 1.00736, 88.937), (256, 1.00368, 177.388)] {
            let schedule = Schedule(Settings { steps, ..Settings::default() });
            let m = schedule.replicate(None, &Streams::from_seed(0)).unwrap();
            assert_relative_eq!(m.get("first").unwrap(), first, epsilon = 5.1e-6);
            assert_eq!(m.get("peak"), Some(0.0));
            assert_relative_eq!(m.get("sum").unwrap(), total, epsilon = 5.1e-4);
            assert_relative_eq!(m.get("sum-error").unwrap(), 0.0, epsilon = 1e-11);
            assert_eq!(m.get("last"), Some(0.0));
        }
    }
}
