//! Realizable problems of policy evaluation, and their Bellman errors.

use nalgebra::{DMatrix, DVector};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::transitions::Transitions;
use crate::{
    kernel::{
        linear::LinearClass,
        mdp::{Mdp, Rows},
    },
    papers::leaf::Failure,
};

/// Evaluation of a policy with a linear class that contains its value function: the reward is
/// defined as r = (I − γP) Φθ*.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    /// Φ: for each of n pairs of state and action its d features.
    pub features: Vec<Vec<f64>>,
    /// P: for each pair, n nonnegative weights of the next pair under the policy; rows are divided by
    /// their sums.
    pub transitions: Vec<Vec<f64>>,
    /// μ: n nonnegative weights of the pairs in the data, divided by their sum.
    pub weights: Vec<f64>,
    /// θ*: d parameters of the value function Q^π = Φθ*.
    pub parameter: Vec<f64>,
    /// γ, at least 0 and less than 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub discount: f64,
}

/// A [`Problem`] with everything that is known when its distributions are.
#[derive(Clone, Debug)]
pub struct Population {
    class: LinearClass,
    /// P (n × n), rows sum to one.
    transitions: DMatrix<f64>,
    /// μ (n), sums to one.
    distribution: DVector<f64>,
    /// Φθ* (n).
    truth: DVector<f64>,
    /// r (n).
    rewards: DVector<f64>,
    discount: f64,
}

impl Problem {
    /// Checks the problem and fixes its matrices.
    ///
    /// # Errors
    /// [`Failure::Invalid`] for shapes that do not fit, values that are no numbers or no weights, a
    /// discount outside \[0, 1), and features that are dependent under the data.
    pub fn population(&self) -> Result<Population, Failure> {
        let features = matrix("features", &self.features)?;
        let (n, d) = features.shape();
        let transitions = matrix("transitions", &self.transitions)?;
        if transitions.shape() != (n, n) {
            return Err(Failure::invalid(format!("`transitions` must have {n} rows of {n} weights")));
        }
        let rows = self.transitions.iter().map(|row| distribution("transitions", row));
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        let transitions = DMatrix::from_fn(n, n, |i, j| rows[i][j]);
        let distribution = distribution("weights", &self.weights)?;
        if distribution.len() != n || self.parameter.len() != d {
            return Err(Failure::invalid(format!(
                "{n} rows of {d} features need {n} `weights` and {d} entries of `parameter`"
            )));
        }
        if !(0.0..1.0).contains(&self.discount) || self.parameter.iter().any(|x| !x.is_finite()) {
            return Err(Failure::invalid("`discount` must be in [0, 1), and `parameter` finite"));
        }
        let class = LinearClass::new(features);
        class.orthonormal_basis(&distribution).ok_or_else(dependent)?;
        let truth = class.function(&DVector::from_column_slice(&self.parameter));
        let rewards = &truth - self.discount * (&transitions * &truth);
        Ok(Population { class, transitions, distribution, truth, rewards, discount: self.discount })
    }
}

impl Population {
    /// The linear class F.
    pub fn class(&self) -> &LinearClass {
        &self.class
    }

    /// P (n × n).
    pub fn transitions(&self) -> &DMatrix<f64> {
        &self.transitions
    }

    /// μ (n).
    pub fn distribution(&self) -> &DVector<f64> {
        &self.distribution
    }

    /// Q^π = Φθ* (n).
    pub fn truth(&self) -> &DVector<f64> {
        &self.truth
    }

    /// Expected rewards r (n).
    pub fn rewards(&self) -> &DVector<f64> {
        &self.rewards
    }

    /// γ.
    pub fn discount(&self) -> f64 {
        self.discount
    }

    /// The distribution of transitions, with rewards that do not vary.
    pub fn joint(&self) -> Transitions {
        let n = self.truth.len();
        let weights = DMatrix::from_fn(n, n, |i, j| self.distribution[i] * self.transitions[(i, j)]);
        let rewards = DMatrix::from_fn(n, n, |i, j| weights[(i, j)] * self.rewards[i]);
        Transitions { weights, rewards }
    }

    /// TQ = r + γ P Q.
    pub fn backup(&self, q: &DVector<f64>) -> DVector<f64> {
        &self.rewards + self.discount * (&self.transitions * q)
    }

    /// ‖f‖ = √(Σ μ f²).
    pub fn norm(&self, f: &DVector<f64>) -> f64 {
        self.distribution.dot(&f.component_mul(f)).sqrt()
    }

    /// Bellman error E(Q) = ‖Q − TQ‖.
    pub fn bellman_error(&self, q: &DVector<f64>) -> f64 {
        self.norm(&(q - self.backup(q)))
    }

