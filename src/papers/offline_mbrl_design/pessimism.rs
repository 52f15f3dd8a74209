//! What the theory says of any pair of process and model: properties.

use proptest::{collection::vec, prelude::*};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    pair::{ModelPair, transitions},
    unsolved,
};
use crate::{
    kernel::mdp::{Rows, Shape, Wild, instances},
    papers::leaf::{Failure, Measurement, Metric, Observe},
};

const SHAPE: Shape = Shape { states: (1, 5), actions: (1, 3), discount: (0.0, 0.97) };

/// A process with a policy, and the model of it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Modelled {
    /// The true process, and a policy.
    pub process: Wild,
    /// Weights of the next states in the model, S a pair, pairs in the order s A + a.
    pub model: Vec<u32>,
}

impl Modelled {
    /// The pair and the policy (S × A).
    ///
    /// # Errors
    /// [`Failure::Invalid`] if the lists do not have the lengths that the counts ask for.
    pub fn build(&self) -> Result<(ModelPair, Rows), Failure> {
        let (truth, policy) = self.process.build().map_err(unsolved)?;
        let model = Wild { transitions: self.model.clone(), ..self.process.clone() };
        let (model, _) = model.build().map_err(unsolved)?;
        Ok((ModelPair::new(truth, transitions(&model))?, policy))
    }

    /// The same, of a process whose rewards lie in \[0, 1\].
    fn build_unit(&self) -> Result<(ModelPair, Rows), Failure> {
        if self.process.rewards.iter().any(|r| !(0.0..=1.0).contains(r)) {
            return Err(Failure::Rejected("a reward outside [0, 1]"));
        }
        self.build()
    }
}

/// Pairs, a third of whose rows the model knows exactly, and the one-sided errors of the tight pair and
/// of its extension by a safe action, which no random errors are as bad as.
pub fn modelled() -> BoxedStrategy<Modelled> {
    let weight = || prop_oneof![1 => Just(0_u32), 1 => Just(1), 2 => 0_u32..100];
    let random = instances(SHAPE).prop_flat_map(move |process| {
        let pairs = process.states * process.actions;
        (Just(process), vec((vec(weight(), SHAPE.states.1), 0_u32..3), pairs)).prop_map(
            |(mut process, rows)| {
                let states = process.states;
                process.rewards.iter_mut().for_each(|r| *r = r.abs());
                let model = rows
                    .iter()
                    .enumerate()
                    .flat_map(|(row, (weights, known))| {
                        let truth = &process.transitions[row * states..(row + 1) * states];
                        if *known == 0 { truth.to_vec() } else { weights[..states].to_vec() }
                    })
                    .collect();
                Modelled { process, model }
            },
        )
    });
    let one_sided = (1_u32..=60, 5_u32..=97, any::<bool>()).prop_map(|(death, discount, safe)| {
        let good = if safe { vec![100 - death, death, 1, 0] } else { vec![100 - death, death] };
        let dead = [0, 1].repeat(1 + usize::from(safe));
        let process = Wild {
            states: 2,
            actions: 1 + usize::from(safe),
            discount: f64::from(discount) / 100.0,
            transitions: [good, dead.clone()].concat(),
            rewards: if safe { vec![1.0, 0.5, 0.0, 0.0] } else { vec![1.0, 0.0] },
            start: vec![1, 0],
            policy: vec![1; 2 + 2 * usize::from(safe)],
        };
        Modelled { process, model: [[1, 0].repeat(1 + usize::from(safe)), dead].concat() }
    });
    prop_oneof![3 => random, 1 => one_sided].boxed()
}

/// J_M̂ − J_M by telescoping.
pub struct Telescoping;

impl Observe for Telescoping {
    type Instance = Modelled;
    type Fault = Fault;
    const NAME: &'static str = "telescoping";
    const SUMMARY: &'static str =
        "J_M̂ − J_M by two linear solves, against the model's error averaged over the occupancy in the model.";
    const METRICS: &'static [Metric] = &[
        Metric::new("error", "Difference of the two, times 1 − γ.").range(0.0, f64::INFINITY),
        Metric::new("mirrored-error", "The same with occupancy in the truth and values of the model.")
            .range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::TrueOccupancy];

    fn instances() -> BoxedStrategy<Modelled> {
        modelled()
    }

    fn observe(instance: &Modelled, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let (pair, policy) = instance.build()?;
        let difference = pair.model().performance(&policy).map_err(unsolved)? - pair.true_return(&policy)?;
        let scale = 1.0 - pair.truth().discount();
        Ok(Measurement::new()
            .metric("error", scale * (pair.telescoped(&policy, fault)? - difference).abs())
            .metric("mirrored-error", scale * (pair.telescoped_back(&policy)? - difference).abs()))
    }
}

/// The pessimistic return is a lower bound, for a given policy and for the policy that profits most.
pub struct Pessimism;

impl Observe for Pessimism {
    type Instance = Modelled;
    type Fault = Fault;
    const NAME: &'static str = "pessimism";
    const SUMMARY: &'static str = "J_M − J̃ of a given policy, and of the policy that maximises J̃.";
    const METRICS: &'static [Metric] = &[
        Metric::new("slack", "J_M − J̃ of the given policy.").unit("return"),
        Metric::new("slack-of-maximiser", "J_M − J̃ of the policy that maximises J̃.").unit("return"),
    ];
    const FAULTS: &'static [Fault] = &[Fault::NoPenalty, Fault::HalfPenalty, Fault::NoHorizonFactor];

    fn instances() -> BoxedStrategy<Modelled> {
        modelled()
    }

    fn observe(instance: &Modelled, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let (pair, policy) = instance.build_unit()?;
        let pessimistic = pair.pessimistic(fault)?;
        let slack = |policy: &Rows| -> Result<f64, Failure> {
            Ok(pair.true_return(policy)? - pessimistic.performance(policy).map_err(unsolved)?)
        };
        Ok(Measurement::new()
            .metric("slack", slack(&policy)?)
            .metric("slack-of-maximiser", slack(&ModelPair::optimal(&pessimistic)?)?))
    }
}

/// The maximiser of the pessimistic return is nearly as good as any policy that stays where the model is
/// right.
pub struct Guarantee;

impl Observe for Guarantee {
    type Instance = Modelled;
    type Fault = Fault;
    const NAME: &'static str = "guarantee";
    const SUMMARY: &'static str =
        "J_M(π̂) − (J_M(π) − 2 λ* ε_u(π)) for a given policy π and for an optimal one.";
    const METRICS: &'static [Metric] = &[
        Metric::new("slack", "Slack against the given policy.").unit("return"),
        Metric::new("slack-of-optimum", "Slack against an optimal policy.").unit("return"),
    ];
    const FAULTS: &'static [Fault] = &[Fault::WrongSignPenalty];

    fn instances() -> BoxedStrategy<Modelled> {
        modelled()
    }

    fn observe(instance: &Modelled, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let (pair, policy) = instance.build_unit()?;
        let best = ModelPair::optimal(pair.truth())?;
        Ok(Measurement::new()
            .metric("slack", pair.guarantee_slack(&policy, fault)?)
            .metric("slack-of-optimum", pair.guarantee_slack(&best, fault)?))
    }
}
