//! What must hold on every instance.

use proptest::{collection::vec, prelude::*};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    estimators::single_stream_variance,
    method::{normalise_globally, raw_advantages},
    tracker::{Forgetting, Tracker, sampling_weights},
};
use crate::{
    kernel::{
        math::{log2, powi},
        tokens::{
            Estimator, Policy, PrefixTree, Rows, Task, bernoulli_moments, binomial_expectation,
            degenerate_probability,
        },
    },
    papers::leaf::{Failure, Measurement, Metric, Observe},
};

const ERROR: Metric = Metric::new("error", "Largest absolute error.").range(0.0, f64::INFINITY);

/// Probabilities, with those that formulas trip over.
fn probability() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => 0.0..=1.0_f64,
        1 => prop::sample::select(vec![0.0, 1.0, 0.5, 1e-12, 1.0 - 1e-12, 1e-300]),
    ]
}

/// Movements of the policy: none, tiny, about the half-life, huge.
fn movement() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), 0.0..0.02_f64, 0.0..0.3_f64, prop::sample::select(vec![0.06, 1e-9, 50.0])]
}

/// Group size and success rate.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// G.
    #[schemars(range(min = 2, max = 1_000))]
    group: usize,
    /// p.
    p: f64,
}

/// P(all rewards equal) = pᴳ + (1 − p)ᴳ, and then every advantage is 0.
pub struct DegenerateGroups;

impl Observe for DegenerateGroups {
    type Instance = Group;
    type Fault = Fault;
    const NAME: &'static str = "degenerate-groups";
    const SUMMARY: &'static str =
        "The probability of zero learning signal, summed over the number of successes, is p^G + (1 − p)^G.";
    const METRICS: &'static [Metric] = &[ERROR];
    const FAULTS: &'static [Fault] = &[Fault::OnlyAllWrongDegenerate];

    fn instances() -> BoxedStrategy<Group> {
        (2_usize..=32, probability()).prop_map(|(group, p)| Group { group, p }).boxed()
    }

    fn observe(instance: &Group, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Group { group, p } = *instance;
        let silent = binomial_expectation(group, p, |k| {
            let rewards: Vec<f64> = (0..group).map(|i| f64::from(u8::from(i < k))).collect();
            let zero = Estimator::GRPO.of(&rewards).iter().all(|a| *a == 0.0);
            f64::from(u8::from(zero))
        });
        let formula = match fault {
            Some(Fault::OnlyAllWrongDegenerate) => powi(1.0 - p, group as u32),
            _ => degenerate_probability(group, p),
        };
        Ok(Measurement::new().metric("error", (silent - formula).abs()))
    }
}

/// What one tracker saw before the batch.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct History {
    /// Right ones of the eight offline responses.
    successes: usize,
    /// Rewards seen since, each with the movement of the policy.
    seen: Vec<(bool, f64)>,
}

/// Trackers with a past, and a batch of (prompt, reward).
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stream {
    /// One a prompt.
    histories: Vec<History>,
    /// Prompts, modulo their number, and whether the response was right.
    batch: Vec<(usize, bool)>,
}

/// |r − v̂| ≥ min(v̂, 1 − v̂) > 0.
pub struct Signal;

impl Observe for Signal {
    type Instance = Stream;
    type Fault = Fault;
    const NAME: &'static str = "signal";
    const SUMMARY: &'static str = "Every raw advantage is at least min(v̂, 1 − v̂) > 0 in size.";
    const METRICS: &'static [Metric] = &[
        Metric::new("silent", "Raw advantages that are exactly 0.").range(0.0, f64::INFINITY),
        Metric::new("slack", "Smallest |A|/min(v̂, 1 − v̂) − 1.").range(-1.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::GroupRelativeBaseline];

    fn instances() -> BoxedStrategy<Stream> {
        let reward = || prop_oneof![any::<bool>(), Just(true), Just(false)];
        let history = prop_oneof![
            vec((reward(), movement()), 0..40),
            // Long unanimous runs that all but silence one side.
            (1_usize..600, any::<bool>()).prop_map(|(n, r)| vec![(r, 1.0); n]),
        ];
        let history = (0_usize..=8, history).prop_map(|(successes, seen)| History { successes, seen });
        (vec(history, 1..5), vec((0_usize..5, reward()), 1..12))
            .prop_map(|(histories, batch)| Stream { histories, batch })
            .boxed()
    }

