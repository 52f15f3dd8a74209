//! Properties of the transport, on generated groups.

use proptest::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    binary::gradient_scale,
    equity::{Family, Shape},
    transport::{gaussian_advantages, quantiles},
};
use crate::{
    kernel::{
        math::{exp, mean, normal_cdf, powi, sum},
        stream::Streams,
    },
    papers::leaf::{Failure, Measurement, Metric, Observe},
};

/// Rewards of a group.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Group {
    #[schemars(length(min = 1))]
    rewards: Vec<f64>,
}

impl Group {
    fn is_atomless(&self) -> bool {
        let sorted = ascending(&self.rewards);
        sorted.windows(2).all(|pair| pair[0] < pair[1])
    }

    /// The group, if no two rewards are equal.
    fn without_ties(&self) -> Result<&[f64], Failure> {
        if self.is_atomless() { Ok(&self.rewards) } else { Err(Failure::Rejected("two rewards are equal")) }
    }
}

fn ascending(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// Rewards of every scale and sign, now and then with an enormous one.
fn reward() -> BoxedStrategy<f64> {
    prop_oneof![
        4 => -1.0..1.0,
        2 => -1e3..1e3,
        1 => Just(0.0),
        1 => (-12.0..12.0).prop_map(exp),
        1 => prop_oneof![Just(1e15), Just(-1e15), Just(1e-300)],
    ]
    .boxed()
}

fn groups(sizes: std::ops::Range<usize>) -> BoxedStrategy<Group> {
    prop::collection::vec(reward(), sizes).prop_map(|rewards| Group { rewards }).boxed()
}

/// Groups in which equal rewards are the rule.
fn tied_groups(sizes: std::ops::Range<usize>) -> BoxedStrategy<Group> {
    let few = (-3_i32..=3).prop_map(|i| 0.5 * f64::from(i));
    prop::collection::vec(few, sizes).prop_map(|rewards| Group { rewards }).boxed()
}

/// Without ties, the multiset of advantages is always the same.
pub struct OneMultiset;

impl Observe for OneMultiset {
    type Instance = Group;
    type Fault = Fault;
    const NAME: &'static str = "one-multiset";
    const SUMMARY: &'static str = "Sorted, the advantages of a group without ties have Φ(A_(i)) = (i − ½)/N.";
    const METRICS: &'static [Metric] =
        &[Metric::new("error", "Largest error of Φ(A_(i)).").range(0.0, f64::INFINITY)];
    const FAULTS: &'static [Fault] = &[Fault::LinearZscore, Fault::UniformQuantiles];

    fn instances() -> BoxedStrategy<Group> {
        groups(1..80)
    }

    fn observe(group: &Group, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let sorted = ascending(&gaussian_advantages(group.without_ties()?, fault));
        let n = sorted.len() as f64;
        let error = sorted.iter().enumerate().map(|(i, a)| (normal_cdf(*a) - (i as f64 + 0.5) / n).abs());
        Ok(Measurement::new().metric("error", error.fold(0.0, f64::max)))
    }
}

/// Advantages are symmetric.
pub struct Symmetry;

impl Observe for Symmetry {
    type Instance = Group;
    type Fault = Fault;
    const NAME: &'static str = "symmetry";
    const SUMMARY: &'static str =
        "Without ties A_(i) = −A_(N+1−i), so that positive and negative mass are equal.";
    const METRICS: &'static [Metric] = &[
        Metric::new("asymmetry", "Largest A_(i) + A_(N+1−i), absolutely.").range(0.0, f64::INFINITY),
        Metric::new("imbalance", "Positive less negative mass, absolutely, over N.")
            .range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::LinearZscore, Fault::UpperPlottingPosition];

    fn instances() -> BoxedStrategy<Group> {
        groups(1..80)
    }

    fn observe(group: &Group, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let sorted = ascending(&gaussian_advantages(group.without_ties()?, fault));
        let pairs = sorted.iter().zip(sorted.iter().rev());
        Ok(Measurement::new()
            .metric("asymmetry", pairs.map(|(low, high)| (low + high).abs()).fold(0.0, f64::max))
            .metric("imbalance", mean(&sorted).abs()))
    }
}

/// A strictly increasing transformation of the rewards.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Transformation {
    /// e^r.
    Exp,
    /// r³.
    Cube,
    /// 7r − 2.
    Affine,
}

