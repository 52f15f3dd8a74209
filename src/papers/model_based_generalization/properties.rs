//! What holds for every data set: inclusion, equality for tables, and replay as a model.

use proptest::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    agents::{Counts, replayed},
    classes::{Class, DISCOUNT, Reward, Values},
    pan_flute::{PanFlute, Transition},
};
use crate::{
    kernel::{mdp::Mdp, tokens::Rows},
    papers::leaf::{Failure, Measurement, Metric, Observe},
};

/// A true model of a class, rewards, and pairs at which it is seen.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// The class.
    pub class: Class,
    /// r(s, a) by pair 2s + a.
    pub rewards: Vec<f64>,
    /// Number of the true model.
    pub truth: usize,
    /// Pairs that were seen; an empty list rules nothing out.
    pub pairs: Vec<usize>,
}

impl Seen {
    fn values(&self, class: Class, hasty: bool) -> Result<Values, Failure> {
        let fits = self.rewards.len() == self.class.pairs() && self.rewards.iter().all(|r| r.is_finite());
        if !fits || self.pairs.iter().any(|pair| *pair >= self.class.pairs()) {
            return Err(Failure::invalid(format!(
                "expected {} finite rewards, and pairs below {}",
                self.class.pairs(),
                self.class.pairs()
            )));
        }
        let known = self.class.models().len();
        if self.truth >= known {
            return Err(Failure::invalid(format!("there are {known} models")));
        }
        let rewards = if class == self.class { self.rewards.clone() } else { class.rewards(Reward::Sparse) };
        Ok(Values::new(class.models(), rewards, hasty))
    }
}

/// Rewards with ties, negative ones, and those of the fixed instances.
fn seen(class: Class) -> BoxedStrategy<Seen> {
    let models = class.models().len();
    let reward = prop_oneof![3 => Just(0.0), 1 => Just(1.0), 2 => -1.0..1.0];
    let rewards = prop_oneof![
        1 => Just(class.rewards(Reward::Sparse)),
        1 => Just(class.rewards(Reward::Dense)),
        2 => prop::collection::vec(reward, class.pairs()),
    ];
    let pairs = prop::collection::vec(0..class.pairs(), 0..=class.pairs());
    (rewards, 0..models, pairs)
        .prop_map(move |(rewards, truth, pairs)| Seen { class, rewards, truth, pairs })
        .boxed()
}

/// Q_MB(D) ⊆ Q_MF(D), and both hold the true values.
pub struct Inclusion;

impl Observe for Inclusion {
    type Instance = Seen;
    type Fault = Fault;
    const NAME: &'static str = "inclusion";
    const SUMMARY: &'static str = "Q_MB(D) is a part of Q_MF(D), and both hold the true values.";
    const METRICS: &'static [Metric] = &[
        Metric::new("pruned", "Models that agree with the data, whose values are ruled out.")
            .unit("models")
            .range(0.0, 1e6),
        Metric::new("truth-lost", "1 if the true values are ruled out.").range(0.0, 1.0),
    ];
    const FAULTS: &'static [Fault] = &[Fault::OneSidedTolerance];

    fn instances() -> BoxedStrategy<Seen> {
        prop_oneof![seen(Class::Factored), seen(Class::Tabular)].boxed()
    }

    fn observe(instance: &Seen, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let values = instance.values(instance.class, fault == Some(Fault::OneSidedTolerance))?;
        let (evidence, seen) = (values.evidence(), values.seen(instance.truth, &instance.pairs));
        let left = evidence.unrefuted(&seen);
        Ok(Measurement::new()
            .metric("pruned", evidence.consistent(&seen).without(&left).count() as f64)
            .metric("truth-lost", f64::from(u8::from(!left.contains(instance.truth)))))
    }
}

/// For tables Q_MF(D) = Q_MB(D).
pub struct NothingGained;

impl Observe for NothingGained {
    type Instance = Seen;
    type Fault = Fault;
    const NAME: &'static str = "nothing-gained";
    const SUMMARY: &'static str = "Among all tables, every value that obeys the Bellman equation at the data is that of a table that agrees with them.";
    const METRICS: &'static [Metric] =
        &[Metric::new("unmatched", "Values of Q_MF that are none of Q_MB.").unit("models").range(0.0, 1e6)];
    const FAULTS: &'static [Fault] = &[Fault::FactoredClass];

