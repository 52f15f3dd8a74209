//! Coverability against spanning capacity, and as the concentrability of the best data.

use proptest::{collection::vec, prelude::*};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    super::{
        Fault,
        capacity::spanning_capacities,
        coverability::{Coverability, concentrability, pair_occupancies},
    },
    problems,
};
use crate::{
    kernel::math::sum,
    papers::leaf::{Failure, Measurement, Metric, Observe},
};

/// Coverability never exceeds the spanning capacity.
pub struct BelowCapacity;

impl Observe for BelowCapacity {
    type Instance = super::Instance;
    type Fault = Fault;
    const NAME: &'static str = "coverability-below-capacity";
    const SUMMARY: &'static str = "Σ_sa max_π d_h^π(s, a) ≤ C_h(Π) in every layer.";
    const METRICS: &'static [Metric] = &[
        Metric::new("excess", "Largest Σ_sa max_π d_h^π(s, a) − C_h of a layer."),
        Metric::new("later-excess", "The same without the first layer, which is often tight."),
    ];
    const FAULTS: &'static [Fault] = &[Fault::SumOverPolicies];

    fn instances() -> BoxedStrategy<Self::Instance> {
        problems((2, 3), (1, 3), (1, 2))
    }

    fn observe(instance: &Self::Instance, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let problem = instance.problem()?;
        let layers = Coverability::of(&problem, fault)?.layers();
        let capacities = spanning_capacities(&problem.class, None)?;
        let excess: Vec<f64> = layers.iter().zip(capacities).map(|(d, c)| d - c as f64).collect();
        let most = |excess: &[f64]| excess.iter().copied().reduce(f64::max);
        let later = most(&excess[1..]).ok_or_else(|| Failure::invalid("there must be two layers"))?;
        Ok(Measurement::new().metric("excess", excess[0].max(later)).metric("later-excess", later))
    }
}

/// A process, a class, and a distribution of data.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Covered {
    problem: super::Instance,
    /// Weights of the data on pairs, in the order s A + a; the same in every layer.
    data: Vec<u32>,
}

/// Coverability is the concentrability under the best data.
pub struct BestData;

impl Observe for BestData {
    type Instance = Covered;
    type Fault = Fault;
    const NAME: &'static str = "best-data";
    const SUMMARY: &'static str = "Σ_sa max_π d(s, a) is the least over data μ of max d^π(s, a)/μ(s, a).";
    const METRICS: &'static [Metric] = &[
        Metric::new("error", "|concentrability under μ ∝ max_π d − coverability|, largest of a layer.")
            .range(0.0, f64::INFINITY),
        Metric::new("deficit", "Coverability less concentrability under the given data, largest of a layer."),
    ];
    const FAULTS: &'static [Fault] = &[Fault::SumOverPolicies];

    fn instances() -> BoxedStrategy<Covered> {
        problems((1, 3), (1, 3), (1, 3))
            .prop_flat_map(|problem| {
                let pairs = problem.process.states * problem.process.actions;
                (Just(problem), vec(0_u32..4, pairs))
            })
            .prop_map(|(problem, data)| Covered { problem, data })
            .boxed()
    }

    fn observe(instance: &Covered, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let problem = instance.problem.problem()?;
        let size = problem.class.size();
        if instance.data.len() != size.states * size.actions {
            return Err(Failure::invalid("`data` must have one weight for each pair"));
        }
        let weights: Vec<f64> = instance.data.iter().copied().map(f64::from).collect();
        let total = sum(weights.iter().copied());
        if total == 0.0 {
            return Err(Failure::Rejected("there are no data"));
        }
        let data: Vec<f64> = weights.iter().map(|w| w / total).collect();
        let coverability = Coverability::of(&problem, fault)?;
        let occupancies = pair_occupancies(&problem)?;
        let (mut error, mut deficit) = (0.0_f64, f64::NEG_INFINITY);
        for (h, covered) in coverability.layers().into_iter().enumerate() {
            let of_layer: Vec<&[f64]> = occupancies.iter().map(|layers| layers[h].as_slice()).collect();
            let best: Vec<f64> = coverability.envelopes[h].iter().map(|d| d / covered).collect();
            error = error.max((concentrability(&of_layer, &best) - covered).abs());
            // Data that miss where a policy goes have an infinite concentrability: no deficit to speak of.
            let given = concentrability(&of_layer, &data);
            deficit = deficit.max(covered - given.min(covered + 1.0));
        }
        Ok(Measurement::new().metric("error", error).metric("deficit", deficit))
    }
}