    fn observe(stream: &Stream, fault: Option<Fault>) -> Result<Measurement, Failure> {
        if stream.histories.is_empty() {
            return Err(Failure::invalid("needs a prompt"));
        }
        let rule = Forgetting::default();
        let trackers: Vec<Tracker> = stream
            .histories
            .iter()
            .map(|history| {
                let start = Tracker::from_offline(history.successes.min(8), 8, rule.initial_memory());
                history.seen.iter().fold(start, |tracker, (reward, movement)| {
                    let retention = rule.retention(*movement, None);
                    tracker.updated(retention, f64::from(u8::from(*reward)), None)
                })
            })
            .collect();
        let prompts: Vec<usize> = stream.batch.iter().map(|(x, _)| x % trackers.len()).collect();
        let rewards: Vec<f64> = stream.batch.iter().map(|(_, r)| f64::from(u8::from(*r))).collect();
        let advantages = raw_advantages(&trackers, &prompts, &rewards, fault);
        let slack = advantages
            .iter()
            .zip(&prompts)
            .map(|(a, x)| a.abs() * trackers[*x].memory() / trackers[*x].alpha.min(trackers[*x].beta) - 1.0)
            .fold(f64::INFINITY, f64::min);
        let silent = advantages.iter().filter(|a| **a == 0.0).count();
        Ok(Measurement::new().metric("silent", silent as f64).metric("slack", slack.min(f64::MAX)))
    }
}

/// A policy on the prefix tree of three tokens and three steps, and a tracker.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TreePolicy {
    /// 13 rows of 3 logits.
    logits: Vec<f64>,
    /// The tracker before the response.
    tracker: Tracker,
    /// Movement of the policy.
    movement: f64,
}

/// E\[(r − v̂)∇ln π\] = ∇p whatever v̂ is, because v̂ does not depend on the response.
pub struct Unbiased;

impl Observe for Unbiased {
    type Instance = TreePolicy;
    type Fault = Fault;
    const NAME: &'static str = "unbiased";
    const SUMMARY: &'static str =
        "The expectation of (r − v̂)∇ln π(y) over all responses is the gradient of the success rate.";
    const METRICS: &'static [Metric] = &[ERROR];
    const FAULTS: &'static [Fault] = &[Fault::PostUpdateBaseline];

    fn instances() -> BoxedStrategy<TreePolicy> {
        // Now and then a token that is all but impossible.
        let logit = prop_oneof![8 => -3.0..3.0_f64, 1 => Just(0.0), 1 => Just(-40.0)];
        let count = || prop_oneof![Just(0.0), 0.01..25.0_f64];
        (vec(logit, 39), count(), 0.01..25.0_f64, any::<bool>(), movement())
            .prop_map(|(logits, one, other, swap, movement)| {
                let (alpha, beta) = if swap { (other, one) } else { (one, other) };
                TreePolicy { logits, tracker: Tracker { alpha, beta }, movement }
            })
            .boxed()
    }

    fn observe(instance: &TreePolicy, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let tracker = instance.tracker;
        if instance.logits.len() != 39 || tracker.memory() <= 0.0 {
            return Err(Failure::invalid("needs 39 logits and a tracker that has seen something"));
        }
        let task = PrefixTree::divisible_by_three(3, 3);
        let policy = Policy::new(Rows::from_fn(13, 3, |n, v| instance.logits[3 * n + v]));
        let retention = Forgetting::default().retention(instance.movement, None);
        let mut expectation = Rows::zeros(13, 3);
        task.enumerate(0, &policy, &mut |y| {
            let baseline = match fault {
                Some(Fault::PostUpdateBaseline) => tracker.updated(retention, y.reward, None),
                _ => tracker,
            };
            for step in y.steps {
                policy.add_score(*step, y.probability * baseline.advantage(y.reward), &mut expectation);
            }
        });
        task.add_gradient(0, &policy, -1.0, &mut expectation);
        Ok(Measurement::new().metric("error", largest(expectation.values())))
    }
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |m: f64, v| m.max(v.abs()))
}

/// A tracker, a retention and a reward.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Observation {
    /// The tracker before.
    tracker: Tracker,
    /// ρ.
    retention: f64,
    /// r.
    reward: bool,
}

/// v̂' = v̂ + η(r − v̂) with η = 1/(ρN + 1), N' = ρN + 1.
pub struct MovingAverage;

impl Observe for MovingAverage {
    type Instance = Observation;
    type Fault = Fault;
    const NAME: &'static str = "moving-average";
    const SUMMARY: &'static str =
        "The tracker's update is an exponential moving average with rate 1/(ρN + 1).";
    const METRICS: &'static [Metric] = &[ERROR];
    const FAULTS: &'static [Fault] = &[Fault::ForgetAfterUpdate];