    fn instances() -> BoxedStrategy<Seen> {
        seen(Class::Tabular)
    }

    fn observe(instance: &Seen, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let class = if fault == Some(Fault::FactoredClass) { Class::Factored } else { instance.class };
        let values = instance.values(class, false)?;
        // There are fewer factored models than tables.
        let truth = instance.truth % values.models.len();
        let (evidence, seen) = (values.evidence(), values.seen(truth, &instance.pairs));
        let (agreeing, left) = (evidence.consistent(&seen), evidence.unrefuted(&seen));
        let unmatched =
            left.without(&agreeing).filter(|m| !agreeing.iter().any(|other| values.same(*m, other)));
        Ok(Measurement::new().metric("unmatched", unmatched.count() as f64))
    }
}

/// Actions taken in PanFlute from the empty state, and whether all last bits were set besides.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Path {
    /// Number of pipes.
    pub pipes: usize,
    /// Actions, and sparks.
    pub steps: Vec<(usize, bool)>,
}

impl Path {
    /// The environment, and the transitions of the path.
    pub fn transitions(&self) -> Result<(PanFlute, Vec<Transition>), Failure> {
        if !(1..=3).contains(&self.pipes) || self.steps.len() > 10_000 {
            return Err(Failure::invalid("expected 1 to 3 pipes, and at most 10000 steps"));
        }
        if self.steps.iter().any(|(action, _)| *action >= self.pipes) {
            return Err(Failure::invalid(format!("expected actions below {}", self.pipes)));
        }
        let flute = PanFlute::new(self.pipes);
        let mut state = 0;
        let transitions = self
            .steps
            .iter()
            .map(|(action, spark)| {
                let next = flute.next(state, *action, *spark);
                let transition = Transition { state, action: *action, next };
                state = next;
                transition
            })
            .collect();
        Ok((flute, transitions))
    }
}

/// Replay ends at the optimal values of the empirical model, by policy iteration.
pub struct ReplayIsAModel;

impl Observe for ReplayIsAModel {
    type Instance = Path;
    type Fault = Fault;
    const NAME: &'static str = "replay-is-a-model";
    const SUMMARY: &'static str = "Replay ends at the optimal values of the table of visited pairs.";
    const METRICS: &'static [Metric] =
        &[Metric::new("error", "Largest difference over all pairs.").range(0.0, f64::INFINITY)];
    const FAULTS: &'static [Fault] = &[Fault::OptimisticUnvisited];

    fn instances() -> BoxedStrategy<Path> {
        (1..=3_usize)
            .prop_flat_map(|pipes| {
                let step = (0..pipes, prop::bool::weighted(0.15));
                (Just(pipes), prop::collection::vec(step, 0..120))
            })
            .prop_map(|(pipes, steps)| Path { pipes, steps })
            .boxed()
    }

    fn observe(instance: &Path, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let (flute, data) = instance.transitions()?;
        let counts = Counts::of(&flute, &data);
        let unvisited = if fault == Some(Fault::OptimisticUnvisited) { 1.0 / (1.0 - DISCOUNT) } else { 0.0 };
        let replayed = replayed(&flute, &counts, unvisited);
        // Pairs that were not visited lead to a state where nothing is ever paid.
        let (states, actions) = (flute.states(), flute.pipes());
        let mut transitions = Rows::zeros((states + 1) * actions, states + 1);
        let mut rewards = Rows::zeros(states + 1, actions);
        for s in 0..=states {
            for a in 0..actions {
                let next = if s < states { counts.shares(s, a) } else { vec![] };
                if next.is_empty() {
                    transitions[s * actions + a][states] = 1.0;
                } else {
                    rewards[s][a] = flute.reward(s);
                }
                for (t, share) in next {
                    transitions[s * actions + a][t] = share;
                }
            }
        }
        let mut start = vec![0.0; states + 1];
        start[0] = 1.0;
        let process =
            Mdp::new(transitions, rewards, start, DISCOUNT).map_err(|e| Failure::numerical(e.to_string()))?;
        let (optimal, _) = process.optimal().map_err(|e| Failure::numerical(e.to_string()))?;
        let pairs = replayed.values().iter().zip(optimal.actions.values());
        let error = pairs.fold(0.0_f64, |most, (r, q)| most.max((r - q).abs()));
        Ok(Measurement::new().metric("error", error))
    }
}
