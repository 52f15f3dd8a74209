//! What guided data are good for: a critic that is right where the target policy acts.

use nalgebra::{DMatrix, DVector};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    nonlinear::{BEHAVIOUR, Policy, TARGET},
};
use crate::{
    kernel::{
        math::{exp, mean, sin},
        stream::Streams,
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Ridge of the least-squares fit.
const RIDGE: f64 = 1e-6;

/// q(s, a) = sin 2a + 0.3sa, the expected reward of one step.
fn value(s: f64, a: f64) -> f64 {
    sin(2.0 * a) + 0.3 * s * a
}

/// Which data the critic is fitted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The behaviour policy's.
    Behaviour,
    /// The behaviour policy's, tilted towards the target policy with λ.
    Guided,
}

/// Settings of the critic.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Which data the critic is fitted to.
    pub source: Source,
    /// λ of the guided data.
    #[schemars(range(min = 0.0))]
    pub lambda: f64,
    /// Transitions to fit.
    #[schemars(range(min = 10, max = 1_000_000))]
    pub data: usize,
    /// Target-policy samples at which the critic is judged.
    #[schemars(range(min = 10, max = 1_000_000))]
    pub evaluation: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { source: Source::Guided, lambda: 1.0, data: 2000, evaluation: 5000 }
    }
}

/// A bandit on the first step: s ~ N(0, 0.5²), reward q(s, a) + 0.1ε. The critic is linear in
/// (1, s, a), fitted with weights 1, or ∝ π(a|s)^λ for guided data.
pub struct Critic(Settings);

impl Measure for Critic {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "critic";
    const SUMMARY: &'static str =
        "Error at the target policy of a critic fitted to behaviour data or to guided data.";
    const METRICS: &'static [Metric] = &[
        Metric::new("error", "Root mean square error of the critic at target-policy samples.")
            .unit("reward")
            .range(0.0, f64::INFINITY)
            .lower_is_better(),
        Metric::new("bias", "Mean error of the critic at target-policy samples.").unit("reward"),
    ];
    const FAULTS: &'static [Fault] = &[Fault::GuidanceWrongSign];
    const TREATMENTS: &'static [&'static str] = &["source", "lambda"];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        if settings.data < 10 || settings.evaluation < 10 {
            return Err(Failure::invalid("needs ten samples to fit and ten to judge"));
        }
        if !(settings.lambda >= 0.0 && settings.lambda.is_finite()) {
            return Err(Failure::invalid("`lambda` must not be negative"));
        }
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let guide = match fault {
            Some(Fault::GuidanceWrongSign) => Policy { offset: -TARGET.offset, ..TARGET },
            _ => TARGET,
        };
        let mut stream = streams.stream("data");
        let mut gram = DMatrix::from_diagonal_element(3, 3, RIDGE);
        let mut moments = DVector::zeros(3);
        for _ in 0..self.0.data {
            let s = 0.5 * stream.normal();
            let a = BEHAVIOUR.act(s, &mut stream);
            let reward = value(s, a) + 0.1 * stream.normal();
            let u = guide.residual(s, a);
            let weight = match self.0.source {
                Source::Behaviour => 1.0,
                Source::Guided => exp(-0.5 * self.0.lambda * u * u / guide.variance()),
            };
            let features = DVector::from_column_slice(&[1.0, s, a]);
            gram += &features * features.transpose() * weight;
            moments += features * (weight * reward);
        }
        let root = gram.cholesky().ok_or_else(|| Failure::numerical("the critic's data are degenerate"))?;
        let critic = root.solve(&moments);

        let mut stream = streams.stream("evaluation");
        let errors: Vec<f64> = (0..self.0.evaluation)
            .map(|_| {
                let s = 0.5 * stream.normal();
                let a = TARGET.act(s, &mut stream);
                critic[0] + critic[1] * s + critic[2] * a - value(s, a)
            })
            .collect();
        let squares: Vec<f64> = errors.iter().map(|e| e * e).collect();
        Ok(Measurement::new().metric("error", mean(&squares).sqrt()).metric("bias", mean(&errors)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    fn average(source: Source, fault: Option<Fault>, metric: &str) -> f64 {
        let critic = Critic(Settings { source, ..Settings::default() });
        let measured = (0..20).map(|seed| critic.replicate(fault, &Streams::from_seed(seed)).unwrap());
        mean(&measured.map(|m| m.get(metric).unwrap()).collect::<Vec<f64>>())
    }

    #[test]
    fn known_errors_and_biases() {
        assert_relative_eq!(average(Source::Behaviour, None, "error"), 0.378, epsilon = 0.006);
        assert_relative_eq!(average(Source::Behaviour, None, "bias"), -0.191, epsilon = 0.01);
        assert_relative_eq!(average(Source::Guided, None, "error"), 0.310, epsilon = 0.005);
        assert_relative_eq!(average(Source::Guided, None, "bias"), 0.048, epsilon = 0.005);
        let wrong = Some(Fault::GuidanceWrongSign);
        assert_relative_eq!(average(Source::Guided, wrong, "error"), 0.544, epsilon = 0.03);
    }
}
