//! Identities and inequalities on generated processes and classes.

mod capacity;
mod coverability;
mod emulator;
mod petals;
mod search;
mod trees;

use proptest::{collection::vec, prelude::*};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    class::{Class, Policy, Size},
    invalid,
    process::Problem,
};
use crate::{
    kernel::mdp::{Layered, Shape, layered},
    papers::leaf::{Failure, Paper},
};

/// Adds all properties to the paper.
pub fn register(paper: Paper) -> Paper {
    paper
        .property::<capacity::Enumeration>()
        .property::<coverability::BelowCapacity>()
        .property::<coverability::BestData>()
        .property::<trees::Queries>()
        .property::<trees::Mean>()
        .property::<petals::StrongMarkov>()
        .property::<search::Order>()
        .property::<emulator::AsProcess>()
}

/// A process and a class of policies on it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Instance {
    /// The process.
    process: Layered,
    /// π_h(s), policy after policy.
    policies: Vec<Policy>,
}

impl Instance {
    fn problem(&self) -> Result<Problem, Failure> {
        let process = self.process.build().map_err(|e| invalid(&e))?;
        Problem::new(process, Class::new(self.process.actions, self.policies.clone())?)
    }
}

/// One policy of this size.
fn policy(size: Size) -> BoxedStrategy<Policy> {
    vec(vec(0..size.actions, size.states), size.horizon).boxed()
}

/// Classes of one to eight policies, duplicates and all, or policies that differ in few cells from one
/// another.
fn policies(size: Size) -> BoxedStrategy<Vec<Policy>> {
    let few = |ones| {
        let single = (0..size.horizon * size.states, 0..size.actions).prop_map(move |(cell, a)| (cell, a));
        vec(vec(single, 0..=ones), 1..=8).prop_map(move |changes| {
            let base = vec![vec![0; size.states]; size.horizon];
            let changed = |cells: Vec<(usize, usize)>| {
                let mut policy = base.clone();
                for (cell, a) in cells {
                    policy[cell / size.states][cell % size.states] = a;
                }
                policy
            };
            changes.into_iter().map(changed).collect()
        })
    };
    prop_oneof![vec(policy(size), 1..=8), few(1), few(2)].boxed()
}

/// Processes with classes; horizons, states and actions with both ends.
fn problems(
    horizon: (usize, usize),
    states: (usize, usize),
    actions: (usize, usize),
) -> BoxedStrategy<Instance> {
    layered(horizon, Shape { states, actions, discount: (0.0, 0.0) })
        .prop_flat_map(|process| {
            let Layered { horizon, states, actions, .. } = process;
            (Just(process), policies(Size { horizon, states, actions }))
        })
        .prop_map(|(process, policies)| Instance { process, policies })
        .boxed()
}

/// Digits of a number in a base, the lowest first, as many as asked for.
fn digits(mut number: usize, base: usize, count: usize) -> Vec<usize> {
    (0..count)
        .map(|_| {
            let digit = number % base;
            number /= base;
            digit
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::paper;

    /// The worst value of a metric over 300 cases, and how many were rejected.
    fn worst(property: &str, metric: &str, fault: Option<&str>) -> (f64, u32) {
        paper().find_property(property).unwrap().worst(metric, fault, 300)
    }

    #[test]
    fn properties_hold_on_the_reference_and_fail_under_their_faults() {
        for (property, metric, bound, fault) in [
            ("capacity-by-enumeration", "error", 0.0, "tree-only"),
            ("coverability-below-capacity", "excess", 1e-12, "sum-over-policies"),
            ("coverability-below-capacity", "later-excess", 1e-12, "sum-over-policies"),
            ("best-data", "error", 1e-12, "sum-over-policies"),
            ("queries-below-capacity", "excess", 0.0, "full-tree"),
            ("queries-below-capacity", "excess", 0.0, "resample-per-step"),
            ("mean-over-trees", "error", 1e-12, "reuse-across-layers"),
            ("strong-markov", "error", 1e-12, "petal-not-absorbing"),
            ("search-order", "error", 1e-12, "structured-class"),
            ("emulator-as-process", "error", 1e-12, "shared-sample"),
        ] {
            let (reference, rejected) = worst(property, metric, None);
            assert!(reference <= bound, "{property}.{metric} reaches {reference}");
            assert!(rejected < 100, "{property} rejects {rejected} of 300");
            let (faulty, _) = worst(property, metric, Some(fault));
            assert!(faulty > bound, "{property}.{metric} does not notice {fault}");
        }
    }
}
