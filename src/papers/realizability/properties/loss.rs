//! L = E² − I², by the definition of L as a difference of losses.

use nalgebra::{DMatrix, DVector};
use proptest::{collection::vec, prelude::*};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    super::{Fault, problem::Population, problem::Problem},
    admissible, numbers, problems,
};
use crate::{
    kernel::linear::LinearClass,
    papers::leaf::{Failure, Measurement, Metric, Observe, shape},
};

/// A problem, parameters of functions, and reward noise of two values.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Instance {
    problem: Problem,
    /// Parameters of Q, and of the other members of a finite class.
    parameters: Vec<Vec<f64>>,
    /// Rewards are r ± this, with equal probability.
    noise: f64,
}

/// The identity of the population loss, in the linear class and in a finite one.
pub struct LossIdentity;

impl Observe for LossIdentity {
    type Instance = Instance;
    type Fault = Fault;
    const NAME: &'static str = "loss-identity";
    const SUMMARY: &'static str =
        "max over g of l(Q, Q) − l(g, Q), by enumeration of all transitions, is E² − I².";
    const METRICS: &'static [Metric] = &[
        Metric::new("linear-error", "Error in the linear class, relative to E Q² + E y².")
            .range(0.0, f64::INFINITY),
        Metric::new("finite-error", "Error in a finite class, relative to E Q² + E y² and the largest loss.")
            .range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::NoInnerMax];

    fn instances() -> BoxedStrategy<Instance> {
        problems()
            .prop_flat_map(|problem| {
                let d = problem.parameter.len();
                (Just(problem), vec(numbers(d), 1..=4), prop_oneof![Just(0.0), Just(0.5)])
            })
            .prop_map(|(problem, parameters, noise)| Instance { problem, parameters, noise })
            .boxed()
    }

    fn admit(instance: &Instance) -> Result<(), Failure> {
        let lengths = [instance.parameters.len(), instance.problem.parameter.len()];
        shape::hold("parameters", &instance.parameters, &lengths)
    }

    fn observe(instance: &Instance, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let population = admissible(instance.problem.population())?;
        let class: Vec<DVector<f64>> = instance
            .parameters
            .iter()
            .map(|theta| population.class().function(&DVector::from_column_slice(theta)))
            .collect();
        let q = class.first().ok_or(Failure::Rejected("an empty class"))?;
        let (error, backup) = (population.bellman_error(q), population.backup(q));
        let cells = Cells::new(&population, q, instance.noise);
        let own = cells.loss(q);
        let maximum = |best: f64| if fault == Some(Fault::NoInnerMax) { own } else { own - best };

        let linear = maximum(cells.loss(&cells.fit(&population)?));
        let inherent = population.local_inherent_error(q)?;
        let linear_error = (linear - (error * error - inherent * inherent)).abs();

        let losses: Vec<f64> = class.iter().map(|g| cells.loss(g)).collect();
        let finite = maximum(losses.iter().copied().fold(f64::INFINITY, f64::min));
        let inherent = class.iter().map(|g| population.norm(&(g - &backup))).fold(f64::INFINITY, f64::min);
        let finite_error = (finite - (error * error - inherent * inherent)).abs();
        // Near a fixed point the losses themselves are rounding: what cancels in them sets the scale.
        let size = cells.size(q);
        let largest = losses.iter().copied().fold(size, f64::max);

        Ok(Measurement::new()
            .metric("linear-error", relative(linear_error, size))
            .metric("finite-error", relative(finite_error, largest)))
    }
}

fn relative(error: f64, scale: f64) -> f64 {
    if scale > 0.0 { error / scale } else { error }
}

/// All transitions (x, r, x′) with their probabilities and their targets r + γQ(x′).
struct Cells {
    from: Vec<usize>,
    probability: Vec<f64>,
    target: Vec<f64>,
}

impl Cells {
    /// E Q² + E y² of a function and its targets y.
    fn size(&self, q: &DVector<f64>) -> f64 {
        let squares = |i: usize| {
            let (value, target) = (q[self.from[i]], self.target[i]);
            self.probability[i] * (value * value + target * target)
        };
        (0..self.from.len()).map(squares).sum()
    }

    fn new(population: &Population, q: &DVector<f64>, noise: f64) -> Self {
        let mut cells = Self { from: Vec::new(), probability: Vec::new(), target: Vec::new() };
        for x in 0..q.len() {
            for next in 0..q.len() {
                for sign in [-1.0, 1.0] {
                    let probability = population.distribution()[x] * population.transitions()[(x, next)];
                    cells.from.push(x);
                    cells.probability.push(probability / 2.0);
                    cells
                        .target
                        .push(population.rewards()[x] + sign * noise + population.discount() * q[next]);
                }
            }
        }
        cells
    }

    /// l(g, Q) = E (g(x) − r − γQ(x′))².
    fn loss(&self, g: &DVector<f64>) -> f64 {
        let terms = self.from.iter().zip(&self.probability).zip(&self.target);
        terms.map(|((x, p), target)| p * (g[*x] - target) * (g[*x] - target)).sum()
    }

    /// The least-squares regression of the targets on the features, transition by transition.
    fn fit(&self, population: &Population) -> Result<DVector<f64>, Failure> {
        let features = population.class().features();
        let rows = DMatrix::from_fn(self.from.len(), features.ncols(), |i, j| features[(self.from[i], j)]);
        let weights = DVector::from_column_slice(&self.probability);
        let fitted = LinearClass::new(rows)
            .project(&weights, &DVector::from_column_slice(&self.target))
            .ok_or(Failure::Rejected("features dependent under the data"))?;
        let mut g = DVector::zeros(features.nrows());
        for (i, x) in self.from.iter().enumerate().filter(|(i, _)| self.probability[*i] > 0.0) {
            g[*x] = fitted[i];
        }
        Ok(g)
    }
}