    /// Local inherent Bellman error I(Q) = ‖ΠTQ − TQ‖, with Π the projection onto F.
    ///
    /// # Errors
    /// As [`Problem::population`].
    pub fn local_inherent_error(&self, q: &DVector<f64>) -> Result<f64, Failure> {
        let backup = self.backup(q);
        Ok(self.norm(&(self.project(&backup)? - backup)))
    }

    /// Population minimax loss of Q ∈ F in the form without cancellation: L(Q) = ‖Q − ΠTQ‖².
    ///
    /// # Errors
    /// As [`Problem::population`].
    pub fn minimax_loss(&self, q: &DVector<f64>) -> Result<f64, Failure> {
        let distance = self.norm(&(q - self.project(&self.backup(q))?));
        Ok(distance * distance)
    }

    fn project(&self, f: &DVector<f64>) -> Result<DVector<f64>, Failure> {
        self.class.project(&self.distribution, f).ok_or_else(dependent)
    }

    /// Discounted occupancy d = (1 − γ) (I − γPᵀ)⁻¹ ρ of a start distribution ρ (both n).
    ///
    /// # Errors
    /// [`Failure::Numerical`] if the linear system cannot be solved.
    pub fn occupancy(&self, start: &DVector<f64>) -> Result<DVector<f64>, Failure> {
        // The pairs are the states of a process with one action: what the policy does is in P.
        let n = start.len();
        let transitions = Rows::from_fn(n, n, |i, j| self.transitions[(i, j)]);
        let rewards = Rows::from_fn(n, 1, |i, _| self.rewards[i]);
        let start = start.iter().copied().collect();
        Mdp::new(transitions, rewards, start, self.discount)
            .and_then(|process| process.occupancy(&Rows::from_fn(n, 1, |_, _| 1.0)))
            .map(DVector::from_vec)
            .map_err(|e| Failure::numerical(e.to_string()))
    }
}

fn dependent() -> Failure {
    Failure::invalid("the features are linearly dependent where the data have weight")
}

/// A rectangular matrix of finite numbers with at least one entry.
fn matrix(name: &str, rows: &[Vec<f64>]) -> Result<DMatrix<f64>, Failure> {
    let columns = rows.first().map_or(0, Vec::len);
    if columns == 0 || rows.iter().any(|row| row.len() != columns || row.iter().any(|x| !x.is_finite())) {
        return Err(Failure::invalid(format!("`{name}` must be rows of equally many finite numbers")));
    }
    Ok(DMatrix::from_fn(rows.len(), columns, |i, j| rows[i][j]))
}

/// Nonnegative weights, divided by their sum.
///
/// # Errors
/// [`Failure::Invalid`] if they are no weights, or all zero.
pub fn distribution(name: &str, weights: &[f64]) -> Result<DVector<f64>, Failure> {
    let total: f64 = weights.iter().sum();
    if weights.iter().any(|w| w.is_nan() || *w < 0.0) || !(total > 0.0 && total.is_finite()) {
        return Err(Failure::invalid(format!("`{name}` must be nonnegative and not all zero")));
    }
    Ok(DVector::from_iterator(weights.len(), weights.iter().map(|w| w / total)))
}

#[cfg(test)]
mod tests {
    use super::super::models::Model;
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn the_value_function_is_realized() {
        let population = Model::Chain.problem(vec![1.0, 2.0, 3.0, 4.0, 5.0], 0.9).population().unwrap();
        assert_relative_eq!(population.bellman_error(population.truth()), 0.0, epsilon = 1e-15);
        let start = DVector::from_row_slice(&[0.0, 1.0, 0.0, 0.0, 0.0]);
        let occupancy = population.occupancy(&start).unwrap();
        assert_relative_eq!(occupancy.sum(), 1.0, epsilon = 1e-14);
        let value = occupancy.dot(population.rewards()) / (1.0 - population.discount());
        assert_relative_eq!(value, population.truth()[1], epsilon = 1e-14);
    }

    #[test]
    fn bad_problems_are_refused_with_a_reason() {
        let good = Model::Tvr.problem(vec![0.5, 0.5], 0.9);
        let with = |change: &dyn Fn(&mut Problem)| {
            let mut problem = good.clone();
            change(&mut problem);
            problem.population().unwrap_err().to_string()
        };
        for (message, word) in [
            (with(&|p| p.features[0].push(1.0)), "`features`"),
            (with(&|p| p.features.clear()), "`features`"),
            (with(&|p| p.transitions[1][0] = f64::NAN), "`transitions`"),
            (with(&|p| p.transitions[1] = vec![0.0, 0.0]), "`transitions`"),
            (with(&|p| p.weights = vec![-1.0, 2.0]), "`weights`"),
            (with(&|p| p.parameter.clear()), "`parameter`"),
            (with(&|p| p.discount = 1.0), "`discount`"),
            (with(&|p| p.features = vec![vec![0.0]; 2]), "dependent"),
        ] {
            assert!(message.contains(word), "{message}");
        }
    }
}
