//! Deterministic models of two classes, their optimal values, and what data leave of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::{math::powi, mdp::argmax, tokens::Rows};

/// γ.
pub const DISCOUNT: f64 = 0.9;
/// Values that differ by less than this are the same.
const SAME: f64 = 1e-6;

/// Which models there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Two bits, two actions: s = b₀ + 2b₁, and bit i of the next state is a function of bit i and the action.
    /// 16 functions a bit, 256 models.
    Factored,
    /// Three states, two actions: every table is a model, 729 in all.
    Tabular,
}

impl Class {
    /// Number of states.
    #[must_use]
    pub const fn states(self) -> usize {
        match self {
            Self::Factored => 4,
            Self::Tabular => 3,
        }
    }

    /// Number of pairs (s, a); there are two actions, and the pair (s, a) is number 2s + a.
    #[must_use]
    pub const fn pairs(self) -> usize {
        2 * self.states()
    }

    /// All models, each the list of next states by pair.
    #[must_use]
    pub fn models(self) -> Vec<Vec<usize>> {
        match self {
            Self::Factored => (0..256).map(factored).collect(),
            Self::Tabular => (0..729).map(|index| tabular(self.states(), self.pairs(), index)).collect(),
        }
    }

    /// Rewards r(s, a) by pair: 1 in the last state, or several all over.
    #[must_use]
    pub fn rewards(self, reward: Reward) -> Vec<f64> {
        match (self, reward) {
            (_, Reward::Sparse) => {
                (0..self.pairs()).map(|pair| f64::from(u8::from(pair / 2 == self.states() - 1))).collect()
            }
            (Self::Factored, Reward::Dense) => vec![0.0, 0.1, 0.2, 0.0, 0.3, 0.0, 1.0, 0.5],
            (Self::Tabular, Reward::Dense) => vec![0.0, 0.3, 0.5, 0.0, 1.0, 0.2],
        }
    }
}

/// Which rewards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reward {
    /// 1 in the last state, else 0.
    Sparse,
    /// Different in almost every pair.
    Dense,
}

/// Model 16 i₀ + i₁: table i of a bit has the values of its four binary digits, most significant first, at
/// (bit, action) = (0, 0), (0, 1), (1, 0), (1, 1).
fn factored(index: usize) -> Vec<usize> {
    let next = |table: usize, bit: usize, action: usize| (table >> (3 - (2 * bit + action))) & 1;
    let (first, second) = (index / 16, index % 16);
    (0..8)
        .map(|pair| {
            let (state, action) = (pair / 2, pair % 2);
            next(first, state % 2, action) + 2 * next(second, state / 2, action)
        })
        .collect()
}

/// The table whose next states are the digits of a number, the first pair least significant.
pub fn tabular(states: usize, pairs: usize, mut index: usize) -> Vec<usize> {
    (0..pairs)
        .map(|_| {
            let next = index % states;
            index /= states;
            next
        })
        .collect()
}

/// Q*ₘ by pair, exactly up to rounding: policy iteration, each policy evaluated along the one path that
/// it takes from each state.
#[must_use]
pub fn optimal_values(model: &[usize], rewards: &[f64]) -> Vec<f64> {
    let states = model.len() / 2;
    let mut chosen = vec![0; states];
    let mut before = f64::NEG_INFINITY;
    loop {
        let values = along(&chosen, model, rewards);
        let total: f64 = values.iter().sum();
        let q = backup(model, rewards, &values);
        let better: Vec<usize> = (0..states).map(|s| argmax(&q[2 * s..2 * s + 2])).collect();
        // Where rounding alone moved the values, following it could go round in circles.
        if better == chosen || total <= before {
            return q;
        }
        (chosen, before) = (better, total);
    }
}

/// Values of the policy by doubling: the values of 2ⁿ steps and where they end, for n = 1 … 10.
fn along(chosen: &[usize], model: &[usize], rewards: &[f64]) -> Vec<f64> {
    let pair = |s: usize| 2 * s + chosen[s];
    let mut values: Vec<f64> = (0..chosen.len()).map(|s| rewards[pair(s)]).collect();
    let mut reached: Vec<usize> = (0..chosen.len()).map(|s| model[pair(s)]).collect();
    for doubling in 0..10 {
        let faded = powi(DISCOUNT, 1 << doubling);
        values = (0..values.len()).map(|s| values[s] + faded * values[reached[s]]).collect();
        reached = (0..reached.len()).map(|s| reached[reached[s]]).collect();
    }
    values
}

fn backup(model: &[usize], rewards: &[f64], values: &[f64]) -> Vec<f64> {
    rewards.iter().zip(model).map(|(r, next)| r + DISCOUNT * values[*next]).collect()
}

