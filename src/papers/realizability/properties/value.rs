//! Value errors by the occupancy of the policy.

use nalgebra::DVector;
use proptest::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    super::{
        Fault,
        problem::{Problem, distribution},
        value::ValueError,
    },
    admissible, candidates, weights,
};
use crate::papers::leaf::{Failure, Measurement, Metric, Observe, shape};

/// A problem, a function of its class, and a start distribution.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Instance {
    problem: Problem,
    /// θ of Q = Φθ.
    parameter: Vec<f64>,
    /// Weights of the first pair.
    start: Vec<f64>,
}

/// The telescoping identity of values, and the bound by concentrability.
pub struct ValueErrors;

impl Observe for ValueErrors {
    type Instance = Instance;
    type Fault = Fault;
    const NAME: &'static str = "value-errors";
    const SUMMARY: &'static str = "E_ρ[Q − Q^π] = Σ d (Q − TQ)/(1 − γ), at most √C E(Q)/(1 − γ).";
    const METRICS: &'static [Metric] = &[
        Metric::new("error", "|E_ρ[Q − Q^π] − Σ d (Q − TQ)/(1 − γ)|, relative to the largest value.")
            .range(0.0, f64::INFINITY),
        Metric::new("ratio", "|E_ρ[Q − Q^π]| divided by its bound.").range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::ForgotHorizon, Fault::WrongOccupancy];

    fn instances() -> BoxedStrategy<Instance> {
        candidates()
            .prop_flat_map(|(problem, parameter)| {
                let n = problem.weights.len();
                (Just(problem), Just(parameter), weights(n, 3))
            })
            .prop_map(|(problem, parameter, start)| Instance { problem, parameter, start })
            .boxed()
    }

    fn admit(instance: &Instance) -> Result<(), Failure> {
        shape::hold("parameter", &instance.parameter, &[instance.problem.parameter.len()])?;
        shape::hold("start", &instance.start, &[instance.problem.weights.len()])
    }

    fn observe(instance: &Instance, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let population = admissible(instance.problem.population())?;
        let start = admissible(distribution("start", &instance.start))?;
        let q = population.class().function(&DVector::from_column_slice(&instance.parameter));
        let measured = ValueError::of(&population, &q, &start, fault)?;
        if !measured.concentrability.is_finite() {
            return Err(Failure::Rejected("the policy goes where the data do not"));
        }
        let scale = q.amax().max(population.truth().amax()).max(f64::MIN_POSITIVE);
        let ratio = if measured.error == 0.0 { 0.0 } else { measured.error.abs() / measured.bound };
        Ok(Measurement::new()
            .metric("error", (measured.error - measured.telescoped).abs() / scale)
            .metric("ratio", ratio))
    }
}
