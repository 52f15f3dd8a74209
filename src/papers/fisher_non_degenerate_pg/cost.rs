//! What a step costs: trajectories, numbers kept, and operations, all counted.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    bandit::Bandit,
    methods::{Algorithm, Method},
    run::Run,
};
use crate::{
    kernel::stream::Streams,
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Settings of the count.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The method.
    pub algorithm: Algorithm,
    /// d.
    #[schemars(range(min = 1, max = 4096))]
    pub dimension: usize,
    /// H.
    #[schemars(range(min = 1, max = 4096))]
    pub horizon: usize,
    /// Steps.
    #[schemars(range(min = 1, max = 100_000))]
    pub steps: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { algorithm: Algorithm::NPgIgt, dimension: 2, horizon: 1, steps: 1000 }
    }
}

/// A run on a bandit of any dimension and horizon, counted.
pub struct Cost(Settings);

impl Measure for Cost {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "cost";
    const SUMMARY: &'static str = "Counts trajectories, numbers kept and operations of a method.";
    const METRICS: &'static [Metric] = &[
        Metric::new("trajectories", "Trajectories drawn, the first estimate included.")
            .unit("trajectories")
            .range(0.0, f64::INFINITY)
            .lower_is_better(),
        Metric::new("numbers", "Numbers kept between and during steps, the trajectory apart.")
            .range(0.0, f64::INFINITY)
            .lower_is_better(),
        Metric::new("operations", "Multiplications of a step, counted as d for each operation on vectors.")
            .range(0.0, f64::INFINITY)
            .lower_is_better(),
    ];
    const FAULTS: &'static [Fault] = &[Fault::BatchGradient, Fault::ExplicitHessian];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let Settings { algorithm, dimension, horizon, steps } = self.0;
        let bandit = Bandit::new(vec![1.0; dimension], 1.0, horizon, 0.9);
        // Counts do not depend on what is drawn.
        let mut stream = streams.stream("run");
        let method = Method::new(algorithm, 0.1, fault);
        let mut run = Run::start(&bandit, method, vec![0.0; dimension], &mut stream);
        let initial = run.vector_operations();
        for (t, eta) in (1..).zip(method.weights(steps)) {
            run.step(t, eta, &mut stream);
        }
        let operations = (run.vector_operations() - initial) as f64 / steps as f64;
        Ok(Measurement::new()
            .metric("trajectories", run.drawn() as f64)
            .metric("numbers", run.numbers() as f64)
            .metric("operations", operations * dimension as f64))
    }
}
