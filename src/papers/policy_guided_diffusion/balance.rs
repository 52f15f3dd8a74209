//! How λ balances likelihood under the target policy against distance from the data, exactly.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, System, broken};
use crate::{
    kernel::{math::mean, stream::Streams},
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Settings of the balance.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The system.
    pub system: System,
    /// Ascending values of λ; the first is 0.
    #[schemars(length(max = 100))]
    pub lambdas: Vec<f64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { system: System::default(), lambdas: vec![0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0] }
    }
}

/// Likelihood and divergences of p*_λ over a grid of λ.
pub struct Balance(Settings);

impl Measure for Balance {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "balance";
    const SUMMARY: &'static str =
        "Expected log-likelihood under the target policy, and divergences, of the guided law over λ.";
    const METRICS: &'static [Metric] = &[
        Metric::new("likelihood-rise", "Smallest rise of E[Σ log π] from one λ to the next.").unit("nats"),
        Metric::new("divergence-rise", "Smallest rise of KL(p* ‖ p_b) from one λ to the next.").unit("nats"),
        Metric::new("divergence-at-zero", "KL(p* ‖ p_b) at λ = 0.").unit("nats"),
        Metric::new("nearest-lambda", "The λ of the grid at which KL(p_π ‖ p*) is smallest."),
        Metric::new("nearest-divergence", "That smallest KL(p_π ‖ p*).").unit("nats"),
        Metric::new("sharpening", "E[Σ log π] at the largest λ minus its value under p_π.").unit("nats"),
    ];
    const FAULTS: &'static [Fault] = &[Fault::NegativeGuidance, Fault::NoGuidance, Fault::TargetOnly];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        settings.system.check()?;
        let ascending = settings.lambdas.windows(2).all(|pair| pair[0] < pair[1]);
        if settings.lambdas.len() < 2 || settings.lambdas[0] != 0.0 || !ascending {
            return Err(Failure::invalid("`lambdas` must ascend from 0"));
        }
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let Settings { system, lambdas } = &self.0;
        let data = system.data().normalised().map_err(broken)?;
        let on_policy = system.on_policy().normalised().map_err(broken)?;
        // Without the data's action factor nothing is left of the actions at λ = 0: no law there.
        let grid: Vec<f64> =
            lambdas.iter().copied().filter(|l| fault != Some(Fault::TargetOnly) || *l > 0.0).collect();
        let (mut likelihoods, mut from_data, mut from_policy) = (Vec::new(), Vec::new(), Vec::new());
        for lambda in &grid {
            let law = system.guided(*lambda, fault).normalised().map_err(broken)?;
            likelihoods.push(system.expected_log_target(&law));
            from_data.push(law.divergence(&data));
            from_policy.push(on_policy.divergence(&law));
        }
        let smallest_rise =
            |values: &[f64]| values.windows(2).map(|p| p[1] - p[0]).fold(f64::INFINITY, f64::min);
        let nearest =
            (0..grid.len()).fold(0, |best, i| if from_policy[i] < from_policy[best] { i } else { best });
        Ok(Measurement::new()
            .metric("likelihood-rise", smallest_rise(&likelihoods))
            .metric("divergence-rise", smallest_rise(&from_data))
            .metric("divergence-at-zero", from_data[0])
            .metric("nearest-lambda", grid[nearest])
            .metric("nearest-divergence", from_policy[nearest])
            .metric("sharpening", likelihoods[grid.len() - 1] - system.expected_log_target(&on_policy))
            .series("log-likelihood", grid.clone(), likelihoods)
            .series("divergence-from-data", grid.clone(), from_data)
            .series("divergence-from-policy", grid, from_policy))
    }
}

/// Settings of optimism about noise.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Optimism {
    /// Gain k of the target policy; the behaviour policy's is −0.3.
    pub target_gain: f64,
    /// λ.
    #[schemars(range(min = 0.0))]
    pub lambda: f64,
}

impl Default for Optimism {
    fn default() -> Self {
        Self { target_gain: -0.6, lambda: 1.0 }
    }
}

/// The mean of s' − As − Ba under p*: the tilt expects noise that happens to suit the target policy.
pub struct NoiseOptimism(Optimism);

impl Measure for NoiseOptimism {
    type Settings = Optimism;
    type Fault = Fault;
    const NAME: &'static str = "noise-optimism";
    const SUMMARY: &'static str = "Mean of the dynamics' noise under the guided law of the linear system.";
    const METRICS: &'static [Metric] = &[
        Metric::new("bias", "Mean of s' − As − Ba over transitions."),
        Metric::new("equal-gain-bias", "Its size if the policies have equal gains.")
            .range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::NoGuidance];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Optimism, _: &Data) -> Result<Self, Failure> {
        if settings.lambda >= 0.0 && settings.lambda.is_finite() && settings.target_gain.is_finite() {
            Ok(Self(settings))
        } else {
            Err(Failure::invalid("`lambda` must not be negative, and both numbers must be finite"))
        }
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let biases = |gain: f64| -> Result<Vec<f64>, Failure> {
            let system = System { target_gain: gain, ..System::default() };
            let law = system.guided(self.0.lambda, fault).normalised().map_err(broken)?;
            Ok(system.dynamics_bias(&law))
        };
        let equal = biases(System::default().behaviour_gain)?;
        Ok(Measurement::new()
            .metric("bias", mean(&biases(self.0.target_gain)?))
            .metric("equal-gain-bias", equal.iter().map(|b| b.abs()).fold(0.0, f64::max)))
    }
}
