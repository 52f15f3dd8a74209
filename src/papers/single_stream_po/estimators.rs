//! Gradient estimators on one Bernoulli prompt, in closed form.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fault;
use crate::{
    kernel::{
        stream::Streams,
        tokens::{Estimator, GradientScale, bernoulli_moments, degenerate_probability},
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Variance of the mean of G single-stream estimates (r − v̂)(r − p) on a prompt of success rate p,
/// each with a value v̂ of its own that is independent of r, right on average, and wrong by
/// E(v̂ − p)² = `mse`: E\[(r − v̂)²(r − p)²\] = E\[(r − p)⁴\] + mse·p(1 − p), less (p(1 − p))², over G.
#[must_use]
pub fn single_stream_variance(group: usize, p: f64, mse: f64, fault: Option<Fault>) -> f64 {
    let q = 1.0 - p;
    let second = if fault == Some(Fault::NoBaseline) {
        p * q * q
    } else {
        p * q * (q * q * q + p * p * p) + mse * p * q
    };
    (second - p * q * p * q) / group as f64
}

/// Settings of the closed forms.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Responses, G: a group of G, or G single streams.
    #[schemars(range(min = 2, max = 512))]
    pub group: usize,
    /// Success rate p.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub p: f64,
    /// Mean squared error of the tracker's value.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub mse: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { group: 4, p: 0.3, mse: 0.0 }
    }
}

/// The closed forms, for tables and curves.
pub struct Estimators(Settings);

impl Measure for Estimators {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "estimators";
    const SUMMARY: &'static str = "Scale and variance of gradient estimators on a Bernoulli prompt, exactly.";
    const METRICS: &'static [Metric] = &[
        Metric::new("degenerate", "Probability that all rewards of a group are equal.").range(0.0, 1.0),
        Metric::new("scale", "c_G(p): the factor by which GRPO scales the true gradient.")
            .range(0.0, f64::INFINITY),
        Metric::new("variance-rloo", "Variance of the leave-one-out estimate.")
            .range(0.0, f64::INFINITY)
            .lower_is_better(),
        Metric::new("variance-single", "Variance of the mean of as many single-stream estimates.")
            .range(0.0, f64::INFINITY)
            .lower_is_better(),
    ];
    const FAULTS: &'static [Fault] = &[Fault::NoBaseline];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        if !(2..=512).contains(&settings.group) || !(0.0..=1.0).contains(&settings.p) || settings.mse < 0.0 {
            return Err(Failure::invalid("needs 2 ≤ group ≤ 512, 0 ≤ p ≤ 1 and mse ≥ 0"));
        }
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let Settings { group, p, mse } = self.0;
        Ok(Measurement::new()
            .metric("degenerate", degenerate_probability(group, p))
            .metric("scale", GradientScale::of(Estimator::GRPO, group).at(p))
            .metric("variance-rloo", bernoulli_moments(Estimator::Rloo, group, p).1)
            .metric("variance-single", single_stream_variance(group, p, mse, fault).max(0.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn known_variances() {
        for (p, group, mse, rloo, single) in [
            (0.3, 4, 0.0, 0.01575, 0.0084),
            (0.3, 4, 0.3 * 0.7 * 0.04 / 1.96, 0.01575, 0.008_625),
            (0.2, 8, 0.0032, 0.008_114_285_7, 0.007_264),
        ] {
            assert_relative_eq!(bernoulli_moments(Estimator::Rloo, group, p).1, rloo, epsilon = 1e-10);
            assert_relative_eq!(single_stream_variance(group, p, mse, None), single, epsilon = 1e-9);
        }
        let none = single_stream_variance(4, 0.3, 0.0, Some(Fault::NoBaseline));
        assert_relative_eq!(none, 0.025_725, epsilon = 1e-12);
        // A mean baseline beats none exactly if p < 2/3.
        for (p, better) in [(0.66, true), (0.67, false)] {
            let none = single_stream_variance(1, p, 0.0, Some(Fault::NoBaseline));
            assert_eq!(single_stream_variance(1, p, 0.0, None) < none, better);
        }
    }
}