    fn instances() -> BoxedStrategy<Observation> {
        let retention = prop_oneof![0.875..=0.96_f64, Just(0.0), Just(1.0), 0.0..=1.0_f64];
        (0.0..20.0_f64, 0.01..20.0_f64, retention, any::<bool>())
            .prop_map(|(alpha, beta, retention, reward)| Observation {
                tracker: Tracker { alpha, beta },
                retention,
                reward,
            })
            .boxed()
    }

    fn observe(instance: &Observation, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Observation { tracker, retention, reward } = instance;
        if tracker.memory() <= 0.0 {
            return Err(Failure::Rejected("a tracker that has seen nothing"));
        }
        let reward = f64::from(u8::from(*reward));
        let updated = tracker.updated(*retention, reward, fault);
        let memory = retention * tracker.memory() + 1.0;
        let value = tracker.value() + (reward - tracker.value()) / memory;
        let error = (updated.value() - value).abs().max((updated.memory() - memory).abs() / memory);
        Ok(Measurement::new().metric("error", error))
    }
}

/// A start and the movements of a policy.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Movements {
    /// Each with the reward that is seen.
    seen: Vec<(bool, f64)>,
    /// Retention of the constant run.
    retention: f64,
}

/// 1/(1 − ρ_min) ≤ N ≤ 1/(1 − ρ_max), and for constant ρ a geometric approach to 1/(1 − ρ).
pub struct Memory;

impl Observe for Memory {
    type Instance = Movements;
    type Fault = Fault;
    const NAME: &'static str = "memory";
    const SUMMARY: &'static str = "The effective sample size stays between 1/(1 − ρ_min) and 1/(1 − ρ_max).";
    const METRICS: &'static [Metric] = &[
        ERROR,
        Metric::new("smallest", "Smallest effective sample size.").range(0.0, f64::INFINITY),
        Metric::new("largest", "Largest effective sample size.").range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::NoForgetting];

    fn instances() -> BoxedStrategy<Movements> {
        let seen = prop_oneof![
            3 => vec((any::<bool>(), movement()), 0..120),
            // A policy that rests for long.
            1 => vec((any::<bool>(), Just(0.0)), 0..300),
        ];
        (seen, 0.875..=0.96_f64).prop_map(|(seen, retention)| Movements { seen, retention }).boxed()
    }

    fn observe(instance: &Movements, fault: Option<Fault>) -> Result<Measurement, Failure> {
        if !(0.0..1.0).contains(&instance.retention) {
            return Err(Failure::invalid("needs 0 ≤ retention < 1"));
        }
        let rule = Forgetting::default();
        let start = Tracker::from_offline(4, 8, rule.initial_memory());
        let (mut adaptive, mut constant) = (start, start);
        let (mut smallest, mut greatest, mut error) = (start.memory(), start.memory(), 0.0_f64);
        let limit = 1.0 / (1.0 - instance.retention);
        let mut distance = start.memory() - limit;
        for (reward, movement) in &instance.seen {
            let reward = f64::from(u8::from(*reward));
            adaptive = adaptive.updated(rule.retention(*movement, fault), reward, None);
            smallest = smallest.min(adaptive.memory());
            greatest = greatest.max(adaptive.memory());
            constant = constant.updated(instance.retention, reward, None);
            distance *= instance.retention;
            error = error.max((constant.memory() - limit - distance).abs());
        }
        Ok(Measurement::new().metric("error", error).metric("smallest", smallest).metric("largest", greatest))
    }
}

/// A rule and a movement.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleAndMovement {
    /// The rule.
    rule: Forgetting,
    /// D, and a larger D.
    movements: (f64, f64),
}

/// D = D_half halves, retention falls with D, and clipping acts where it should.
pub struct HalfLife;

