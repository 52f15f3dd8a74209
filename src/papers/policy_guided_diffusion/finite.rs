//! Finite problems: the tilted law by messages, and by enumerating every trajectory.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fault;
use crate::{
    kernel::{
        divergence::{is_law, total_variation},
        math::{pow, sum},
    },
    papers::leaf::Failure,
};

/// States 0 … S − 1, actions 0 … A − 1, horizon H ≥ 1, and λ ≥ 0. All rows sum to one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FiniteProblem {
    /// T(s'|s, a), indexed \[s\]\[a\]\[s'\].
    pub transition: Vec<Vec<Vec<f64>>>,
    /// π_b(a|s), indexed \[s\]\[a\].
    pub behaviour: Vec<Vec<f64>>,
    /// π(a|s), indexed \[s\]\[a\].
    pub target: Vec<Vec<f64>>,
    /// μ(s₀).
    pub start: Vec<f64>,
    /// H, number of pairs of state and action.
    pub horizon: usize,
    /// λ.
    pub lambda: f64,
}

/// A law of trajectories (s₀, a₀, …, s_{H−1}, a_{H−1}) by its conditional laws. Rows that are
/// conditioned on something of probability zero are zero.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct FiniteLaw {
    /// p(s₀).
    pub start: Vec<f64>,
    /// p(aₜ|sₜ), indexed \[t\]\[s\]\[a\].
    pub actions: Vec<Vec<Vec<f64>>>,
    /// p(sₜ₊₁|sₜ, aₜ) for t < H − 1, indexed \[t\]\[s\]\[a\]\[s'\].
    pub dynamics: Vec<Vec<Vec<Vec<f64>>>>,
}

impl FiniteProblem {
    /// S.
    #[must_use]
    pub fn states(&self) -> usize {
        self.start.len()
    }

    /// A.
    #[must_use]
    pub fn actions(&self) -> usize {
        self.behaviour.first().map_or(0, Vec::len)
    }

    /// Refuses problems whose parts do not fit each other.
    ///
    /// # Errors
    /// [`Failure::Invalid`].
    pub fn check(&self) -> Result<(), Failure> {
        let (states, actions) = (self.states(), self.actions());
        let table = |rows: &[Vec<f64>], width: usize| rows.iter().all(|r| r.len() == width && is_law(r));
        let fits = states > 0
            && [&self.behaviour, &self.target].iter().all(|p| p.len() == states && table(p, actions))
            && self.transition.len() == states
            && self.transition.iter().all(|rows| rows.len() == actions && table(rows, states))
            && is_law(&self.start);
        if !fits {
            return Err(Failure::invalid(
                "every row must be a distribution: over next states for each state and action, over \
                 actions for each state, and over start states",
            ));
        }
        if self.horizon == 0 || self.horizon > 64 || !(self.lambda >= 0.0 && self.lambda.is_finite()) {
            return Err(Failure::invalid("needs a horizon from 1 to 64 and a `lambda` that is not negative"));
        }
        Ok(())
    }