impl Transformation {
    fn of(self, r: f64) -> f64 {
        match self {
            Self::Exp => exp(r),
            Self::Cube => powi(r, 3),
            Self::Affine => 7.0 * r - 2.0,
        }
    }
}

/// A group, and what is done to its rewards.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Transformed {
    group: Group,
    by: Transformation,
}

/// Only the order of the rewards matters.
pub struct Invariance;

impl Observe for Invariance {
    type Instance = Transformed;
    type Fault = Fault;
    const NAME: &'static str = "invariance";
    const SUMMARY: &'static str =
        "A strictly increasing transformation of the rewards leaves the advantages as they are, bit for bit.";
    const METRICS: &'static [Metric] =
        &[Metric::new("changed", "Advantages that differ after the transformation.")
            .range(0.0, f64::INFINITY)];
    const FAULTS: &'static [Fault] = &[Fault::LinearZscore];

    fn instances() -> BoxedStrategy<Transformed> {
        let by =
            prop_oneof![Just(Transformation::Exp), Just(Transformation::Cube), Just(Transformation::Affine)];
        (prop_oneof![groups(1..40), tied_groups(1..40)], by)
            .prop_map(|(group, by)| Transformed { group, by })
            .boxed()
    }

    fn observe(instance: &Transformed, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let rewards = &instance.group.rewards;
        let transformed: Vec<f64> = rewards.iter().map(|r| instance.by.of(*r)).collect();
        let order_kept = |i: usize, j: usize| {
            rewards[i].partial_cmp(&rewards[j]) == transformed[i].partial_cmp(&transformed[j])
        };
        let all = 0..rewards.len();
        if !transformed.iter().all(|t| t.is_finite())
            || !all.clone().all(|i| all.clone().all(|j| order_kept(i, j)))
        {
            return Err(Failure::Rejected("rounding makes the transformation not strictly increasing"));
        }
        let before = gaussian_advantages(rewards, fault);
        let after = gaussian_advantages(&transformed, fault);
        let changed = before.iter().zip(&after).filter(|(a, b)| a != b).count();
        Ok(Measurement::new().metric("changed", changed as f64))
    }
}

/// Four tasks of one group size.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tasks {
    group: usize,
    seed: u64,
}

/// Tasks weigh the same whatever the shape of their rewards.
pub struct Equity;

impl Observe for Equity {
    type Instance = Tasks;
    type Fault = Fault;
    const NAME: &'static str = "equity";
    const SUMMARY: &'static str = "Normal, lognormal, Cauchy and beta rewards give advantages of the same mean size, kurtosis and maximum.";
    const METRICS: &'static [Metric] = &[
        Metric::new("mean-absolute", "Largest less smallest mean absolute advantage over the tasks.")
            .range(0.0, f64::INFINITY),
        Metric::new("kurtosis", "Largest less smallest kurtosis over the tasks.").range(0.0, f64::INFINITY),
        Metric::new("largest", "Largest less smallest maximum over the tasks.").range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::LinearZscore];

    fn instances() -> BoxedStrategy<Tasks> {
        (2_usize..=64, any::<u64>()).prop_map(|(group, seed)| Tasks { group, seed }).boxed()
    }

    fn observe(tasks: &Tasks, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let mut stream = Streams::from_seed(tasks.seed).stream("rewards");
        let shapes = Family::ALL
            .into_iter()
            .map(|family| {
                let group = Group { rewards: (0..tasks.group).map(|_| family.draw(&mut stream)).collect() };
                Ok(Shape::of(&gaussian_advantages(group.without_ties()?, fault)))
            })
            .collect::<Result<Vec<_>, Failure>>()?;
        let spread = |of: fn(&Shape) -> f64| {
            let values = || shapes.iter().map(of);
            values().fold(f64::NEG_INFINITY, f64::max) - values().fold(f64::INFINITY, f64::min)
        };
        Ok(Measurement::new()
            .metric("mean-absolute", spread(|shape| shape.mean_absolute))
            .metric("kurtosis", spread(|shape| shape.kurtosis))
            .metric("largest", spread(|shape| shape.largest)))
    }
}

/// A group without ties, and how far its largest reward moves away from the others.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Escaping {
    group: Group,
    distance: f64,
}

