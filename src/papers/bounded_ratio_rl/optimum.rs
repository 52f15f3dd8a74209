//! The optimal ratios of one state, and the dual problems that certify them.

use proptest::{collection::vec, prelude::*};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fault;
use crate::{
    kernel::math::{dot, ln, sigmoid, softplus, sum},
    papers::leaf::{Failure, Measurement, Metric, Observe},
};

/// Halvings of a bisection; the bracket of the threshold shrinks to the last bits.
const HALVINGS: u32 = 200;

/// Bounds c_l ≤ ρ ≤ c_h with 0 ≤ c_l ≤ 1 ≤ c_h and c_l < c_h.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// c_l.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub low: f64,
    /// c_h.
    #[schemars(range(min = 1.0))]
    pub high: f64,
}

impl Bounds {
    /// 1 ± ε.
    #[must_use]
    pub fn symmetric(epsilon: f64) -> Self {
        Self { low: 1.0 - epsilon, high: 1.0 + epsilon }
    }

    /// c_h − c_l.
    #[must_use]
    pub fn width(self) -> f64 {
        self.high - self.low
    }
}

/// Optimal ratios and their threshold.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Optimum {
    /// ρ*(a), one an action.
    pub ratios: Vec<f64>,
    /// The threshold μ.
    pub threshold: f64,
}

/// The optimum for λ = 0. Values from the largest down are raised from c_l to c_h while the budget 1 − c_l
/// lasts; the atom at which it ends shares what is left in proportion to p. `p` is a distribution
/// with positive total at every distinct value of `q` that matters; both have one entry an action.
#[must_use]
pub fn optimum(p: &[f64], q: &[f64], bounds: Bounds, fault: Option<Fault>) -> Optimum {
    if fault == Some(Fault::MeanThreshold) {
        return mean_threshold(p, q, bounds);
    }
    let mut levels = q.to_vec();
    levels.sort_by(|a, b| b.total_cmp(a));
    levels.dedup();
    let mut ratios = vec![bounds.low; p.len()];
    let (mut budget, mut threshold) = (1.0 - bounds.low, levels.last().copied().unwrap_or(0.0));
    for level in levels {
        let atom: Vec<usize> = (0..q.len()).filter(|a| q[*a] == level).collect();
        let mass = sum(atom.iter().map(|a| p[*a]));
        let room = mass * bounds.width();
        threshold = level;
        if budget >= room {
            for a in atom {
                ratios[a] = bounds.high;
            }
            budget -= room;
        } else {
            let share = if fault == Some(Fault::NoAtomShare) { 0.0 } else { budget / mass };
            for a in atom {
                ratios[a] = bounds.low + share;
            }
            break;
        }
    }
    Optimum { ratios, threshold }
}

/// The mistake of a mean as threshold.
fn mean_threshold(p: &[f64], q: &[f64], bounds: Bounds) -> Optimum {
    let threshold = dot(p, q);
    let raw: Vec<f64> = q
        .iter()
        .map(|v| {
            if *v > threshold {
                bounds.high
            } else if *v < threshold {
                bounds.low
            } else {
                1.0
            }
        })
        .collect();
    // Rounding may put a mean of equal values above all of them: with c_l = 0 nothing is left then.
    let total = dot(p, &raw);
    let total = if total > 0.0 { total } else { 1.0 };
    Optimum { ratios: raw.iter().map(|r| r / total).collect(), threshold }
}

/// The optimum for λ > 0: ρ = c_l + (c_h − c_l) σ((q − μ)/λ), where μ solves Σ p σ((q − μ)/λ) = w.
#[must_use]
pub fn regularised(p: &[f64], q: &[f64], bounds: Bounds, lambda: f64, fault: Option<Fault>) -> Optimum {
    let share = |mu: f64| sum(p.iter().zip(q).map(|(p, v)| p * sigmoid((v - mu) / lambda)));
    let threshold = if fault == Some(Fault::UnnormalisedMu) {
        dot(p, q)
    } else {
        let wanted = (1.0 - bounds.low) / bounds.width();
        let ends = |f: fn(f64, f64) -> f64, start: f64| q.iter().copied().fold(start, f);
        let margin = 60.0 * lambda + 1.0;
        let (mut below, mut above) =
            (ends(f64::min, f64::INFINITY) - margin, ends(f64::max, f64::NEG_INFINITY) + margin);
        for _ in 0..HALVINGS {
            let middle = 0.5 * (below + above);
            if share(middle) >= wanted {
                below = middle;
            } else {
                above = middle;
            }
        }
        0.5 * (below + above)
    };
    let ratio = |v: &f64| bounds.low + bounds.width() * sigmoid((v - threshold) / lambda);
    Optimum { ratios: q.iter().map(ratio).collect(), threshold }
}

