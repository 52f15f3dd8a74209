//! Identities and bounds over generated policies.

use proptest::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, anchor, mixture};
use crate::{
    kernel::{
        divergence::total_variation,
        math::{exp, ln, powi, softmax, sum},
        tokens::{Policy, PrefixTree, Rows, Task},
    },
    papers::leaf::{Failure, Measurement, Metric, Observe},
};

const VOCABULARY: usize = 3;
const HORIZON: usize = 3;
const NODES: usize = 13;

fn tree() -> PrefixTree {
    PrefixTree::divisible_by_three(VOCABULARY, HORIZON)
}

/// Logits of a policy on the tree, row after row.
fn logits(most: f64) -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(-most..most, NODES * VOCABULARY)
}

fn policy(logits: &[f64]) -> Result<Policy, Failure> {
    if logits.len() != NODES * VOCABULARY || logits.iter().any(|z| !z.is_finite()) {
        return Err(Failure::invalid(format!("expected {} finite logits", NODES * VOCABULARY)));
    }
    Ok(Policy::new(Rows::from_fn(NODES, VOCABULARY, |n, v| logits[n * VOCABULARY + v])))
}

/// A probability vector from logits, some of which may be far below the others.
fn distribution(outcomes: usize) -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(prop_oneof![4 => -2.0..2.0, 1 => -30.0..-5.0], outcomes).prop_map(|z| softmax(&z))
}

/// Policies of which data are mixed.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mixture {
    /// Logits of the policy.
    policy: Vec<f64>,
    /// Logits of each behaviour policy.
    behaviours: Vec<Vec<f64>>,
    /// Weight of each behaviour policy, not yet normalised.
    weights: Vec<f64>,
    /// Baseline b.
    baseline: f64,
}

/// The importance-weighted gradient of mixed data is the gradient.
pub struct MixtureGradient;

impl Observe for MixtureGradient {
    type Instance = Mixture;
    type Fault = Fault;
    const NAME: &'static str = "mixture-gradient";
    const SUMMARY: &'static str = "The gradient from mixed data, by enumeration, against ∇J.";
    const METRICS: &'static [Metric] =
        &[Metric::new("error", "Largest absolute difference of a component.").range(0.0, f64::INFINITY)];
    const FAULTS: &'static [Fault] = &[Fault::NoImportanceWeight];

    fn instances() -> BoxedStrategy<Mixture> {
        (1_usize..4)
            .prop_flat_map(|n| {
                let behaviours = prop::collection::vec(logits(2.0), n);
                (logits(2.0), behaviours, prop::collection::vec(0.1..1.0, n), -1.0..1.0)
            })
            .prop_map(|(policy, behaviours, weights, baseline)| Mixture {
                policy,
                behaviours,
                weights,
                baseline,
            })
            .boxed()
    }

    fn observe(instance: &Mixture, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let total = sum(instance.weights.iter().copied());
        if instance.weights.len() != instance.behaviours.len() || total <= 0.0 {
            return Err(Failure::invalid("expected one positive weight a behaviour policy"));
        }
        let behaviours = instance
            .behaviours
            .iter()
            .zip(&instance.weights)
            .map(|(logits, weight)| Ok((weight / total, policy(logits)?)))
            .collect::<Result<Vec<_>, Failure>>()?;
        let (tree, policy) = (tree(), policy(&instance.policy)?);
        let mut gap = mixture::mixture_gradient(&tree, &policy, &behaviours, instance.baseline, fault);
        let mut exact = Rows::zeros(NODES, VOCABULARY);
        tree.add_gradient(0, &policy, 1.0, &mut exact);
        gap.add(-1.0, &exact);
        let error = gap.values().iter().fold(0.0_f64, |worst, x| worst.max(x.abs()));
        Ok(Measurement::new().metric("error", error))
    }
}

/// Three policies: of the anchor, of the data, and the one in question.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Triple {
    /// Logits of π_k.
    anchor: Vec<f64>,
    /// Logits of πᵢ.
    behaviour: Vec<f64>,
    /// Logits of π less those of πᵢ.
    shift: Vec<f64>,
}

/// The token-level surrogate is off by at most T (T − 1) ε δ.
pub struct SurrogateBound;

impl Observe for SurrogateBound {
    type Instance = Triple;
    type Fault = Fault;
    const NAME: &'static str = "surrogate-bound";
    const SUMMARY: &'static str = "|J(π) − J(π_k) − L| against T (T − 1) ε δ on a tree of depth 3.";
    const METRICS: &'static [Metric] =
        &[Metric::new("excess", "How far the gap exceeds the bound; negative inside.")];
    const FAULTS: &'static [Fault] = &[Fault::WrongOccupancyAdvantage];

