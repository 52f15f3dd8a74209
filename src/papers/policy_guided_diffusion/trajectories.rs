//! Trajectories of the three generators on the nonlinear system, and how concentrated guidance is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    nonlinear::{
        Dataset, TARGET, Trajectory, TrajectoryModel, WorldModel, dynamics, effective_sample_size, from_logs,
        step,
    },
};
use crate::{
    kernel::{
        math::{mean, sum},
        stream::Streams,
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// What generates the trajectories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Generator {
    /// The trajectory model without guidance.
    Unguided,
    /// The trajectory model with guidance λ.
    Guided,
    /// The one-step model, rolled out under the target policy.
    WorldModel,
    /// The true dynamics, rolled out under the target policy: what one would like to have.
    Truth,
}

/// Settings of the comparison.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// What generates the trajectories.
    pub generator: Generator,
    /// λ of the guided model.
    #[schemars(range(min = 0.0))]
    pub lambda: f64,
    /// Bandwidth h of the trajectory model.
    pub bandwidth: f64,
    /// T, number of actions of a trajectory.
    #[schemars(range(min = 1, max = 64))]
    pub horizon: usize,
    /// Trajectories of the behaviour policy.
    #[schemars(range(min = 10, max = 100_000))]
    pub data: usize,
    /// Trajectories generated.
    #[schemars(range(min = 10, max = 100_000))]
    pub samples: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            generator: Generator::Guided,
            lambda: 1.0,
            bandwidth: 0.05,
            horizon: 8,
            data: 3000,
            samples: 2000,
        }
    }
}

impl Settings {
    fn check(&self) -> Result<(), Failure> {
        if !(self.lambda >= 0.0 && self.lambda.is_finite()) {
            return Err(Failure::invalid("`lambda` must not be negative"));
        }
        if !(self.bandwidth > 0.0 && self.bandwidth.is_finite()) {
            return Err(Failure::invalid("`bandwidth` must be positive"));
        }
        if self.horizon == 0 || self.data < 10 || self.samples < 10 {
            return Err(Failure::invalid("needs an action a trajectory, and ten trajectories of each kind"));
        }
        Ok(())
    }
}

/// Generates trajectories for the target policy, and holds them to the policy and to the dynamics.
pub struct Trajectories(Settings);

impl Measure for Trajectories {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "trajectories";
    const SUMMARY: &'static str =
        "Likelihood under the target policy, and error of the dynamics, of generated trajectories.";
    const METRICS: &'static [Metric] = &[
        Metric::new("log-likelihood", "Mean of log π(a|s) over all pairs.").unit("nats").higher_is_better(),
        Metric::new("dynamics-error", "Root mean square of s' − f(s, a) over all transitions.")
            .range(0.0, f64::INFINITY)
            .lower_is_better(),
        Metric::new("growth", "Error of the last transition over error of the first.")
            .range(0.0, f64::INFINITY)
            .lower_is_better(),
    ];
    const FAULTS: &'static [Fault] = &[Fault::NoGuidance, Fault::OracleWorldModel, Fault::TeacherForced];
    const TREATMENTS: &'static [&'static str] = &["generator", "lambda", "bandwidth"];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        settings.check()?;
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let Settings { generator, lambda, bandwidth, horizon, data, samples } = self.0;
        let dataset = Dataset::collect(data, horizon, &mut streams.stream("dataset"));
        let mut stream = streams.stream("samples");
        let mut errors = None;
        let generated = match generator {
            Generator::Unguided | Generator::Guided => {
                let guided = generator == Generator::Guided && fault != Some(Fault::NoGuidance);
                let lambda = if guided { lambda } else { 0.0 };
                TrajectoryModel { dataset: &dataset, bandwidth, lambda }.sample(samples, &mut stream)
            }
            Generator::WorldModel => {
                let model = WorldModel::fit(&dataset)?;
                if fault == Some(Fault::TeacherForced) {
                    errors = Some(errors_by_step(&dataset.trajectories, |s, a, _| model.mean(s, a)));
                }
                model.roll_out(&dataset, samples, fault, &mut stream)
            }
            Generator::Truth => (0..samples)
                .map(|_| {
                    let start = dataset.trajectories[stream.below(data)].states[0];
                    Trajectory::roll_out(start, horizon, TARGET, &mut stream, step)
                })
                .collect(),
        };
        let errors = errors.unwrap_or_else(|| errors_by_step(&generated, |_, _, next| next));
        let likelihoods: Vec<f64> =
            generated.iter().flat_map(|x| x.pairs().map(|(s, a)| TARGET.log_density(s, a))).collect();
        let squares: Vec<f64> = errors.iter().map(|e| e * e).collect();
        let (centres, density) = histogram(generated.iter().filter_map(|x| x.states.last().copied()));
        Ok(Measurement::new()
            .metric("log-likelihood", mean(&likelihoods))
            .metric("dynamics-error", mean(&squares).sqrt())
            .metric("growth", errors[horizon - 1] / errors[0])
            .series("error-by-step", (1..=horizon).map(|t| t as f64).collect(), errors)
            .series("final-state-density", centres, density))
    }
}

