//! Deterministic models of two classes, their optimal values, and what data leave of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::{mdp::argmax, tokens::Rows};

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

/// Most states of a class.
const MOST_STATES: usize = 4;

/// Q*ₘ by pair, exactly up to rounding: policy iteration, each policy evaluated along the one path that
/// it takes from each state. There are at most four states.
#[must_use]
pub fn optimal_values(model: &[usize], rewards: &[f64]) -> Vec<f64> {
    let states = model.len() / 2;
    let mut chosen = [0; MOST_STATES];
    let mut before = f64::NEG_INFINITY;
    loop {
        let values = along(&chosen[..states], model, rewards);
        let total: f64 = values[..states].iter().sum();
        let q = backup(model, rewards, &values);
        let mut better = [0; MOST_STATES];
        for (s, action) in better[..states].iter_mut().enumerate() {
            *action = argmax(&q[2 * s..2 * s + 2]);
        }
        // Where rounding alone moved the values, following it could go round in circles.
        if better == chosen || total <= before {
            return q;
        }
        (chosen, before) = (better, total);
    }
}

/// Values of the policy by doubling: the values of 2ⁿ steps and where they end, for n = 1 … 10.
fn along(chosen: &[usize], model: &[usize], rewards: &[f64]) -> [f64; MOST_STATES] {
    let (mut values, mut reached) = ([0.0; MOST_STATES], [0; MOST_STATES]);
    for (s, action) in chosen.iter().enumerate() {
        (values[s], reached[s]) = (rewards[2 * s + action], model[2 * s + action]);
    }
    let mut faded = DISCOUNT;
    for _ in 0..10 {
        let (shorter, passed) = (values, reached);
        for s in 0..chosen.len() {
            values[s] = shorter[s] + faded * shorter[passed[s]];
            reached[s] = passed[passed[s]];
        }
        faded *= faded;
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

    /// What transitions of a true model tell of the others.
    #[must_use]
    pub fn evidence(&self) -> Evidence {
        let (pairs, states) = (self.rewards.len(), self.rewards.len() / 2);
        let transitions = || (0..pairs).flat_map(|pair| (0..states).map(move |next| (pair, next)));
        let table = |holds: &dyn Fn(usize, usize, usize) -> bool| {
            transitions()
                .map(|(pair, next)| Models::of(self.models.len(), |m| holds(m, pair, next)))
                .collect()
        };
        Evidence {
            states,
            all: Models::of(self.models.len(), |_| true),
            agree: table(&|m, pair, next| self.models[m][pair] == next),
            obey: table(&|m, pair, next| {
                let q = self.of(m);
                let target = self.rewards[pair] + DISCOUNT * q[2 * next].max(q[2 * next + 1]);
                (q[pair] - target).abs() <= self.tolerance
            }),
        }
    }

    /// The transitions of a model at some pairs, as (pair, next state).
    #[must_use]
    pub fn seen(&self, truth: usize, pairs: &[usize]) -> Vec<(usize, usize)> {
        pairs.iter().map(|pair| (*pair, self.models[truth][*pair])).collect()
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

/// What every transition that can be seen leaves of the models.
pub struct Evidence {
    states: usize,
    all: Models,
    /// By pair and next state.
    agree: Vec<Models>,
    obey: Vec<Models>,
}

impl Evidence {
    /// Models that agree with all the transitions (pair, next state): Q_MB is their values.
    #[must_use]
    pub fn consistent(&self, seen: &[(usize, usize)]) -> Models {
        self.left(&self.agree, seen)
    }

    /// Models whose values obey the Bellman equation at all the transitions: Q_MF is their values.
    #[must_use]
    pub fn unrefuted(&self, seen: &[(usize, usize)]) -> Models {
        self.left(&self.obey, seen)
    }

    fn left(&self, table: &[Models], seen: &[(usize, usize)]) -> Models {
        let mut left = self.all.clone();
        for (pair, next) in seen {
            left.keep(&table[pair * self.states + next]);
        }
        left
    }
}

/// A set of models, one bit each.
#[derive(Clone, Debug, PartialEq)]
pub struct Models(Vec<u64>);

impl Models {
    /// Those of the models 0 … `count` − 1 that have a property.
    fn of(count: usize, has: impl Fn(usize) -> bool) -> Self {
        let mut words = vec![0; count.div_ceil(64)];
        for m in (0..count).filter(|m| has(*m)) {
            words[m / 64] |= 1 << (m % 64);
        }
        Self(words)
    }

    /// Drops what is not in another set.
    fn keep(&mut self, other: &Self) {
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word &= other;
        }
    }

    /// Whether a model is in the set.
    #[must_use]
    pub fn contains(&self, model: usize) -> bool {
        self.0[model / 64] >> (model % 64) & 1 == 1
    }

    /// The models, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        (0..64 * self.0.len()).filter(|m| self.contains(*m))
    }

    /// The models that are not in another set.
    pub fn without<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = usize> + 'a {
        self.iter().filter(|m| !other.contains(*m))
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