/// An outlier gets a bounded advantage and moves nobody else's.
pub struct Outliers;

impl Observe for Outliers {
    type Instance = Escaping;
    type Fault = Fault;
    const NAME: &'static str = "outliers";
    const SUMMARY: &'static str = "However far the largest reward moves away, it gets Φ⁻¹(1 − 1/(2N)) and the others keep what they had.";
    const METRICS: &'static [Metric] = &[
        Metric::new("moved", "Largest change of another's advantage.").range(0.0, f64::INFINITY),
        Metric::new("error", "Error of Φ(largest advantage) against 1 − 1/(2N).").range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::LinearZscore];

    fn instances() -> BoxedStrategy<Escaping> {
        let distance = prop_oneof![Just(0.0), 0.0..1.0, (0.0..30.0).prop_map(exp)];
        (groups(2..40), distance).prop_map(|(group, distance)| Escaping { group, distance }).boxed()
    }

    fn observe(instance: &Escaping, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let rewards = instance.group.without_ties()?;
        let top = (0..rewards.len()).fold(0, |top, i| if rewards[i] > rewards[top] { i } else { top });
        let mut escaped = rewards.to_vec();
        escaped[top] += instance.distance;
        let before = gaussian_advantages(rewards, fault);
        let after = gaussian_advantages(&escaped, fault);
        let others = (0..rewards.len()).filter(|i| *i != top);
        let moved = others.map(|i| (before[i] - after[i]).abs()).fold(0.0, f64::max);
        let expected = 1.0 - 0.5 / rewards.len() as f64;
        Ok(Measurement::new()
            .metric("moved", moved)
            .metric("error", (normal_cdf(after[top]) - expected).abs()))
    }
}

/// The map is the optimal transport.
pub struct OptimalTransport;

impl Observe for OptimalTransport {
    type Instance = Group;
    type Fault = Fault;
    const NAME: &'static str = "optimal-transport";
    const SUMMARY: &'static str =
        "No assignment of the quantiles to the responses has a smaller Σ(r_i − A_i)², or a larger Σ r_i A_i.";
    const METRICS: &'static [Metric] = &[
        Metric::new("excess-cost", "Cost of the map less that of the best permutation, over Σ r² + Σ q²."),
        Metric::new(
            "lost-correlation",
            "Σ r q of the best permutation less that of the map, over N max abs(r) max abs(q).",
        ),
    ];
    const FAULTS: &'static [Fault] = &[Fault::UnsortedAssignment];

    fn instances() -> BoxedStrategy<Group> {
        groups(2..7)
    }

    fn admit(group: &Group) -> Result<(), Failure> {
        // All permutations are visited.
        if group.rewards.len() > 9 {
            return Err(Failure::invalid("`rewards` must have at most 9 entries"));
        }
        Ok(())
    }

    fn observe(group: &Group, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let rewards = group.without_ties()?;
        let handed = quantiles(rewards.len(), None);
        let cost = |advantages: &[f64]| sum(rewards.iter().zip(advantages).map(|(r, a)| (r - a) * (r - a)));
        let gain = |advantages: &[f64]| sum(rewards.iter().zip(advantages).map(|(r, a)| r * a));
        let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
        for_each_permutation(&mut handed.clone(), 0, &mut |assignment| {
            least = least.min(cost(assignment));
            most = most.max(gain(assignment));
        });
        let advantages = gaussian_advantages(rewards, fault);
        let squares = |values: &[f64]| sum(values.iter().map(|v| v * v));
        let largest = |values: &[f64]| values.iter().map(|v| v.abs()).fold(0.0, f64::max);
        let scale = rewards.len() as f64 * largest(rewards) * largest(&handed);
        Ok(Measurement::new()
            .metric("excess-cost", (cost(&advantages) - least) / (squares(rewards) + squares(&handed)))
            .metric("lost-correlation", (most - gain(&advantages)) / scale))
    }
}

fn for_each_permutation(values: &mut [f64], from: usize, visit: &mut dyn FnMut(&[f64])) {
    if from == values.len() {
        return visit(values);
    }
    for i in from..values.len() {
        values.swap(from, i);
        for_each_permutation(values, from + 1, visit);
        values.swap(from, i);
    }
}

/// Equal rewards share their quantiles.
pub struct SharedTies;

