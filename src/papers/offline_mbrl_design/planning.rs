//! Planning in a pessimistic model, and the configurations of it.

use nalgebra::{DMatrix, DVector};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{penalty::Heuristic, unsolved};
use crate::{
    kernel::mdp::{Mdp, Rows, argmax, deterministic},
    papers::leaf::Failure,
};

/// Heuristics of the grid.
pub const HEURISTICS: [Heuristic; 5] = [
    Heuristic::MaxAleatoric,
    Heuristic::MaxPairwise,
    Heuristic::EnsembleStd,
    Heuristic::EpistemicStd,
    Heuristic::MaxTv,
];
/// Weights λ of the grid.
pub const LAMBDAS: [f64; 7] = [0.0, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0];
/// Horizons h of the grid.
pub const HORIZONS: [usize; 6] = [1, 2, 5, 10, 20, 50];
/// Numbers of members N of the grid.
pub const MEMBERS: [usize; 4] = [2, 5, 10, 20];

/// The four design choices.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Configuration {
    /// u.
    pub heuristic: Heuristic,
    /// λ.
    pub lambda: f64,
    /// h.
    pub horizon: usize,
    /// N.
    pub members: usize,
}

/// What is usual: MOPO's penalty, weight, horizon and number of models.
pub const DEFAULT: Configuration =
    Configuration { heuristic: Heuristic::MaxAleatoric, lambda: 1.0, horizon: 5, members: 5 };

impl Configuration {
    /// All configurations of the grid, heuristics outermost, then λ, then h, then N.
    pub fn grid() -> Vec<Self> {
        let mut grid = Vec::with_capacity(HEURISTICS.len() * LAMBDAS.len() * HORIZONS.len() * MEMBERS.len());
        for heuristic in HEURISTICS {
            for lambda in LAMBDAS {
                for horizon in HORIZONS {
                    grid.extend(MEMBERS.map(|members| Self { heuristic, lambda, horizon, members }));
                }
            }
        }
        grid
    }

    /// Coordinates for a search: 0.7 times the unit vector of the heuristic, and the places of λ, h and N
    /// in their lists, from 0 to 1.
    pub fn features(&self) -> Vec<f64> {
        let share = |place: Option<usize>, length: usize| place.unwrap_or(0) as f64 / (length - 1) as f64;
        let heuristic = HEURISTICS.iter().map(|h| if *h == self.heuristic { 0.7 } else { 0.0 });
        heuristic
            .chain([
                share(LAMBDAS.iter().position(|l| *l == self.lambda), LAMBDAS.len()),
                share(HORIZONS.iter().position(|h| *h == self.horizon), HORIZONS.len()),
                share(MEMBERS.iter().position(|m| *m == self.members), MEMBERS.len()),
            ])
            .collect()
    }

    /// In how many of the four choices two configurations differ.
    pub fn differing(&self, other: &Self) -> u32 {
        u32::from(self.heuristic != other.heuristic)
            + u32::from(self.lambda != other.lambda)
            + u32::from(self.horizon != other.horizon)
            + u32::from(self.members != other.members)
    }
}

/// A learnt process to plan in: rewards and discount are known, transitions are the ensemble's mean.
#[derive(Clone, Debug)]
pub struct Model {
    /// r(s, a), pairs in the order s A + a (S A).
    rewards: DVector<f64>,
    /// T̄ (S A × S).
    transitions: DMatrix<f64>,
    discount: f64,
    /// V₀: values of the policy that the data followed (S).
    start_values: DVector<f64>,
}

impl Model {
    /// The model with transitions T̄ (S A × S) of a process that is otherwise known, and the policy from
    /// whose values planning starts (S × A).
    ///
    /// # Errors
    /// [`Failure::Invalid`] if the tables do not fit.
    pub fn new(process: &Mdp, transitions: &Rows, behaviour: &Rows) -> Result<Self, Failure> {
        let rewards = process.dynamics().rewards().clone();
        let learnt = Mdp::new(transitions.clone(), rewards, process.start().to_vec(), process.discount())
            .map_err(unsolved)?;
        Ok(Self {
            rewards: DVector::from_column_slice(process.dynamics().rewards().values()),
            transitions: DMatrix::from_row_slice(
                transitions.count(),
                transitions.width(),
                transitions.values(),
            ),
            discount: process.discount(),
            start_values: DVector::from_vec(learnt.evaluate(behaviour).map_err(unsolved)?.values),
        })
    }

