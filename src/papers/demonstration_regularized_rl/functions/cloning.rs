//! Functions about clones.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    super::{
        Fault,
        bounds::weight,
        cloning::{bound, bound_by_visits, cloned, expected_divergence, pseudo_count, worst_divergence},
        invalid,
    },
    input::{ProcessInput, Tables, even, example, lists, policy, table},
};
use crate::{
    kernel::{
        math::sum,
        mdp::{Rows, logarithms},
    },
    papers::leaf::{Failure, Function, Paper},
};

pub fn add_to(paper: Paper) -> Paper {
    let counts =
        vec![vec![vec![3.0, 0.0, 1.0], vec![0.0; 3]], vec![vec![1.0, 1.0, 0.0], vec![0.0, 2.0, 0.0]]];
    let decided = vec![vec![vec![0.9, 0.1], vec![0.5, 0.5]], vec![vec![0.2, 0.8], vec![1.0, 0.0]]];
    let weigh =
        |demonstrations| WeightInput { accuracy: 0.01, horizon: 4, states: 4, actions: 3, demonstrations };
    paper
        .function(Function::with_faults(
            "clone",
            "The clone of an expert from counts of the actions that were shown.",
            &CloneInput { counts },
            &[Fault::UnsmoothedMle, Fault::UndividedRegulariser],
            clone,
        ))
        .function(Function::with_faults(
            "expected-divergence",
            "The expected divergence from an expert to a clone, exactly, and its bounds.",
            &ExpectedInput { process: example(), expert: decided.clone(), demonstrations: 20 },
            &[Fault::UndividedRegulariser, Fault::HalfCountBound],
            expected,
        ))
        .function(
            Function::with_faults(
                "trajectory-divergence",
                "The divergence between the laws of the trajectories of two policies.",
                &DivergenceInput { process: example(), policy: decided, reference: even() },
                &[Fault::ReverseKl],
                divergence,
            )
            .also(&DivergenceInput {
                process: example(),
                policy: vec![vec![vec![0.9, 0.1], vec![0.5, 0.5]], vec![vec![0.2, 0.8], vec![0.7, 0.3]]],
                reference: even(),
            }),
        )
        .function(
            Function::with_faults(
                "regulariser-weight",
                "λ = ε/ε_KL² with ε_KL² = S H (A − 1)/(N^E + 1).",
                &weigh(1600),
                &[Fault::LambdaFixed, Fault::HalfCountBound],
                regulariser_weight,
            )
            .also(&weigh(50)),
        )
}

/// Counts of demonstrations.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CloneInput {
    /// N_h(s, a) ≥ 0, by step, state and action. Each trajectory counts once a step.
    counts: Tables,
}

/// A policy.
#[derive(Serialize, JsonSchema)]
struct CloneOutput {
    /// π_h(a|s), by step, state and action.
    policy: Tables,
}

fn clone(input: &CloneInput, fault: Option<Fault>) -> Result<CloneOutput, Failure> {
    let counts = input.counts.iter().map(|rows| table(rows)).collect::<Result<Vec<Rows>, _>>()?;
    if counts.iter().any(|rows| rows.values().iter().any(|n| *n < 0.0)) {
        return Err(Failure::invalid("`counts` must be at least 0"));
    }
    let shown = counts.first().map_or(0.0, |rows| sum(rows.values().iter().copied()));
    if shown > 1e12 {
        return Err(Failure::invalid("`counts` add up to more than 10¹²"));
    }
    Ok(CloneOutput { policy: lists(&cloned(&counts, pseudo_count(shown as usize, fault))) })
}

/// An expert and a number of demonstrations.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ExpectedInput {
    /// The process.
    process: ProcessInput,
    /// π^E_h(a|s), by step, state and action.
    expert: Tables,
    /// N^E.
    #[schemars(range(min = 1, max = 1_000_000))]
    demonstrations: usize,
}

/// What is expected, and the bounds.
#[derive(Serialize, JsonSchema)]
struct ExpectedOutput {
    /// E KL_traj(π^E‖π^BC), in nats.
    divergence: f64,
    /// Σ d (A − 1) E 1/(n + 1).
    visits_bound: f64,
    /// S H (A − 1)/(N^E + 1).
    bound: f64,
}

fn expected(input: &ExpectedInput, fault: Option<Fault>) -> Result<ExpectedOutput, Failure> {
    let n = input.demonstrations;
    if !(1..=1_000_000).contains(&n) {
        return Err(Failure::invalid("`demonstrations` must lie between 1 and 1000000"));
    }
    let (process, expert) = (input.process.build()?, policy("expert", &input.expert)?);
    Ok(ExpectedOutput {
        divergence: expected_divergence(&process, &expert, n, pseudo_count(n, fault)).map_err(invalid)?,
        visits_bound: bound_by_visits(&process, &expert, n).map_err(invalid)?,
        bound: bound(&process, n, fault),
    })
}

/// Two policies of a process.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DivergenceInput {
    /// The process.
    process: ProcessInput,
    /// π_h(a|s), by step, state and action.
    policy: Tables,
    /// ρ_h(a|s), by step, state and action.
    reference: Tables,
}

/// A divergence.
#[derive(Serialize, JsonSchema)]
struct DivergenceOutput {
    /// KL_traj(π‖ρ), in nats.
    divergence: f64,
}

fn divergence(input: &DivergenceInput, fault: Option<Fault>) -> Result<DivergenceOutput, Failure> {
    let process = input.process.build()?;
    let (first, second) = (policy("policy", &input.policy)?, policy("reference", &input.reference)?);
    let (first, second) = if fault == Some(Fault::ReverseKl) { (second, first) } else { (first, second) };
    let divergence = process.trajectory_divergence(&first, &logarithms(&second)).map_err(invalid)?;
    if divergence.is_infinite() {
        return Err(Failure::invalid(
            "the divergence is infinite: `policy` does what `reference` never does",
        ));
    }
    Ok(DivergenceOutput { divergence })
}

/// An accuracy, and what was shown.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WeightInput {
    /// ε > 0.
    accuracy: f64,
    /// H.
    #[schemars(range(min = 1, max = 1_000_000))]
    horizon: usize,
    /// S.
    #[schemars(range(min = 1, max = 1_000_000))]
    states: usize,
    /// A.
    #[schemars(range(min = 2, max = 1_000_000))]
    actions: usize,
    /// N^E.
    #[schemars(range(max = 1_000_000_000))]
    demonstrations: usize,
}

/// The weight of the regulariser.
#[derive(Serialize, JsonSchema)]
struct WeightOutput {
    /// ε_KL², a bound on the expected divergence from the expert to the clone.
    divergence: f64,
    /// λ.
    lambda: f64,
}

fn regulariser_weight(input: &WeightInput, fault: Option<Fault>) -> Result<WeightOutput, Failure> {
    let WeightInput { accuracy, horizon, states, actions, demonstrations } = *input;
    if !(accuracy > 0.0 && accuracy.is_finite()) {
        return Err(Failure::invalid("`accuracy` must be above 0"));
    }
    let sizes = 1..=1_000_000;
    if ![horizon, states, actions - usize::from(actions > 0)].iter().all(|n| sizes.contains(n)) {
        return Err(Failure::invalid("needs a step, a state, two actions, and at most a million of each"));
    }
    let divergence = worst_divergence((horizon, states, actions), demonstrations, fault);
    Ok(WeightOutput { divergence, lambda: weight(accuracy, divergence, fault) })
}
