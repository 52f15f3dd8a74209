//! What the structure of a problem says about its incompleteness.

use nalgebra::{DMatrix, DVector};
use proptest::{collection::vec, prelude::*};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    super::{Fault, incompleteness::Incompleteness, problem::Problem},
    admissible, discounts, numbers, problems, transitions, weights,
};
use crate::{
    kernel::{eigen, linear::LinearClass},
    papers::leaf::{Failure, Measurement, Metric, Observe, shape},
};

/// Cholesky factors square the condition of the features; beyond this the comparison says nothing.
const CONDITION: f64 = 1e-6;

/// The squared cosines are the generalised eigenvalues of (Aᵀ G⁻¹ A, B_μ).
pub struct GeneralisedEigenvalues;

impl Observe for GeneralisedEigenvalues {
    type Instance = Problem;
    type Fault = Fault;
    const NAME: &'static str = "generalised-eigenvalues";
    const SUMMARY: &'static str =
        "The λ solve Aᵀ G⁻¹ A x = λ B_μ x, and for one feature β² = 1 − A²/(G B_μ).";
    const METRICS: &'static [Metric] = &[
        Metric::new("error", "Largest difference of an eigenvalue.").range(0.0, f64::INFINITY),
        Metric::new("one-feature-error", "Difference of β² and its closed form; 0 for several features.")
            .range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::SignFlipGamma, Fault::Unprojected];

    fn instances() -> BoxedStrategy<Problem> {
        problems()
    }

    fn observe(problem: &Problem, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let population = admissible(problem.population())?;
        let solved = admissible(Incompleteness::of(&population, fault))?;
        let (class, data) = (population.class(), population.distribution());
        let next = population.transitions() * class.features();
        let residual = LinearClass::new(class.features() - population.discount() * next);

        let (gram, moment) = (class.gram(data), residual.gram(data));
        let cross = class.inner_products(data, residual.features());
        for matrix in [&gram, &moment] {
            let values = eigen::symmetric(matrix).values;
            if values[0] < CONDITION * values[values.len() - 1] {
                return Err(Failure::Rejected("too ill-conditioned for a Cholesky factor"));
            }
        }
        let indefinite = Failure::Rejected("a direction without Bellman error");
        let factor = gram.clone().cholesky().ok_or(indefinite.clone())?;
        let projected = cross.transpose() * factor.solve(&cross);
        let expected = eigen::generalised(&projected, &moment).ok_or(indefinite)?.values;
        let error = expected.iter().zip(&solved.eigenvalues).map(|(a, b)| (a - b).abs());

        let one_feature_error = if class.dimension() == 1 {
            let closed = 1.0 - cross[(0, 0)] * cross[(0, 0)] / (gram[(0, 0)] * moment[(0, 0)]);
            (closed - solved.beta_squared()).abs()
        } else {
            0.0
        };
        Ok(Measurement::new()
            .metric("error", error.fold(0.0, f64::max))
            .metric("one-feature-error", one_feature_error))
    }
}

/// States in blocks that move alike.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Blocks {
    /// Weights of moving from block to block.
    transitions: Vec<Vec<f64>>,
    /// For each block, weights of its states when it is entered; as many as it has states.
    entered: Vec<Vec<f64>>,
    /// For each block, the value of its states.
    values: Vec<f64>,
    /// Weights of all states in the data.
    weights: Vec<f64>,
    discount: f64,
}

impl Blocks {
    fn problem(&self) -> Result<Problem, Failure> {
        let members: Vec<(usize, f64)> = self
            .entered
            .iter()
            .enumerate()
            .flat_map(|(block, states)| {
                let total: f64 = states.iter().sum();
                states.iter().map(move |w| (block, w / total))
            })
            .collect();
        let rows = self.transitions.iter().map(|row| super::super::problem::distribution("transitions", row));
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        let blocks = self.values.len();
        Ok(Problem {
            features: members
                .iter()
                .map(|(block, _)| (0..blocks).map(|b| f64::from(u8::from(b == *block))).collect())
                .collect(),
            transitions: members
                .iter()
                .map(|(from, _)| members.iter().map(|(to, share)| rows[*from][*to] * share).collect())
                .collect(),
            weights: self.weights.clone(),
            parameter: self.values.clone(),
            discount: self.discount,
        })
    }
}