    fn instances() -> BoxedStrategy<Triple> {
        // Policies near the behaviour make δ small, so that a surrogate of the wrong quantity shows.
        let shift = (prop_oneof![Just(0.0), Just(1e-3), Just(0.1), Just(1.0)], logits(1.0))
            .prop_map(|(scale, shift)| shift.into_iter().map(|z| scale * z).collect());
        (logits(2.0), logits(2.0), shift)
            .prop_map(|(anchor, behaviour, shift)| Triple { anchor, behaviour, shift })
            .boxed()
    }

    fn observe(instance: &Triple, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let (anchor, behaviour) = (policy(&instance.anchor)?, policy(&instance.behaviour)?);
        policy(&instance.shift)?;
        let moved: Vec<f64> = instance.behaviour.iter().zip(&instance.shift).map(|(z, s)| z + s).collect();
        let gap = mixture::surrogate_gap(&tree(), HORIZON, &anchor, &behaviour, &policy(&moved)?, fault);
        Ok(Measurement::new().metric("excess", gap.gap - gap.bound))
    }
}

/// A context: the policy at the start of the batch, the one that sampled, and a direction to move in.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Move {
    /// π_k(·|h).
    anchor: Vec<f64>,
    /// πᵢ(·|h).
    behaviour: Vec<f64>,
    /// Where π goes, before it is made to sum to zero.
    direction: Vec<f64>,
    /// ε.
    epsilon: f64,
}

/// Inside the generalised clip interval a policy stays near π_k.
pub struct ClipKeepsClose;

impl Observe for ClipKeepsClose {
    type Instance = Move;
    type Fault = Fault;
    const NAME: &'static str = "clip-keeps-close";
    const SUMMARY: &'static str = "The farthest policy along a direction with |ρ − c| ≤ ε on all tokens: its total \
                                   variation from π_k against ε/2.";
    const METRICS: &'static [Metric] = &[Metric::new("excess", "TV(π, π_k) − ε/2.").range(-1.0, 1.0)];
    const FAULTS: &'static [Fault] = &[Fault::ClipCentreOne];

    fn instances() -> BoxedStrategy<Move> {
        (2_usize..6)
            .prop_flat_map(|n| {
                let direction = prop::collection::vec(-1.0..1.0, n);
                (distribution(n), distribution(n), direction, 0.01..0.5)
            })
            .prop_map(|(anchor, behaviour, direction, epsilon)| Move {
                anchor,
                behaviour,
                direction,
                epsilon,
            })
            .boxed()
    }

    fn observe(instance: &Move, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Move { anchor, behaviour, direction, epsilon } = instance;
        let n = anchor.len();
        if n == 0 || behaviour.len() != n || direction.len() != n {
            return Err(Failure::invalid("expected three lists of the same length"));
        }
        // ρ − c = (π − centre)/πᵢ with the centre π_k; centred at 1, the centre is πᵢ itself.
        let centre = if fault == Some(Fault::ClipCentreOne) { behaviour } else { anchor };
        let mean = sum(direction.iter().copied()) / n as f64;
        let step: Vec<f64> = direction.iter().map(|d| d - mean).collect();
        let farthest = (0..n)
            .filter(|v| step[*v] != 0.0)
            .map(|v| {
                let inside = epsilon * behaviour[v] / step[v].abs();
                if step[v] < 0.0 { inside.min(centre[v] / -step[v]) } else { inside }
            })
            .fold(f64::INFINITY, f64::min);
        if !farthest.is_finite() {
            return Err(Failure::Rejected("the direction is no direction"));
        }
        let moved: Vec<f64> = centre.iter().zip(&step).map(|(p, d)| p + farthest * d).collect();
        Ok(Measurement::new().metric("excess", total_variation(&moved, anchor) - epsilon / 2.0))
    }
}

/// A context repeated L times, and two policies in it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Repeated {
    /// πᵢ.
    behaviour: Vec<f64>,
    /// π.
    policy: Vec<f64>,
    /// L.
    length: u32,
}

/// The second moment of a response's weight grows exponentially with its length.
pub struct WeightExplosion;

