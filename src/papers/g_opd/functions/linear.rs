//! A step of merging.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bounded;
use crate::{
    kernel::tokens::{Policy, Rows, Step, wave},
    papers::{
        g_opd::{
            Fault,
            linear::{Prompts, distil, target},
        },
        leaf::{Failure, Function},
    },
};

pub fn merging_step_function() -> Function {
    let table = |count: usize, width: usize, c: usize| -> Vec<Vec<f64>> {
        (0..count).map(|n| (0..width).map(|v| wave(n, v, c)).collect()).collect()
    };
    let example = MergingInput {
        features: table(4, 3, 0),
        domains: vec![0, 0, 1, 1],
        student: table(3, 2, 1),
        reference: table(3, 2, 2),
        teachers: vec![table(3, 2, 3), table(3, 2, 4)],
        lambda: 1.25,
        rate: 1.0,
    };
    Function::with_faults(
        "merging-step",
        "One expected step of G-OPD of a linear softmax student, each prompt with the teacher of its domain.",
        &example,
        &[Fault::SingleTeacherRouting, Fault::SwapTeacherAndRef, Fault::LambdaIgnored],
        merging_step,
    )
    .also(&MergingInput { lambda: 1.0, ..example.clone() })
    .also(&MergingInput { domains: vec![1, 0, 1, 0], lambda: 0.5, rate: 0.1, ..example })
}

/// Linear models over prompts: logits of prompt i are Σ_k φᵢₖ W_k.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MergingInput {
    /// φ, a row of D features for each prompt.
    features: Vec<Vec<f64>>,
    /// The domain of each prompt, an index of `teachers`.
    domains: Vec<usize>,
    /// W of π_θ: D rows, one entry an answer.
    student: Vec<Vec<f64>>,
    /// W of π_ref.
    reference: Vec<Vec<f64>>,
    /// W of the teacher of each domain.
    teachers: Vec<Vec<Vec<f64>>>,
    /// λ.
    lambda: f64,
    /// Learning rate α.
    rate: f64,
}

#[derive(Serialize, JsonSchema)]
struct MergingOutput {
    /// Advantage λ ln(π*/π_ref) − ln(π_θ/π_ref) of each answer, a row a prompt.
    advantages: Vec<Vec<f64>>,
    /// W after the step.
    student: Vec<Vec<f64>>,
}

/// A table of so many rows and columns, of numbers of up to 100 in size.
fn table(what: &str, rows: &[Vec<f64>], count: usize, width: usize) -> Result<Rows, Failure> {
    if rows.len() != count || rows.iter().any(|row| row.len() != width) {
        return Err(Failure::invalid(format!("`{what}` needs {count} rows of {width} numbers")));
    }
    if rows.iter().flatten().any(|x| x.is_nan() || x.abs() > 100.0) {
        return Err(Failure::invalid(format!("`{what}` must not exceed 100 in size")));
    }
    Ok(Rows::from_fn(count, width, |n, v| rows[n][v]))
}

fn merging_step(input: &MergingInput, fault: Option<Fault>) -> Result<MergingOutput, Failure> {
    let (count, dimension) = (input.features.len(), input.student.len());
    let actions = input.student.first().map_or(0, Vec::len);
    if count == 0 || actions == 0 {
        return Err(Failure::invalid("needs a prompt, a feature and an answer"));
    }
    if input.domains.len() != count || input.domains.iter().any(|d| *d >= input.teachers.len()) {
        return Err(Failure::invalid("`domains` needs an index of `teachers` for each prompt"));
    }
    bounded("lambda", [&input.lambda])?;
    bounded("rate", [&input.rate])?;
    let prompts =
        Prompts { features: table("features", &input.features, count, dimension)?, right: vec![0; count] };
    let model = |what: &str, weights: &[Vec<f64>]| {
        Ok::<_, Failure>(prompts.model(table(what, weights, dimension, actions)?))
    };
    let reference = model("reference", &input.reference)?.policy;
    let mut student = model("student", &input.student)?;
    let teachers = input
        .teachers
        .iter()
        .map(|weights| Ok(model("teachers", weights)?.policy))
        .collect::<Result<Vec<Policy>, Failure>>()?;
    let targets: Vec<Vec<f64>> = (0..count)
        .map(|i| {
            let domain = if fault == Some(Fault::SingleTeacherRouting) { 0 } else { input.domains[i] };
            target(&teachers[domain], &reference, i, input.lambda, fault)
        })
        .collect();
    let start = student.policy.clone();
    let advantage =
        |i: usize, token: usize| targets[i][token] - start.log_probability(Step { row: i, token });
    let advantages = (0..count).map(|i| (0..actions).map(|a| advantage(i, a)).collect()).collect();
    prompts
        .learn(&mut student, &(0..count), 1, input.rate, &|i, policy, g| distil(&targets[i], policy, i, g));
    Ok(MergingOutput { advantages, student: student.weights.iter().map(<[f64]>::to_vec).collect() })
}