/// For each step the root mean square, over trajectories, of s' − f(s, a); what counts as s' is made
/// of s, a and the recorded next state.
fn errors_by_step(trajectories: &[Trajectory], next: impl Fn(f64, f64, f64) -> f64) -> Vec<f64> {
    let horizon = trajectories.first().map_or(0, |x| x.actions.len());
    (0..horizon)
        .map(|t| {
            let squares = trajectories.iter().map(|x| {
                let (s, a) = (x.states[t], x.actions[t]);
                let gap = next(s, a, x.states[t + 1]) - dynamics(s, a);
                gap * gap
            });
            mean(&squares.collect::<Vec<f64>>()).sqrt()
        })
        .collect()
}

/// Centres of 50 bins on [−2, 3], and the density of the values in them.
pub fn histogram(values: impl Iterator<Item = f64>) -> (Vec<f64>, Vec<f64>) {
    const BINS: usize = 50;
    let (low, width) = (-2.0, 0.1);
    let (mut counts, mut total) = (vec![0.0; BINS], 0.0);
    for v in values {
        total += 1.0;
        let bin = ((v - low) / width).floor();
        if bin >= 0.0 && bin < BINS as f64 {
            counts[bin as usize] += 1.0;
        }
    }
    let centres = (0..BINS).map(|b| low + width * (b as f64 + 0.5)).collect();
    (centres, counts.iter().map(|c| c / (total * width)).collect())
}

/// Settings of the concentration of guidance.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Guidance {
    /// Ascending values of λ.
    #[schemars(length(max = 100))]
    pub lambdas: Vec<f64>,
    /// Ascending numbers of actions of a trajectory.
    #[schemars(length(max = 20), inner(range(max = 50)))]
    pub horizons: Vec<usize>,
    /// Bandwidth h of the trajectory model.
    pub bandwidth: f64,
    /// Trajectories of the behaviour policy.
    #[schemars(range(min = 10, max = 100_000))]
    pub data: usize,
}

impl Default for Guidance {
    fn default() -> Self {
        Self {
            lambdas: vec![0.0, 0.25, 0.5, 1.0, 2.0],
            horizons: vec![1, 2, 4, 8],
            bandwidth: 0.05,
            data: 3000,
        }
    }
}

/// How many trajectories of the dataset the tilted model effectively rests on.
pub struct EffectiveSampleSize(Guidance);

impl EffectiveSampleSize {
    /// Share of the trajectories, cut off after `horizon` actions, that guidance λ effectively uses.
    fn share(&self, dataset: &Dataset, horizon: usize, lambda: f64, fault: Option<Fault>) -> f64 {
        let lambda = if fault == Some(Fault::NoGuidance) { 0.0 } else { lambda };
        let model = TrajectoryModel { dataset, bandwidth: self.0.bandwidth, lambda };
        let size = |steps: &[usize]| {
            let logs = dataset
                .trajectories
                .iter()
                .map(|x| sum(steps.iter().map(|t| model.log_weight(x.states[*t], x.actions[*t]))));
            effective_sample_size(&from_logs(&logs.collect::<Vec<f64>>())) / self.0.data as f64
        };
        let steps: Vec<usize> = (0..horizon).collect();
        if fault == Some(Fault::PerStepReweighting) {
            sum(steps.iter().map(|t| size(&[*t]))) / horizon as f64
        } else {
            size(&steps)
        }
    }
}

