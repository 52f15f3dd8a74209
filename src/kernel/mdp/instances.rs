//! Processes for property tests, ugly ones included, that shrink to simple ones.

use proptest::{collection::vec, prelude::*};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Mdp, MdpError, Rows};

/// How large generated processes are; all ends included.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Fewest and most states.
    pub states: (usize, usize),
    /// Fewest and most actions.
    pub actions: (usize, usize),
    /// Smallest and largest discount.
    pub discount: (f64, f64),
}

/// A process and a policy, as weights that become distributions: it shrinks to few states, equal
/// weights and zero rewards, and a counterexample can be read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wild {
    /// Number of states S.
    pub states: usize,
    /// Number of actions A.
    pub actions: usize,
    /// Discount γ.
    pub discount: f64,
    /// Weights of the next states, S a pair, pairs in the order s A + a.
    pub transitions: Vec<u32>,
    /// Rewards, in the order s A + a.
    pub rewards: Vec<f64>,
    /// Weights of the start states.
    pub start: Vec<u32>,
    /// Weights of the actions, in the order s A + a.
    pub policy: Vec<u32>,
}

impl Wild {
    /// The process, and the policy (S × A).
    ///
    /// # Errors
    /// [`MdpError`] if the lists do not have the lengths that the counts ask for.
    pub fn build(&self) -> Result<(Mdp, Rows), MdpError> {
        let Self { states, actions, .. } = *self;
        let pairs = states.checked_mul(actions).filter(|n| *n <= 1 << 20 && *n > 0);
        let lengths = [self.rewards.len(), self.policy.len()];
        let fits = pairs.is_some_and(|n| lengths == [n, n] && self.transitions.len() == n * states);
        if !fits || self.start.len() != states {
            return Err(MdpError::Shape(format!(
                "the lists do not fit {states} states and {actions} actions"
            )));
        }
        let transitions = normalised(&self.transitions, states);
        let rewards = Rows::from_fn(states, actions, |s, a| self.rewards[s * actions + a]);
        let start = normalised(&self.start, states)[0].to_vec();
        let process = Mdp::new(transitions, rewards, start, self.discount)?;
        Ok((process, normalised(&self.policy, actions)))
    }
}

/// Rows of weights as distributions; a row of zeros becomes its first entry.
pub(super) fn normalised(weights: &[u32], width: usize) -> Rows {
    Rows::from_fn(weights.len() / width, width, |row, column| {
        let row = &weights[row * width..(row + 1) * width];
        let total: f64 = row.iter().copied().map(f64::from).sum();
        if total == 0.0 { f64::from(u8::from(column == 0)) } else { f64::from(row[column]) / total }
    })
}

/// Weights, about a third of them zero.
pub(super) fn weight() -> impl Strategy<Value = u32> + Clone {
    prop_oneof![1 => Just(0_u32), 1 => Just(1), 2 => 0_u32..100]
}

/// Rewards in \[−1, 1\] that tie and vanish.
pub(super) fn reward() -> impl Strategy<Value = f64> + Clone {
    prop_oneof![1 => Just(0.0), 1 => Just(1.0), 1 => Just(-1.0), 3 => -1.0..1.0]
}

/// Generates processes: about a third of the weights are zero, so that states are absorbing or never
/// reached and actions never taken; rewards tie, vanish or are negative; discounts lie at the ends.
pub fn instances(shape: Shape) -> BoxedStrategy<Wild> {
    let (least, most) = shape.discount;
    let discount = prop_oneof![1 => Just(least), 1 => Just(most), 4 => least..=most];
    (shape.states.0..=shape.states.1, shape.actions.0..=shape.actions.1, discount)
        .prop_flat_map(move |(states, actions, discount)| {
            let pairs = states * actions;
            (vec(weight(), pairs * states), vec(reward(), pairs), vec(weight(), states), vec(weight(), pairs))
                .prop_map(move |(transitions, rewards, start, policy)| Wild {
                    states,
                    actions,
                    discount,
                    transitions,
                    rewards,
                    start,
                    policy,
                })
        })
        .boxed()
}
