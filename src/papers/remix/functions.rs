//! Functions for comparing other code with the reference.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, anchor};
use crate::{
    kernel::{math::exp, tokens::Clip},
    papers::leaf::{Failure, Function},
};

/// All of them.
pub fn all() -> Vec<Function> {
    let stale = |ln_new: f64, advantage: f64| TermInput {
        new: ln_new,
        start: -1.2,
        old: -2.0,
        advantage,
        epsilon: 0.2,
        old_data: true,
    };
    let anchored = OptimumInput {
        base: vec![0.5, 0.3, 0.2],
        current: vec![0.2, 0.2, 0.6],
        rewards: vec![1.0, 0.0, 0.5],
        lambda: 0.25,
        beta: 0.5,
    };
    let all_base = OptimumInput { lambda: 1.0, ..anchored.clone() };
    vec![
        Function::with_faults(
            "mix-ppg-term",
            "Value and slope of a token's term of the Mix-PPG surrogate with the generalised clip.",
            &stale(-1.1, 1.0),
            &[Fault::NoImportanceWeight, Fault::ClipCentreOne],
            |input, fault| Ok(term(input, fault)),
        )
        .also(&stale(-1.0, 1.0))
        .also(&stale(-1.3, -1.0))
        .also(&stale(-1.6, -0.5))
        .also(&TermInput { old_data: false, start: -2.0, ..stale(-1.9, 2.0) }),
        Function::with_faults(
            "kl-convex-optimum",
            "Maximiser and value of E r − β [λ KL(·‖base) + (1 − λ) KL(·‖current)].",
            &anchored,
            &[Fault::ArithmeticMixture, Fault::SwappedLambda],
            optimum,
        )
        .also(&all_base),
    ]
}

/// A token of a batch.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TermInput {
    /// ln π_θ of the policy being updated.
    #[schemars(range(max = 0.0))]
    new: f64,
    /// ln π_k of the policy at the start of the batch.
    #[schemars(range(max = 0.0))]
    start: f64,
    /// ln πᵢ of the policy that sampled the token.
    #[schemars(range(max = 0.0))]
    old: f64,
    /// Advantage A, from the token's own group.
    advantage: f64,
    /// Half-width ε of the clip interval.
    #[schemars(range(min = 0.0))]
    epsilon: f64,
    /// Whether the token is stale; fresh tokens have π_k = πᵢ.
    old_data: bool,
}

/// A token's term.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct TermOutput {
    /// min(ρA, clip(ρ, c − ε, c + ε)·A).
    value: f64,
    /// Its derivative with respect to ln π_θ.
    slope: f64,
    /// Whether the clip stopped the derivative.
    clipped: bool,
}

fn term(input: &TermInput, fault: Option<Fault>) -> TermOutput {
    let TermInput { new, start, old, advantage, epsilon, old_data } = *input;
    if old_data && fault == Some(Fault::NoImportanceWeight) {
        return TermOutput { value: advantage, slope: advantage, clipped: false };
    }
    let centred_at_one = !old_data || fault == Some(Fault::ClipCentreOne);
    let centre = if centred_at_one { 1.0 } else { exp(start - old) };
    let term = Clip { low: epsilon, high: epsilon }.term(exp(new - old), centre, advantage);
    TermOutput { value: term.value, slope: term.slope, clipped: term.clipped }
}

/// Two anchors and the rewards of the outcomes.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OptimumInput {
    /// π_base: positive, summing to 1.
    #[schemars(length(min = 1))]
    base: Vec<f64>,
    /// π_k: positive, summing to 1.
    current: Vec<f64>,
    /// Reward of each outcome.
    rewards: Vec<f64>,
    /// Weight λ of the base.
    #[schemars(range(min = 0.0, max = 1.0))]
    lambda: f64,
    /// Temperature β.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    beta: f64,
}

/// The optimum.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct OptimumOutput {
    /// π*, one entry an outcome.
    policy: Vec<f64>,
    /// The objective at `policy`.
    value: f64,
}

fn optimum(input: &OptimumInput, fault: Option<Fault>) -> Result<OptimumOutput, Failure> {
    let OptimumInput { base, current, rewards, lambda, beta } = input;
    for (name, anchor) in [("base", base), ("current", current)] {
        let total: f64 = anchor.iter().sum();
        if anchor.len() != rewards.len() || anchor.iter().any(|p| *p <= 0.0) || (total - 1.0).abs() > 1e-6 {
            return Err(Failure::invalid(format!(
                "`{name}` is no distribution of {} positive probabilities that sum to 1",
                rewards.len()
            )));
        }
    }
    let (policy, _) = anchor::optimum(base, current, rewards, *lambda, *beta, fault);
    let value = anchor::objective(&policy, base, current, rewards, *lambda, *beta);
    Ok(OptimumOutput { policy, value })
}
