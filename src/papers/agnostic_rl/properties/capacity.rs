//! The search for spanning capacities against a list of all deterministic processes.

use std::collections::BTreeSet;

use proptest::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    super::{
        Fault,
        capacity::spanning_capacities,
        class::{Class, Policy, Size, power},
    },
    digits, policies,
};
use crate::papers::leaf::{Failure, Measurement, Metric, Observe};

/// Processes that are listed at most.
const MOST: usize = 1 << 12;

/// A class of policies.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Instance {
    /// A.
    actions: usize,
    /// π_h(s), policy after policy.
    policies: Vec<Policy>,
}

/// C_h by search and by its definition.
pub struct Enumeration;

impl Observe for Enumeration {
    type Instance = Instance;
    type Fault = Fault;
    const NAME: &'static str = "capacity-by-enumeration";
    const SUMMARY: &'static str = "C_h by search equals the most pairs reached in any deterministic process.";
    const METRICS: &'static [Metric] = &[
        Metric::new("error", "Largest difference of a layer.").range(0.0, f64::INFINITY),
        Metric::new("excess", "Largest C_h − min(|Π|, S A, Aʰ), h counted from 1."),
    ];
    const FAULTS: &'static [Fault] = &[Fault::TreeOnly];

    fn instances() -> BoxedStrategy<Instance> {
        let sizes = prop_oneof![(1_usize..=2, 1_usize..=3), (Just(3_usize), 1_usize..=2)];
        (sizes, 1_usize..=2)
            .prop_flat_map(|((horizon, states), actions)| {
                (Just(actions), policies(Size { horizon, states, actions }))
            })
            .prop_map(|(actions, policies)| Instance { actions, policies })
            .boxed()
    }

    fn observe(instance: &Instance, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let class = Class::new(instance.actions, instance.policies.clone())?;
        let found = spanning_capacities(&class, fault)?;
        let listed = by_definition(&class)?;
        let error = found.iter().zip(&listed).map(|(c, listed)| c.abs_diff(*listed)).max().unwrap_or(0);
        let excess = found.iter().enumerate().map(|(h, c)| *c as f64 - class.trivial_bound(h) as f64);
        Ok(Measurement::new()
            .metric("error", error as f64)
            .metric("excess", excess.fold(f64::NEG_INFINITY, f64::max)))
    }
}

/// The most pairs of each layer that are reached in any deterministic process.
fn by_definition(class: &Class) -> Result<Vec<usize>, Failure> {
    let Size { horizon, states, actions } = class.size();
    let moves = (horizon - 1).saturating_mul(states).saturating_mul(actions);
    let number = power(states, moves);
    if number > MOST {
        return Err(Failure::invalid("there are too many processes to list"));
    }
    let mut most = vec![0; horizon];
    for process in 0..number {
        let next = digits(process, states, moves);
        for start in 0..states {
            let mut reached = vec![BTreeSet::new(); horizon];
            for policy in class.policies() {
                let mut state = start;
                for (h, reached) in reached.iter_mut().enumerate() {
                    let action = policy[h][state];
                    reached.insert((state, action));
                    state = next.get((h * states + state) * actions + action).copied().unwrap_or(0);
                }
            }
            most.iter_mut().zip(&reached).for_each(|(most, reached)| *most = reached.len().max(*most));
        }
    }
    Ok(most)
}