/// A class that the Bellman operator maps into itself is complete.
pub struct Completeness;

impl Observe for Completeness {
    type Instance = Blocks;
    type Fault = Fault;
    const NAME: &'static str = "completeness";
    const SUMMARY: &'static str =
        "Indicators of blocks of states that move alike are Bellman complete: β = 0.";
    const METRICS: &'static [Metric] = &[Metric::new("beta-squared", "β².").range(0.0, 1.0)];
    const FAULTS: &'static [Fault] = &[Fault::Unprojected];

    fn instances() -> BoxedStrategy<Blocks> {
        let states = prop_oneof![Just(vec![1.0]), vec((1_u32..=4).prop_map(f64::from), 1..=3)];
        vec(states, 1..=4)
            .prop_flat_map(|entered| {
                let (blocks, states) = (entered.len(), entered.iter().map(Vec::len).sum());
                (transitions(blocks), Just(entered), numbers(blocks), weights(states, 9), discounts())
            })
            .prop_map(|(transitions, entered, values, weights, discount)| Blocks {
                transitions,
                entered,
                values,
                weights,
                discount,
            })
            .boxed()
    }

    fn admit(blocks: &Blocks) -> Result<(), Failure> {
        let count = blocks.entered.len();
        shape::hold("transitions", &blocks.transitions, &[count, count])?;
        shape::hold("values", &blocks.values, &[count])
    }

    fn observe(blocks: &Blocks, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let population = admissible(blocks.problem().and_then(|problem| problem.population()))?;
        let solved = admissible(Incompleteness::of(&population, fault))?;
        Ok(Measurement::new().metric("beta-squared", solved.beta_squared()))
    }
}

/// Under stationary data, incompleteness does not exceed the discount.
pub struct OnPolicy;

impl Observe for OnPolicy {
    type Instance = Problem;
    type Fault = Fault;
    const NAME: &'static str = "on-policy";
    const SUMMARY: &'static str = "β ≤ γ if the data distribution is stationary.";
    const METRICS: &'static [Metric] = &[Metric::new("excess", "β² − γ².").range(-1.0, 1.0)];
    const FAULTS: &'static [Fault] = &[Fault::OffPolicyMu];

    fn instances() -> BoxedStrategy<Problem> {
        problems()
    }

    fn observe(problem: &Problem, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let asked = admissible(problem.population())?;
        let stationary = stationary(asked.transitions(), asked.distribution());
        let population = if fault == Some(Fault::OffPolicyMu) {
            asked
        } else {
            let weights = stationary.iter().copied().collect();
            admissible(Problem { weights, ..problem.clone() }.population())?
        };
        let beta_squared = admissible(Incompleteness::of(&population, None))?.beta_squared();
        Ok(Measurement::new().metric("excess", beta_squared - problem.discount * problem.discount))
    }
}

/// The stationary distribution that the lazy chain (I + P)/2 reaches from a start (n): a limit that
/// exists for every chain, also a periodic or a reducible one.
fn stationary(transitions: &DMatrix<f64>, start: &DVector<f64>) -> DVector<f64> {
    let n = transitions.nrows();
    let mut power = (transitions + DMatrix::identity(n, n)) * 0.5;
    for _ in 0..40 {
        power = &power * &power;
        // Rounding errors would double with each squaring.
        for mut row in power.row_iter_mut() {
            let total = row.sum();
            row /= total;
        }
    }
    power.transpose() * start
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn stationary_distributions_of_periodic_and_reducible_chains() {
        let cycle = DMatrix::from_row_slice(2, 2, &[0.0, 1.0, 1.0, 0.0]);
        let reached = stationary(&cycle, &DVector::from_column_slice(&[1.0, 0.0]));
        assert_relative_eq!(reached[0], 0.5, epsilon = 1e-15);
        let mixing = DMatrix::from_row_slice(2, 2, &[0.3, 0.7, 0.2, 0.8]);
        let reached = stationary(&mixing, &DVector::from_column_slice(&[1.0, 0.0]));
        assert_relative_eq!(reached[0], 2.0 / 9.0, epsilon = 1e-15);
        let islands = DMatrix::identity(2, 2);
        let start = DVector::from_column_slice(&[0.3, 0.7]);
        assert_eq!(stationary(&islands, &start), start);
    }
}