/// Values after so many sweeps of value iteration from 0.
fn swept(model: &[usize], rewards: &[f64], sweeps: usize) -> Vec<f64> {
    let mut q = vec![0.0; model.len()];
    for _ in 0..sweeps {
        let values: Vec<f64> = q.chunks(2).map(|row| row[argmax(row)]).collect();
        q = backup(model, rewards, &values);
    }
    q
}

/// A class with the values of all its models.
pub struct Values {
    /// Models.
    pub models: Vec<Vec<usize>>,
    /// Q*ₘ of each, one row a model.
    optimal: Rows,
    rewards: Vec<f64>,
    /// How far the Bellman equation may be missed.
    tolerance: f64,
}

impl Values {
    /// The values of some models; of twenty sweeps, with the tolerance of converged ones, if `hasty`.
    #[must_use]
    pub fn new(models: Vec<Vec<usize>>, rewards: Vec<f64>, hasty: bool) -> Self {
        let mut optimal = Rows::zeros(models.len(), rewards.len());
        for (m, model) in models.iter().enumerate() {
            let q = if hasty { swept(model, &rewards, 20) } else { optimal_values(model, &rewards) };
            optimal[m].copy_from_slice(&q);
        }
        Self { models, optimal, rewards, tolerance: 1e-9 }
    }

    /// Q*ₘ by pair.
    #[must_use]
    pub fn of(&self, model: usize) -> &[f64] {
        &self.optimal[model]
    }

    /// Models that agree with the true one at the pairs: Q_MB is their values.
    pub fn consistent<'a>(&'a self, truth: usize, pairs: &'a [usize]) -> impl Iterator<Item = usize> + 'a {
        let agrees = move |m: &usize| pairs.iter().all(|p| self.models[*m][*p] == self.models[truth][*p]);
        (0..self.models.len()).filter(agrees)
    }

    /// Models whose values obey the Bellman equation at the pairs under the true model: Q_MF is their values.
    pub fn unrefuted<'a>(&'a self, truth: usize, pairs: &'a [usize]) -> impl Iterator<Item = usize> + 'a {
        (0..self.models.len()).filter(move |m| {
            let q = self.of(*m);
            pairs.iter().all(|pair| {
                let next = 2 * self.models[truth][*pair];
                let target = self.rewards[*pair] + DISCOUNT * q[next].max(q[next + 1]);
                (q[*pair] - target).abs() <= self.tolerance
            })
        })
    }

    /// Whether two models have the same values.
    #[must_use]
    pub fn same(&self, one: usize, other: usize) -> bool {
        self.of(one).iter().zip(self.of(other)).all(|(a, b)| (a - b).abs() < SAME)
    }

    /// For each model the first that has the same values: its name among the values.
    #[must_use]
    pub fn names(&self) -> Vec<usize> {
        let mut first: Vec<usize> = Vec::new();
        (0..self.models.len())
            .map(|m| {
                if let Some(known) = first.iter().find(|known| self.same(**known, m)) {
                    return *known;
                }
                first.push(m);
                m
            })
            .collect()
    }
}

/// Number of different numbers.
#[must_use]
pub fn distinct(names: impl Iterator<Item = usize>) -> usize {
    let mut names: Vec<usize> = names.collect();
    names.sort_unstable();
    names.dedup();
    names.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn tables_of_bits_are_lexicographic() {
        // Bit 0 is copied (table 0011), bit 1 becomes the action (table 0101).
        let model = factored(16 * 0b0011 + 0b0101);
        assert_eq!(model, [0, 2, 1, 3, 0, 2, 1, 3]);
    }

    #[test]
    fn values_solve_bellmans_equation_and_agree_with_sweeps() {
        for class in [Class::Factored, Class::Tabular] {
            let rewards = class.rewards(Reward::Dense);
            for model in class.models().iter().step_by(7) {
                let q = optimal_values(model, &rewards);
                let swept = swept(model, &rewards, 400);
                for (exact, limit) in q.iter().zip(&swept) {
                    assert_relative_eq!(*exact, *limit, epsilon = 1e-13, max_relative = 1e-13);
                }
            }
        }
    }

    #[test]
    fn a_known_value() {
        // Staying in the last state for ever: 1/(1 − γ).
        let model = vec![3; 8];
        let q = optimal_values(&model, &Class::Factored.rewards(Reward::Sparse));
        assert_relative_eq!(q[6], 10.0, epsilon = 1e-13);
        assert_relative_eq!(q[0], 9.0, epsilon = 1e-13);
    }
}
