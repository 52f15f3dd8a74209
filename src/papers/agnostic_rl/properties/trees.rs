//! Trees over every outcome of the generative model.

use proptest::{collection::vec, prelude::*};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    super::{
        Fault,
        capacity::spanning_capacities,
        class::{Size, power},
        tree::{Forest, Tree},
    },
    digits, problems,
};
use crate::papers::leaf::{Failure, Measurement, Metric, Observe};

/// Deterministic processes that are listed at most.
const MOST: usize = 1 << 12;

/// A process, a class, and the outcomes of all draws of a tree.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Drawn {
    problem: super::Instance,
    /// s′ of every triple, in the order (h S + s) A + a; possible in the process or not.
    outcomes: Vec<usize>,
}

/// No tree asks for more transitions than the spanning capacities allow.
pub struct Queries;

impl Observe for Queries {
    type Instance = Drawn;
    type Fault = Fault;
    const NAME: &'static str = "queries-below-capacity";
    const SUMMARY: &'static str = "A tree asks for at most Σ_h C_h(Π) transitions, whatever is drawn.";
    const METRICS: &'static [Metric] =
        &[Metric::new("excess", "Queries less Σ_h C_h(Π).").unit("transitions")];
    const FAULTS: &'static [Fault] = &[Fault::FullTree, Fault::ResamplePerStep];

    fn instances() -> BoxedStrategy<Drawn> {
        problems((1, 3), (1, 3), (1, 2))
            .prop_flat_map(|problem| {
                let states = problem.process.states;
                let triples = problem.process.horizon * states * problem.process.actions;
                (Just(problem), vec(0..states, triples))
            })
            .prop_map(|(problem, outcomes)| Drawn { problem, outcomes })
            .boxed()
    }

    fn observe(instance: &Drawn, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let problem = instance.problem.problem()?;
        let Size { horizon, states, actions } = problem.class.size();
        let outcomes = &instance.outcomes;
        if outcomes.len() != horizon * states * actions || outcomes.iter().any(|t| *t >= states) {
            return Err(Failure::invalid("`outcomes` must have one state for each triple (h, s, a)"));
        }
        let allowed: usize = spanning_capacities(&problem.class, None)?.iter().sum();
        let draw = |h: usize, s: usize, a: usize| outcomes[(h * states + s) * actions + a];
        let mut forest = Forest::of(&problem.class);
        forest.add(&problem.class, &mut Tree::new(&problem.process, 0, draw, fault));
        Ok(Measurement::new().metric("excess", forest.queries[0] as f64 - allowed as f64))
    }
}

/// The mean return of every policy over all trees is its value.
pub struct Mean;

impl Observe for Mean {
    type Instance = super::Instance;
    type Fault = Fault;
    const NAME: &'static str = "mean-over-trees";
    const SUMMARY: &'static str =
        "The mean over all trees, weighted by their probabilities, is V(π) for all π.";
    const METRICS: &'static [Metric] =
        &[Metric::new("error", "Largest |Σ Pr(tree) return(π) − V(π)|.").range(0.0, f64::INFINITY)];
    const FAULTS: &'static [Fault] = &[Fault::ReuseAcrossLayers];

    fn instances() -> BoxedStrategy<Self::Instance> {
        problems((1, 3), (1, 2), (1, 2))
    }

    fn observe(instance: &Self::Instance, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let problem = instance.problem()?;
        let (process, Size { horizon, states, actions }) = (&problem.process, problem.class.size());
        // What is drawn in the last layer is never used.
        let moves = (horizon - 1) * states * actions;
        let number = power(states, moves);
        if number > MOST {
            return Err(Failure::invalid("there are too many trees to list"));
        }
        let mut means = vec![0.0; problem.values.len()];
        for number in 0..number {
            let next = digits(number, states, moves);
            let chance = |(triple, t): (usize, &usize)| {
                let (h, pair) = (triple / (states * actions), triple % (states * actions));
                process.steps()[h].transition(pair / actions, pair % actions)[*t]
            };
            let weight: f64 = next.iter().enumerate().map(chance).product();
            for (start, chance) in process.start().iter().enumerate() {
                if weight * chance == 0.0 {
                    continue;
                }
                let draw = |h: usize, s: usize, a: usize| {
                    next.get((h * states + s) * actions + a).copied().unwrap_or(0)
                };
                let mut tree = Tree::new(process, start, draw, fault);
                for (mean, policy) in means.iter_mut().zip(problem.class.policies()) {
                    *mean += weight * chance * tree.walk(policy);
                }
            }
        }
        Ok(Measurement::new().metric("error", problem.sup_error(&means)))
    }
}
