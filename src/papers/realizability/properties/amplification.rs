//! Incompleteness multiplies the error, and nothing is added.

use nalgebra::DVector;
use proptest::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    super::{Fault, incompleteness::Incompleteness, problem::Problem},
    admissible, candidates,
};
use crate::papers::leaf::{Failure, Measurement, Metric, Observe, shape};

/// A class is clearly less than worst-case incomplete if the loss sees this share of every squared
/// Bellman error; below, rounding hides the comparison.
const VISIBLE: f64 = 1e-6;

/// A problem and a function of its class.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Instance {
    problem: Problem,
    /// θ of Q = Φθ.
    parameter: Vec<f64>,
}

/// E(Q) ≤ ε/√(1 − β²) where L(Q) = ε², with equality at the worst direction.
pub struct Amplification;

impl Observe for Amplification {
    type Instance = Instance;
    type Fault = Fault;
    const NAME: &'static str = "amplification";
    const SUMMARY: &'static str = "E(Q) √(1 − β²) ≤ √L(Q), which is attained.";
    const METRICS: &'static [Metric] = &[
        Metric::new("ratio", "E(Q) √(1 − β²)/√L(Q).").range(0.0, f64::INFINITY),
        Metric::new("weaker-ratio", "E(Q) (1 − β)/√L(Q).").range(0.0, f64::INFINITY),
        Metric::new("gap", "|1 − ratio| at the worst direction.").range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::CompleteAssumed];

    fn instances() -> BoxedStrategy<Instance> {
        candidates().prop_map(|(problem, parameter)| Instance { problem, parameter }).boxed()
    }

    fn admit(instance: &Instance) -> Result<(), Failure> {
        shape::hold("parameter", &instance.parameter, &[instance.problem.parameter.len()])
    }

    fn observe(instance: &Instance, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let population = admissible(instance.problem.population())?;
        let solved = admissible(Incompleteness::of(&population, None))?;
        if solved.visible_share() < VISIBLE {
            return Err(Failure::Rejected("β is 1, or too near to tell"));
        }
        let beta_squared = if fault == Some(Fault::CompleteAssumed) { 0.0 } else { solved.beta_squared() };
        let amplified = |q: &DVector<f64>| -> Result<f64, Failure> {
            let loss = population.minimax_loss(q)?;
            // At Q^π both are rounding errors of zero.
            let trivial = population.bellman_error(q) <= 1e-12 * population.norm(q);
            Ok(if trivial { 0.0 } else { population.bellman_error(q) / loss.sqrt() })
        };
        let q = population.class().function(&DVector::from_column_slice(&instance.parameter));
        let error = amplified(&q)?;
        let worst = amplified(&(population.truth() + &solved.worst))?;
        Ok(Measurement::new()
            .metric("ratio", error * (1.0 - beta_squared).sqrt())
            .metric("weaker-ratio", error * (1.0 - beta_squared.sqrt()))
            .metric("gap", (1.0 - worst * (1.0 - beta_squared).sqrt()).abs()))
    }
}