impl Observe for HalfLife {
    type Instance = RuleAndMovement;
    type Fault = Fault;
    const NAME: &'static str = "half-life";
    const SUMMARY: &'static str = "Retention is one half at the half-life, falls with movement, and is clipped at D_half·log2(1/bound).";
    const METRICS: &'static [Metric] = &[
        Metric::new("error", "Largest error of the half and of the two ends of clipping.")
            .range(0.0, f64::INFINITY),
        Metric::new("rise", "Retention at the larger movement less that at the smaller.").range(-1.0, 1.0),
    ];
    const FAULTS: &'static [Fault] = &[Fault::NaturalExponent];

    fn instances() -> BoxedStrategy<RuleAndMovement> {
        let rule = (1e-3..10.0_f64, 0.05..0.9_f64, 0.0..1.0_f64).prop_map(|(half_life, least, share)| {
            Forgetting { half_life, least, most: least + share * (0.999 - least) }
        });
        let rule = prop_oneof![Just(Forgetting::default()), rule];
        (rule, movement(), movement())
            .prop_map(|(rule, a, b)| RuleAndMovement { rule, movements: (a.min(b), a.max(b)) })
            .boxed()
    }

    fn observe(instance: &RuleAndMovement, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let rule = &instance.rule;
        if let Some(complaint) = rule.complaint() {
            return Err(Failure::invalid(complaint));
        }
        if rule.least == 0.0 {
            return Err(Failure::Rejected("retention that may fall to 0 is never clipped below"));
        }
        let half = (rule.unclipped(rule.half_life, fault) - 0.5).abs();
        let at = |bound: f64| (rule.unclipped(rule.half_life * log2(1.0 / bound), fault) - bound).abs();
        let (near, far) = instance.movements;
        Ok(Measurement::new()
            .metric("error", half.max(at(rule.most)).max(at(rule.least)))
            .metric("rise", rule.retention(far, fault) - rule.retention(near, fault)))
    }
}

/// A prompt, the number of responses, and the error of a tracker.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rollouts {
    /// G.
    #[schemars(range(min = 2, max = 1_000))]
    group: usize,
    /// p.
    p: f64,
    /// The mean squared error of the value, as a share of p(1 − p).
    error: f64,
}

/// Var_RLOO(G) − Var_SPO = (p(1 − p)/G)·(2p(1 − p)/(G − 1) − MSE(v̂)).
pub struct EqualRollouts;

impl Observe for EqualRollouts {
    type Instance = Rollouts;
    type Fault = Fault;
    const NAME: &'static str = "equal-rollouts";
    const SUMMARY: &'static str =
        "At equal rollouts the variance of single streams is below that of RLOO by a closed form.";
    const METRICS: &'static [Metric] = &[
        Metric::new("error", "Error of the closed form of the difference.").range(0.0, f64::INFINITY),
        Metric::new("reversals", "Cases in which the side on which MSE lies names the wrong winner.")
            .range(0.0, 1.0),
    ];
    const FAULTS: &'static [Fault] = &[Fault::NoBaseline];

    fn instances() -> BoxedStrategy<Rollouts> {
        (2_usize..=32, 0.001..0.999_f64, prop_oneof![Just(0.0), 0.0..1.0_f64])
            .prop_map(|(group, p, error)| Rollouts { group, p, error })
            .boxed()
    }

    fn observe(instance: &Rollouts, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Rollouts { group, p, error } = *instance;
        if group < 2 || !(0.0..=1.0).contains(&p) || !(0.0..=1.0).contains(&error) {
            return Err(Failure::invalid("needs group ≥ 2 and probabilities in [0, 1]"));
        }
        let spread = p * (1.0 - p);
        // A value that is p ± √MSE with equal probability, enumerated with the two rewards.
        let mse = error * spread;
        let single = [mse.sqrt(), -mse.sqrt()].iter().fold(0.0, |total, shift| {
            let value = if fault == Some(Fault::NoBaseline) { 0.0 } else { p + shift };
            let moment =
                p * (1.0 - value) * (1.0 - value) * (1.0 - p) * (1.0 - p) + (1.0 - p) * value * value * p * p;
            total + 0.5 * moment
        });
        let single = (single - spread * spread) / group as f64;
        let group_size = group as f64;
        let rloo = bernoulli_moments(Estimator::Rloo, group, p).1;
        let predicted = spread / group_size * (2.0 * spread / (group_size - 1.0) - mse);
        let twice = single_stream_variance(group, p, mse, fault);
        let wrong = (rloo - single) * predicted < 0.0 && predicted.abs() > 1e-12;
        Ok(Measurement::new()
            .metric("error", (rloo - single - predicted).abs().max((twice - single).abs()))
            .metric("reversals", f64::from(u8::from(wrong))))
    }
}

/// Raw advantages with their prompts.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawBatch {
    /// (prompt, raw advantage).
    batch: Vec<(usize, f64)>,
}

/// One affine map for the whole batch.
pub struct GlobalNormalisation;

