//! What the transport does to 0/1 rewards: it cannot reach N(0, 1), because ties dominate.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    transport::{gaussian_advantages, mean_square},
};
use crate::{
    kernel::{
        math::mean,
        stream::Streams,
        tokens::{Estimator, GradientScale},
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// N 0/1 rewards with K successes, first.
fn rewards(n: usize, k: usize) -> Vec<f64> {
    (0..n).map(|i| f64::from(u8::from(i < k))).collect()
}

/// The factor κ_N(p) of the expected gradient: E ĝ = κ_N(p) ∇p for 0/1 rewards,
/// κ_N(p) = E_K\[S_K\]/(p (1 − p)), K ~ Bin(N, p), S_K the sum of the top K quantiles over N.
#[must_use]
pub fn gradient_scale(n: usize, fault: Option<Fault>) -> GradientScale {
    GradientScale::from_advantages(n, |k| {
        let advantages = gaussian_advantages(&rewards(n, k), fault);
        let (successes, failures) = advantages.split_at(k);
        (mean(successes), mean(failures))
    })
}

/// Settings of a group with 0/1 rewards.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Size N of the group.
    #[serde(rename = "N")]
    #[schemars(range(min = 2, max = 1_000))]
    pub group: usize,
    /// Number K of successes.
    #[serde(rename = "K")]
    #[schemars(range(min = 1, max = 1_000))]
    pub successes: usize,
    /// Success rate p at which gradients are expected.
    #[schemars(range(min = 1e-6, max = 0.999_999))]
    pub p: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { group: 8, successes: 4, p: 0.05 }
    }
}

/// The experiment: advantages and expected gradients for 0/1 rewards.
pub struct Binary(Settings);

impl Measure for Binary {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "binary";
    const SUMMARY: &'static str =
        "Advantages of a group with K successes, and the factor of the expected gradient.";
    const METRICS: &'static [Metric] = &[
        Metric::new("success", "Advantage of the first success."),
        Metric::new("failure", "Advantage of the last failure."),
        Metric::new("variance", "Variance of the advantages of the group.").range(0.0, f64::INFINITY),
        Metric::new("scale", "κ_N(p), the factor of ∇p in the expected gradient."),
        Metric::new("flatness", "κ_N(p)/κ_N(1/2) over c_N(p)/c_N(1/2), c_N being GRPO's factor.")
            .lower_is_better(),
    ];
    const FAULTS: &'static [Fault] = &[Fault::LinearZscore, Fault::BreakTiesByIndex];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        let Settings { group, successes, p } = settings;
        if !((1..group).contains(&successes) && p > 0.0 && p < 1.0) {
            return Err(Failure::invalid("K must lie strictly between 0 and N, and p between 0 and 1"));
        }
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let Settings { group, successes, p } = self.0;
        let advantages = gaussian_advantages(&rewards(group, successes), fault);
        let scale = gradient_scale(group, fault);
        let grpo = GradientScale::of(Estimator::GRPO, group);
        let flatness = scale.at(p) / scale.at(0.5) / (grpo.at(p) / grpo.at(0.5));
        Ok(Measurement::new()
            .metric("success", advantages[0])
            .metric("failure", advantages[group - 1])
            .metric("variance", mean_square(&advantages))
            .metric("scale", scale.at(p))
            .metric("flatness", flatness))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    fn measure(group: usize, successes: usize, p: f64, fault: Option<Fault>) -> Measurement {
        let settings = Settings { group, successes, p };
        Binary::prepare(settings, &Data::default()).unwrap().replicate(fault, &Streams::from_seed(0)).unwrap()
    }

    #[test]
    fn known_advantages() {
        for (k, success, failure) in [(1, 1.5341, -0.2192), (2, 1.2106, -0.4035), (4, 0.7668, -0.7668)] {
            let measured = measure(8, k, 0.5, None);
            assert_abs_diff_eq!(measured.get("success").unwrap(), success, epsilon = 5.1e-5);
            assert_abs_diff_eq!(measured.get("failure").unwrap(), failure, epsilon = 5.1e-5);
        }
        for (k, success, failure) in [(1, 2.6458, -0.3780), (2, 1.7321, -0.5774), (4, 1.0, -1.0)] {
            let measured = measure(8, k, 0.5, Some(Fault::LinearZscore));
            assert_abs_diff_eq!(measured.get("success").unwrap(), success, epsilon = 5.1e-5);
            assert_abs_diff_eq!(measured.get("failure").unwrap(), failure, epsilon = 5.1e-5);
        }
    }

    #[test]
    fn known_variances() {
        let variance = |n, k| measure(n, k, 0.5, None).get("variance").unwrap();
        assert_abs_diff_eq!(variance(8, 4), 0.588, epsilon = 5.1e-4);
        assert_abs_diff_eq!(variance(8, 1), 0.336, epsilon = 5.1e-4);
        assert_abs_diff_eq!(variance(1000, 500), 2.0 / std::f64::consts::PI, epsilon = 1e-3);
    }

    #[test]
    fn known_gradient_scales() {
        for (p, kappa, c) in
            [(0.05, 1.5001, 2.4731), (0.1, 1.4706, 2.3277), (0.25, 1.4069, 2.0261), (0.5, 1.3687, 1.8557)]
        {
            assert_abs_diff_eq!(gradient_scale(8, None).at(p), kappa, epsilon = 5.1e-5);
            assert_abs_diff_eq!(gradient_scale(8, Some(Fault::LinearZscore)).at(p), c, epsilon = 5.1e-5);
        }
    }
}