/// Σ p ρ q, and for λ > 0 the entropy term λ (c_h − c_l) Σ p H((ρ − c_l)/(c_h − c_l)) in addition.
#[must_use]
pub fn primal(p: &[f64], q: &[f64], ratios: &[f64], bounds: Bounds, lambda: f64) -> f64 {
    let linear = sum((0..p.len()).map(|a| p[a] * ratios[a] * q[a]));
    let entropy = |u: f64| if u > 0.0 && u < 1.0 { -u * ln(u) - (1.0 - u) * ln(1.0 - u) } else { 0.0 };
    let of_action = |a: usize| p[a] * entropy((ratios[a] - bounds.low) / bounds.width());
    linear + if lambda > 0.0 { lambda * bounds.width() * sum((0..p.len()).map(of_action)) } else { 0.0 }
}

/// The dual function D(μ), which bounds the primal from above for every μ:
/// μ + Σ p \[c_h (q − μ)₊ − c_l (μ − q)₊\] for λ = 0, and
/// μ + Σ p \[c_l (q − μ) + (c_h − c_l) λ ln(1 + e^((q − μ)/λ))\] for λ > 0.
#[must_use]
pub fn dual(p: &[f64], q: &[f64], bounds: Bounds, lambda: f64, mu: f64) -> f64 {
    let of_action = |a: usize| {
        let gap = q[a] - mu;
        p[a] * if lambda > 0.0 {
            bounds.low * gap + bounds.width() * lambda * softplus(gap / lambda)
        } else if gap > 0.0 {
            bounds.high * gap
        } else {
            bounds.low * gap
        }
    };
    mu + sum((0..p.len()).map(of_action))
}

/// How far ratios are from being feasible: the largest violation of a bound or of Σ p ρ = 1.
fn infeasibility(p: &[f64], ratios: &[f64], bounds: Bounds) -> f64 {
    let beyond = |r: &f64| (bounds.low - r).max(r - bounds.high).max(0.0);
    ratios.iter().map(beyond).fold((dot(p, ratios) - 1.0).abs(), f64::max)
}

/// One state: p, q and the bounds.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Weights of the actions under π₀, not yet normalised.
    pub weights: Vec<u32>,
    /// q, one an action.
    pub q: Vec<f64>,
    /// The bounds.
    pub bounds: Bounds,
    /// Temperature λ of the regularised problem.
    pub lambda: f64,
}

impl State {
    /// p.
    ///
    /// # Errors
    /// [`Failure::Invalid`] unless there is one weight a value and a positive total.
    pub fn probabilities(&self) -> Result<Vec<f64>, Failure> {
        let total: f64 = self.weights.iter().copied().map(f64::from).sum();
        if self.weights.len() != self.q.len() || total <= 0.0 {
            return Err(Failure::invalid(
                "expected one weight and one value an action, and a positive total",
            ));
        }
        Ok(self.weights.iter().map(|w| f64::from(*w) / total).collect())
    }
}

/// States with ties in q (rounded to 0, 1 or 2 decimals) and impossible actions.
fn states() -> BoxedStrategy<State> {
    let bounds = (prop_oneof![1 => Just(0.0), 4 => 0.0..0.95], 0.05..2.0)
        .prop_map(|(low, up): (f64, f64)| Bounds { low, high: 1.0 + up });
    (2_usize..8, bounds, 0.01..2.0)
        .prop_flat_map(|(n, bounds, lambda)| {
            let weight = prop_oneof![1 => Just(0_u32), 6 => 1_u32..100];
            let q = (prop_oneof![Just(1.0), Just(10.0), Just(100.0)], vec(-2.0..2.0, n)).prop_map(
                |(scale, q)| q.into_iter().map(|v: f64| (v * scale).round() / scale).collect::<Vec<_>>(),
            );
            (vec(weight, n), q).prop_map(move |(weights, q)| State { weights, q, bounds, lambda })
        })
        .prop_filter("some action is possible", |state| state.weights.iter().any(|w| *w > 0))
        .boxed()
}

