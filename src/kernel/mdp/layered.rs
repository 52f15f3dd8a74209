//! Processes of finitely many steps for property tests, ugly ones included.

use proptest::{collection::vec, prelude::*};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Dynamics, Episodic, MdpError, Rows, Shape,
    instances::{normalised, reward, weight},
};

/// A process of H steps, each with dynamics of its own, as weights that become distributions: it
/// shrinks to few steps, equal weights and zero rewards.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Layered {
    /// Number of steps H.
    pub horizon: usize,
    /// Number of states S.
    pub states: usize,
    /// Number of actions A.
    pub actions: usize,
    /// Weights of the next states, S a triple, triples in the order (h S + s) A + a.
    pub transitions: Vec<u32>,
    /// Rewards, in the order (h S + s) A + a.
    pub rewards: Vec<f64>,
    /// Weights of the start states.
    pub start: Vec<u32>,
}

impl Layered {
    /// The process. A row of zero weights leads to its first state.
    ///
    /// # Errors
    /// [`MdpError`] if the lists do not have the lengths that the counts ask for, or a reward is not
    /// finite.
    pub fn build(&self) -> Result<Episodic, MdpError> {
        let Self { horizon, states, actions, .. } = *self;
        let pairs = states.checked_mul(actions).filter(|n| *n <= 1 << 20 && *n > 0);
        let triples = pairs.and_then(|n| n.checked_mul(horizon)).filter(|n| *n <= 1 << 20);
        let fits = triples.is_some_and(|n| self.rewards.len() == n && self.transitions.len() == n * states)
            && self.start.len() == states;
        if !fits {
            return Err(MdpError::Shape(format!(
                "the lists do not fit {horizon} steps, {states} states and {actions} actions"
            )));
        }
        let pairs = states * actions;
        let steps = (0..horizon).map(|h| {
            let weights = &self.transitions[h * pairs * states..(h + 1) * pairs * states];
            let paid = &self.rewards[h * pairs..(h + 1) * pairs];
            Dynamics::new(
                normalised(weights, states),
                Rows::from_fn(states, actions, |s, a| paid[s * actions + a]),
            )
        });
        let steps = steps.collect::<Result<_, _>>()?;
        Episodic::new(steps, normalised(&self.start, states)[0].to_vec())
    }
}

/// Generates processes of the given numbers of steps (ends included), as ugly as those of
/// [`super::instances()`]; the discount of the shape is not used.
pub fn layered(horizon: (usize, usize), shape: Shape) -> BoxedStrategy<Layered> {
    let (states, actions) = (shape.states.0..=shape.states.1, shape.actions.0..=shape.actions.1);
    (horizon.0..=horizon.1, states, actions)
        .prop_flat_map(move |(horizon, states, actions)| {
            let triples = horizon * states * actions;
            (vec(weight(), triples * states), vec(reward(), triples), vec(weight(), states)).prop_map(
                move |(transitions, rewards, start)| Layered {
                    horizon,
                    states,
                    actions,
                    transitions,
                    rewards,
                    start,
                },
            )
        })
        .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest! {
        #[test]
        fn generated_processes_can_be_built(
            wild in layered((1, 4), Shape { states: (1, 3), actions: (1, 3), discount: (0.0, 0.0) })
        ) {
            let process = wild.build().unwrap();
            prop_assert_eq!(process.horizon(), wild.horizon);
            let last = &process.steps()[wild.horizon - 1];
            let reward = last.rewards()[wild.states - 1][wild.actions - 1];
            prop_assert_eq!(Some(&reward), wild.rewards.last());
        }
    }

    #[test]
    fn lists_that_do_not_fit_are_refused() {
        let wild = Layered {
            horizon: 1,
            states: 2,
            actions: 1,
            transitions: vec![0, 0, 1, 3],
            rewards: vec![0.0, 1.0],
            start: vec![1, 0],
        };
        assert_eq!(wild.build().unwrap().steps()[0].transition(1, 0), [0.25, 0.75]);
        assert_eq!(wild.build().unwrap().steps()[0].transition(0, 0), [1.0, 0.0]);
        assert!(Layered { horizon: 0, ..wild.clone() }.build().is_err());
        assert!(Layered { horizon: 2, ..wild.clone() }.build().is_err());
        assert!(Layered { start: vec![1], ..wild }.build().is_err());
    }
}
