//! The regulator: accuracy of gradient estimates, and learning with them.

use nalgebra::DVector;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    estimators::{Assumptions, Estimator, mean_angle, mean_squared_error},
    regulator::{Exact, Regulator},
};
use crate::{
    kernel::{
        math::{mean, variance},
        stream::{Stream, Streams},
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

const FAULTS: &[Fault] = &[Fault::FisherFromSameBatch, Fault::NoBaselineConstant, Fault::NoiseTooSmall];

/// Settings of the accuracy of an estimate.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GradientSettings {
    /// Which estimate.
    pub estimator: Estimator,
    /// Paths M of an estimate.
    #[schemars(range(min = 2, max = 200))]
    pub paths: usize,
    /// s, variance of the noise that Bayesian estimates assume.
    #[schemars(range(min = 0.0))]
    pub noise: f64,
    /// c of Model 2.
    #[schemars(range(min = 0.0))]
    pub constant: f64,
    /// Estimates of a replicate.
    #[schemars(range(min = 1, max = 10_000))]
    pub repeats: usize,
}

impl Default for GradientSettings {
    fn default() -> Self {
        Self { estimator: Estimator::ModelTwo, paths: 20, noise: 1.0, constant: 100.0, repeats: 40 }
    }
}

/// Estimates of the gradient at θ = 0.
pub struct Gradient(GradientSettings);

impl Measure for Gradient {
    type Settings = GradientSettings;
    type Fault = Fault;
    const NAME: &'static str = "regulator-gradient";
    const SUMMARY: &'static str = "Error of gradient estimates for a linear-quadratic regulator.";
    const METRICS: &'static [Metric] = &[
        Metric::new("squared-error", "Mean over estimates of the squared distance from the gradient.")
            .range(0.0, f64::INFINITY)
            .lower_is_better(),
        Metric::new("angle", "Mean angle between an estimate and the gradient.")
            .unit("degrees")
            .range(0.0, 180.0)
            .lower_is_better(),
    ];
    const FAULTS: &'static [Fault] = FAULTS;
    const TREATMENTS: &'static [&'static str] = &["estimator", "noise", "constant"];

    fn reaches(settings: &GradientSettings, fault: Fault) -> bool {
        settings.estimator.honours(fault)
    }

    fn prepare(settings: GradientSettings, _: &Data) -> Result<Self, Failure> {
        Assumptions { noise: settings.noise, constant: settings.constant }.check()?;
        if !(2..=200).contains(&settings.paths) || settings.repeats == 0 {
            return Err(Failure::invalid("needs 2 to 200 paths and a repeat"));
        }
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let GradientSettings { estimator, paths, noise, constant, repeats } = self.0;
        let regulator = Regulator::new(&DVector::zeros(2));
        let Exact { gradient, fisher, .. } = regulator.exact();
        let mut stream = streams.stream("paths");
        let assumed = Assumptions { noise, constant };
        let estimates: Result<Vec<DVector<f64>>, Failure> = (0..repeats)
            .map(|_| estimator.gradient(&regulator.paths(paths, &mut stream), &fisher, assumed, fault))
            .collect();
        let estimates = estimates?;
        Ok(Measurement::new()
            .metric("squared-error", mean_squared_error(&estimates, &gradient))
            .metric("angle", mean_angle(&estimates, &gradient)))
    }
}

/// Settings of learning.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LearningSettings {
    /// With which estimate.
    pub estimator: Estimator,
    /// Paths M of an estimate.
    #[schemars(range(min = 2, max = 200))]
    pub paths: usize,
    /// s, variance of the noise that Bayesian estimates assume.
    #[schemars(range(min = 0.0))]
    pub noise: f64,
    /// c of Model 2.
    #[schemars(range(min = 0.0))]
    pub constant: f64,
    /// Length β of a step θ ← θ − β ∇η.
    #[schemars(range(min = 0.0))]
    pub rate: f64,
    /// Steps of a run.
    #[schemars(range(min = 1, max = 1000))]
    pub steps: usize,
    /// Runs of a replicate.
    #[schemars(range(min = 2, max = 1000))]
    pub runs: usize,
}

impl Default for LearningSettings {
    fn default() -> Self {
        Self {
            estimator: Estimator::ModelTwo,
            paths: 20,
            noise: 1.0,
            constant: 100.0,
            rate: 0.02,
            steps: 30,
            runs: 10,
        }
    }
}

/// Gradient descent on the cost, from θ = 0.
pub struct Learning(LearningSettings);

impl Learning {
    /// The exact cost before each step and after the last one.
    fn run(&self, fault: Option<Fault>, stream: &mut Stream) -> Result<Vec<f64>, Failure> {
        let settings = &self.0;
        let assumed = Assumptions { noise: settings.noise, constant: settings.constant };
        let mut theta = DVector::zeros(2);
        let mut costs = Vec::with_capacity(settings.steps + 1);
        for _ in 0..settings.steps {
            let regulator = Regulator::new(&theta);
            let Exact { cost, fisher, .. } = regulator.exact();
            costs.push(cost);
            let paths = regulator.paths(settings.paths, stream);
            theta -= settings.estimator.gradient(&paths, &fisher, assumed, fault)? * settings.rate;
        }
        costs.push(Regulator::new(&theta).exact().cost);
        Ok(costs)
    }
}