impl Observe for GlobalNormalisation {
    type Instance = RawBatch;
    type Fault = Fault;
    const NAME: &'static str = "global-normalisation";
    const SUMMARY: &'static str =
        "Normalisation keeps ratios of differences across prompts and gives mean 0 and deviation 1.";
    const METRICS: &'static [Metric] = &[
        Metric::new("distortion", "Largest error of a ratio of differences.").range(0.0, f64::INFINITY),
        Metric::new("moments", "Largest of |mean| and |deviation − 1|.").range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::PerPromptNormalisation];

    fn instances() -> BoxedStrategy<RawBatch> {
        let advantage = prop_oneof![-1.0..1.0_f64, prop::sample::select(vec![-0.5, 0.5, 0.9])];
        vec((0_usize..4, advantage), 2..24).prop_map(|batch| RawBatch { batch }).boxed()
    }

    fn observe(instance: &RawBatch, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let prompts: Vec<usize> = instance.batch.iter().map(|(x, _)| *x).collect();
        let raw: Vec<f64> = instance.batch.iter().map(|(_, a)| *a).collect();
        let ends = |values: &[f64]| {
            values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)))
        };
        let (low, high) = ends(&raw);
        if high - low < 1e-3 {
            return Err(Failure::Rejected("advantages all but equal"));
        }
        let mut normalised = raw.clone();
        normalise_globally(&prompts, &mut normalised, fault);
        // Where each advantage lies between the least and the greatest, before and after.
        let position = |value: f64, least: f64, greatest: f64| (value - least) / (greatest - least);
        let first = raw.iter().position(|a| *a == low).unwrap_or(0);
        let last = raw.iter().position(|a| *a == high).unwrap_or(0);
        let distortion = raw.iter().zip(&normalised).map(|(before, after)| {
            let span = normalised[last] - normalised[first];
            // Per-prompt maps may tear the two ends together or swap them.
            let after =
                if span == 0.0 { f64::MAX } else { position(*after, normalised[first], normalised[last]) };
            (after - position(*before, low, high)).abs()
        });
        let count = raw.len() as f64;
        let mean = normalised.iter().sum::<f64>() / count;
        let square = normalised.iter().map(|a| (a - mean) * (a - mean)).sum::<f64>() / count;
        Ok(Measurement::new()
            .metric("distortion", distortion.fold(0.0, f64::max))
            .metric("moments", mean.abs().max((square.sqrt() - 1.0).abs())))
    }
}

/// Trackers in any state, and a floor.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Trackers {
    /// One a prompt.
    trackers: Vec<Tracker>,
    /// ε.
    epsilon: f64,
}

/// Every prompt keeps probability ≥ ε/(P(½ + ε)), and uncertainty draws the most.
pub struct Exploration;

impl Observe for Exploration {
    type Instance = Trackers;
    type Fault = Fault;
    const NAME: &'static str = "exploration";
    const SUMMARY: &'static str =
        "Each prompt keeps a sampling probability of ε/(P(½ + ε)), and the weight is largest at v̂ = ½.";
    const METRICS: &'static [Metric] = &[
        Metric::new("share", "Smallest sampling probability over ε/(P(½ + ε)).").range(0.0, f64::INFINITY),
        Metric::new("excess", "Largest weight less the weight at v̂ = ½.").range(-1.0, 1.0),
    ];
    const FAULTS: &'static [Fault] = &[Fault::NoExplorationFloor];

    fn instances() -> BoxedStrategy<Trackers> {
        let count = || prop_oneof![0.1..25.0_f64, prop::sample::select(vec![1e-30, 1e-6, 12.5])];
        let tracker = (count(), count()).prop_map(|(alpha, beta)| Tracker { alpha, beta });
        (vec(tracker, 1..30), prop_oneof![Just(0.05), 1e-4..0.5_f64])
            .prop_map(|(trackers, epsilon)| Trackers { trackers, epsilon })
            .boxed()
    }

    fn observe(instance: &Trackers, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Trackers { trackers, epsilon } = instance;
        if trackers.is_empty() || trackers.iter().any(|t| t.memory() <= 0.0) || *epsilon <= 0.0 {
            return Err(Failure::invalid("needs trackers that have seen something, and epsilon > 0"));
        }
        let mut weights = Vec::new();
        sampling_weights(trackers, *epsilon, fault, &mut weights);
        let total: f64 = weights.iter().sum();
        let (least, most) = weights.iter().fold((f64::INFINITY, 0.0_f64), |(l, h), w| (l.min(*w), h.max(*w)));
        let probability = if total > 0.0 { least / total } else { 0.0 };
        let floor = epsilon / (trackers.len() as f64 * (0.5 + epsilon));
        let mut even = Vec::new();
        sampling_weights(&[Tracker { alpha: 4.0, beta: 4.0 }], *epsilon, fault, &mut even);
        Ok(Measurement::new().metric("share", probability / floor).metric("excess", most - even[0]))
    }
}
