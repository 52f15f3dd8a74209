//! Functions for comparing other implementations with the reference.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Constraint, Dataset, Fault, Pair,
    constraint::LARGEST,
    gap::{Closeness, LinearSystem, Shift, performance_gap},
    regulariser::{Penalty, actor_loss, scale},
    tree::Tree,
};
use crate::papers::leaf::{Failure, Function, Paper};

/// Adds all functions to the leaf.
pub fn add_to(paper: Paper) -> Paper {
    let pair = |state: [f64; 2], action: [f64; 2]| Pair { state: state.to_vec(), action: action.to_vec() };
    let data = vec![
        pair([0.0, 0.1], [-0.8, 0.2]),
        pair([0.9, -0.2], [0.7, 0.6]),
        pair([-0.5, 0.4], [0.1, -0.9]),
        pair([0.3, 0.2], [0.2, 0.1]),
        pair([0.2, -0.6], [0.6, 0.4]),
    ];
    let query = pair([0.1, 0.1], [0.6, 0.5]);
    let nearest = NearestInput { data: data.clone(), beta: 2.0, pair: query.clone() };
    let tied = NearestInput {
        data: vec![pair([1.0, 0.0], [0.0, 0.0]), pair([0.0, 0.0], [0.5, 0.0]), pair([0.0, 0.0], [-0.5, 0.0])],
        beta: 0.5,
        pair: pair([0.0, 0.0], [0.0, 0.0]),
    };
    let batch = BatchInput { data, beta: 2.0, batch: vec![query, pair([0.8, -0.1], [-0.3, 0.4])] };
    let loss = LossInput {
        regularised: batch.clone(),
        cloned: vec![vec![-0.8, 0.2], vec![0.7, 0.6]],
        values: vec![1.5, -4.0],
        alpha: 2.5,
    };
    paper
        .function(Function::with_faults(
            "actor-losses",
            "The actor's losses of PRDC and of TD3+BC on a minibatch, and their common λ = α / mean |Q|.",
            &loss,
            &[Fault::CloneNearestState, Fault::SignedScale, Fault::StateInPenalty, Fault::SummedCoordinates],
            actor_losses,
        ))
        .function(
            Function::with_faults(
                "gap-bound",
                "Bounds on the departure from the behaviour policy, and on gaps of performance, from d_β ≤ ε.",
                &BoundInput {
                    closeness: Closeness { epsilon: 0.1, beta: 0.5, lipschitz: 0.2 },
                    value_lipschitz: 2.325_581_395_348_837,
                    gamma: 0.95,
                    optimal_departure: 0.05,
                },
                &[Fault::DropStateTerm, Fault::EpsOnly, Fault::NoHorizonFactor],
                gap_bound,
            )
            .also(&BoundInput {
                closeness: Closeness { epsilon: 0.2, beta: 4.0, lipschitz: 0.0 },
                value_lipschitz: 1.0,
                gamma: 0.0,
                optimal_departure: 0.0,
            }),
        )
        .function(Function::new(
            "linear-gap",
            "Gaps of returns on s' = ps + qa, r = −|s| − |a|, for policies at a distance δ from μ(s) = ks.",
            &LinearInput {
                system: LinearSystem { decay: 0.5, control: 0.5, gain: 0.2, gamma: 0.95 },
                delta: 0.14,
            },
            linear_gap,
        ))
        .function(
            Function::with_faults(
                "nearest-pair",
                "The point-to-set distance d_β(s, a), and the nearest pair of the dataset; ties to the lowest index.",
                &nearest,
                &[
                    Fault::BetaOnAction,
                    Fault::CloneNearestState,
                    Fault::MaxDistance,
                    Fault::NoBacktracking,
                    Fault::UnscaledState,
                ],
                nearest_pair,
            )
            .also(&tied),
        )
        .function(Function::with_faults(
            "penalty",
            "The penalty MSE(π(s), â) of a minibatch, with its gradient in the actions.",
            &batch,
            &[Fault::CloneNearestState, Fault::StateInPenalty, Fault::SummedCoordinates],
            penalty,
        ))
}

/// A dataset and a pair.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NearestInput {
    /// D, not empty; states and actions of one dimension each.
    data: Dataset,
    /// β ≥ 0, the weight of the state.
    #[schemars(range(min = 0.0))]
    beta: f64,
    /// (s, a).
    pair: Pair,
}

