//! The Gaussian bandit: the smallest problem with a policy gradient.

use nalgebra::{DMatrix, DVector};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    estimators::{Assumptions, Estimator, Paths, mean_squared_error},
};
use crate::{
    kernel::{
        math::{mean, variance},
        stream::{Stream, Streams},
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// The policy a ~ N(m, σ²) with parameters θ = (m, σ), σ > 0.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GaussianPolicy {
    /// m.
    pub mean: f64,
    /// σ.
    pub deviation: f64,
}

impl GaussianPolicy {
    /// N(0, 1).
    pub const STANDARD: Self = Self { mean: 0.0, deviation: 1.0 };

    /// u(a) = ((a − m)/σ², ((a − m)²/σ² − 1)/σ).
    pub fn score(self, action: f64) -> [f64; 2] {
        let z = (action - self.mean) / self.deviation;
        [z / self.deviation, (z * z - 1.0) / self.deviation]
    }

    /// Scores of actions (2 × M).
    pub fn scores(self, actions: &[f64]) -> DMatrix<f64> {
        DMatrix::from_fn(2, actions.len(), |j, i| self.score(actions[i])[j])
    }

    /// G = E\[u uᵀ\] = diag(1, 2)/σ².
    pub fn fisher(self) -> DMatrix<f64> {
        let precision = 1.0 / (self.deviation * self.deviation);
        DMatrix::from_diagonal(&DVector::from_column_slice(&[precision, 2.0 * precision]))
    }

    /// The gradient of E\[q₀ + q₁a + q₂a²\]: (q₁ + 2 q₂ m, 2 q₂ σ).
    pub fn gradient(self, polynomial: [f64; 3]) -> DVector<f64> {
        let [_, linear, square] = polynomial;
        DVector::from_column_slice(&[linear + 2.0 * square * self.mean, 2.0 * square * self.deviation])
    }
}

/// What an action pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reward {
    /// r = a; the gradient at θ = (0, 1) is (1, 0).
    Linear,
    /// r = a²; the gradient at θ = (0, 1) is (0, 2).
    Square,
}

impl Reward {
    fn polynomial(self) -> [f64; 3] {
        match self {
            Self::Linear => [0.0, 1.0, 0.0],
            Self::Square => [0.0, 0.0, 1.0],
        }
    }
}

/// Settings of the bandit.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// What an action pays.
    pub reward: Reward,
    /// Standard deviation of the noise on rewards.
    #[schemars(range(min = 0.0))]
    pub reward_noise: f64,
    /// Which estimate.
    pub estimator: Estimator,
    /// Actions M of an estimate.
    #[schemars(range(min = 2, max = 200))]
    pub paths: usize,
    /// s, variance of the noise that Bayesian estimates assume.
    #[schemars(range(min = 0.0))]
    pub noise: f64,
    /// c of Model 2.
    #[schemars(range(min = 0.0))]
    pub constant: f64,
    /// Estimates of a replicate.
    #[schemars(range(min = 2, max = 10_000))]
    pub repeats: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            reward: Reward::Linear,
            reward_noise: 1.0,
            estimator: Estimator::ModelTwo,
            paths: 10,
            noise: 1.0,
            constant: 1.0,
            repeats: 100,
        }
    }
}

/// Estimates of the gradient at θ = (0, 1).
pub struct Bandit(Settings);

impl Bandit {
    fn draw(&self, stream: &mut Stream) -> Paths {
        let [offset, linear, square] = self.0.reward.polynomial();
        let actions: Vec<f64> = (0..self.0.paths).map(|_| stream.normal()).collect();
        let noisy = |a: &f64| offset + linear * a + square * a * a + self.0.reward_noise * stream.normal();
        let returns = DVector::from_vec(actions.iter().map(noisy).collect());
        Paths { scores: GaussianPolicy::STANDARD.scores(&actions), returns }
    }
}