    /// The problem whose next state is always the likeliest one (of equal ones the first).
    #[must_use]
    pub fn deterministic(mut self) -> Self {
        for row in self.transition.iter_mut().flatten() {
            let likeliest = (0..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best });
            row.fill(0.0);
            row[likeliest] = 1.0;
        }
        self
    }

    /// π_b(a|s) π(a|s)^λ, with 0⁰ = 1.
    fn weight(&self, s: usize, a: usize) -> f64 {
        self.behaviour[s][a] * pow(self.target[s][a], self.lambda)
    }

    /// The same problem with the dynamics that its trajectory model has learnt.
    #[must_use]
    pub fn learnt(mut self, fault: Option<Fault>) -> Self {
        if fault == Some(Fault::LeakyModel) {
            let uniform = 1.0 / self.states() as f64;
            for p in self.transition.iter_mut().flatten().flatten() {
                *p = 0.99 * *p + 0.01 * uniform;
            }
        }
        self
    }

    /// The law p*(τ) ∝ p_b(τ) Π π^λ by messages: m_H = 1,
    /// mₜ(s) = Σ_a π_b π^λ Σ_s' T(s'|s, a) mₜ₊₁(s') (without T at the last step), and then
    /// p*(s₀) ∝ μ m₀, p*(a|s) = π_b π^λ E\[mₜ₊₁\]/mₜ, p*(s'|s, a) = T mₜ₊₁(s')/E\[mₜ₊₁\].
    ///
    /// Nothing if no trajectory has positive weight.
    #[must_use]
    pub fn tilted(&self, fault: Option<Fault>) -> Option<FiniteLaw> {
        let (states, actions) = (self.states(), self.actions());
        let mut law = FiniteLaw {
            start: Vec::new(),
            actions: vec![vec![vec![0.0; actions]; states]; self.horizon],
            dynamics: vec![vec![vec![vec![0.0; states]; actions]; states]; self.horizon - 1],
        };
        let mut message = vec![1.0; states];
        for t in (0..self.horizon).rev() {
            let last = t + 1 == self.horizon;
            let mut earlier = vec![0.0; states];
            for (s, total) in earlier.iter_mut().enumerate() {
                for a in 0..actions {
                    let terms: Vec<f64> =
                        self.transition[s][a].iter().zip(&message).map(|(p, m)| p * m).collect();
                    let expected = if last { 1.0 } else { sum(terms.iter().copied()) };
                    law.actions[t][s][a] = self.weight(s, a) * expected;
                    if !last {
                        law.dynamics[t][s][a] = match fault {
                            Some(Fault::AssumeTrueKernel) => self.transition[s][a].clone(),
                            _ => normalised(&terms),
                        };
                    }
                }
                *total = sum(law.actions[t][s].iter().copied());
                law.actions[t][s] = normalised(&law.actions[t][s]);
            }
            message = earlier;
        }
        let weights: Vec<f64> = self.start.iter().zip(&message).map(|(p, m)| p * m).collect();
        law.start = normalised(&weights);
        law.start.iter().any(|p| *p > 0.0).then_some(law)
    }

    /// The same law from the weights of all (SA)ᴴ trajectories: each conditional is a ratio of sums.
    #[must_use]
    pub fn enumerated(&self) -> Option<FiniteLaw> {
        let (states, actions) = (self.states(), self.actions());
        let mut law = FiniteLaw {
            start: vec![0.0; states],
            actions: vec![vec![vec![0.0; actions]; states]; self.horizon],
            dynamics: vec![vec![vec![vec![0.0; states]; actions]; states]; self.horizon - 1],
        };
        for s in 0..states {
            self.walk(&mut vec![], s, self.start[s], &mut law);
        }
        law.start = normalised(&law.start);
        for row in law.actions.iter_mut().flatten().chain(law.dynamics.iter_mut().flatten().flatten()) {
            *row = normalised(row);
        }
        law.start.iter().any(|p| *p > 0.0).then_some(law)
    }

    /// Extends a trajectory by every action in `s` and every next state, and books complete ones.
    fn walk(&self, path: &mut Vec<(usize, usize)>, s: usize, weight: f64, law: &mut FiniteLaw) {
        if weight == 0.0 {
            return;
        }
        for a in 0..self.actions() {
            let weight = weight * self.weight(s, a);
            path.push((s, a));
            if path.len() == self.horizon {
                law.start[path[0].0] += weight;
                for (t, (s, a)) in path.iter().enumerate() {
                    law.actions[t][*s][*a] += weight;
                    if let Some((next, _)) = path.get(t + 1) {
                        law.dynamics[t][*s][*a][*next] += weight;
                    }
                }
            } else {
                for next in 0..self.states() {
                    self.walk(path, next, weight * self.transition[s][a][next], law);
                }
            }
            path.pop();
        }
    }

    /// Largest |p(s'|s, a) − T(s'|s, a)| of a law, over all t and all (s, a) that it can reach.
    #[must_use]
    pub fn departure(&self, law: &FiniteLaw) -> f64 {
        self.compare(law, |p, t| p.iter().zip(t).map(|(p, t)| (p - t).abs()).fold(0.0, f64::max))
    }

    /// Largest total variation ½ Σ |p(s'|s, a) − T(s'|s, a)|, over the same.
    #[must_use]
    pub fn tilt(&self, law: &FiniteLaw) -> f64 {
        self.compare(law, total_variation)
    }

    fn compare(&self, law: &FiniteLaw, distance: impl Fn(&[f64], &[f64]) -> f64) -> f64 {
        let mut largest: f64 = 0.0;
        for step in &law.dynamics {
            for (rows, truths) in step.iter().zip(&self.transition) {
                for (row, truth) in rows.iter().zip(truths) {
                    if row.iter().any(|p| *p > 0.0) {
                        largest = largest.max(distance(row, truth));
                    }
                }
            }
        }
        largest
    }
}

