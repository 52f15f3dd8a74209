//! Processes whose steps differ, with a policy and a reference, that shrink to simple ones.

use proptest::{collection::vec, prelude::*};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::{cases::Task, cloning::cloned, invalid};
use crate::{
    kernel::{
        math::pow,
        mdp::{Episodic, Rows, Shape, Wild, instances},
        stream::Streams,
    },
    papers::leaf::Failure,
};

/// A process of some steps, and λ.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Regularised {
    /// One step each, with equally many states and actions: transitions, rewards and the policy. The first
    /// one has the start; discounts say nothing.
    pub steps: Vec<Wild>,
    /// Weights of the reference in the order (h S + s) A + a; one is added to each.
    pub reference: Vec<u32>,
    /// λ > 0.
    pub lambda: f64,
}

/// What a [`Regularised`] becomes.
pub struct Built {
    /// The process.
    pub process: Episodic,
    /// A policy, which may never take an action.
    pub policy: Vec<Rows>,
    /// A reference policy, which takes every action.
    pub reference: Vec<Rows>,
}

impl Regularised {
    /// The process and the policies.
    ///
    /// # Errors
    /// [`Failure::Invalid`] if lists do not fit each other, or λ is not positive.
    pub fn build(&self) -> Result<Built, Failure> {
        let (mut dynamics, mut policy, mut start) = (Vec::new(), Vec::new(), Vec::new());
        for wild in self.steps.iter().rev() {
            let (step, rows) = wild.build().map_err(invalid)?;
            dynamics.insert(0, step.dynamics().clone());
            policy.insert(0, rows);
            start = step.start().to_vec();
        }
        let process = Episodic::new(dynamics, start).map_err(invalid)?;
        let (states, actions) = (process.steps()[0].states(), process.steps()[0].actions());
        if self.reference.len() != process.horizon() * states * actions {
            return Err(Failure::invalid("the reference needs a weight for every step, state and action"));
        }
        if !(self.lambda > 0.0 && self.lambda.is_finite()) {
            return Err(Failure::invalid("expected λ above 0"));
        }
        let table = |weights: &[u32]| {
            let total = |s: usize| -> f64 {
                weights[s * actions..(s + 1) * actions].iter().map(|w| f64::from(*w) + 1.0).sum()
            };
            Rows::from_fn(states, actions, |s, a| (f64::from(weights[s * actions + a]) + 1.0) / total(s))
        };
        let reference = self.reference.chunks(states * actions).map(table).collect();
        Ok(Built { process, policy, reference })
    }
}

/// λ from 0.001 to 10, equally often at each scale.
pub fn lambdas() -> impl Strategy<Value = f64> {
    prop_oneof![1 => Just(1.0), 5 => (-3.0..1.0_f64).prop_map(|exponent| pow(10.0, exponent))]
}

/// One to three steps, states and actions.
pub fn regularised() -> BoxedStrategy<Regularised> {
    (1_usize..=3, 1_usize..=3, 1_usize..=3)
        .prop_flat_map(|(horizon, states, actions)| {
            let shape = Shape { states: (states, states), actions: (actions, actions), discount: (0.0, 0.0) };
            let weights = vec(prop_oneof![1 => Just(0_u32), 2 => 0_u32..100], horizon * states * actions);
            (vec(instances(shape), horizon), weights, lambdas())
        })
        .prop_map(|(steps, reference, lambda)| Regularised { steps, reference, lambda })
        .boxed()
}

/// Demonstrations of an expert of the process by formula.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    /// Shift c of the process.
    pub shift: usize,
    /// λ of the expert with respect to the uniform policy; 0 is the optimal policy itself.
    pub temperature: f64,
    /// N^E.
    pub demonstrations: usize,
    /// Seed of what was shown.
    pub seed: u64,
}

impl Shown {
    /// The task, and the clone with a pseudo-count.
    ///
    /// # Errors
    /// [`Failure::Invalid`] for settings out of range.
    pub fn cloned(&self, pseudo_count: f64) -> Result<(Task, Vec<Rows>), Failure> {
        if self.shift > 1000 || !(1..=1_000_000).contains(&self.demonstrations) {
            return Err(Failure::invalid("expected a shift up to 1000, and 1 to 1000000 demonstrations"));
        }
        let task = Task::new(self.shift, self.temperature)?;
        let mut stream = Streams::from_seed(self.seed).stream("demonstrations");
        let clone = cloned(&task.demonstrated(self.demonstrations, &mut stream), pseudo_count);
        Ok((task, clone))
    }
}

/// Few and many demonstrations of good and bad experts.
pub fn shown(most: usize) -> BoxedStrategy<Shown> {
    let temperature = prop_oneof![1 => Just(0.0), 3 => 0.02..1.0_f64];
    let demonstrations = prop_oneof![1 => 1..=20_usize, 1 => 20..=most];
    (0_usize..42, temperature, demonstrations, any::<u64>())
        .prop_map(|(shift, temperature, demonstrations, seed)| Shown {
            shift,
            temperature,
            demonstrations,
            seed,
        })
        .boxed()
}