/// A nearest pair.
#[derive(Serialize, JsonSchema)]
struct NearestOutput {
    /// Its index, from 0.
    index: usize,
    /// d_β(s, a).
    distance: f64,
    /// (ŝ, â).
    nearest: Pair,
}

fn nearest_pair(input: &NearestInput, fault: Option<Fault>) -> Result<NearestOutput, Failure> {
    let nearest = Constraint::new(&input.data, input.beta, fault)?.nearest(&input.pair)?;
    let (mut index, mut distance) = (nearest.index, nearest.distance);
    if fault == Some(Fault::NoBacktracking) {
        let row = |pair: &Pair| -> Vec<f64> {
            pair.state.iter().map(|s| input.beta * s).chain(pair.action.iter().copied()).collect()
        };
        let rows: Vec<Vec<f64>> = input.data.iter().map(row).collect();
        if let Some(found) = Tree::new(&rows).nearest(&row(&input.pair), fault).found {
            (index, distance) = (found.index, found.squared.sqrt());
        }
    }
    Ok(NearestOutput { index, distance, nearest: input.data[index].clone() })
}

/// A dataset and a minibatch.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct BatchInput {
    /// D, not empty.
    data: Dataset,
    /// β ≥ 0.
    #[schemars(range(min = 0.0))]
    beta: f64,
    /// Pairs (s, π(s)), not empty.
    batch: Vec<Pair>,
}

impl BatchInput {
    fn penalty(&self, fault: Option<Fault>) -> Result<(Penalty, Vec<(usize, f64)>), Failure> {
        if self.batch.is_empty() {
            return Err(Failure::invalid("the batch is empty"));
        }
        Penalty::prdc(&Constraint::new(&self.data, self.beta, fault)?, &self.batch, fault)
    }
}

/// A penalty.
#[derive(Serialize, JsonSchema)]
struct PenaltyOutput {
    /// MSE(π(s), â), over pairs and action coordinates.
    loss: f64,
    /// Its gradient in π(s), one row a pair.
    gradient: Vec<Vec<f64>>,
    /// Indices of the nearest pairs.
    indices: Vec<usize>,
    /// d_β(s, π(s)).
    distances: Vec<f64>,
}

fn penalty(input: &BatchInput, fault: Option<Fault>) -> Result<PenaltyOutput, Failure> {
    let (Penalty { loss, gradient }, nearest) = input.penalty(fault)?;
    let (indices, distances) = nearest.into_iter().unzip();
    Ok(PenaltyOutput { loss, gradient, indices, distances })
}

/// A minibatch with values.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LossInput {
    /// The dataset, β, and the pairs (s, π(s)).
    regularised: BatchInput,
    /// The actions that the data have at the states of the batch, for TD3+BC.
    cloned: Vec<Vec<f64>>,
    /// Q₁(s, π(s)), one a pair, not all zero.
    values: Vec<f64>,
    /// α ≥ 0.
    #[schemars(range(min = 0.0))]
    alpha: f64,
}

/// Losses of an actor.
#[derive(Serialize, JsonSchema)]
struct LossOutput {
    /// λ = α / mean |Q|.
    lambda: f64,
    /// −λ mean Q + MSE(π(s), â).
    prdc: f64,
    /// −λ mean Q + MSE(π(s), a) with the actions of the data.
    td3_bc: f64,
}

fn actor_losses(input: &LossInput, fault: Option<Fault>) -> Result<LossOutput, Failure> {
    let LossInput { regularised, cloned, values, alpha } = input;
    let (penalty, _) = regularised.penalty(fault)?;
    let actions: Vec<&[f64]> = regularised.batch.iter().map(|pair| pair.action.as_slice()).collect();
    let cloned: Vec<&[f64]> = cloned.iter().map(Vec::as_slice).collect();
    if cloned.len() != actions.len() || values.len() != actions.len() {
        return Err(Failure::invalid("`cloned` and `values` need one entry for each pair of the batch"));
    }
    if cloned.iter().zip(&actions).any(|(a, b)| a.len() != b.len()) {
        return Err(Failure::invalid(
            "actions in `cloned` must have as many coordinates as those of the batch",
        ));
    }
    within("cloned", cloned.iter().copied().flatten())?;
    within("values", values)?;
    if !(0.0..=LARGEST).contains(alpha) {
        return Err(Failure::invalid(format!("`alpha` must lie between 0 and {LARGEST:e}")));
    }
    let lambda = scale(*alpha, values, fault).filter(|lambda| lambda.is_finite());
    let lambda =
        lambda.ok_or_else(|| Failure::invalid("the values are all too near zero: λ is not defined"))?;
    Ok(LossOutput {
        lambda,
        prdc: actor_loss(lambda, values, &penalty),
        td3_bc: actor_loss(lambda, values, &Penalty::towards(&actions, &cloned, fault)),
    })
}

