//! One step of a process: where it goes and what it pays.

use super::{MdpError, Rows};
use crate::kernel::{
    divergence::is_law,
    laws::Laws,
    math::{dot, sum},
    stream::Stream,
};

/// Transition probabilities and rewards of one step.
#[derive(Clone, Debug, PartialEq)]
pub struct Dynamics {
    /// P(·|s, a) in row s A + a (S A × S).
    transitions: Rows,
    /// The same, to draw from.
    laws: Laws,
    /// r(s, a) (S × A).
    rewards: Rows,
}

impl Dynamics {
    /// Dynamics of S states and A actions: transitions in row s A + a (S A × S), rewards (S × A).
    ///
    /// # Errors
    /// [`MdpError`] if shapes do not fit, a row is no distribution, or a reward is not finite.
    pub fn new(transitions: Rows, rewards: Rows) -> Result<Self, MdpError> {
        let (states, actions) = (rewards.count(), rewards.width());
        if states == 0 || actions == 0 || transitions.count() != states * actions {
            let found = transitions.count();
            return Err(MdpError::Shape(format!(
                "{found} transition rows for {states} states and {actions} actions"
            )));
        }
        if transitions.width() != states {
            return Err(MdpError::Shape(format!("expected distributions over {states} states")));
        }
        if rewards.values().iter().any(|r| !r.is_finite()) {
            return Err(MdpError::Reward);
        }
        if let Some(row) = transitions.iter().position(|row| !is_law(row)) {
            let what = format!("the transition from state {} under action {}", row / actions, row % actions);
            return Err(MdpError::Distribution { what });
        }
        Ok(Self { laws: Laws::of(&transitions), transitions, rewards })
    }

    /// Number of states S.
    #[must_use]
    pub fn states(&self) -> usize {
        self.rewards.count()
    }

    /// Number of actions A.
    #[must_use]
    pub fn actions(&self) -> usize {
        self.rewards.width()
    }

    /// Rewards r (S × A).
    #[must_use]
    pub fn rewards(&self) -> &Rows {
        &self.rewards
    }

    /// P(·|s, a).
    #[must_use]
    pub fn transition(&self, state: usize, action: usize) -> &[f64] {
        &self.transitions[state * self.actions() + action]
    }

    /// Draws s′ ~ P(·|s, a), from one uniform number.
    pub fn draw(&self, state: usize, action: usize, stream: &mut Stream) -> usize {
        self.laws.draw(state * self.actions() + action, stream)
    }

    /// One Bellman backup of values V (S) of the next states: Q(s, a) = r(s, a) + γ Σ_t P(t|s, a) V(t)
    /// (S × A).
    #[must_use]
    pub fn backup(&self, values: &[f64], discount: f64) -> Rows {
        Rows::from_fn(self.states(), self.actions(), |s, a| {
            self.rewards[s][a] + discount * dot(self.transition(s, a), values)
        })
    }

    /// Where a distribution d over states (S) goes under a policy (S × A): Σ_sa d(s) π(a|s) P(·|s, a).
    #[must_use]
    pub fn pushed(&self, distribution: &[f64], policy: &Rows) -> Vec<f64> {
        let pairs = || (0..self.states()).flat_map(|s| (0..self.actions()).map(move |a| (s, a)));
        (0..self.states())
            .map(|t| sum(pairs().map(|(s, a)| distribution[s] * policy[s][a] * self.transition(s, a)[t])))
            .collect()
    }

    /// Holds a start distribution to the number of states.
    pub(super) fn hold_start(&self, start: &[f64]) -> Result<(), MdpError> {
        if start.len() != self.states() {
            return Err(MdpError::Shape(format!("expected distributions over {} states", self.states())));
        }
        if !is_law(start) {
            return Err(MdpError::Distribution { what: "the start".into() });
        }
        Ok(())
    }

    /// Holds a policy to the numbers of states and actions.
    pub(super) fn hold_policy(&self, policy: &Rows) -> Result<(), MdpError> {
        let (states, actions) = (self.states(), self.actions());
        if policy.count() == states && policy.width() == actions {
            return Ok(());
        }
        Err(MdpError::Shape(format!("expected a policy of {states} rows of {actions} actions")))
    }
}
