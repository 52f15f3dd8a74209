//! How the parts of the estimator trade bias against variance, by enumeration.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    objective::{expectation, responses},
    unified::add_unified,
};
use crate::{
    kernel::{
        math::{exp, sum},
        stream::Streams,
        tokens::{Clip, Policy, PrefixTree, Rows, Task, wave},
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// An estimate of ∇J from one response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Estimate {
    /// Sampled from π_θ, π_ref = π_θ, Â = r − J.
    OnPolicy,
    /// The same with Â = r.
    WithoutBaseline,
    /// Sampled from π_old, π_ref = π_old.
    Importance,
    /// The same, masked where the ratio of the response leaves 1 ± 0.2 the way of the advantage.
    ImportanceMasked,
    /// Sampled from π_old, π_ref = 1.
    UnitReference,
    /// Sampled from π_old, π_ref = π_θ: old samples taken for new ones.
    Uncorrected,
}

/// Settings of the measurement.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Which parts.
    pub estimate: Estimate,
    /// π_old has logits of this size beside 1 of π_θ.
    #[schemars(range(min = -4.0, max = 4.0))]
    pub old_scale: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { estimate: Estimate::OnPolicy, old_scale: 0.7 }
    }
}

/// Bias and variance of an estimate on a tree of 27 responses.
pub struct Variance(Settings);

impl Measure for Variance {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "bias-and-variance";
    const SUMMARY: &'static str =
        "Bias and total variance of a one-sample gradient estimate, over all responses.";
    const METRICS: &'static [Metric] = &[
        Metric::new("bias", "‖E ĝ − ∇J‖.").range(0.0, f64::INFINITY).lower_is_better(),
        Metric::new("variance", "E‖ĝ‖² − ‖E ĝ‖².").range(-1e-9, f64::INFINITY).lower_is_better(),
        Metric::new("relative-bias", "‖E ĝ − ∇J‖/‖∇J‖.").range(0.0, f64::INFINITY).lower_is_better(),
    ];
    const FAULTS: &'static [Fault] = &[Fault::ClaimClipUnbiased, Fault::MissingDenominator];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let Settings { estimate, old_scale } = self.0;
        let task = PrefixTree::divisible_by_three(3, 3);
        let policy = Policy::from_fn(&task, |n, v| wave(n, v, 0));
        let old = Policy::from_fn(&task, |n, v| old_scale * wave(n, v, 3));
        let mut truth = Rows::zeros(task.rows(), task.width());
        task.add_gradient(0, &policy, 1.0, &mut truth);

        let on_policy = matches!(estimate, Estimate::OnPolicy | Estimate::WithoutBaseline);
        let sampled = task.distribution(0, if on_policy { &policy } else { &old });
        let baseline = if estimate == Estimate::WithoutBaseline { 0.0 } else { task.success(0, &policy) };
        // The expectation may, by mistake, be taken of other estimates than the variance.
        let (mut estimates, mut averaged) = (Vec::new(), Vec::new());
        for tau in responses(&task) {
            let advantage = tau.reward - baseline;
            let log_reference = match estimate {
                _ if fault == Some(Fault::MissingDenominator) => 0.0,
                Estimate::UnitReference => 0.0,
                Estimate::Importance | Estimate::ImportanceMasked => old.log_likelihood(&tau.steps),
                _ => policy.log_likelihood(&tau.steps),
            };
            let ratio = exp(policy.log_likelihood(&tau.steps) - old.log_likelihood(&tau.steps));
            let stable =
                estimate != Estimate::ImportanceMasked || !Clip::PPO.term(ratio, 1.0, advantage).clipped;
            let term = |stable| {
                let mut gradient = Rows::zeros(task.rows(), task.width());
                add_unified(&tau.steps, stable, log_reference, advantage, &policy, &mut gradient);
                gradient
            };
            averaged.push(term(stable || fault == Some(Fault::ClaimClipUnbiased)));
            estimates.push(term(stable));
        }

        let mut gap = expectation(&sampled, &averaged);
        gap.add(-1.0, &truth);
        let mean = expectation(&sampled, &estimates).norm_squared();
        let square = sum(sampled.iter().zip(&estimates).map(|(p, g)| p * g.norm_squared()));
        let bias = gap.norm_squared().sqrt();
        Ok(Measurement::new()
            .metric("bias", bias)
            .metric("variance", square - mean)
            .metric("relative-bias", bias / truth.norm_squared().sqrt()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn known_biases_and_variances() {
        for (estimate, bias, variance) in [
            (Estimate::OnPolicy, 0.0, 0.397),
            (Estimate::WithoutBaseline, 0.0, 0.653),
            (Estimate::Importance, 0.0, 1.215),
            (Estimate::ImportanceMasked, 0.094, 0.723),
            (Estimate::UnitReference, 0.151, 0.000_92),
            (Estimate::Uncorrected, 0.192, 0.537),
        ] {
            let state =
                Variance::prepare(Settings { estimate, ..Settings::default() }, &Data::default()).unwrap();
            let measured = state.replicate(None, &Streams::from_seed(0)).unwrap();
            assert_relative_eq!(measured.get("bias").unwrap(), bias, epsilon = 5e-4);
            assert_relative_eq!(measured.get("variance").unwrap(), variance, epsilon = 5e-4);
            if bias > 0.0 {
                let truth = measured.get("bias").unwrap() / measured.get("relative-bias").unwrap();
                assert_relative_eq!(truth, 0.156, epsilon = 5e-4);
            }
        }
    }
}
