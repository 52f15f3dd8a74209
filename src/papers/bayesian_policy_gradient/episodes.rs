//! How well gradients are estimated from episodes of a process that ends.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault, actor_critic,
    estimators::{self, Assumptions, mean_squared_error},
    terminating::{Terminating, state_kernel},
};
use crate::{
    kernel::{mdp::Visit, stream::Streams},
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Which estimate is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Estimator {
    /// Paths: the mean of R u.
    MonteCarlo,
    /// Paths: the mean of (R − baseline) u.
    MonteCarloBaseline,
    /// Paths: Bayesian quadrature with a prior on R u.
    ModelOne,
    /// Paths: Bayesian quadrature with a prior on R.
    ModelTwo,
    /// Steps: the mean of discounted scores times returns-to-go.
    RewardToGo,
    /// Steps: Bayesian actor-critic.
    ActorCritic,
}

/// Settings of the comparison.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Whether the policy sees only the parity of the state.
    pub parity: bool,
    /// Which estimate.
    pub estimator: Estimator,
    /// Episodes M of an estimate.
    #[schemars(range(min = 2, max = 200))]
    pub paths: usize,
    /// s, variance of the noise that Bayesian estimates assume.
    #[schemars(range(min = 0.0))]
    pub noise: f64,
    /// c of Model 2.
    #[schemars(range(min = 0.0))]
    pub constant: f64,
    /// Height of the state kernel of the actor-critic.
    #[schemars(range(min = 0.0))]
    pub state_kernel: f64,
    /// Estimates of a replicate.
    #[schemars(range(min = 1, max = 10_000))]
    pub repeats: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            parity: false,
            estimator: Estimator::ActorCritic,
            paths: 10,
            noise: 1.0,
            constant: 10.0,
            state_kernel: 3.0,
            repeats: 50,
        }
    }
}

/// The example process and an estimator of its gradient.
pub struct Episodes {
    settings: Settings,
    process: Terminating,
}

impl Measure for Episodes {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "episodes";
    const SUMMARY: &'static str =
        "Error of gradient estimates from episodes of a process of four states that ends.";
    const METRICS: &'static [Metric] =
        &[Metric::new("squared-error", "Mean over estimates of the squared distance from the gradient.")
            .range(0.0, f64::INFINITY)
            .lower_is_better()];
    const FAULTS: &'static [Fault] = &[
        Fault::NoBaselineConstant,
        Fault::NoStateKernel,
        Fault::UnweightedFisher,
        Fault::GptdGammaOne,
        Fault::IidNoise,
    ];
    const TREATMENTS: &'static [&'static str] = &["estimator", "noise", "constant", "state_kernel"];

    fn reaches(settings: &Settings, fault: Fault) -> bool {
        match fault {
            Fault::NoStateKernel | Fault::UnweightedFisher | Fault::GptdGammaOne | Fault::IidNoise => {
                settings.estimator == Estimator::ActorCritic
            }
            Fault::NoBaselineConstant => settings.estimator == Estimator::ModelTwo,
            _ => true,
        }
    }

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        let Settings { parity, paths, noise, constant, state_kernel, repeats, .. } = settings;
        Assumptions { noise, constant }.check()?;
        if !(state_kernel >= 0.0 && state_kernel.is_finite()) {
            return Err(Failure::invalid("the height of the state kernel must not be negative"));
        }
        if !(2..=200).contains(&paths) || repeats == 0 {
            return Err(Failure::invalid("needs 2 to 200 paths and a repeat"));
        }
        Ok(Self { settings, process: Terminating::example(parity)? })
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let Self { settings, process } = self;
        let assumed = Assumptions { noise: settings.noise, constant: settings.constant };
        let (path_fisher, step_fisher) = (process.fisher(1.0)?, process.step_fisher(fault)?);
        let states = state_kernel(process.states(), settings.state_kernel);
        let mut stream = streams.stream("episodes");
        let estimates: Result<Vec<_>, Failure> = (0..settings.repeats)
            .map(|_| {
                let drawn = (0..settings.paths).map(|_| process.episode(&mut stream));
                let episodes: Vec<Vec<Visit>> = drawn.collect();
                let by_path = match settings.estimator {
                    Estimator::RewardToGo => return Ok(process.reward_to_go(&episodes)),
                    Estimator::ActorCritic => {
                        let experience = process.experience(&episodes, &states);
                        let (discount, noise) = (process.discount(), settings.noise);
                        let belief =
                            actor_critic::posterior(&experience, &step_fisher, discount, noise, fault)?;
                        return Ok(belief.mean);
                    }
                    Estimator::MonteCarlo => estimators::Estimator::MonteCarlo,
                    Estimator::MonteCarloBaseline => estimators::Estimator::MonteCarloBaseline,
                    Estimator::ModelOne => estimators::Estimator::ModelOne,
                    Estimator::ModelTwo => estimators::Estimator::ModelTwo,
                };
                by_path.gradient(&process.paths(&episodes), &path_fisher, assumed, fault)
            })
            .collect();
        let error = mean_squared_error(&estimates?, &process.gradient()?);
        Ok(Measurement::new().metric("squared-error", error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::math::mean;
    use approx::assert_relative_eq;

    fn error(settings: Settings, fault: Option<Fault>) -> f64 {
        let experiment = Episodes::prepare(settings, &Data::default()).unwrap();
        let measured = (0..10).map(|seed| experiment.replicate(fault, &Streams::from_seed(seed)).unwrap());
        mean(&measured.map(|m| m.get("squared-error").unwrap()).collect::<Vec<f64>>())
    }

    #[test]
    fn known_errors() {
        for (estimator, known, spread) in [
            (Estimator::MonteCarlo, 1.99, 0.35),
            (Estimator::RewardToGo, 0.483, 0.08),
            (Estimator::ModelOne, 0.459, 0.08),
            (Estimator::ModelTwo, 0.409, 0.06),
            (Estimator::ActorCritic, 0.1015, 0.016),
        ] {
            let settings = Settings { estimator, ..Settings::default() };
            assert_relative_eq!(error(settings, None), known, epsilon = spread);
        }
        let faulty = error(Settings::default(), Some(Fault::NoStateKernel));
        assert_relative_eq!(faulty, 0.360, epsilon = 0.06);
    }

    #[test]
    fn known_errors_of_a_policy_that_sees_parity() {
        for (estimator, fault, known, spread) in [
            (Estimator::MonteCarlo, None, 1.972, 0.5),
            (Estimator::MonteCarloBaseline, None, 0.539, 0.13),
            (Estimator::ModelTwo, None, 0.440, 0.09),
            (Estimator::ModelTwo, Some(Fault::NoBaselineConstant), 1.474, 0.4),
        ] {
            let settings = Settings { parity: true, estimator, ..Settings::default() };
            assert_relative_eq!(error(settings, fault), known, epsilon = spread);
        }
    }
}