/// What a bound follows from.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct BoundInput {
    /// d_β(s, π(s)) ≤ ε, β > 0 and K ≥ 0.
    closeness: Closeness,
    /// L_Q ≥ 0, the Lipschitz constant of Q^μ in the action.
    #[schemars(range(min = 0.0))]
    value_lipschitz: f64,
    /// γ ∈ \[0, 0.999\].
    #[schemars(range(min = 0.0, max = 0.999))]
    gamma: f64,
    /// ε_opt ≥ 0, at least ‖π*(s) − μ(s)‖ for every s.
    #[schemars(range(min = 0.0))]
    optimal_departure: f64,
}

/// Bounds.
#[derive(Serialize, JsonSchema)]
struct BoundOutput {
    /// (1 + K/β)ε ≥ ‖π(s) − μ(s)‖.
    departure: f64,
    /// L_Q (1 + K/β)ε/(1 − γ) ≥ |J(π) − J(μ)|.
    gap: f64,
    /// L_Q ((1 + K/β)ε + ε_opt)/(1 − γ) ≥ |J(π*) − J(π)|.
    optimal_gap: f64,
}

fn gap_bound(input: &BoundInput, fault: Option<Fault>) -> Result<BoundOutput, Failure> {
    let BoundInput { closeness, value_lipschitz, gamma, optimal_departure } = *input;
    let Closeness { epsilon, beta, lipschitz } = closeness;
    within("every number", &[epsilon, beta, lipschitz, value_lipschitz, optimal_departure])?;
    if [epsilon, lipschitz, value_lipschitz, optimal_departure].iter().any(|x| *x < 0.0) {
        return Err(Failure::invalid("bounds and Lipschitz constants must not be negative"));
    }
    if beta < 1.0 / LARGEST || !(0.0..=0.999).contains(&gamma) {
        return Err(Failure::invalid("`beta` must be positive, and `gamma` lie between 0 and 0.999"));
    }
    let departure = closeness.departure(fault);
    Ok(BoundOutput {
        departure,
        gap: performance_gap(value_lipschitz, departure, gamma, fault),
        optimal_gap: performance_gap(value_lipschitz, departure + optimal_departure, gamma, fault),
    })
}

/// A linear system and a departure.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LinearInput {
    /// The system.
    system: LinearSystem,
    /// δ ≥ 0.
    #[schemars(range(min = 0.0))]
    delta: f64,
}

/// Gaps of a linear system.
#[derive(Serialize, JsonSchema)]
struct LinearOutput {
    /// J(μ).
    behaviour_value: f64,
    /// L_V.
    value_lipschitz: f64,
    /// L_Q.
    action_lipschitz: f64,
    /// L_Q δ/(1 − γ).
    bound: f64,
    /// |J(π) − J(μ)| for π = μ + δ.
    up: f64,
    /// |J(π) − J(μ)| for π = μ − δ.
    down: f64,
    /// |J(π) − J(μ)| for π = μ − δ at states that are not negative, μ + δ at others.
    against_sign: f64,
}

fn linear_gap(input: &LinearInput) -> Result<LinearOutput, Failure> {
    let LinearInput { system, delta } = input;
    system.check()?;
    if !(0.0..=1e6).contains(delta) {
        return Err(Failure::invalid("`delta` must lie between 0 and 1e6"));
    }
    let (value_lipschitz, action_lipschitz) = system.lipschitz();
    Ok(LinearOutput {
        behaviour_value: system.value(0.0, Shift::Up),
        value_lipschitz,
        action_lipschitz,
        bound: performance_gap(action_lipschitz, *delta, system.gamma, None),
        up: system.gap(*delta, Shift::Up),
        down: system.gap(*delta, Shift::Down),
        against_sign: system.gap(*delta, Shift::AgainstSign),
    })
}

fn within<'a>(what: &str, numbers: impl IntoIterator<Item = &'a f64>) -> Result<(), Failure> {
    if numbers.into_iter().all(|x| x.abs() <= LARGEST) {
        Ok(())
    } else {
        Err(Failure::invalid(format!("`{what}` must be finite, and at most {LARGEST:e} in size")))
    }
}