impl FiniteLaw {
    /// Largest difference of conditional probabilities, where `self` can reach their condition.
    #[must_use]
    pub fn distance(&self, other: &Self) -> f64 {
        let rows = |law: &Self| -> Vec<Vec<f64>> {
            let mut rows = vec![law.start.clone()];
            rows.extend(law.actions.iter().flatten().cloned());
            rows.extend(law.dynamics.iter().flatten().flatten().cloned());
            rows
        };
        let reached = |row: &[f64]| row.iter().any(|p| *p > 0.0);
        rows(self)
            .iter()
            .zip(rows(other))
            .filter(|(row, _)| reached(row))
            .flat_map(|(row, other)| row.iter().zip(other).map(|(p, q)| (p - q).abs()).collect::<Vec<_>>())
            .fold(0.0, f64::max)
    }
}

/// Divides by the sum; zeros stay zeros.
fn normalised(row: &[f64]) -> Vec<f64> {
    let total = sum(row.iter().copied());
    if total > 0.0 { row.iter().map(|p| p / total).collect() } else { row.to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{math::mean, splitmix::SplitMix64};
    use approx::assert_relative_eq;

    fn problem(seed: u64, states: usize, actions: usize, horizon: usize) -> FiniteProblem {
        let mut generator = SplitMix64::new(seed);
        let transition =
            (0..states).map(|_| (0..actions).map(|_| generator.simplex(states)).collect()).collect();
        let behaviour = (0..states).map(|_| generator.simplex(actions)).collect();
        let target = (0..states).map(|_| generator.simplex(actions)).collect();
        let start = generator.simplex(states);
        FiniteProblem { transition, behaviour, target, start, horizon, lambda: 1.0 }
    }

    #[test]
    fn messages_agree_with_enumeration_and_tilt_by_the_known_amounts() {
        let mut tilts = Vec::new();
        for seed in 0..30 {
            let problem = problem(seed, 3, 2, 3);
            let (messages, enumerated) = (problem.tilted(None).unwrap(), problem.enumerated().unwrap());
            assert_relative_eq!(enumerated.distance(&messages), 0.0, epsilon = 1e-15);
            tilts.push(problem.tilt(&messages));
        }
        assert_relative_eq!(tilts.iter().copied().fold(1.0, f64::min), 0.012, epsilon = 5.1e-4);
        assert_relative_eq!(tilts.iter().copied().fold(0.0, f64::max), 0.50, epsilon = 5.1e-3);
        assert_relative_eq!(mean(&tilts), 0.137, epsilon = 5.1e-4);
    }

    #[test]
    fn deterministic_dynamics_are_never_left() {
        for seed in 0..30 {
            let problem = problem(seed, 3, 2, 3).deterministic();
            assert_eq!(problem.departure(&problem.tilted(None).unwrap()), 0.0);
            let leaky = problem.clone().learnt(Some(Fault::LeakyModel)).tilted(None).unwrap();
            assert!(problem.departure(&leaky) > 1e-3);
        }
    }

    #[test]
    fn a_policy_that_never_takes_the_data_s_actions_has_no_guided_law() {
        let mut problem = problem(0, 2, 2, 2);
        problem.behaviour = vec![vec![1.0, 0.0]; 2];
        problem.target = vec![vec![0.0, 1.0]; 2];
        assert_eq!(problem.tilted(None), None);
        assert_eq!(problem.enumerated(), None);
        problem.lambda = 0.0;
        assert_eq!(problem.tilted(None).unwrap().actions[0], problem.behaviour);
    }
}
