//! What a sample costs, counted in evaluations of the velocity.

use std::cell::Cell;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fault;
use crate::{
    kernel::{
        flow::midpoint,
        math::{ln, sin, sum},
        stream::Streams,
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Settings of the count.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Epochs E.
    #[schemars(range(min = 1, max = 1000))]
    pub epochs: usize,
    /// Steps K of the midpoint rule.
    #[schemars(range(min = 1, max = 1000))]
    pub steps: usize,
    /// Coordinates d of an action.
    #[schemars(range(min = 1, max = 1000))]
    pub dimension: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { epochs: 4, steps: 10, dimension: 1 }
    }
}

/// A velocity field that counts how often it is evaluated: vᵢ(t, x) = (1 − ½t) sin xᵢ, times a gain.
struct Field {
    gain: f64,
    evaluations: Cell<u64>,
}

impl Field {
    fn new(gain: f64) -> Self {
        Self { gain, evaluations: Cell::new(0) }
    }

    fn velocity(&self, t: f64, x: &[f64], out: &mut [f64]) {
        self.evaluations.set(self.evaluations.get() + 1);
        for (out, x) in out.iter_mut().zip(x) {
            *out = self.gain * (1.0 - 0.5 * t) * sin(*x);
        }
    }

    fn at(&self, t: f64, x: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; x.len()];
        self.velocity(t, x, &mut out);
        out
    }

    /// φ₁(z).
    fn carried(&self, source: &[f64], steps: usize) -> Vec<f64> {
        let mut x = source.to_vec();
        midpoint(&mut x, 0.0, 1.0, steps, |t, x, out| self.velocity(t, x, out));
        x
    }

    /// ln p(φ₁(z)) = ln N(z; 0, I) − ∫ ∇·v dt, found from the end: back to z and along it the
    /// divergence, each of its d terms a finite difference.
    fn log_likelihood(&self, end: &[f64], steps: usize) -> f64 {
        const AHEAD: f64 = 1e-6;
        let dimension = end.len();
        let mut state = end.to_vec();
        state.push(0.0);
        midpoint(&mut state, 1.0, 0.0, steps, |t, state, out| {
            let x = &state[..dimension];
            let here = self.at(t, x);
            out[dimension] = sum((0..dimension).map(|i| {
                let mut ahead = x.to_vec();
                ahead[i] += AHEAD;
                (self.at(t, &ahead)[i] - here[i]) / AHEAD
            }));
            out[..dimension].copy_from_slice(&here);
        });
        // The integral ran backwards in time, so it comes out negative.
        let integral = -state[dimension];
        let normal = |z: &f64| -0.5 * (z * z + ln(2.0 * std::f64::consts::PI));
        sum(state[..dimension].iter().map(normal)) - integral
    }
}

/// A sample's way through rollout and update. The update of `PolicyFlow` evaluates v and v̂ once an
/// epoch; a likelihood needs (1 + d) evaluations twice a step.
pub struct Cost(Settings);

impl Measure for Cost {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "cost";
    const SUMMARY: &'static str = "Counts the evaluations of the velocity that a sample takes.";
    const METRICS: &'static [Metric] = &[
        Metric::new("rollout", "Evaluations to draw the action.")
            .unit("evaluations")
            .range(1.0, f64::INFINITY),
        Metric::new("update", "Evaluations in all epochs of the update.")
            .unit("evaluations")
            .range(1.0, f64::INFINITY)
            .lower_is_better(),
        Metric::new("total", "Evaluations of rollout and update.")
            .unit("evaluations")
            .range(1.0, f64::INFINITY)
            .lower_is_better(),
        Metric::new("likelihood", "Evaluations for an exact likelihood of the new policy in every epoch.")
            .unit("evaluations")
            .range(1.0, f64::INFINITY)
            .lower_is_better(),
    ];
    const FAULTS: &'static [Fault] = &[Fault::ResolveOde];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        let range = 1..=1000;
        let Settings { epochs, steps, dimension } = &settings;
        if [epochs, steps, dimension].iter().any(|n| !range.contains(*n)) {
            return Err(Failure::invalid("`epochs`, `steps` and `dimension` must lie between 1 and 1000"));
        }
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let Settings { epochs, steps, dimension } = self.0;
        let source: Vec<f64> = (0..dimension).map(|i| sin(i as f64 + 1.0)).collect();
        let (reference, new, likelihood) = (Field::new(1.0), Field::new(1.1), Field::new(1.1));

        let end = reference.carried(&source, steps);
        let rollout = reference.evaluations.get();
        for epoch in 0..epochs {
            if fault == Some(Fault::ResolveOde) {
                new.carried(&source, steps);
            } else {
                let t = (epoch as f64 + 0.5) / epochs as f64;
                let point: Vec<f64> =
                    source.iter().zip(&end).map(|(z, end)| (1.0 - t) * z + t * end).collect();
                new.at(t, &point);
                reference.at(t, &point);
            }
            likelihood.log_likelihood(&end, steps);
        }
        let total = (reference.evaluations.get() + new.evaluations.get()) as f64;
        Ok(Measurement::new()
            .metric("rollout", rollout as f64)
            .metric("update", total - rollout as f64)
            .metric("total", total)
            .metric("likelihood", likelihood.evaluations.get() as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn known_counts() {
        let of = |settings, fault, metric| {
            Cost(settings).replicate(fault, &Streams::from_seed(0)).unwrap().get(metric).unwrap()
        };
        assert_eq!(of(Settings::default(), None, "total"), 28.0);
        assert_eq!(of(Settings::default(), None, "likelihood"), 160.0);
        assert_eq!(of(Settings { dimension: 7, ..Settings::default() }, None, "likelihood"), 640.0);
        assert_eq!(of(Settings::default(), Some(Fault::ResolveOde), "update"), 80.0);
    }

    /// Where the gain is zero the likelihood is that of the noise; else the density of the map.
    #[test]
    fn the_likelihood_is_that_of_the_pushed_forward_noise() {
        let normal = |z: f64| -0.5 * (z * z + ln(2.0 * std::f64::consts::PI));
        assert_relative_eq!(Field::new(0.0).log_likelihood(&[0.4], 10), normal(0.4), epsilon = 1e-12);
        let field = Field::new(1.0);
        let end = |z: f64| field.carried(&[z], 2000)[0];
        let stretch = (end(0.4001) - end(0.3999)) / 0.0002;
        assert_relative_eq!(
            field.log_likelihood(&[end(0.4)], 2000),
            normal(0.4) - ln(stretch),
            epsilon = 1e-5
        );
    }
}