impl Measure for Learning {
    type Settings = LearningSettings;
    type Fault = Fault;
    const NAME: &'static str = "learning";
    const SUMMARY: &'static str = "Gradient descent on the cost of a linear-quadratic regulator.";
    const METRICS: &'static [Metric] = &[
        Metric::new("final-cost", "Mean over runs of the expected cost after the last step.")
            .unit("cost")
            .range(0.0, f64::INFINITY)
            .lower_is_better(),
        Metric::new(
            "final-deviation",
            "Standard deviation over runs of the expected cost after the last step.",
        )
        .unit("cost")
        .range(0.0, f64::INFINITY)
        .lower_is_better(),
    ];
    const FAULTS: &'static [Fault] = FAULTS;
    const TREATMENTS: &'static [&'static str] = &["estimator", "noise", "constant", "rate"];

    fn reaches(settings: &LearningSettings, fault: Fault) -> bool {
        settings.estimator.honours(fault)
    }

    fn prepare(settings: LearningSettings, _: &Data) -> Result<Self, Failure> {
        Assumptions { noise: settings.noise, constant: settings.constant }.check()?;
        if !(settings.rate >= 0.0 && settings.rate.is_finite()) {
            return Err(Failure::invalid("`rate` must not be negative"));
        }
        if !(2..=200).contains(&settings.paths) || settings.steps == 0 || settings.runs < 2 {
            return Err(Failure::invalid("needs 2 to 200 paths, a step and two runs"));
        }
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let runs: Result<Vec<Vec<f64>>, Failure> =
            (0..self.0.runs).map(|run| self.run(fault, &mut streams.stream(&format!("run {run}")))).collect();
        let runs = runs?;
        let at = |step: usize| runs.iter().map(|costs| costs[step]).collect::<Vec<f64>>();
        let last = at(self.0.steps);
        let steps = 0..=self.0.steps;
        Ok(Measurement::new()
            .metric("final-cost", mean(&last))
            .metric("final-deviation", variance(&last, 1).sqrt())
            .series("cost", steps.clone().map(|k| k as f64).collect(), steps.map(|k| mean(&at(k))).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn known_errors_and_angles() {
        use Estimator::{ModelOne, ModelTwo, MonteCarlo, MonteCarloBaseline};
        for (paths, estimator, constant, error, angle) in [
            (10, MonteCarlo, 0.0, 82.1, 60.5),
            (10, MonteCarloBaseline, 0.0, 13.3, 13.3),
            (10, ModelOne, 0.0, 13.2, 28.2),
            (10, ModelTwo, 100.0, 1.69, 5.3),
            (20, MonteCarlo, 0.0, 46.3, 45.2),
            (20, MonteCarloBaseline, 0.0, 6.24, 9.7),
            (20, ModelOne, 0.0, 1.54, 5.7),
            (20, ModelTwo, 100.0, 0.529, 3.2),
            (20, ModelTwo, 0.0, 37.8, 47.7),
            (40, MonteCarlo, 0.0, 20.8, 28.7),
            (40, MonteCarloBaseline, 0.0, 2.99, 6.9),
            (40, ModelOne, 0.0, 0.292, 2.3),
            (40, ModelTwo, 100.0, 0.205, 1.9),
        ] {
            let settings =
                GradientSettings { estimator, paths, constant, repeats: 600, ..GradientSettings::default() };
            let experiment = Gradient::prepare(settings, &Data::default()).unwrap();
            let found = experiment.replicate(None, &Streams::from_seed(2)).unwrap();
            // Both samples are of some hundred estimates; squared errors have heavy tails.
            assert_relative_eq!(found.get("squared-error").unwrap(), error, max_relative = 0.25);
            assert_relative_eq!(found.get("angle").unwrap(), angle, max_relative = 0.15);
        }
    }

    #[test]
    fn known_final_costs() {
        for (estimator, cost, cost_spread, deviation, deviation_spread) in [
            (Estimator::ModelTwo, 1.036, 0.012, 0.026, 0.012),
            (Estimator::ModelOne, 1.032, 0.016, 0.035, 0.015),
            (Estimator::MonteCarloBaseline, 0.988, 0.025, 0.056, 0.02),
            (Estimator::MonteCarlo, 1.028, 0.1, 0.192, 0.08),
        ] {
            let settings = LearningSettings { estimator, runs: 40, ..LearningSettings::default() };
            let learning = Learning::prepare(settings, &Data::default()).unwrap();
            let found = learning.replicate(None, &Streams::from_seed(3)).unwrap();
            assert_relative_eq!(found.get("final-cost").unwrap(), cost, epsilon = cost_spread);
            assert_relative_eq!(found.get("final-deviation").unwrap(), deviation, epsilon = deviation_spread);
        }
    }
}