impl Measure for EffectiveSampleSize {
    type Settings = Guidance;
    type Fault = Fault;
    const NAME: &'static str = "effective-sample-size";
    const SUMMARY: &'static str =
        "Effective sample size (Σ w)²/Σ w² of the weights that guidance gives to data.";
    const METRICS: &'static [Metric] = &[
        Metric::new("share", "Effective share of the data at the largest λ and horizon.")
            .range(0.0, 1.0 + 1e-9),
        Metric::new("lambda-ratio", "Largest ratio of the share to that at the λ before.")
            .range(0.0, f64::INFINITY),
        Metric::new("horizon-ratio", "Largest ratio of the share to that at the horizon before.")
            .range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::NoGuidance, Fault::PerStepReweighting];

    fn prepare(settings: Guidance, _: &Data) -> Result<Self, Failure> {
        let Guidance { lambdas, horizons, bandwidth, data } = &settings;
        let ascend = lambdas.windows(2).all(|p| p[0] < p[1]) && horizons.windows(2).all(|p| p[0] < p[1]);
        let (Some(lambda), Some(horizon)) = (lambdas.last(), horizons.last()) else {
            return Err(Failure::invalid("needs some `lambdas` and some `horizons`"));
        };
        if !ascend || lambdas[0] < 0.0 || horizons[0] == 0 || *horizon > 64 {
            return Err(Failure::invalid(
                "`lambdas` must ascend from 0 or above, `horizons` from 1 up to 64",
            ));
        }
        let base = Settings::default();
        Settings { lambda: *lambda, bandwidth: *bandwidth, horizon: *horizon, data: *data, ..base }
            .check()?;
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let Guidance { lambdas, horizons, data, .. } = &self.0;
        let (longest, strongest) = (horizons[horizons.len() - 1], lambdas[lambdas.len() - 1]);
        let dataset = Dataset::collect(*data, longest, &mut streams.stream("dataset"));
        let by_lambda: Vec<f64> = lambdas.iter().map(|l| self.share(&dataset, longest, *l, fault)).collect();
        let by_horizon: Vec<f64> =
            horizons.iter().map(|h| self.share(&dataset, *h, strongest, fault)).collect();
        let largest_ratio = |shares: &[f64]| shares.windows(2).map(|p| p[1] / p[0]).fold(0.0, f64::max);
        Ok(Measurement::new()
            .metric("share", by_lambda[lambdas.len() - 1])
            .metric("lambda-ratio", largest_ratio(&by_lambda))
            .metric("horizon-ratio", largest_ratio(&by_horizon))
            .series("share-by-lambda", lambdas.clone(), by_lambda)
            .series("share-by-horizon", horizons.iter().map(|h| *h as f64).collect(), by_horizon))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::math::variance;
    use approx::assert_relative_eq;

    /// Mean of a metric over ten replicates.
    fn average(generator: Generator, fault: Option<Fault>, metric: &str) -> f64 {
        let trajectories = Trajectories(Settings { generator, ..Settings::default() });
        let measured = (0..10).map(|seed| trajectories.replicate(fault, &Streams::from_seed(seed)).unwrap());
        mean(&measured.map(|m| m.get(metric).unwrap()).collect::<Vec<f64>>())
    }

    #[test]
    fn known_likelihoods() {
        assert_relative_eq!(average(Generator::Unguided, None, "log-likelihood"), -3.711, epsilon = 0.06);
        assert_relative_eq!(average(Generator::Guided, None, "log-likelihood"), -0.237, epsilon = 0.08);
        assert_relative_eq!(average(Generator::WorldModel, None, "log-likelihood"), -0.216, epsilon = 0.01);
        assert_relative_eq!(average(Generator::Truth, None, "log-likelihood"), -0.215, epsilon = 0.01);
    }

    #[test]
    fn known_errors_and_their_growth() {
        assert_relative_eq!(average(Generator::Unguided, None, "dynamics-error"), 0.093, epsilon = 0.001);
        assert_relative_eq!(average(Generator::Guided, None, "dynamics-error"), 0.090, epsilon = 0.006);
        assert_relative_eq!(average(Generator::WorldModel, None, "dynamics-error"), 0.651, epsilon = 0.015);
        assert_relative_eq!(average(Generator::WorldModel, None, "growth"), 3.06, epsilon = 0.1);
        let taught = average(Generator::WorldModel, Some(Fault::TeacherForced), "growth");
        assert_relative_eq!(taught, 1.36, epsilon = 0.03);
        let oracle = average(Generator::WorldModel, Some(Fault::OracleWorldModel), "dynamics-error");
        assert_relative_eq!(oracle, 0.05, epsilon = 0.001);
    }

    #[test]
    fn known_effective_sample_sizes() {
        let guidance = EffectiveSampleSize(Guidance::default());
        let sizes = |lambda, fault| -> Vec<f64> {
            (0..20)
                .map(|seed| {
                    let dataset = Dataset::collect(3000, 8, &mut Streams::from_seed(seed).stream("dataset"));
                    3000.0 * guidance.share(&dataset, 8, lambda, fault)
                })
                .collect()
        };
        // Values of another implementation on one dataset: each lies within the spread over datasets.
        for (lambda, known) in [(0.25, 256.0), (0.5, 40.0), (1.0, 6.8), (2.0, 1.9)] {
            let sizes = sizes(lambda, None);
            assert!((mean(&sizes) - known).abs() < 2.0 * variance(&sizes, 1).sqrt(), "{lambda}: {sizes:?}");
        }
        assert_relative_eq!(mean(&sizes(0.0, None)), 3000.0, epsilon = 1e-9);
        let by_step = mean(&sizes(1.0, Some(Fault::PerStepReweighting)));
        assert!((1246.0..1287.0).contains(&by_step), "{by_step}");
    }
}