/// The optimum is feasible, and as good as the dual allows.
pub struct AnalyticOptimum;

impl Observe for AnalyticOptimum {
    type Instance = State;
    type Fault = Fault;
    const NAME: &'static str = "analytic-optimum";
    const SUMMARY: &'static str = "Feasibility of the analytic optimum, and its gap to the smallest dual value over all \
                                   thresholds.";
    const METRICS: &'static [Metric] = &[
        Metric::new("gap", "|primal − min D|.").range(0.0, f64::INFINITY),
        Metric::new("infeasibility", "Largest violation of a constraint.").range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::MeanThreshold, Fault::NoAtomShare];

    fn instances() -> BoxedStrategy<State> {
        states()
    }

    fn observe(state: &State, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let (p, bounds) = (state.probabilities()?, state.bounds);
        let best = optimum(&p, &state.q, bounds, fault);
        // D is convex and piecewise linear with its kinks at the values of q.
        let smallest =
            state.q.iter().map(|v| dual(&p, &state.q, bounds, 0.0, *v)).fold(f64::INFINITY, f64::min);
        Ok(Measurement::new()
            .metric("gap", (primal(&p, &state.q, &best.ratios, bounds, 0.0) - smallest).abs())
            .metric("infeasibility", infeasibility(&p, &best.ratios, bounds)))
    }
}

/// The regularised optimum is feasible, and as good as its dual allows.
pub struct RegularisedOptimum;

impl Observe for RegularisedOptimum {
    type Instance = State;
    type Fault = Fault;
    const NAME: &'static str = "regularised-optimum";
    const SUMMARY: &'static str =
        "Feasibility of the sigmoid optimum, and its gap to the dual value at its threshold.";
    const METRICS: &'static [Metric] = AnalyticOptimum::METRICS;
    const FAULTS: &'static [Fault] = &[Fault::UnnormalisedMu];

    fn instances() -> BoxedStrategy<State> {
        states()
    }

    fn observe(state: &State, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let (p, bounds, lambda) = (state.probabilities()?, state.bounds, state.lambda);
        let best = regularised(&p, &state.q, bounds, lambda, fault);
        let value = primal(&p, &state.q, &best.ratios, bounds, lambda);
        Ok(Measurement::new()
            .metric("gap", (value - dual(&p, &state.q, bounds, lambda, best.threshold)).abs())
            .metric("infeasibility", infeasibility(&p, &best.ratios, bounds)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn the_budget_is_spent_from_the_top_and_the_atom_shares() {
        let bounds = Bounds::symmetric(0.2);
        let Optimum { ratios, threshold } = optimum(&[0.25, 0.5, 0.25], &[2.0, 1.0, 0.0], bounds, None);
        // A quarter of the mass takes 0.1 of the budget of 0.2; the atom takes 0.1 over a mass of one half.
        assert_relative_eq!(ratios[0], 1.2);
        assert_relative_eq!(ratios[1], 1.0, epsilon = 1e-15);
        assert_relative_eq!(ratios[2], 0.8);
        assert_eq!(threshold, 1.0);
    }

    #[test]
    fn equal_values_leave_the_policy_as_it_is() {
        let best = optimum(&[0.1, 0.9], &[1.0, 1.0], Bounds { low: 0.0, high: 3.0 }, None);
        assert!(best.ratios.iter().all(|r| (r - 1.0).abs() < 1e-15));
    }

    #[test]
    fn two_actions_by_hand_with_a_temperature() {
        // Equal probabilities and symmetric bounds: the threshold lies in the middle.
        let best = regularised(&[0.5, 0.5], &[1.0, 0.0], Bounds::symmetric(0.3), 0.5, None);
        assert_relative_eq!(best.threshold, 0.5, epsilon = 1e-12);
        assert_relative_eq!(best.ratios[0], 1.0 + 0.3 * crate::kernel::math::tanh(0.5), epsilon = 1e-12);
    }
}
