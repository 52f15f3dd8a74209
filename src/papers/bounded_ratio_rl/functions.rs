//! Functions for comparing other code with the reference.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    group::{ClipWidths, Targets, targets},
    losses, median,
    optimum::{Bounds, State, optimum, primal, regularised},
};
use crate::papers::leaf::{Failure, Function};

/// All of them.
pub fn all() -> Vec<Function> {
    let state = |weights: &[u32], q: &[f64], bounds, lambda| State {
        weights: weights.to_vec(),
        q: q.to_vec(),
        bounds,
        lambda,
    };
    let symmetric = Bounds { low: 0.75, high: 1.25 };
    let group =
        |scores: &[f64], low, high| GroupInput { scores: scores.to_vec(), clip: ClipWidths { low, high } };
    let sample = |ratio, advantage| LossInput { ratio, advantage, epsilon: 0.25, target: 1.25 };
    vec![
        Function::with_faults(
            "optimum",
            "Optimal ratios of one state: of the bounded problem for lambda 0, else of the regularised one.",
            &state(&[1, 2, 1], &[2.0, 1.0, 0.0], symmetric, 0.0),
            &[Fault::MeanThreshold, Fault::NoAtomShare, Fault::UnnormalisedMu],
            best,
        )
        .also(&state(&[1, 1, 1, 1], &[0.5, 0.5, 0.5, -1.0], symmetric, 0.0))
        .also(&state(&[3, 1], &[1.0, 0.0], Bounds { low: 0.0, high: 2.0 }, 0.0))
        .also(&state(&[1, 2, 5], &[1.0, -0.5, 0.25], symmetric, 0.2)),
        Function::with_faults(
            "group-targets",
            "GBPO: weight and target ratio of each score of a group.",
            &group(&[1.0, 0.0, 0.0, 0.0], 0.3, 0.3),
            &[Fault::MeanForMedian, Fault::UpperMedian],
            group_targets,
        )
        .also(&group(&[1.0, 1.0, 0.0, 0.0], 0.3, 0.3))
        .also(&group(&[1.0, 1.0, 1.0, 0.0], 0.3, 0.2))
        .also(&group(&[0.7], 0.3, 0.3)),
        Function::with_faults(
            "losses",
            "PPO's loss of a ratio, and BPO's with its target.",
            &sample(1.5, 1.0),
            &[Fault::OptimisticClip, Fault::TwoSidedFlat],
            both_losses,
        )
        .also(&sample(0.5, 1.0))
        .also(&sample(1.5, -2.0)),
        Function::with_faults(
            "median-head",
            "The value that BPO's median head is trained to.",
            &HeadInput { returns: vec![0.0, 1.0, 5.0], width: 1.0 },
            &[Fault::MseHead],
            head,
        ),
    ]
}

/// Optimal ratios with their value.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct Best {
    /// ρ*, one an action.
    ratios: Vec<f64>,
    /// The threshold μ.
    threshold: f64,
    /// Σ p ρ q, with the entropy term for lambda > 0.
    value: f64,
}

fn best(state: &State, fault: Option<Fault>) -> Result<Best, Failure> {
    let State { q, bounds, lambda, .. } = state;
    let p = state.probabilities()?;
    if bounds.width() <= 0.0 || *lambda < 0.0 {
        return Err(Failure::invalid(
            "expected bounds of which the upper is larger, and a lambda of at least 0",
        ));
    }
    let fault = fault.filter(|f| (*f == Fault::UnnormalisedMu) == (*lambda > 0.0));
    let found = if *lambda > 0.0 {
        regularised(&p, q, *bounds, *lambda, fault)
    } else {
        optimum(&p, q, *bounds, fault)
    };
    let value = primal(&p, q, &found.ratios, *bounds, *lambda);
    Ok(Best { ratios: found.ratios, threshold: found.threshold, value })
}

/// Scores of one prompt's responses.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct GroupInput {
    /// One a response.
    #[schemars(length(min = 1))]
    scores: Vec<f64>,
    /// How far targets may lie from 1.
    clip: ClipWidths,
}

fn group_targets(input: &GroupInput, fault: Option<Fault>) -> Result<Targets, Failure> {
    if input.scores.is_empty() {
        return Err(Failure::invalid("expected at least one score"));
    }
    Ok(targets(&input.scores, input.clip, fault))
}

/// A ratio and its advantage.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LossInput {
    /// ρ.
    #[schemars(range(min = 0.0))]
    ratio: f64,
    /// A.
    advantage: f64,
    /// ε of PPO.
    #[schemars(range(min = 0.0, max = 1.0))]
    epsilon: f64,
    /// ρ* of BPO.
    #[schemars(range(min = 0.0))]
    target: f64,
}

/// Both losses.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct Losses {
    /// −min(ρA, clip(ρ)A).
    ppo: f64,
    /// |A|·|ρ − ρ*|.
    bpo: f64,
}

fn both_losses(input: &LossInput, fault: Option<Fault>) -> Result<Losses, Failure> {
    let LossInput { ratio, advantage, epsilon, target } = *input;
    if !(0.0..=1.0).contains(&epsilon) {
        return Err(Failure::invalid("expected an epsilon of 0 to 1"));
    }
    Ok(Losses {
        ppo: losses::ppo(ratio, advantage, epsilon, fault),
        bpo: losses::bpo(ratio, advantage, target),
    })
}

/// Returns of one state.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct HeadInput {
    /// Equally likely returns.
    #[schemars(length(min = 1))]
    returns: Vec<f64>,
    /// Width T of the smoothing; 1 in the published code.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    width: f64,
}

fn head(input: &HeadInput, fault: Option<Fault>) -> Result<f64, Failure> {
    if input.returns.is_empty() || input.width <= 0.0 {
        return Err(Failure::invalid("expected at least one return and a positive width"));
    }
    Ok(median::head(&input.returns, input.width, fault))
}