impl Observe for WeightExplosion {
    type Instance = Repeated;
    type Fault = Fault;
    const NAME: &'static str = "weight-explosion";
    const SUMMARY: &'static str =
        "E ρ² against (1 + χ²)^L and E ln ρ against −L KL(πᵢ‖π), all responses enumerated.";
    const METRICS: &'static [Metric] = &[
        Metric::new("second-moment-error", "Relative difference of the second moment.")
            .range(0.0, f64::INFINITY),
        Metric::new("logarithm-error", "Difference of the mean logarithm.").range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::TokenMeanWeight];

    fn instances() -> BoxedStrategy<Repeated> {
        let row = || prop::collection::vec(-2.0..2.0, 3).prop_map(|z| softmax(&z));
        (row(), row(), 1_u32..7)
            .prop_map(|(behaviour, policy, length)| Repeated { behaviour, policy, length })
            .boxed()
    }

    fn observe(instance: &Repeated, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Repeated { behaviour, policy, length } = instance;
        let positive = |row: &[f64]| row.len() == 3 && row.iter().all(|p| *p > 0.0);
        if !positive(behaviour) || !positive(policy) || !(1..=12).contains(length) {
            return Err(Failure::invalid(
                "expected two rows of three positive probabilities and a length of 1 to 12",
            ));
        }
        let exponent = if fault == Some(Fault::TokenMeanWeight) { 1.0 / f64::from(*length) } else { 1.0 };
        let mut moments = [Vec::new(), Vec::new()];
        enumerate(behaviour, policy, *length, 1.0, 0.0, &mut |probability, log_ratio| {
            moments[0].push(probability * exp(2.0 * exponent * log_ratio));
            moments[1].push(probability * exponent * log_ratio);
        });
        let [second, logarithm] = moments.map(sum);
        let pairs = || behaviour.iter().zip(policy);
        let chi_squared = sum(pairs().map(|(q, p)| (p - q) * (p - q) / q));
        let divergence = sum(pairs().map(|(q, p)| q * (ln(*q) - ln(*p))));
        Ok(Measurement::new()
            .metric("second-moment-error", (second / powi(1.0 + chi_squared, *length) - 1.0).abs())
            .metric("logarithm-error", (logarithm + f64::from(*length) * divergence).abs()))
    }
}

/// Shows probability under the behaviour and ln ρ of every response of `left` more tokens.
fn enumerate(
    behaviour: &[f64],
    policy: &[f64],
    left: u32,
    probability: f64,
    log_ratio: f64,
    visit: &mut dyn FnMut(f64, f64),
) {
    if left == 0 {
        visit(probability, log_ratio);
        return;
    }
    for (q, p) in behaviour.iter().zip(policy) {
        enumerate(behaviour, policy, left - 1, probability * q, log_ratio + ln(*p) - ln(*q), visit);
    }
}

/// Two anchors, rewards, and a rival.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Anchored {
    /// π_base.
    base: Vec<f64>,
    /// π_k.
    current: Vec<f64>,
    /// A distribution to compare with.
    rival: Vec<f64>,
    /// Rewards.
    rewards: Vec<f64>,
    /// λ.
    lambda: f64,
    /// β.
    beta: f64,
}

/// The closed form maximises the KL-Convex objective.
pub struct AnchorOptimum;

impl Observe for AnchorOptimum {
    type Instance = Anchored;
    type Fault = Fault;
    const NAME: &'static str = "anchor-optimum";
    const SUMMARY: &'static str =
        "The objective at the closed form against its value β ln Z, and against a rival.";
    const METRICS: &'static [Metric] = &[
        Metric::new("value-error", "|F(π*) − β ln Z| with Z of the geometric anchor.")
            .range(0.0, f64::INFINITY),
        Metric::new("shortfall", "How far the rival does better; negative if it does worse."),
    ];
    const FAULTS: &'static [Fault] = &[Fault::ArithmeticMixture];

    fn instances() -> BoxedStrategy<Anchored> {
        (2_usize..7)
            .prop_flat_map(|n| {
                let lambda = prop_oneof![1 => Just(0.0), 1 => Just(1.0), 6 => 0.0..1.0];
                let rewards = prop::collection::vec(-1.0..1.0, n);
                (distribution(n), distribution(n), distribution(n), rewards, lambda, 0.05..2.0)
            })
            .prop_map(|(base, current, rival, rewards, lambda, beta)| Anchored {
                base,
                current,
                rival,
                rewards,
                lambda,
                beta,
            })
            .boxed()
    }

    fn observe(instance: &Anchored, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Anchored { base, current, rival, rewards, lambda, beta } = instance;
        let value = |policy: &[f64]| anchor::objective(policy, base, current, rewards, *lambda, *beta);
        let (best, _) = anchor::optimum(base, current, rewards, *lambda, *beta, fault);
        let (_, certificate) = anchor::optimum(base, current, rewards, *lambda, *beta, None);
        Ok(Measurement::new()
            .metric("value-error", (value(&best) - certificate).abs())
            .metric("shortfall", value(rival) - value(&best)))
    }
}
