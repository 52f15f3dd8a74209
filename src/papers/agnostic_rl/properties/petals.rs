//! The petal process against backward induction.

use proptest::{collection::vec, prelude::*};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    super::{
        Fault,
        class::{Class, Policy, Size},
        invalid,
        petal_process::PetalProcess,
        petals::Cell,
        process::Problem,
    },
    policy,
};
use crate::{
    kernel::mdp::{Layered, Shape, layered},
    papers::leaf::{Failure, Measurement, Metric, Observe},
};

/// A process, a policy, and cells.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Instance {
    process: Layered,
    /// π_h(s).
    policy: Policy,
    /// Petals (h, s); an empty list and repetitions are allowed.
    petals: Vec<Cell>,
}

/// The value of a policy is that of its petal process.
pub struct StrongMarkov;

impl Observe for StrongMarkov {
    type Instance = Instance;
    type Fault = Fault;
    const NAME: &'static str = "strong-markov";
    const SUMMARY: &'static str =
        "The value of the petal process is that of backward induction, for any petals.";
    const METRICS: &'static [Metric] =
        &[Metric::new("error", "Absolute difference of the values.").range(0.0, f64::INFINITY)];
    const FAULTS: &'static [Fault] = &[Fault::PetalNotAbsorbing];

    fn instances() -> BoxedStrategy<Instance> {
        layered((1, 5), Shape { states: (1, 4), actions: (1, 3), discount: (0.0, 0.0) })
            .prop_flat_map(|process| {
                let Layered { horizon, states, actions, .. } = process;
                let size = Size { horizon, states, actions };
                (Just(process), policy(size), vec((0..horizon, 0..states), 0..=6))
            })
            .prop_map(|(process, policy, petals)| Instance { process, policy, petals })
            .boxed()
    }

    fn observe(instance: &Instance, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let process = instance.process.build().map_err(|e| invalid(&e))?;
        let class = Class::new(instance.process.actions, vec![instance.policy.clone()])?;
        let problem = Problem::new(process, class)?;
        let petals = PetalProcess::of(&problem.process, &instance.policy, &instance.petals, fault)?;
        Ok(Measurement::new().metric("error", (petals.value() - problem.values[0]).abs()))
    }
}