    /// h backups Q ← r − λu + γ T̄ V, V = max_a Q, from V₀, with a penalty u (S × A); h ≥ 1.
    pub fn plan(&self, penalty: &Rows, lambda: f64, horizon: usize) -> Planned {
        let actions = self.rewards.len() / self.start_values.len();
        let penalised = &self.rewards - DVector::from_column_slice(penalty.values()) * lambda;
        let mut values = self.start_values.clone();
        let mut q = penalised.clone();
        for _ in 0..horizon.max(1) {
            q.copy_from(&penalised);
            q.gemv(self.discount, &self.transitions, &values, 1.0);
            for (value, row) in values.iter_mut().zip(q.as_slice().chunks_exact(actions)) {
                *value = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            }
        }
        Planned { actions, q }
    }
}

/// What planning ends with.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    actions: usize,
    /// Q of the last backup, pairs in the order s A + a.
    q: DVector<f64>,
}

impl Planned {
    /// Q(s, ·) of the last backup.
    pub fn row(&self, state: usize) -> &[f64] {
        &self.q.as_slice()[state * self.actions..(state + 1) * self.actions]
    }

    /// The value that the plan believes a state to have.
    pub fn value(&self, state: usize) -> f64 {
        let row = self.row(state);
        row[argmax(row)]
    }

    /// The greedy actions, the lowest of ties (S).
    pub fn chosen(&self) -> Vec<usize> {
        self.q.as_slice().chunks_exact(self.actions).map(argmax).collect()
    }

    /// The greedy policy (S × A).
    pub fn policy(&self) -> Rows {
        deterministic(&self.chosen(), self.actions)
    }
}

#[cfg(test)]
mod tests {
    use super::super::chain::chain;
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn the_grid_is_complete_and_its_features_tell_it_apart() {
        let grid = Configuration::grid();
        assert_eq!(grid.len(), 840);
        assert!(grid.contains(&DEFAULT));
        assert_eq!(grid[1].members, 5);
        let mut features: Vec<Vec<u64>> =
            grid.iter().map(|c| c.features().iter().map(|f| f.to_bits()).collect()).collect();
        features.sort();
        features.dedup();
        assert_eq!(features.len(), 840);
        assert_eq!(grid[0].differing(&DEFAULT), 3);
        assert_eq!(DEFAULT.differing(&DEFAULT), 0);
    }

    #[test]
    fn many_backups_in_the_true_process_are_value_iteration() {
        let chain = chain().unwrap();
        let (states, actions) = (chain.states(), chain.actions());
        let uniform = Rows::from_fn(states, actions, |_, _| 1.0 / actions as f64);
        let model = Model::new(&chain, &super::super::pair::transitions(&chain), &uniform).unwrap();
        let none = Rows::zeros(states, actions);
        let planned = model.plan(&none, 1.0, 400);
        let (best, chosen) = chain.optimal().unwrap();
        assert_relative_eq!(planned.value(0), best.values[0], epsilon = 1e-6);
        assert_eq!(planned.chosen(), chosen);
        // One backup improves on the policy once: its values are a maximum of that policy's Q.
        let q = chain.evaluate(&uniform).unwrap().actions;
        assert_relative_eq!(model.plan(&none, 1.0, 1).row(3), &q[3], epsilon = 1e-12);
        // A constant penalty changes values, not choices.
        let constant = Rows::from_fn(states, actions, |_, _| 0.3);
        let lowered = model.plan(&constant, 2.0, 400);
        assert_eq!(lowered.chosen(), chosen);
        assert_relative_eq!(lowered.value(0), best.values[0] - 0.6 / 0.05, epsilon = 1e-6);
    }
}
