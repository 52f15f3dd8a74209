//! How many values data leave, over all true models and all data sets of a size.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    classes::{Class, Reward, Values, distinct, tabular},
};
use crate::{
    kernel::{math::mean, stream::Streams},
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Which data sets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Seen {
    /// Every set of so many pairs (s, a).
    Subsets(#[schemars(range(min = 1, max = 8))] usize),
    /// One set of pairs, the pair (s, a) as 2s + a.
    Pairs(Vec<usize>),
}

/// Settings of the enumeration.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The class of models.
    pub class: Class,
    /// The rewards, which are known.
    pub reward: Reward,
    /// What is seen of the true model.
    pub seen: Seen,
}

impl Default for Settings {
    fn default() -> Self {
        Self { class: Class::Factored, reward: Reward::Sparse, seen: Seen::Subsets(2) }
    }
}

/// Counts the values that data leave to a learner of models and to a learner of values.
pub struct Pruning(Settings);

/// Every set of `size` of the pairs 0 … `pairs` − 1, in order.
fn subsets(pairs: usize, size: usize) -> Vec<Vec<usize>> {
    let chosen = |mask: usize| (0..pairs).filter(|pair| mask >> pair & 1 == 1).collect::<Vec<usize>>();
    (0..1_usize << pairs).filter(|mask| mask.count_ones() as usize == size).map(chosen).collect()
}

impl Pruning {
    fn class(&self, fault: Option<Fault>) -> Class {
        match fault {
            Some(Fault::TabularClass) => Class::Tabular,
            Some(Fault::FactoredClass) => Class::Factored,
            _ => self.0.class,
        }
    }

    fn data_sets(&self, class: Class) -> Vec<Vec<usize>> {
        match &self.0.seen {
            Seen::Subsets(size) => subsets(class.pairs(), *size),
            Seen::Pairs(pairs) => vec![pairs.iter().copied().filter(|p| *p < class.pairs()).collect()],
        }
    }
}

/// Values of all tables of four states that agree with a model at some pairs: what is left if its rows are
/// free. Tables that differ only in unseen rows are all of them.
fn free_rows(model: &[usize], rewards: &[f64], pairs: &[usize]) -> usize {
    let free: Vec<usize> = (0..model.len()).filter(|pair| !pairs.contains(pair)).collect();
    let states = model.len() / 2;
    let tables = (0..states.pow(free.len() as u32)).map(|index| {
        let mut table = model.to_vec();
        for (pair, next) in free.iter().zip(tabular(states, free.len(), index)) {
            table[*pair] = next;
        }
        table
    });
    let values = Values::new(tables.collect(), rewards.to_vec(), false);
    distinct(values.names().into_iter())
}

impl Measure for Pruning {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "pruning";
    const SUMMARY: &'static str = "Counts the values that data leave, over all true models and data sets.";
    const METRICS: &'static [Metric] = &[
        Metric::new("model-based", "Mean number of values in Q_MB.").unit("values").range(0.0, 1e6),
        Metric::new("value-based", "Mean number of values in Q_MF.").unit("values").range(0.0, 1e6),
        Metric::new("strict", "Share of the cases in which Q_MB is smaller than Q_MF.").range(0.0, 1.0),
        Metric::new("model-based-unique", "Share of the cases in which Q_MB has one value.").range(0.0, 1.0),
        Metric::new("value-based-unique", "Share of the cases in which Q_MF has one value.").range(0.0, 1.0),
        Metric::new("violations", "Cases in which Q_MB is no part of Q_MF, or misses the truth.")
            .unit("cases")
            .range(0.0, 1e9),
    ];
    const FAULTS: &'static [Fault] =
        &[Fault::FactoredClass, Fault::OneSidedTolerance, Fault::TabularClass, Fault::Unfactored];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        let pairs = settings.class.pairs();
        match &settings.seen {
            Seen::Subsets(size) if *size == 0 || *size > pairs => {
                Err(Failure::invalid(format!("expected between 1 and {pairs} pairs")))
            }
            Seen::Pairs(seen) if seen.is_empty() || seen.iter().any(|pair| *pair >= pairs) => {
                Err(Failure::invalid(format!("expected pairs between 0 and {}", pairs - 1)))
            }
            _ => Ok(Self(settings)),
        }
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let class = self.class(fault);
        let rewards = class.rewards(self.0.reward);
        let values = Values::new(class.models(), rewards.clone(), fault == Some(Fault::OneSidedTolerance));
        let (names, evidence) = (values.names(), values.evidence());
        let (mut by_models, mut by_values) = (Vec::new(), Vec::new());
        let mut violations = 0;
        for pairs in self.data_sets(class) {
            // Models that look alike at the pairs leave the same.
            let mut known = BTreeMap::new();
            for truth in 0..values.models.len() {
                let seen = values.seen(truth, &pairs);
                let (agreeing, outside, models, left) = known.entry(seen).or_insert_with_key(|seen| {
                    let (agreeing, left) = (evidence.consistent(seen), evidence.unrefuted(seen));
                    let outside = agreeing.without(&left).next().is_some();
                    let models = if fault == Some(Fault::Unfactored) {
                        free_rows(&values.models[truth], &rewards, &pairs)
                    } else {
                        distinct(agreeing.iter().map(|m| names[m]))
                    };
                    (agreeing, outside, models, distinct(left.iter().map(|m| names[m])))
                });
                violations += usize::from(*outside || !agreeing.contains(truth));
                by_models.push(*models);
                by_values.push(*left);
            }
        }
        let average = |counts: &[usize]| mean(&counts.iter().map(|n| *n as f64).collect::<Vec<_>>());
        let share =
            |counts: &[usize]| counts.iter().filter(|n| **n == 1).count() as f64 / counts.len() as f64;
        let strict = by_models.iter().zip(&by_values).filter(|(models, values)| models < values).count();
        Ok(Measurement::new()
            .metric("model-based", average(&by_models))
            .metric("value-based", average(&by_values))
            .metric("strict", strict as f64 / by_models.len() as f64)
            .metric("model-based-unique", share(&by_models))
            .metric("value-based-unique", share(&by_values))
            .metric("violations", violations as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    fn measured(class: Class, reward: Reward, seen: Seen, fault: Option<Fault>) -> Measurement {
        let pruning = Pruning::prepare(Settings { class, reward, seen }, &Data::default()).unwrap();
        pruning.replicate(fault, &Streams::from_seed(0)).unwrap()
    }

    #[test]
    fn data_in_two_states_identify_a_factored_model_and_leave_many_values() {
        let both = Seen::Pairs(vec![0, 1, 6, 7]);
        let sparse = measured(Class::Factored, Reward::Sparse, both.clone(), None);
        assert_eq!(sparse.get("model-based-unique"), Some(1.0));
        assert_abs_diff_eq!(sparse.get("value-based").unwrap(), 3.35, epsilon = 5.1e-3);
        assert_abs_diff_eq!(sparse.get("value-based-unique").unwrap(), 0.086, epsilon = 5.1e-4);
        let dense = measured(Class::Factored, Reward::Dense, both, None);
        assert_abs_diff_eq!(dense.get("value-based").unwrap(), 1.06, epsilon = 5.1e-3);
    }

    #[test]
    fn tables_gain_nothing_from_models() {
        for (reward, seen) in [(Reward::Dense, 1), (Reward::Dense, 5), (Reward::Sparse, 2)] {
            let tables = measured(Class::Tabular, reward, Seen::Subsets(seen), None);
            assert_eq!(tables.get("strict"), Some(0.0));
            assert_eq!(tables.get("model-based"), tables.get("value-based"));
        }
    }

    #[test]
    fn every_subset_once() {
        assert_eq!(subsets(4, 2), [[0, 1], [0, 2], [1, 2], [0, 3], [1, 3], [2, 3]]);
    }
}
