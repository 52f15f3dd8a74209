//! Mixing data of several behaviour policies on a full prefix tree, by enumeration.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fault;
use crate::{
    kernel::{
        divergence::total_variation,
        math::{dot, exp},
        stream::Streams,
        tokens::{Clip, Next, Policy, PrefixTree, Rows, Step, Task, wave},
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Σᵢ νᵢ E_{y~πᵢ}\[(π(y)/πᵢ(y)) (r(y) − b) ∇ ln π(y)\] with the ratio of whole sequences, which
/// equals ∇J for every baseline b; with the ratio left out, under a fault.
#[must_use]
pub fn mixture_gradient(
    tree: &PrefixTree,
    policy: &Policy,
    behaviours: &[(f64, Policy)],
    baseline: f64,
    fault: Option<Fault>,
) -> Rows {
    let mut gradient = Rows::zeros(tree.rows(), tree.width());
    for (share, behaviour) in behaviours {
        tree.enumerate(0, behaviour, &mut |y| {
            let ratio = if fault == Some(Fault::NoImportanceWeight) {
                1.0
            } else {
                exp(policy.log_likelihood(y.steps) - behaviour.log_likelihood(y.steps))
            };
            let weight = share * y.probability * ratio * (y.reward - baseline);
            for step in y.steps {
                policy.add_score(*step, weight, &mut gradient);
            }
        });
    }
    gradient
}

/// What the token-level surrogate promises, and how far it may be off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SurrogateGap {
    /// |J(π) − J(π_k) − L|.
    pub gap: f64,
    /// T (T − 1) ε δ.
    pub bound: f64,
}

/// The surrogate L = Σ_h d_{πᵢ}(h) E_{v~π} A_k(h, v) against the gain that it stands for, with
/// ε = max_h |E_{v~π} A_k(h, v)| and δ = max_h TV(π(·|h), πᵢ(·|h)).
///
/// J(π) − J(π_k) is the same sum with the prefixes of π (performance difference), and
/// Σ_{h at depth t} |d_π − d_πᵢ| ≤ 2tδ, which gives the factor Σ_{t<T} 2t = T (T − 1).
#[must_use]
pub fn surrogate_gap(
    tree: &PrefixTree,
    horizon: usize,
    anchor: &Policy,
    behaviour: &Policy,
    policy: &Policy,
    fault: Option<Fault>,
) -> SurrogateGap {
    let advantages_of = if fault == Some(Fault::WrongOccupancyAdvantage) { behaviour } else { anchor };
    let (width, nodes) = (tree.width(), tree.nodes());
    // Values of prefixes, children after parents.
    let mut values = vec![0.0; nodes];
    let mut actions = Rows::zeros(nodes, width);
    for n in (0..nodes).rev() {
        for v in 0..width {
            actions[n][v] = match tree.next(0, &[Step { row: n, token: v }]) {
                Next::Token(child) => values[child],
                Next::Reward(r) | Next::Chance(r) => r,
            };
        }
        values[n] = dot(&actions[n], advantages_of.row(n));
    }
    let reach = tree.reach(0, behaviour);
    let (mut surrogate, mut epsilon, mut delta) = (0.0, 0.0_f64, 0.0_f64);
    for n in 0..nodes {
        let expected: f64 = (0..width).map(|v| policy.row(n)[v] * (actions[n][v] - values[n])).sum();
        surrogate += reach[n] * expected;
        epsilon = epsilon.max(expected.abs());
        delta = delta.max(total_variation(policy.row(n), behaviour.row(n)));
    }
    let gain = tree.success(0, policy) - tree.success(0, anchor);
    SurrogateGap { gap: (gain - surrogate).abs(), bound: (horizon * (horizon - 1)) as f64 * epsilon * delta }
}

/// Settings of the count of dead tokens.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ClipSettings {
    /// Half-width ε of the clip interval.
    #[schemars(range(min = 0.0))]
    pub epsilon: f64,
}

