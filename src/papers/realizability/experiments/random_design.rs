//! Estimators on sampled transitions: states, rewards and next states are all random.

use nalgebra::DMatrix;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::{
    Fault,
    estimators::{Estimator, Moments},
    models::Model,
    problem::Population,
    transitions::Transitions,
};
use crate::{
    kernel::{laws::Laws, math::sum, stream::Streams, tokens::Rows},
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Settings of the sample.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How the value function is estimated.
    pub estimator: Estimator,
    /// Share p of the first state in the data.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub p: f64,
    /// γ.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub discount: f64,
    /// Transitions n.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub samples: u32,
    /// Standard deviation of the reward noise, which is normal.
    #[schemars(range(min = 0.0))]
    pub noise: f64,
    /// Samples a replicate.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub repeats: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { estimator: Estimator::Minimax, p: 0.9, discount: 0.9, samples: 1600, noise: 0.5, repeats: 100 }
    }
}

/// Samples from the two-state process with random transitions.
pub struct RandomDesign {
    settings: Settings,
    asked: Population,
    /// The process under its stationary distribution, which is (2/9, 7/9).
    stationary: Population,
}

impl Measure for RandomDesign {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "random-design";
    const SUMMARY: &'static str = "Bellman error of an estimator on sampled transitions of two states.";
    const METRICS: &'static [Metric] = &[Metric::new("error", "Root mean square of E(Q̂) over the samples.")
        .range(0.0, f64::INFINITY)
        .lower_is_better()];
    const FAULTS: &'static [Fault] = &[Fault::NoInnerMax, Fault::FqiIterate, Fault::OnPolicyData];
    const TREATMENTS: &'static [&'static str] = &["estimator"];

    fn reaches(settings: &Settings, fault: Fault) -> bool {
        settings.estimator == Estimator::Minimax || !matches!(fault, Fault::NoInnerMax | Fault::FqiIterate)
    }

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        let model = |weights| Model::StochasticTvr.problem(weights, settings.discount).population();
        let asked = model(vec![settings.p, 1.0 - settings.p])?;
        let stationary = model(vec![2.0, 7.0])?;
        Ok(Self { settings, asked, stationary })
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let (mut moves, mut noises) = (streams.stream("transitions"), streams.stream("reward noise"));
        let Settings { estimator, discount, samples, noise, repeats, .. } = self.settings;
        let population = if fault == Some(Fault::OnPolicyData) { &self.stationary } else { &self.asked };
        let joint = population.joint();
        // Column by column: (0, 0), (1, 0), (0, 1), (1, 1).
        let cells = Laws::of(&Rows::from_fn(1, 4, |_, cell| joint.weights[cell]));
        let mut squares = Vec::new();
        for _ in 0..repeats {
            let mut counts = [0_u32; 4];
            for _ in 0..samples {
                counts[cells.draw(0, &mut moves)] += 1;
            }
            let share = |cell: usize| f64::from(counts[cell]) / f64::from(samples);
            let rewards: [f64; 4] = std::array::from_fn(|cell| {
                // The sum of m normal numbers is normal.
                let noise = noise * noises.normal() * f64::from(counts[cell]).sqrt() / f64::from(samples);
                share(cell) * population.rewards()[cell % 2] + noise
            });
            let data = Transitions {
                weights: DMatrix::from_fn(2, 2, |x, next| share(x + 2 * next)),
                rewards: DMatrix::from_column_slice(2, 2, &rewards),
            };
            let moments = Moments::of(population.class().features(), &data, discount);
            let theta = estimator
                .estimate(&moments, fault)
                .ok_or_else(|| Failure::numerical("the sample does not determine the parameter"))?;
            let error = population.bellman_error(&population.class().function(&theta));
            squares.push(error * error);
        }
        let rms = (sum(squares) / f64::from(repeats)).sqrt();
        Ok(Measurement::new().metric("error", rms))
    }
}