impl Measure for Bandit {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "bandit";
    const SUMMARY: &'static str = "Estimates of the policy gradient of a Gaussian bandit.";
    const METRICS: &'static [Metric] = &[
        Metric::new("squared-error", "Mean over estimates of the squared distance from the gradient.")
            .range(0.0, f64::INFINITY)
            .lower_is_better(),
        Metric::new("first-mean", "Mean of the first component, for the policy's mean."),
        Metric::new("second-mean", "Mean of the second component, for the policy's deviation."),
        Metric::new("first-deviation", "Standard deviation of the first component.")
            .range(0.0, f64::INFINITY)
            .lower_is_better(),
        Metric::new("second-deviation", "Standard deviation of the second component.")
            .range(0.0, f64::INFINITY)
            .lower_is_better(),
    ];
    const FAULTS: &'static [Fault] = &[
        Fault::FisherFromSameBatch,
        Fault::IdentityMetric,
        Fault::ZMissingConstant,
        Fault::NoBaselineConstant,
        Fault::NoiseTooSmall,
    ];
    const TREATMENTS: &'static [&'static str] = &["estimator", "noise", "constant"];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        Assumptions { noise: settings.noise, constant: settings.constant }.check()?;
        if !(settings.reward_noise >= 0.0 && settings.reward_noise.is_finite()) {
            return Err(Failure::invalid("`reward_noise` must not be negative"));
        }
        if !(2..=200).contains(&settings.paths) || settings.repeats < 2 {
            return Err(Failure::invalid("needs 2 to 200 paths and two repeats"));
        }
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let assumed = Assumptions { noise: self.0.noise, constant: self.0.constant };
        let fisher = GaussianPolicy::STANDARD.fisher();
        let mut stream = streams.stream("actions");
        let estimates: Result<Vec<DVector<f64>>, Failure> = (0..self.0.repeats)
            .map(|_| self.0.estimator.gradient(&self.draw(&mut stream), &fisher, assumed, fault))
            .collect();
        let estimates = estimates?;
        let component = |i: usize| estimates.iter().map(|g| g[i]).collect::<Vec<f64>>();
        let (first, second) = (component(0), component(1));
        let truth = GaussianPolicy::STANDARD.gradient(self.0.reward.polynomial());
        Ok(Measurement::new()
            .metric("squared-error", mean_squared_error(&estimates, &truth))
            .metric("first-mean", mean(&first))
            .metric("second-mean", mean(&second))
            .metric("first-deviation", variance(&first, 1).sqrt())
            .metric("second-deviation", variance(&second, 1).sqrt()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    fn measured(settings: Settings, fault: Option<Fault>) -> Measurement {
        let bandit = Bandit::prepare(settings, &Data::default()).unwrap();
        bandit.replicate(fault, &Streams::from_seed(1)).unwrap()
    }

    fn many() -> Settings {
        Settings { repeats: 2000, ..Settings::default() }
    }

    #[test]
    fn scores_at_the_standard_normal() {
        assert_eq!(GaussianPolicy::STANDARD.score(2.0), [2.0, 3.0]);
        assert_eq!(
            GaussianPolicy::STANDARD.fisher(),
            DMatrix::from_diagonal(&DVector::from_vec(vec![1.0, 2.0]))
        );
        let policy = GaussianPolicy { mean: 1.0, deviation: 2.0 };
        // E[a²] = m² + σ².
        assert_eq!(policy.gradient([0.0, 0.0, 1.0]), DVector::from_vec(vec![2.0, 4.0]));
        assert_eq!(policy.score(1.0), [0.0, -0.5]);
    }

    #[test]
    fn known_errors() {
        use Estimator::{ModelOne, ModelTwo, MonteCarlo};
        use Reward::{Linear, Square};
        for (reward, estimator, known, spread) in [
            // For Monte Carlo E‖R u‖² less ‖∇η‖², over M = 10; for the others means of 40000 estimates by
            // another program; with five standard errors of 2000. Squared errors of Monte Carlo have
            // heavy tails: one deviates by 4, and by 42 where the reward is a square.
            (Linear, MonteCarlo, 1.5, 0.45),
            (Square, MonteCarlo, 9.2, 4.7),
            (Linear, ModelTwo, 0.444, 0.06),
            (Linear, ModelOne, 0.436, 0.05),
            (Square, ModelTwo, 0.933, 0.14),
            (Square, ModelOne, 1.597, 0.16),
        ] {
            let found = measured(Settings { reward, estimator, ..many() }, None);
            assert_relative_eq!(found.get("squared-error").unwrap(), known, epsilon = spread);
        }
        for reward in [Linear, Square] {
            let fault = Some(Fault::FisherFromSameBatch);
            let error = |estimator, fault| {
                measured(Settings { reward, estimator, ..many() }, fault).get("squared-error").unwrap()
            };
            assert_relative_eq!(error(ModelTwo, fault) / error(MonteCarlo, None), 0.83, epsilon = 0.01);
        }
    }

    #[test]
    fn without_noise_the_estimates_are_those_of_the_table() {
        let quiet = |reward, paths, estimator| {
            let settings = Settings { reward, paths, estimator, reward_noise: 0.0, noise: 0.01, ..many() };
            let found = measured(settings, None);
            ["first-mean", "second-mean", "first-deviation", "second-deviation"]
                .map(|m| found.get(m).unwrap())
        };
        let close = |found: [f64; 4], known: [f64; 4], spread: [f64; 4]| {
            for i in 0..4 {
                assert_relative_eq!(found[i], known[i], epsilon = spread[i]);
            }
        };
        let ten = quiet(Reward::Linear, 10, Estimator::ModelOne);
        close(ten, [0.960, 0.0, 0.086, 0.125], [0.01, 0.01, 0.015, 0.02]);
        let ten = quiet(Reward::Square, 10, Estimator::ModelOne);
        close(ten, [-0.003, 1.770, 0.165, 0.393], [0.015, 0.04, 0.03, 0.04]);
        // Monte Carlo has the variances 2 and 10, or 15 and 74, over M.
        let ten = quiet(Reward::Linear, 10, Estimator::MonteCarlo);
        close(ten, [1.0, 0.0, 0.2_f64.sqrt(), 1.0], [0.04, 0.08, 0.03, 0.1]);
        let ten = quiet(Reward::Square, 10, Estimator::MonteCarlo);
        close(ten, [0.0, 2.0, 1.5_f64.sqrt(), 7.4_f64.sqrt()], [0.1, 0.25, 0.12, 0.5]);
    }
}