impl Default for ClipSettings {
    fn default() -> Self {
        Self { epsilon: 0.2 }
    }
}

/// At the start of a batch, the tokens of stale data whose gradient the clip stops on one side.
pub struct ClipCentres(ClipSettings);

impl Measure for ClipCentres {
    type Settings = ClipSettings;
    type Fault = Fault;
    const NAME: &'static str = "clip-centres";
    const SUMMARY: &'static str = "Stale tokens without gradient at the start of a batch, on a tree of depth 3 over \
                                   3 tokens with three behaviour policies.";
    const METRICS: &'static [Metric] = &[Metric::new(
        "dead",
        "Triples of behaviour, context and token whose gradient is stopped for one sign of the \
                             advantage.",
    )
    .unit("token")
    .range(0.0, 117.0)
    .lower_is_better()];
    const FAULTS: &'static [Fault] = &[Fault::ClipCentreOne];
    const STOCHASTIC: bool = false;

    fn prepare(settings: ClipSettings, _: &Data) -> Result<Self, Failure> {
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let tree = PrefixTree::divisible_by_three(3, 3);
        let current = Policy::from_fn(&tree, |n, v| wave(n, v, 0));
        let clip = Clip { low: self.0.epsilon, high: self.0.epsilon };
        let mut dead = 0_u32;
        for c in 1..=3 {
            let behaviour = Policy::from_fn(&tree, |n, v| wave(n, v, c));
            for row in 0..tree.rows() {
                for token in 0..tree.width() {
                    let step = Step { row, token };
                    let ratio = exp(current.log_probability(step) - behaviour.log_probability(step));
                    let centre = if fault == Some(Fault::ClipCentreOne) { 1.0 } else { ratio };
                    let stopped = |advantage| clip.term(ratio, centre, advantage).clipped;
                    dead += u32::from(stopped(1.0) || stopped(-1.0));
                }
            }
        }
        Ok(Measurement::new().metric("dead", f64::from(dead)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    fn example() -> (PrefixTree, Policy, Vec<(f64, Policy)>) {
        let tree = PrefixTree::divisible_by_three(3, 3);
        let policy = |c| Policy::from_fn(&tree, move |n, v| wave(n, v, c));
        let behaviours = vec![(0.5, policy(1)), (0.3, policy(2)), (0.2, policy(3))];
        (tree.clone(), policy(0), behaviours)
    }

    #[test]
    fn the_weighted_gradient_is_exact_and_the_unweighted_is_not() {
        let (tree, policy, behaviours) = example();
        let mut exact = Rows::zeros(tree.rows(), tree.width());
        tree.add_gradient(0, &policy, 1.0, &mut exact);
        let error = |fault| {
            let mut gap = mixture_gradient(&tree, &policy, &behaviours, tree.success(0, &policy), fault);
            let along = gap.dot(&exact) / (gap.norm_squared() * exact.norm_squared()).sqrt();
            gap.add(-1.0, &exact);
            let largest = gap.values().iter().fold(0.0_f64, |m, x| m.max(x.abs()));
            (largest, along)
        };
        assert_relative_eq!(exact.norm_squared().sqrt(), 0.156, epsilon = 5e-4);
        assert!(error(None).0 < 1e-15);
        let (largest, along) = error(Some(Fault::NoImportanceWeight));
        assert_relative_eq!(largest, 0.0416, epsilon = 5e-5);
        assert_relative_eq!(along, 0.806, epsilon = 5e-4);
    }

    #[test]
    fn eighty_nine_of_the_stale_tokens_lie_outside_an_interval_around_one() {
        let count =
            |fault| ClipCentres(ClipSettings::default()).replicate(fault, &Streams::from_seed(0)).unwrap();
        assert_eq!(count(None).get("dead"), Some(0.0));
        assert_eq!(count(Some(Fault::ClipCentreOne)).get("dead"), Some(89.0));
    }
}