impl Observe for SharedTies {
    type Instance = Group;
    type Fault = Fault;
    const NAME: &'static str = "shared-ties";
    const SUMMARY: &'static str =
        "Equal rewards get the mean of the quantiles of their ranks, and all advantages sum to zero.";
    const METRICS: &'static [Metric] = &[
        Metric::new("spread", "Largest difference of the advantages of equal rewards.")
            .range(0.0, f64::INFINITY),
        Metric::new("error", "Largest error against the mean of the quantiles between the ranks' ends.")
            .range(0.0, f64::INFINITY),
        Metric::new("imbalance", "Absolute mean of the advantages.").range(0.0, f64::INFINITY),
        Metric::new(
            "variance-excess",
            "Variance of the advantages less that of the quantiles; negative with ties.",
        ),
    ];
    const FAULTS: &'static [Fault] = &[Fault::LinearZscore, Fault::BreakTiesByIndex];

    fn instances() -> BoxedStrategy<Group> {
        let binary = prop::collection::vec(any::<bool>(), 1..40)
            .prop_map(|bits| Group { rewards: bits.into_iter().map(|b| f64::from(u8::from(b))).collect() });
        prop_oneof![binary, tied_groups(1..40)].boxed()
    }

    fn observe(group: &Group, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let rewards = &group.rewards;
        let q = quantiles(rewards.len(), None);
        let advantages = gaussian_advantages(rewards, fault);
        let (mut spread, mut error) = (0.0_f64, 0.0_f64);
        for (r, a) in rewards.iter().zip(&advantages) {
            // The ranks that equal rewards occupy, by counting.
            let below = rewards.iter().filter(|other| *other < r).count();
            let equal = rewards.iter().filter(|other| *other == r).count();
            error = error.max((a - mean(&q[below..below + equal])).abs());
            for (_, b) in rewards.iter().zip(&advantages).filter(|(other, _)| *other == r) {
                spread = spread.max((a - b).abs());
            }
        }
        let variance = |values: &[f64]| sum(values.iter().map(|v| v * v)) / values.len() as f64;
        Ok(Measurement::new()
            .metric("spread", spread)
            .metric("error", error)
            .metric("imbalance", mean(&advantages).abs())
            .metric("variance-excess", variance(&advantages) - variance(&q)))
    }
}

/// A Bernoulli prompt.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Prompt {
    /// N; all 2^N groups are visited.
    #[schemars(range(min = 1, max = 16))]
    group: usize,
    /// p, neither 0 nor 1.
    p: f64,
}

/// The expected gradient for 0/1 rewards.
pub struct ExpectedGradient;

impl Observe for ExpectedGradient {
    type Instance = Prompt;
    type Fault = Fault;
    const NAME: &'static str = "expected-gradient";
    const SUMMARY: &'static str =
        "For 0/1 rewards E ĝ = κ_N(p) ∇p: the mean over all 2^N groups against the binomial sum.";
    const METRICS: &'static [Metric] =
        &[Metric::new("error", "Error of E ĝ over p (1 − p), one logit a prompt.").range(0.0, f64::INFINITY)];
    const FAULTS: &'static [Fault] = &[Fault::LinearZscore];

    fn instances() -> BoxedStrategy<Prompt> {
        let p = prop_oneof![Just(0.5), 0.01..0.99, 1e-4..1e-2];
        (1_usize..=9, p).prop_map(|(group, p)| Prompt { group, p }).boxed()
    }

    fn observe(prompt: &Prompt, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Prompt { group, p } = *prompt;
        let mut expected = 0.0;
        for outcome in 0..1_u32 << group {
            let rewards: Vec<f64> = (0..group).map(|i| f64::from(outcome >> i & 1)).collect();
            let successes = outcome.count_ones();
            let probability = powi(p, successes) * powi(1.0 - p, group as u32 - successes);
            let advantages = gaussian_advantages(&rewards, fault);
            // The score of a response on a Bernoulli policy is r − p.
            let estimate = sum(rewards.iter().zip(&advantages).map(|(r, a)| a * (r - p))) / group as f64;
            expected += probability * estimate;
        }
        let formula = gradient_scale(group, None).at(p);
        Ok(Measurement::new().metric("error", (expected / (p * (1.0 - p)) - formula).abs()))
    }
}
