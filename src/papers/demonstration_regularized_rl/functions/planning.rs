//! Functions about regularised plans.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    super::{
        Fault,
        bounds::{cost, cost_bound, regret_bound, regularised_gap},
        cases, invalid,
    },
    input::{ProcessInput, Tables, even, example, hold_lambda, lists, policy},
};
use crate::{
    kernel::{divergence::is_law, mdp::logarithms},
    papers::leaf::{Failure, Function, Paper},
};

pub fn add_to(paper: Paper) -> Paper {
    let tilted = || vec![vec![vec![0.9, 0.1], vec![0.5, 0.5]], vec![vec![0.2, 0.8], vec![0.7, 0.3]]];
    let plan = |lambda| PlanInput { process: example(), reference: tilted(), lambda };
    paper
        .function(
            Function::with_faults(
                "regularised-plan",
                "The policy with the best value under the divergence from a reference, by backward induction.",
                &plan(0.2),
                &[Fault::Unregularised],
                regularised_plan,
            )
            .also(&plan(0.001))
            .also(&plan(0.0)),
        )
        .function(
            Function::with_faults(
                "cost-of-errors",
                "What acting on wrong action values costs in one state, and its bound.",
                &CostInput {
                    values: vec![0.3, 0.1, 0.0],
                    estimates: vec![0.2, 0.4, 0.0],
                    reference: vec![0.5, 0.25, 0.25],
                    lambda: 0.2,
                },
                &[Fault::LinearBoundClaimed],
                cost_of_errors,
            )
            .also(&CostInput {
                values: vec![1.0, 0.0],
                estimates: vec![0.0, 1.0],
                reference: vec![0.5, 0.5],
                lambda: 3.0,
            }),
        )
        .function(Function::with_faults(
            "regret-bound",
            "What a policy lacks of the optimum, against what demonstrations and its regularised gap allow.",
            &RegretInput { process: example(), expert: tilted(), clone: even(), policy: even(), lambda: 0.2 },
            &[Fault::ExpertValueIgnored],
            regret,
        ))
}

/// A problem of planning.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PlanInput {
    /// The process.
    process: ProcessInput,
    /// ρ_h(a|s), by step, state and action.
    reference: Tables,
    /// λ ≥ 0; 0 plans without a regulariser.
    #[schemars(range(min = 0.0))]
    lambda: f64,
}

/// A plan.
#[derive(Serialize, JsonSchema)]
struct PlanOutput {
    /// V*_λ, from the start.
    regularised_value: f64,
    /// V of the policy, from the start.
    value: f64,
    /// V_h(s), the regularised ones, by step and state.
    values: Vec<Vec<f64>>,
    /// π_h(a|s), by step, state and action.
    policy: Tables,
}

fn regularised_plan(input: &PlanInput, fault: Option<Fault>) -> Result<PlanOutput, Failure> {
    hold_lambda(input.lambda, false)?;
    let (process, reference) = (input.process.build()?, policy("reference", &input.reference)?);
    let lambda = if fault == Some(Fault::Unregularised) { 0.0 } else { input.lambda };
    let optimum = process.soft_optimum(&reference, lambda).map_err(invalid)?;
    Ok(PlanOutput {
        regularised_value: process.performance(&optimum.evaluations),
        value: cases::value(&process, &optimum.policy).map_err(invalid)?,
        values: optimum.evaluations.iter().map(|e| e.values.clone()).collect(),
        policy: lists(&optimum.policy),
    })
}

/// True and estimated action values of one state.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CostInput {
    /// Q.
    values: Vec<f64>,
    /// Q̂.
    estimates: Vec<f64>,
    /// ρ, probabilities.
    reference: Vec<f64>,
    /// λ > 0.
    lambda: f64,
}

/// The cost.
#[derive(Serialize, JsonSchema)]
struct CostOutput {
    /// λ KL(π̂‖π*).
    cost: f64,
    /// span(Q̂ − Q)²/(8λ).
    bound: f64,
}

fn cost_of_errors(input: &CostInput, fault: Option<Fault>) -> Result<CostOutput, Failure> {
    let CostInput { values, estimates, reference, lambda } = input;
    hold_lambda(*lambda, true)?;
    if values.is_empty() || estimates.len() != values.len() || reference.len() != values.len() {
        return Err(Failure::invalid(
            "`values`, `estimates` and `reference` must be equally long, and not empty",
        ));
    }
    if values.iter().chain(estimates).any(|q| q.abs() > 1e6 * lambda.min(1.0)) {
        return Err(Failure::invalid(
            "action values must be at most a million, and a million times `lambda`, in size",
        ));
    }
    if !is_law(reference) {
        return Err(Failure::invalid("`reference` must be at least 0 and sum to 1"));
    }
    let errors: Vec<f64> = estimates.iter().zip(values).map(|(e, q)| e - q).collect();
    Ok(CostOutput {
        cost: cost(values, estimates, reference, *lambda),
        bound: cost_bound(&errors, *lambda, fault),
    })
}

/// An expert, its clone and a policy.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RegretInput {
    /// The process.
    process: ProcessInput,
    /// π^E_h(a|s), by step, state and action.
    expert: Tables,
    /// π^BC_h(a|s), by step, state and action.
    clone: Tables,
    /// π_h(a|s), by step, state and action.
    policy: Tables,
    /// λ > 0.
    lambda: f64,
}

/// What the policy lacks.
#[derive(Serialize, JsonSchema)]
struct RegretOutput {
    /// ε_E = V* − V^{π^E}.
    deficit: f64,
    /// KL_traj(π^E‖π^BC).
    divergence: f64,
    /// ε = V*_λ − V_λ^π.
    gap: f64,
    /// V* − V^π.
    suboptimality: f64,
    /// ε_E + λ KL_traj(π^E‖π^BC) + ε.
    bound: f64,
}

fn regret(input: &RegretInput, fault: Option<Fault>) -> Result<RegretOutput, Failure> {
    hold_lambda(input.lambda, true)?;
    let process = input.process.build()?;
    let [expert, clone, policy] =
        [("expert", &input.expert), ("clone", &input.clone), ("policy", &input.policy)]
            .map(|(name, tables)| policy(name, tables));
    let (expert, clone, policy) = (expert?, clone?, policy?);
    let optimum = process.performance(&process.optimal());
    let deficit = optimum - cases::value(&process, &expert).map_err(invalid)?;
    let divergence = process.trajectory_divergence(&expert, &logarithms(&clone)).map_err(invalid)?;
    let soft = process.soft_optimum(&clone, input.lambda).map_err(invalid)?;
    let gap = regularised_gap(&process, &soft, &policy, &clone, input.lambda)?;
    if !(divergence.is_finite() && gap.is_finite()) {
        return Err(Failure::invalid(
            "a divergence is infinite: `clone` never does what another policy does",
        ));
    }
    Ok(RegretOutput {
        deficit,
        divergence,
        gap,
        suboptimality: optimum - cases::value(&process, &policy).map_err(invalid)?,
        bound: regret_bound(deficit, input.lambda, divergence, gap, fault),
    })
}
